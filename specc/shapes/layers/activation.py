"""Activation layers: the shape stays; `PReLU` learns its slopes."""

from __future__ import annotations

from specc.shapes import Result, Site, single
from specc.shapes.arguments import axes, axis, number, value
from specc.shapes.costs import SOFTMAX, activated, held_alone, named, per_element
from specc.shapes.dimensions import kernels, known
from specc.shapes.dtypes import compute_dtype, fractional, numeric
from specc.shapes.layers.core import halved
from specc.tensors import Tensor

__all__ = ["ELU", "Activation", "LeakyReLU", "PReLU", "ReLU", "Softmax"]


def unchanged(site: Site, operations: int = 0) -> Result:
    """(…) → the same, in the dtype that the layer computes in, with so many operations for each element."""
    inputs = site.tensor()
    numeric(site, inputs)
    return single(inputs.shape, compute_dtype(site), (), per_element(inputs.shape, operations))


def Activation(site: Site) -> Result:
    """(…) → the same. What `glu` leaves of the last dimension, a half, Keras declares as the whole."""
    inputs = site.tensor()
    numeric(site, inputs)
    output = Tensor(inputs.shape and halved(site, inputs.shape), compute_dtype(site))
    kept = held_alone(named(site.arguments.get("activation")), output)
    return single(output.shape, output.dtype, (), activated(site, inputs.elements), kept)


def ELU(site: Site) -> Result:
    """(…) → the same, floats only."""
    fractional(site, site.tensor())
    return unchanged(site, 1)


def ReLU(site: Site) -> Result:
    """(…) → the same."""
    if site.arguments.get("max_value") is not None:
        number(site, "max_value", 0, float("inf"))
    number(site, "negative_slope", 0, float("inf"))
    number(site, "threshold", 0, float("inf"))
    return unchanged(site, 1)


def LeakyReLU(site: Site) -> Result:
    """(…) → the same."""
    number(site, "negative_slope", 0, float("inf"))
    return unchanged(site, 1)


def Softmax(site: Site) -> Result:
    """(…) → the same. An axis that is not there is refused here; Keras notices when it runs."""
    inputs = site.tensor()
    if inputs.shape is not None:
        axes(site, "axis", inputs.shape)
    fractional(site, inputs)
    return unchanged(site, SOFTMAX)


def PReLU(site: Site) -> Result:
    """(…) → the same, with a slope for each element, or one along each of `shared_axes`."""
    inputs = site.tensor()
    fractional(site, inputs)
    shape = inputs.shape
    if shape is None:
        return single(None, compute_dtype(site), None, None)
    shared = value(site, "shared_axes", ())
    listed = () if shared is None else shared if isinstance(shared, tuple) else (shared,)
    # Keras counts these axes from 1 and takes one off, so that 0 and -1 mean what they mean one step before.
    alone = {axis(site, "shared_axes", i - 1, len(shape) - 1) for i in listed}
    sizes = [1 if i in alone else known(site, shape, i + 1, "every dimension") for i in range(len(shape) - 1)]
    # What is above zero and what is below, each negated or scaled and put together: six for an element.
    output = Tensor(shape, compute_dtype(site))
    return single(shape, output.dtype, kernels(sizes), per_element(shape, 6), held_alone("prelu", output))
