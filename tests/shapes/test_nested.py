"""Calls within a layer's arguments: a rule refuses those, and only those, that Keras cannot make."""

from __future__ import annotations

import keras
import pytest

from specc import catalog, codes
from specc.backend.lower import value as lowered
from specc.calls import Call
from specc.diagnostics import Refusal
from specc.shapes import Site, apply
from specc.tensors import Tensor
from tests.shapes.judge import completed

FAMILIES = ("initializers", "regularizers", "constraints")
WORDS = [(family, name) for family in FAMILIES for name in (*catalog.names(family), *catalog.aliases(family))]


def refused(**arguments: object) -> Refusal | None:
    """What the rule of a `Dense` has against its arguments."""
    call = completed(Call("layers", "Dense", {"units": 3, **arguments}))
    try:
        apply(Site(call, call.arguments, {"inputs": Tensor((None, 4), "float32")}))
    except Refusal as refusal:
        return refusal
    return None


@pytest.mark.parametrize(("family", "name"), WORDS)
def test_a_bare_name_is_refused_where_keras_makes_nothing_of_it(family: str, name: str) -> None:
    try:
        getattr(keras, family).get(name)
        made = True
    except (KeyError, TypeError, ValueError):
        made = False
    said = refused(**{f"kernel_{family.removesuffix('s')}": name})
    assert (said is None) is made
    assert said is None or (said.code, said.argument) == (codes.S105, "kernel_initializer")


@pytest.mark.parametrize("name", catalog.names("activations"))
def test_an_activation_with_arguments_is_refused_where_it_cannot_be_lowered(name: str) -> None:
    takes = catalog.signature("activations", name)
    assert takes is not None
    for argument in takes.arguments:
        call = Call("activations", name, {argument.name: OTHERS[argument.name]})
        try:
            lowered(call)
            made = True
        except Refusal:
            made = False
        said = refused(activation=call)
        assert (said is None) is made, argument.name
        assert said is None or said.help.endswith(f"`- ops.{name}: {{{argument.name}: {WRITTEN[argument.name]}}}`")


OTHERS = {
    **{"alpha": 0.5, "approximate": True, "axis": -2, "b": 2.0, "default_value": 1.0},
    **{"max_value": 6.0, "negative_slope": 0.1, "threshold": 0.2},
}
WRITTEN = {name: str(value).lower() for name, value in OTHERS.items()}
