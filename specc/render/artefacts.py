"""What a run left behind for serving, a line each: where it is and what its check found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from specc.render.metrics import figure
from specc.render.text import count

if TYPE_CHECKING:
    from specc.backend.export import Artefact


def artefacts(left: Mapping[str, Artefact]) -> Iterator[str]:
    """The lines of artefacts by the names of their exporters, with their metrics beside the trained network's."""
    width = max([11, *map(len, left)])
    for name, artefact in left.items():
        beyond = f", {artefact.beyond} of them farther off" if artefact.beyond else ""
        within = min(artefact.difference, artefact.bound) if artefact.beyond else artefact.difference
        checked = f"answers as trained on {count(artefact.examples, 'example')}, within {within:.1g}{beyond}"
        yield f"{name:<{width}}  {artefact.path}  ({checked})"
        figures = artefact.figures
        told = [
            f"{metric} {figure(value)} (trained {figure(figures.trained[metric])})"
            for metric, value in figures.artefact.items()
        ]
        if told:
            yield f"{'':<{width}}  {', '.join(told)} on {count(figures.examples, 'example')} of `{figures.split}`"
        if artefact.takes == ("prepared",) and name != "keras":
            yield f"{'':<{width}}  it takes prepared tensors: what the features do comes before it"
