"""A summary as a Mermaid flowchart: blocks as subgraphs, shapes on edges. Markdown on GitHub and GitLab shows it."""

from __future__ import annotations

from collections.abc import Iterator

from specc.plan import Plan
from specc.render.summary.boxes import Box, Item, boxes, stem
from specc.render.summary.graph import graph
from specc.tensors import show

ESCAPED = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", "&": "#amp;", "\\": "#92;"}
"""What has a meaning within the quotes of Mermaid's labels, which are Markdown in part."""


def as_mermaid(plan: Plan, *, expand: bool = False) -> str:
    whole, instead = boxes(plan.network, fold=not expand)
    drawn = graph(plan.network, instead)
    names = {node: f"n{i}" for i, node in enumerate(drawn.nodes(whole))}
    lines = ["flowchart TD"]
    for given in plan.network.inputs:
        lines.append(f"  {names[given.name]}([{_quoted(given.name)}])")
    counter = iter(range(len(plan.network.steps) + 1))
    for item in whole.items:
        lines += _lines(item, names, counter, 1)
    for output in drawn.outputs:
        lines.append(f"  {names[output.node]}([{_quoted(output.name)}])")
    for edge in drawn.edges:
        shape = edge.tensor.shape if edge.tensor else None
        lines.append(f"  {names[edge.source]} -->|{_quoted(show(shape))}| {names[edge.target]}")
    return "\n".join(lines)


def _lines(item: Item, names: dict[str, str], counter: Iterator[int], deep: int) -> Iterator[str]:
    margin = "  " * deep
    times = f" × {item.times}" if item.times > 1 else ""
    if isinstance(item, Box):
        yield f"{margin}subgraph b{next(counter)}[{_quoted(stem(item) + times)}]"
        for inner in item.items:
            yield from _lines(inner, names, counter, deep + 1)
        yield f"{margin}end"
    else:
        told = f"{_escaped(item.step.label)}<br>{_escaped(stem(item) + times)}"
        yield f'{margin}{names[item.step.name]}["{told}"]'


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return "".join(ESCAPED.get(c, c if c.isprintable() else " ") for c in text)
