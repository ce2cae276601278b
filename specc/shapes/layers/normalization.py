"""Normalization: the shape stays; what is learnt has the size of an axis."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import axes, axis, flag, integer, value, wrong
from specc.shapes.costs import per_element, positions, times, total
from specc.shapes.dimensions import joined, kernels, known
from specc.shapes.dtypes import HALVES, compute_dtype, fractional, numeric
from specc.tensors import Shape, Tensor, Weight, show

__all__ = [
    "BatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "UnitNormalization",
]


def _input(site: Site) -> Shape | None:
    inputs = site.tensor()
    numeric(site, inputs)
    return inputs.shape


def BatchNormalization(site: Site) -> Result:
    """(…) → the same: scale and offset for each channel, and the moving statistics, which are not trained."""
    shape, channel = _input(site), integer(site, "axis")
    if shape is None:
        return single(None, compute_dtype(site), None, None)
    size = (known(site, shape, axis(site, "axis", channel, len(shape), shape), "the size of its axis"),)
    learnt = kernels(*[size] * (flag(site, "scale", True) + flag(site, "center", True)))
    moving = kernels(*[size] * (5 if flag(site, "renorm") else 2), trainable=False)
    # A factor and an offset for each channel, of five operations, and both applied to each element.
    flops = total(per_element(shape, 2), times(5, *size))
    dtype = compute_dtype(site)
    # Of 16 bits it holds its input as float32, which is as much again.
    kept = (Tensor(shape, dtype), Tensor(shape, dtype)) if dtype in HALVES else None
    return single(shape, dtype, joined(learnt, moving), flops, kept)


def LayerNormalization(site: Site) -> Result:
    """(…) → the same: a scale and an offset for each element along `axis`."""
    rms = flag(site, "rms_scaling")
    scale, center = flag(site, "scale", True) or rms, flag(site, "center", True) and not rms
    if rms:
        return _along_axes(site, 1, each=4, vector=2)
    # Mean, squared differences and their mean, factor and offset; learnt ones make those as large as the input.
    return _along_axes(site, scale + center, each=6 + 2 * scale + center, vector=4)


def RMSNormalization(site: Site) -> Result:
    """(…) → the same: a scale for each element along `axis`."""
    return _along_axes(site, 1, each=4, vector=2)


def _along_axes(site: Site, learnt: int, each: int, vector: int) -> Result:
    shape = _input(site)
    if shape is None:
        return single(None, compute_dtype(site), None, None)
    given = value(site, "axis")
    listed = sorted(given) if isinstance(given, tuple) else [given]
    found = [axis(site, "axis", one, len(shape), shape) for one in listed]
    weights: tuple[Weight, ...] | None = ()
    if learnt:
        weights = kernels(*[[known(site, shape, i, "the size of its axis") for i in found]] * learnt)
    flops = total(per_element(shape, each), times(vector, positions(shape)))
    dtype = compute_dtype(site)
    # Of 16 bits it makes float32, and of that, step by step, what one operation does at once of float32.
    kept = (Tensor(shape, dtype), *(Tensor(shape, "float32"),) * 3) if dtype in HALVES else None
    return single(shape, dtype, weights, flops, kept)


def GroupNormalization(site: Site) -> Result:
    """(…) → the same: channels in groups, with a scale and an offset for each channel."""
    shape, groups = _input(site), integer(site, "groups")
    if groups <= 0 and groups != -1:
        raise wrong(site, "groups", groups, "a whole number of at least 1, or -1 for a group for each channel")
    if shape is None:
        return single(None, compute_dtype(site), None, None)
    channels = known(site, shape, axis(site, "axis", integer(site, "axis"), len(shape), shape), "the size of its axis")
    if groups != -1 and channels % groups:
        raise Refusal(
            codes.S302,
            f"{site.label} makes {groups} groups of the {channels} channels of {show(shape)}, which does not come out",
            help=f"`groups` must divide {channels}",
        )
    weights = kernels(*[(channels,)] * (flag(site, "scale", True) + flag(site, "center", True)))
    return single(shape, compute_dtype(site), weights, per_element(shape, 6))


def UnitNormalization(site: Site) -> Result:
    """(…) → the same."""
    fractional(site, site.tensor())
    shape = _input(site)
    if shape is not None:
        if value(site, "axis") is None:
            raise wrong(site, "axis", None, "a whole number, or a list of them")
        axes(site, "axis", shape)
    return single(shape, compute_dtype(site), (), total(per_element(shape, 3), times(2, positions(shape))))
