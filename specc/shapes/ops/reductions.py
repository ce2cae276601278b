"""Ops that bring axes down to one value, and those that run along an axis."""

from __future__ import annotations

from collections.abc import Callable

from specc.shapes import Result, Rule, Site, single
from specc.shapes.arguments import axes, axis, extent, flag, integer, value, whole
from specc.shapes.dimensions import broadcast, size_of
from specc.shapes.dtypes import DEFAULT, fractional, is_float, is_integer, named_dtype, numbers, numeric, promote
from specc.tensors import UNKNOWN, Shape, Tensor

__all__ = [
    "all",
    "allclose",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "argpartition",
    "argsort",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "logsumexp",
    "max",
    "mean",
    "min",
    "moments",
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
    "ndim",
    "prod",
    "ptp",
    "size",
    "sort",
    "std",
    "sum",
    "var",
]

Change = Callable[[Site, str], str | None]
"""What an op makes of the dtype that it is given."""


def _same(_: Site, dtype: str) -> str:
    return dtype


def _bool(_: Site, dtype: str) -> str:
    return "bool"


def _index(_: Site, dtype: str) -> str:
    return "int32"


def _default(_: Site, dtype: str) -> str:
    """Keras declares `float32` whatever comes."""
    return DEFAULT


def _summed(_: Site, dtype: str) -> str:
    """Sums of small integers grow out of their type."""
    if dtype in ("bool", "int8", "int16"):
        return "int32"
    return "uint32" if dtype in ("uint8", "uint16", "uint64") else dtype


def _multiplied(_: Site, dtype: str) -> str:
    return dtype if dtype == "uint64" else _summed(_, dtype)


def _averaged(site: Site, dtype: str) -> str | None:
    return promote(site, (dtype, "float32")) if is_integer(dtype) or dtype == "bool" else dtype


def _spread(_: Site, dtype: str) -> str:
    return DEFAULT if is_integer(dtype) or dtype == "bool" else dtype


def _floated(site: Site, dtype: str) -> str | None:
    return promote(site, (dtype, "float"))


def reduced(site: Site, shape: Shape, name: str = "axis") -> Shape:
    """A shape without the axes that the argument names, or with 1 in their place; none named means all."""
    gone = axes(site, name, shape)
    kept = flag(site, "keepdims")
    if gone is None:
        gone = tuple(range(len(shape)))
    return tuple(1 if i in gone else d for i, d in enumerate(shape) if kept or i not in gone)


def reduction(change: Change) -> Rule:
    """The rule of an op that brings axes down to one value."""

    def apply(site: Site) -> Result:
        x, declared = site.tensor(), named_dtype(site)
        numeric(site, x)
        dtype = change(site, x.dtype) if x.dtype is not None else None
        return read(x, None if x.shape is None else reduced(site, x.shape), declared or dtype)

    return apply


def read(x: Tensor, shape: Shape | None, dtype: str | None) -> Result:
    """A result for which each element of the input was looked at once."""
    return single(shape, dtype, flops=x.elements)


all = any = reduction(_bool)
amax = amin = max = min = reduction(_same)
nanmax = nanmin = reduction(_same)
count_nonzero = reduction(_index)
sum = nansum = reduction(_summed)
prod = nanprod = reduction(_multiplied)
mean = reduction(_averaged)
std = reduction(_spread)
var = nanmean = nanstd = nanvar = reduction(_floated)


def ptp(site: Site) -> Result:
    """(…) → how far the largest number is from the smallest."""
    numbers(site, site.tensor())
    return reduction(_same)(site)


def logsumexp(site: Site) -> Result:
    """(…) → the logarithm of the sum of the exponentials, of floats only."""
    fractional(site, site.tensor())
    return reduction(_default)(site)


def located(site: Site) -> Result:
    """(…) → the place of the largest or smallest value, along one axis or of all."""
    along = value(site, "axis")
    if along is not None:
        whole(site, "axis", along)
    return reduction(_index)(site)


argmax = argmin = nanargmax = nanargmin = located


def moments(site: Site) -> Result:
    """(…) → the mean and the variance along `axes`."""
    x = site.tensor()
    numbers(site, x)
    if x.dtype is not None and not is_float(x.dtype) and x.dtype not in ("int32", "int64"):
        fractional(site, x)
    one = Tensor(None if x.shape is None else reduced(site, x.shape, "axes"), x.dtype)
    return Result((one, one), flops=x.elements)


def running(change: Change) -> Rule:
    """The rule of an op that runs along an axis: the shape stays, or without an axis all becomes one dimension."""

    def apply(site: Site) -> Result:
        x = site.tensor()
        numeric(site, x)
        dtype, shape = named_dtype(site, x.dtype), x.shape
        if shape is not None and value(site, "axis") is None:
            shape = (size_of(shape),)
        elif shape is not None:
            axis(site, "axis", integer(site, "axis"), len(shape), shape)
        return read(x, shape, None if dtype is None else change(site, dtype))

    return apply


def _counted(_: Site, dtype: str) -> str:
    return "int32" if dtype == "bool" else dtype


cumsum = cumprod = nancumsum = nancumprod = running(_counted)
sort = running(_same)
argsort = running(_index)


def argpartition(site: Site) -> Result:
    """(…) → the places of the values, those of the `kth` smallest first."""
    integer(site, "kth", 0)
    return argsort(site)


def allclose(site: Site) -> Result:
    """Two tensors, broadcast together → whether all of one are near those of the other."""
    pair = [_compared(site, name) for name in ("x1", "x2")]
    shape = broadcast(site, *(t.shape for t in pair))
    return single((), "bool", flops=Tensor(shape).elements)


def _compared(site: Site, name: str) -> Tensor:
    if name not in site.inputs:
        return Tensor(extent(value(site, name)))
    numeric(site, site.tensor(name))
    return site.tensor(name)


def size(site: Site) -> Result:
    """(…) → how many elements there are."""
    return single((), "int32")


def ndim(site: Site) -> Result:
    """(…) → how many dimensions there are: a plain number, of which Keras declares something else."""
    return Result((UNKNOWN,))
