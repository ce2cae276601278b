"""Regularization: layers that do something in training only, and leave the shape as it is."""

from __future__ import annotations

from dataclasses import replace

from specc.shapes import Result, Site, single
from specc.shapes.arguments import number, value, whole, wrong
from specc.shapes.dimensions import AXES, ranked
from specc.shapes.dtypes import compute_dtype, numeric
from specc.shapes.layers.activation import unchanged
from specc.tensors import Tensor

__all__ = [
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
]


def ActivityRegularization(site: Site) -> Result:
    """(…) → the same."""
    return replace(unchanged(site), kept=())


def rated(site: Site) -> Result:
    """(…) → the same, with a `rate` from 0 to 1."""
    number(site, "rate", 0, 1)
    return dropped(site, unchanged(site))


def dropped(site: Site, result: Result) -> Result:
    """What training holds of a dropout: what came out, and which elements were left in it; without a rate, nothing."""
    output = result.outputs[0]
    none = site.arguments.get("rate") in (0, 0.0)
    return replace(result, kept=() if none else (output, Tensor(output.shape, "bool")))


AlphaDropout = GaussianDropout = rated


def Dropout(site: Site) -> Result:
    """(…) → the same."""
    shape = value(site, "noise_shape")
    if shape is not None:
        if not isinstance(shape, tuple):
            raise wrong(site, "noise_shape", shape, "a list of dimensions")
        for one in shape:
            if one is not None:
                whole(site, "noise_shape", one, 1)
    return rated(site)


def GaussianNoise(site: Site) -> Result:
    """(…) → the same."""
    number(site, "stddev", 0, 1)
    return unchanged(site)


def spatial_dropout(site: Site) -> Result:
    """(batch, …, channels) → the same: whole channels are dropped."""
    number(site, "rate", 0, 1)
    spatial = next(int(c) for c in site.call.name if c.isdigit())
    inputs = site.tensor()
    numeric(site, inputs)
    axes = ", ".join(AXES[spatial])
    shape = ranked(site, inputs, spatial + 2, f"an input of {spatial + 2} dimensions, with channels beside {axes}")
    return dropped(site, single(shape, compute_dtype(site)))


SpatialDropout1D = SpatialDropout2D = SpatialDropout3D = spatial_dropout
