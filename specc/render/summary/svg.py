"""A summary as SVG: blocks as boxes in boxes, shapes on edges. A browser is all it needs, by day and by night."""

from __future__ import annotations

from html import escape

from specc.plan import Plan
from specc.render.summary.boxes import Box, Leaf, boxes
from specc.render.summary.costs import costs
from specc.render.summary.drawing import (
    MARGIN,
    TITLE,
    Layout,
    Pill,
    Port,
    Scene,
    label,
    lines,
    pill_width,
    step_width,
    title,
)
from specc.render.summary.graph import Graph, graph
from specc.render.summary.layers import Point, Thing

BORDER = 16
HEAD = 7
"""The length of an arrow's head."""

STYLE = """
text{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#59636e}
.call{font-size:13px;font-weight:600;fill:#1f2328}
.name{font-weight:600}
.edge{fill:none;stroke:#818b98;stroke-width:1.3}
.head{fill:#818b98}
.box{fill:#818b98;fill-opacity:.09;stroke:#818b98;stroke-opacity:.45}
.step{fill:#fff;stroke:#afb8c1}
.learns{fill:#ddf4ff;stroke:#54aeff}
.joins{fill:#dafbe1;stroke:#4ac26b}
.end{fill:#fff8c5;stroke:#d4a72c}
@media (prefers-color-scheme:dark){
text{fill:#9198a1}
.call{fill:#f0f6fc}
.edge{stroke:#7d8590}
.head{fill:#7d8590}
.step{fill:#212830;stroke:#656c76}
.learns{fill:#0f2a47;stroke:#388bfd}
.joins{fill:#10301c;stroke:#2ea043}
.end{fill:#33270b;stroke:#9e6a03}
}
"""


def as_svg(plan: Plan, *, expand: bool = False) -> str:
    """The network of a plan as one SVG document. Repetitions in a row that are alike are one, unless `expand` asks."""
    whole, instead = boxes(plan.network, fold=not expand)
    drawn = graph(plan.network, instead)
    scene = Layout(drawn).whole(whole)
    back, front = _painted(scene, drawn, BORDER, BORDER)
    width, height = (round(side + 2 * BORDER) for side in (scene.drawn.width, scene.drawn.height))
    weights = costs(plan.network.steps).weights
    told = f"{len(plan.network.steps):,} steps, {weights.at_least}{weights.known:,} parameters"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'role="img" aria-labelledby="title description">',
        f'<title id="title">{_text(plan.name)}</title>',
        f'<desc id="description">{_text(f"{plan.description}: {told}" if plan.description else told)}</desc>',
        f"<style>{STYLE}</style>",
        *back,
        *front,
        "</svg>",
    ]
    return "\n".join(parts)


def _painted(scene: Scene, drawn: Graph, left: float, top: float) -> tuple[list[str], list[str]]:
    """What lies behind (frames and edges) and what before (steps and shapes)."""
    back: list[str] = []
    front: list[str] = []
    shapes = {(edge.source, edge.output): label(edge) for edge in drawn.edges}
    written = set()
    for key, thing in scene.drawn.things.items():
        x, y = left + thing.x, top + thing.y
        item = scene.items.get(key)
        if isinstance(item, Box):
            inner = scene.inner[key]
            back.append(_frame(item, thing, x - thing.width / 2, y))
            more = _painted(inner, drawn, x - thing.width / 2 + MARGIN + inner.lead, y + TITLE)
            back += more[0]
            front += more[1]
        elif isinstance(item, Leaf):
            front += _step(item, thing, x, y)
        elif isinstance(key, Pill):
            width = pill_width(key)
            front.append(_rectangle("end", x - width / 2, y, width, thing.height, thing.height / 2))
            front.append(_words("call", key.name, x, y + thing.height / 2 + 4.5))
    for link, route in scene.drawn.routes.items():
        points = [(left + x, top + y) for x, y in route]
        arrives = not isinstance(link.target, Port) and link.target not in scene.inner
        begins = not isinstance(link.source, Port) and link.source not in scene.inner
        on = TITLE if link.target in scene.inner else MARGIN if isinstance(link.target, Port) else 0
        back += _edge(points, arrives=arrives, on=on)
        if begins and link.leaves not in written and isinstance(link.leaves, tuple):
            written.add(link.leaves)
            x, y = points[0]
            front.append(f'<text x="{x + 6:.1f}" y="{y + 13:.1f}">{_text(shapes[link.leaves])}</text>')
    return back, front


def _frame(box: Box, thing: Thing, x: float, y: float) -> str:
    name = f'<text class="name" x="{x + 9:.1f}" y="{y + 15:.1f}">{_text(title(box))}</text>'
    return _rectangle("box", x, y, thing.width, thing.height, 9) + name


def _step(leaf: Leaf, thing: Thing, x: float, y: float) -> list[str]:
    call, told = lines(leaf)
    width = max(step_width(leaf), *(2 * abs(end) + 12 for end in thing.bottom.values()), 0)
    kind = "step learns" if leaf.step.weights else "step joins" if len(leaf.step.inputs) and _joins(leaf) else "step"
    return [
        _rectangle(kind, x - width / 2, y, width, thing.height, 6),
        _words("call", call, x, y + 17),
        _words("", told, x, y + 33),
    ]


def _joins(leaf: Leaf) -> bool:
    return sum(len(edge) if isinstance(edge, tuple) else 1 for edge in leaf.step.inputs.values()) > 1


def _edge(points: list[Point], *, arrives: bool, on: float) -> list[str]:
    """An edge through its corners, leaning between rows, then so far `on` into or out of a frame.

    Where it arrives at a step it ends in an arrow's head.
    """
    (x1, y1), *more = points
    path = f"M{x1:.1f} {y1:.1f}"
    for i, (x2, y2) in enumerate(more):
        end = y2 - HEAD + 1 if arrives and i == len(more) - 1 else y2
        middle = (y1 + end) / 2
        curve = f"C{x1:.1f} {middle:.1f} {x2:.1f} {middle:.1f} {x2:.1f} {end:.1f}"
        if abs(x1 - x2) >= 0.5:
            path += curve
        elif abs(y1 - end) >= 0.05:
            path += f"V{end:.1f}"
        x1, y1 = x2, end
    if on:
        path += f"V{y1 + on:.1f}"
    found = [f'<path class="edge" d="{path}"/>']
    if arrives:
        x, y = points[-1]
        found.append(f'<path class="head" d="M{x:.1f} {y:.1f}l-4 -{HEAD}h8z"/>')
    return found


def _rectangle(kind: str, x: float, y: float, width: float, height: float, round_: float) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect class="{kind}" {place} rx="{round_:g}"/>'


def _words(kind: str, text: str, x: float, y: float) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{_text(text)}</text>'


def _text(text: str) -> str:
    """A text as XML can hold it."""
    return escape("".join(c if c.isprintable() else "�" for c in text))
