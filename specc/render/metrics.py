"""Loss and metrics as a table: a row for each, a column for each split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def metrics(splits: Mapping[str, Mapping[str, float]]) -> str:
    """The figures of each split, as `metrics.json` has them, the loss first."""
    names = dict.fromkeys(name for figures in splits.values() for name in figures)
    rows = [["", *splits]]
    rows += [
        [name, *(figure(f[name]) if name in f else "" for f in splits.values())]
        for name in sorted(names, key=lambda n: n != "loss")
    ]
    return table(rows)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Cells side by side: names to the left, figures to the right, the first row their heads."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    )


def figure(value: float) -> str:
    """Four digits after the point where that shows the figure, else four that count."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.4g}"
