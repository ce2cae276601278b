"""`same_as`: an input is its own target, as autoencoders want it.

It is no feature of its own: whoever binds a spec puts that of the input in its place, so that both are the same
arithmetic on the same field.
"""

from __future__ import annotations

from dataclasses import dataclass

from specc.kinds import argument


@dataclass(frozen=True, slots=True)
class SameAs:
    """The input itself as the target: autoencoders."""

    input: str = argument("the name of the input", {"type": "string", "minLength": 1})
