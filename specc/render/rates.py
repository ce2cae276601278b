"""Learning rates that were tried: a picture, a table, plain data, and an edit of the spec to the one suggested."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, Protocol

from specc.calls import Call
from specc.plan import Plan

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 360, 64, 44, 34

STYLE = """
text{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#59636e}
.title{font-size:13px;font-weight:600;fill:#1f2328}
.grid{stroke:#818b98;stroke-opacity:.25}
.each{fill:#818b98;fill-opacity:.5}
.smooth{fill:none;stroke:#0969da;stroke-width:2}
.chosen{stroke:#bc4c00;stroke-width:1.5;stroke-dasharray:4 3}
@media (prefers-color-scheme:dark){
text{fill:#9198a1}
.title{fill:#f0f6fc}
.smooth{stroke:#4493f8}
.chosen{stroke:#db6d28}
}
"""


class Sweep(Protocol):
    """What `specc.backend.training.rates` has found."""

    @property
    def rates(self) -> Sequence[float]: ...
    @property
    def losses(self) -> Sequence[float]: ...
    @property
    def smoothed(self) -> Sequence[float]: ...
    @property
    def suggested(self) -> float | None: ...
    @property
    def bounded(self) -> bool: ...


def as_svg(found: Sweep, name: str) -> str:
    """The loss over the rate, which is drawn on a logarithmic scale: each step's, smoothed, and the suggestion."""
    low, high = _range(found.smoothed)
    first, last = math.log10(found.rates[0]), math.log10(found.rates[-1])

    def across(rate: float) -> float:
        return LEFT + (WIDTH - LEFT - 20) * (math.log10(rate) - first) / max(last - first, 1e-9)

    def up(loss: float) -> float:
        share = (min(max(loss, low), high) - low) / (high - low)
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="20">{escape(name)}: loss by learning rate</text>',
    ]
    for power in range(math.ceil(first - 1e-9), math.floor(last + 1e-9) + 1):
        x = across(10.0**power)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">1e{power}</text>')
    for i in range(5):
        loss = low + (high - low) * i / 4
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{up(loss):.1f}" x2="{WIDTH - 20}" y2="{up(loss):.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{up(loss) + 4:.1f}" text-anchor="end">{loss:.3g}</text>')
    for rate, loss in zip(found.rates, found.losses, strict=True):
        if low <= loss <= high:
            parts.append(f'<circle class="each" cx="{across(rate):.1f}" cy="{up(loss):.1f}" r="1.5"/>')
    points = " ".join(f"{across(r):.1f},{up(loss):.1f}" for r, loss in zip(found.rates, found.smoothed, strict=True))
    parts.append(f'<polyline class="smooth" points="{points}"/>')
    if found.suggested is not None:
        x = across(found.suggested)
        parts.append(f'<line class="chosen" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{x + 5:.1f}" y="{TOP + 12}">{found.suggested:g}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 8}" text-anchor="middle">learning rate</text></svg>')
    return "\n".join(parts) + "\n"


def as_json(found: Sweep) -> dict[str, Any]:
    """All of it as plain data."""
    return {
        "suggested": found.suggested,
        "bounded": found.bounded,
        "rates": list(found.rates),
        "losses": list(found.losses),
        "smoothed": list(found.smoothed),
    }


def table(found: Sweep) -> str:
    """A row about every third of a power of ten."""
    rows = ["learning rate  loss"]
    shown = -math.inf
    for rate, loss in zip(found.rates, found.smoothed, strict=True):
        if math.log10(rate) >= shown + 1 / 3:
            shown = math.log10(rate)
            rows.append(f"{rate:<13.1e}  {loss:.4g}")
    return "\n".join(rows)


def advice(found: Sweep, plan: Plan) -> Iterator[str]:
    """What is suggested, as an edit of the spec and as words of the command line."""
    if found.suggested is None:
        least = f"with rates up to {found.rates[-1]:.1e}" + (", and then it left for good" if found.bounded else "")
        yield f"no rate is suggested: the loss falls nowhere {least}"
        return
    assert plan.training is not None
    rate, optimizer, lines = f"{found.suggested:g}", plan.training.phases[0].optimizer, plan.source.text.splitlines()
    inner = optimizer.arguments.get("inner_optimizer")
    optimizer = inner if isinstance(inner, Call) else optimizer
    yield f"suggested    learning_rate {rate}, where the loss falls fastest"
    if not found.bounded:
        yield "             the loss never left for good: a greater rate may do as well"
    given = optimizer.arguments.get("learning_rate")
    if isinstance(given, Call):
        yield f"             for the highest rate of `{given.name}`"
        return
    span, text = optimizer.spans.get("learning_rate"), rate
    if span is None and not optimizer.arguments:
        span, text = optimizer.span, f"{{{optimizer.name}: {{learning_rate: {rate}}}}}"
    if span is None or span.path != plan.source.path or span.line != span.end_line or span.line > len(lines):
        yield f"             {{{optimizer.name}: {{learning_rate: {rate}}}}}"
        return
    line = lines[span.line - 1]
    yield f"{span.path}:{span.line}"
    yield f"- {line.strip()}"
    yield f"+ {(line[: span.column - 1] + text + line[span.end_column - 1 :]).strip()}"


def _range(losses: Sequence[float]) -> tuple[float, float]:
    """What is drawn: what came before the loss left for good, with some room."""
    low = min(losses)
    high = max(loss for loss in losses[: losses.index(low) + 1] or losses)
    room = max(high - low, 1e-9 * max(abs(high), 1.0))
    return low - 0.05 * room, high + 0.25 * room
