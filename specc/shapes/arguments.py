"""Reading a layer's or op's arguments: sizes, tuples and axes, each refused where Keras would refuse it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from specc import codes
from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import Refusal
from specc.shapes import Site, Unsettled
from specc.tensors import Shape, show

_COUNTS = ("no", "one", "two", "three", "four", "five")


def value(site: Site, name: str, default: Any = None) -> Any:
    """An argument as it is, lists as tuples.

    Raises:
        Unsettled: it, or an element of it, is known only once data was read.
    """
    found = _frozen(site.arguments.get(name, default))
    if _unsettled(found):
        raise Unsettled
    return found


def flag(site: Site, name: str, default: bool = False) -> bool:
    """A yes-or-no argument, or option of the call."""
    found = site.options.get(name, site.arguments.get(name, default))
    if found is UNKNOWN_VALUE:
        raise Unsettled
    return bool(found)


def size(site: Site, name: str, minimum: int = 1) -> int | None:
    """A whole number that becomes a dimension; None where only data can tell.

    Raises:
        Refusal: S105 below the minimum.
    """
    found = site.arguments.get(name)
    if found is UNKNOWN_VALUE:
        return None
    return whole(site, name, found, minimum)


def integer(site: Site, name: str, minimum: int | None = None) -> int:
    """A whole number on which a shape hangs.

    Raises:
        Refusal: S105 below the minimum, or when it is something else.
        Unsettled: it is known only once data was read.
    """
    return whole(site, name, value(site, name), minimum)


def whole(site: Site, name: str, found: Any, minimum: int | None = None) -> int:
    """A value as the whole number it must be."""
    if not isinstance(found, int) or isinstance(found, bool) or (minimum is not None and found < minimum):
        kind = "a whole number" if minimum is None else f"a whole number of at least {minimum}"
        raise wrong(site, name, found, kind)
    return found


def number(site: Site, name: str, low: float, high: float) -> None:
    """Check a number's range, both ends in it; what only data can tell passes.

    Raises:
        Refusal: S105 outside of it.
    """
    found = site.arguments.get(name)
    if found is UNKNOWN_VALUE:
        return
    if not isinstance(found, (int, float)) or not low <= found <= high:
        raise wrong(site, name, found, f"a number from {low:g} to {high:g}" if high < 1e9 else "a number, not negative")


def several(site: Site, name: str, count: int, minimum: int = 1) -> tuple[int, ...]:
    """A whole number for each of `count` dimensions; one alone stands for all.

    Raises:
        Refusal: S105 for another number of them, or one below the minimum.
    """
    return spread(site, name, value(site, name), count, minimum)


def spread(site: Site, name: str, found: Any, count: int, minimum: int = 1) -> tuple[int, ...]:
    """A value as a whole number for each of `count` dimensions."""
    if isinstance(found, int) and not isinstance(found, bool):
        return (whole(site, name, found, minimum),) * count
    if not isinstance(found, (list, tuple)) or len(found) != count:
        amount = _COUNTS[count] if count < len(_COUNTS) else count
        raise wrong(site, name, found, f"a whole number, or a list of {amount}")
    return tuple(whole(site, name, one, minimum) for one in found)


def pairs(site: Site, name: str, count: int) -> tuple[tuple[int, int], ...]:
    """What is taken or added before and after each of `count` dimensions: `1`, `[1, 2]` or `[[0, 1], [2, 2]]`.

    Raises:
        Refusal: S105 for another form, or a negative number.
    """
    found = value(site, name)
    if isinstance(found, int):
        both = whole(site, name, found, minimum=0)
        return ((both, both),) * count
    if not isinstance(found, Sequence) or len(found) != count:
        raise wrong(site, name, found, f"a whole number, or a list of {_COUNTS[count]} numbers or pairs")
    spreads = [spread(site, name, one, 2, minimum=0) for one in found]
    return tuple((before, after) for before, after in spreads)


def choice(site: Site, name: str, *allowed: str | None) -> str | None:
    """One of a few words.

    Raises:
        Refusal: S105 for any other.
    """
    found = value(site, name, allowed[0])
    if found not in allowed:
        words = [f"`{a}`" for a in allowed if a is not None]
        raise wrong(site, name, found, ", ".join(words[:-1]) + " or " + words[-1])
    return found if found is None else str(found)


def channels_first(site: Site) -> bool:
    """Whether `data_format` puts the channels right after the batch."""
    found = value(site, "data_format")
    if found is None:
        return False
    if str(found).lower() not in ("channels_first", "channels_last"):
        raise wrong(site, "data_format", found, "`channels_last` or `channels_first`")
    return str(found).lower() == "channels_first"


def axis(site: Site, name: str, found: Any, rank: int, shape: Shape | None = None) -> int:
    """An axis counted from the front, for a tensor of that rank.

    Raises:
        Refusal: S105 when the tensor has no such axis.
    """
    index = whole(site, name, found)
    if not -rank <= index < rank:
        of = f" of {show(shape)}" if shape is not None else ""
        spare = f"axes here go from {-rank} to {rank - 1}" if rank else "a single number has no axes"
        raise Refusal(codes.S105, f"{site.label} has no axis {index}{of}", help=spare, argument=name)
    return index % rank


def axes(site: Site, name: str, shape: Shape) -> tuple[int, ...] | None:
    """An axis or several, counted from the front; None where none are named, which mostly means all."""
    found = value(site, name)
    if found is None:
        return None
    listed = found if isinstance(found, tuple) else (found,)
    counted = tuple(axis(site, name, one, len(shape), shape) for one in listed)
    if len(set(counted)) < len(counted):
        raise wrong(site, name, found, f"axes that differ; of {show(shape)}, these do not")
    return counted


def extent(given: Any) -> tuple[int, ...]:
    """The shape of a number, or of a list of numbers or of lists."""
    sizes: list[int] = []
    while isinstance(given, tuple):
        sizes.append(len(given))
        given = given[0] if given else None
    return tuple(sizes)


def wrong(site: Site, name: str, found: Any, needed: str) -> Refusal:
    """The refusal of an argument's value."""
    return Refusal(codes.S105, f"`{name}` of {site.label} is {_written(found)}; it must be {needed}", argument=name)


def _written(found: Any) -> str:
    if found is None:
        return "null"
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, (tuple, list)):
        return "[" + ", ".join(_written(one) for one in found) + "]"
    return f"`{found}`" if isinstance(found, str) else str(found)


def _frozen(found: Any) -> Any:
    return tuple(_frozen(one) for one in found) if isinstance(found, (list, tuple)) else found


def _unsettled(found: Any) -> bool:
    return found is UNKNOWN_VALUE or (isinstance(found, tuple) and any(_unsettled(one) for one in found))
