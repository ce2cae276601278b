"""Figures as people read them: counts with a unit, bytes in binary ones, `?` for what is not known."""

from __future__ import annotations

UNKNOWN = "?"


def large(number: int | None) -> str:
    """A count in three digits: `950`, `1.2 k`, `37.5 M`, `4.1 G`."""
    return UNKNOWN if number is None else _scaled(number, 1000, ("", "k", "M", "G", "T", "P"))


def size(number: int | None) -> str:
    """Bytes in three digits: `512 B`, `1.2 KiB`, `37.5 MiB`."""
    return UNKNOWN if number is None else _scaled(number, 1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB"))


def _scaled(number: int, base: int, units: tuple[str, ...]) -> str:
    value, power = float(number), 0
    # 999.5 would be written as 1000: it belongs to the next unit already.
    while value >= (999.5 if power else base) and power < len(units) - 1:
        value, power = value / base, power + 1
    digits = f"{value:.0f}" if power == 0 or value >= 99.95 else f"{value:.1f}"
    return f"{digits} {units[power]}".rstrip()
