"""Charts of an evaluation as SVG: each a document of its own that a browser shows, by day and by night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

SIDE = 260
LEFT, TOP, BOTTOM, RIGHT = 56, 26, 40, 14

STYLE = """
text{font:11px system-ui,sans-serif;fill:#59636e}
.title{font-size:12px;font-weight:600}
.axis{stroke:#818b98;stroke-opacity:.6;fill:none}
.even{stroke:#818b98;stroke-dasharray:3 3;fill:none}
.bar,.dot{fill:#54aeff;fill-opacity:.65}
.cell{fill:#0969da}
text.on{fill:#fff}
@media (prefers-color-scheme:dark){text{fill:#9198a1}.cell{fill:#388bfd}}
"""

COLOURS = ("#0969da", "#cf222e", "#1a7f37", "#9a6700", "#8250df", "#bf3989", "#1b7c83", "#bc4c00")

MOST = 50
"""Of no more classes a confusion is drawn."""

Box = tuple[float, float, float, float]
"""The least and the greatest x, the least and the greatest y."""


def charts(found: Mapping[str, Any]) -> dict[str, str]:
    """The charts of one output, by name."""
    drawn: dict[str, str] = {}
    if found["kind"] in ("classes", "labels"):
        if (counts := found.get("confusion")) and len(counts) <= MOST:
            drawn["confusion"] = _confusion([str(one["class"]) for one in found["per_class"]], counts)
        if found["calibration"] and found["calibration"]["bins"]:
            drawn["calibration"] = _calibration(found["calibration"])
        if curves := found.get("curves"):
            of = {name: one["roc"] for name, one in curves.items()}
            drawn["roc"] = _lines("ROC", "false positives", "true positives", of, even=True)
            of = {name: one["precision_recall"] for name, one in curves.items()}
            drawn["precision-recall"] = _lines("precision and recall", "recall", "precision", of)
    elif found["kind"] == "numbers" and found["count"]:
        drawn["answers"] = _scatter(found["points"])
        if found["histogram"]:
            drawn["residuals"] = _histogram(found["histogram"])
    return drawn


def _svg(title: str, body: str, width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(title)}"><style>{STYLE}</style>'
        f'<text class="title" x="12" y="16">{escape(title)}</text>{body}</svg>\n'
    )


def _place(box: Box, x: float, y: float) -> tuple[float, float]:
    low, high, least, most = box
    return LEFT + SIDE * (x - low) / (high - low), TOP + SIDE * (1 - (y - least) / (most - least))


def _plot(title: str, across: str, up: str, box: Box, body: str, below: int = 0) -> str:
    """A square with its axes, their ends and names around what is drawn in it."""
    low, high, least, most = box
    bottom = TOP + SIDE
    frame = (
        f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{LEFT + SIDE}"/>'
        f'<text x="{LEFT}" y="{bottom + 14}">{low:.4g}</text>'
        f'<text x="{LEFT + SIDE}" y="{bottom + 14}" text-anchor="end">{high:.4g}</text>'
        f'<text x="{LEFT - 5}" y="{bottom}" text-anchor="end">{least:.4g}</text>'
        f'<text x="{LEFT - 5}" y="{TOP + 9}" text-anchor="end">{most:.4g}</text>'
        f'<text x="{LEFT + SIDE / 2}" y="{bottom + 30}" text-anchor="middle">{escape(across)}</text>'
        f'<text transform="translate(14 {TOP + SIDE / 2}) rotate(-90)" text-anchor="middle">{escape(up)}</text>'
    )
    return _svg(title, frame + body, LEFT + SIDE + RIGHT, bottom + BOTTOM + below)


def _path(box: Box, points: Sequence[Sequence[float]]) -> str:
    return "M" + "L".join("{:.1f} {:.1f}".format(*_place(box, x, y)) for x, y in points)


def _lines(title: str, across: str, up: str, of: Mapping[str, Sequence[Sequence[float]]], *, even: bool = False) -> str:
    box = (0.0, 1.0, 0.0, 1.0)
    body = f'<path class="even" d="{_path(box, [(0, 0), (1, 1)])}"/>' if even else ""
    for number, (name, points) in enumerate(of.items()):
        stroke = f'fill="none" stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="1.6"'
        stroke += ' stroke-dasharray="5 3"' if number // len(COLOURS) % 2 else ""
        y = TOP + SIDE + BOTTOM + 14 * number + 4
        body += f'<path d="{_path(box, points)}" {stroke}/>'
        body += f'<path d="M{LEFT} {y - 4}h16" {stroke}/>'
        body += f'<text x="{LEFT + 22}" y="{y}">{escape(name)}</text>'
    return _plot(title, across, up, box, body, 14 * len(of))


def _calibration(found: Mapping[str, Any]) -> str:
    box = (0.0, 1.0, 0.0, 1.0)
    body = ""
    for one in found["bins"]:
        left, top = _place(box, one["from"], one["accuracy"])
        right, bottom = _place(box, one["to"], 0)
        body += (
            f'<rect class="bar" x="{left + 1:.1f}" y="{top:.1f}" width="{right - left - 2:.1f}" '
            f'height="{bottom - top:.1f}"><title>{one["count"]} answers</title></rect>'
        )
    body += f'<path class="even" d="{_path(box, [(0, 0), (1, 1)])}"/>'
    title = f"calibration, expected error {found['ece']:.4f}"
    return _plot(title, "held to be so likely", "is so", box, body)


def _scatter(points: Sequence[Sequence[float]]) -> str:
    values = [value for point in points for value in point]
    low, high = min(values), max(values)
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    box = (low, high, low, high)
    dots = "".join('<circle class="dot" r="2" cx="{:.1f}" cy="{:.1f}"/>'.format(*_place(box, x, y)) for x, y in points)
    return _plot(
        "answers", "target", "answer", box, f'<path class="even" d="{_path(box, [(low, low), (high, high)])}"/>{dots}'
    )


def _histogram(found: Mapping[str, Any]) -> str:
    counts, edges = found["counts"], found["edges"]
    box = (edges[0], edges[-1], 0.0, float(max(counts)))
    body = ""
    for count, left, right in zip(counts, edges, edges[1:], strict=False):
        (x, y), (end, bottom) = _place(box, left, count), _place(box, right, 0)
        body += f'<rect class="bar" x="{x:.1f}" y="{y:.1f}" width="{end - x:.1f}" height="{bottom - y:.1f}"/>'
    return _plot("residuals", "target less answer", "how many", box, body)


def _confusion(names: Sequence[str], counts: Sequence[Sequence[float]]) -> str:
    """A square for each pair of classes, the darker the larger its share of what the class of its row is."""
    size = max(14.0, min(40.0, 400 / len(names)))
    margin = 14 + 7 * min(16, max(map(len, names)))
    body = ""
    for row, (name, line) in enumerate(zip(names, counts, strict=True)):
        y = TOP + margin + size * row
        short = escape(name if len(name) <= 16 else f"{name[:15]}…")
        body += f'<text x="{margin - 4:.0f}" y="{y + size / 2 + 4:.1f}" text-anchor="end">{short}</text>'
        x = margin + size * (row + 0.5) + 4
        body += f'<text transform="translate({x:.1f} {TOP + margin - 4:.1f}) rotate(-90)">{short}</text>'
        total = sum(line) or 1
        for column, count in enumerate(line):
            left = margin + size * column
            told = f"{escape(name)}, answered {escape(names[column])}: {count:g}"
            body += (
                f'<rect class="cell" x="{left:.1f}" y="{y:.1f}" width="{size:.1f}" height="{size:.1f}" '
                f'fill-opacity="{0.06 + 0.74 * count / total:.3f}"><title>{told}</title></rect>'
            )
            if size >= 26 and count:
                middle = left + size / 2
                on = ' class="on"' if count > total / 2 else ""
                body += f'<text{on} x="{middle:.1f}" y="{y + size / 2 + 4:.1f}" text-anchor="middle">{count:.4g}</text>'
    side = margin + size * len(names) + RIGHT
    return _svg("confusion: a row for what it is", body, max(side, 270), TOP + side)
