"""Ops that bring axes down to one value, and those that run along an axis."""

from __future__ import annotations

from collections.abc import Callable

from specc.shapes import Result, Rule, Site, single
from specc.shapes.arguments import axes, axis, flag, integer, value
from specc.shapes.dimensions import size_of
from specc.shapes.dtypes import DEFAULT, is_integer, numeric, promote
from specc.tensors import Shape, Tensor

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "argsort",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "logsumexp",
    "max",
    "mean",
    "median",
    "min",
    "moments",
    "nanmax",
    "nanmean",
    "nanmin",
    "nansum",
    "prod",
    "ptp",
    "sort",
    "std",
    "sum",
    "var",
]


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


def _middle(site: Site, dtype: str) -> str | None:
    return DEFAULT if dtype == "int64" else promote(site, (dtype, "float"))


def reduced(site: Site, shape: Shape, name: str = "axis") -> Shape:
    """A shape without the axes that the argument names, or with 1 in their place; none named means all."""
    gone = axes(site, name, shape)
    kept = flag(site, "keepdims")
    if gone is None:
        gone = tuple(range(len(shape)))
    return tuple(1 if i in gone else d for i, d in enumerate(shape) if kept or i not in gone)


def reduction(change: Callable[[Site, str], str | None]) -> Rule:
    """The rule of an op that brings axes down to one value."""

    def apply(site: Site) -> Result:
        x, declared = site.tensor(), value(site, "dtype")
        numeric(site, x)
        dtype = change(site, x.dtype) if x.dtype is not None else None
        shape = None if x.shape is None else reduced(site, x.shape)
        return single(shape, dtype if declared is None else str(declared))

    return apply


all = any = reduction(_bool)
amax = amin = max = min = ptp = reduction(_same)
nanmax = nanmin = reduction(_same)
argmax = argmin = count_nonzero = reduction(_index)
sum = nansum = reduction(_summed)
prod = reduction(_multiplied)
mean = reduction(_averaged)
std = reduction(_spread)
var = nanmean = reduction(_floated)
median = reduction(_middle)
logsumexp = reduction(_default)


def moments(site: Site) -> Result:
    """(…) → the mean and the variance along `axes`."""
    x = site.tensor()
    numeric(site, x)
    one = Tensor(None if x.shape is None else reduced(site, x.shape, "axes"), x.dtype)
    return Result((one, one))


def running(change: Callable[[Site, str], str | None]) -> Rule:
    """The rule of an op that runs along an axis: the shape stays, or without an axis all becomes one dimension."""

    def apply(site: Site) -> Result:
        x, declared = site.tensor(), value(site, "dtype")
        numeric(site, x)
        dtype = str(declared) if declared is not None else x.dtype
        shape = x.shape
        if shape is not None and value(site, "axis") is None:
            shape = (size_of(shape),)
        elif shape is not None:
            axis(site, "axis", integer(site, "axis"), len(shape), shape)
        return single(shape, None if dtype is None else change(site, dtype))

    return apply


def _counted(_: Site, dtype: str) -> str:
    return "int32" if dtype == "bool" else dtype


cumsum = cumprod = running(_counted)
sort = running(_same)
argsort = running(_index)
