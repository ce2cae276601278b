"""Ops that describe many values by a few: averages, quantiles, correlations, counts, areas."""

from __future__ import annotations

from collections.abc import Callable

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Rule, Site, single
from specc.shapes.arguments import axis, extent, integer, value, whole, wrong
from specc.shapes.dimensions import alike, broadcast, ranked, ranked_from
from specc.shapes.dtypes import DEFAULT, FLOATS, fractional, is_float, numbers, numeric, promote
from specc.shapes.ops.reductions import read, reduced
from specc.tensors import Shape, Tensor, show

__all__ = [
    "average",
    "bincount",
    "corrcoef",
    "correlate",
    "histogram",
    "median",
    "nanmedian",
    "nanpercentile",
    "nanquantile",
    "percentile",
    "quantile",
    "trapezoid",
]


def _floated(site: Site, dtype: str) -> str | None:
    return DEFAULT if dtype == "int64" else promote(site, (dtype, "float"))


def _default(_: Site, dtype: str) -> str:
    """Only floats stay what they are."""
    return dtype if is_float(dtype) else DEFAULT


def quantiles(change: Callable[[Site, str], str | None], *, alone: bool) -> Rule:
    """The rule of an op that finds quantiles along axes: of several, the first dimension counts them.

    `alone`: Keras declares that dimension for a list of one as well; else it is made all the same, and left unknown.
    """

    def apply(site: Site) -> Result:
        x, wanted = site.tensor(), value(site, "q", 0.5)
        numeric(site, x)
        if site.call.name.startswith("nan") and value(site, "axis") is not None:
            fractional(site, x)
        dtype = None if x.dtype is None else change(site, x.dtype)
        if x.shape is None:
            return read(x, None, dtype)
        left = reduced(site, x.shape)
        if not isinstance(wanted, tuple):
            return read(x, left, dtype)
        return read(x, (len(wanted), *left) if alone or len(wanted) > 1 else None, dtype)

    return apply


quantile = nanquantile = median = nanmedian = quantiles(_floated, alone=False)
percentile = nanpercentile = quantiles(_default, alone=True)


def average(site: Site) -> Result:
    """(…) → the mean along one axis or of all; `weights` weigh the elements, or the places along the axis."""
    x, along = site.tensor("x"), value(site, "axis")
    numeric(site, x)
    dtypes, weights = [x.dtype, "float"], site.inputs.get("weights")
    if isinstance(weights, Tensor):
        numeric(site, weights)
        dtypes.append(weights.dtype)
    dtype = promote(site, dtypes)
    if along is not None:
        whole(site, "axis", along)
    if x.shape is None:
        return read(x, () if along is None else None, dtype)
    left = reduced(site, x.shape)
    if isinstance(weights, Tensor) and weights.shape is not None:
        at = None if along is None else axis(site, "axis", along, len(x.shape), x.shape)
        along_it = at is not None and alike((x.shape[at],), weights.shape)
        if not along_it and not alike(x.shape, weights.shape):
            raise Refusal(
                codes.S302,
                f"{site.label} weighs {show(x.shape)} with {show(weights.shape)}",
                help="give a weight for each element" + ("" if at is None else f", or for each place along axis {at}"),
            )
    return read(x, left, dtype)


def corrcoef(site: Site) -> Result:
    """(n, values) → (n, n), how each row goes with each other one.

    Keras declares the shape of the input; where it comes out as another one, it is left unknown.
    """
    x = site.tensor()
    numeric(site, x)
    dtype = None if x.dtype is None else _wide(site, x.dtype)
    if x.shape is None or not x.shape:
        return single(x.shape, dtype, flops=None if x.shape is None else 0)
    rows, values = (ranked_from(site, x, 2) or ())[-2:]
    if len(x.shape) > 2:
        return single(None, dtype, flops=None)
    flops = None if rows is None or values is None else 2 * rows * rows * values
    return single((rows, values if rows == values else None), dtype, flops=flops)


def _wide(site: Site, dtype: str) -> str | None:
    return "float64" if dtype == "int64" else promote(site, (dtype, "float"))


def correlate(site: Site) -> Result:
    """(n) and (m) → one slid along the other: all that meets (`full`), what is wholly inside (`valid`).

    Of a first vector that is the shorter one, what is inside comes out as Keras does not declare it.
    """
    one, other = site.tensor("x1"), site.tensor("x2")
    numeric(site, one, other)
    dtype = promote(site, (one.dtype, other.dtype))
    if dtype is not None and dtype not in FLOATS:
        dtype = "float64" if dtype == "int64" else DEFAULT
    shapes = [ranked(site, t, 1, "two vectors") for t in (one, other)]
    lengths = [None if s is None else s[0] for s in shapes]
    known = [n for n in lengths if n is not None]
    if len(known) < 2:
        if None in [n for s in shapes if s is not None for n in s]:
            raise Refusal(
                codes.S305,
                f"{site.label} must know how long both vectors are, and is given {show(one.shape)} and "
                f"{show(other.shape)}",
                help="write the dimension in `model.inputs`, or set it with `ops.reshape` before",
            )
        return single((None,), dtype, flops=None)
    shorter, longer = sorted(known)
    mode = value(site, "mode")
    made = {"valid": longer - shorter + 1, "same": longer, "full": shorter + longer - 1}
    if mode not in made:
        raise wrong(site, "mode", mode, "`valid`, `same` or `full`")
    if mode == "valid" and lengths[0] == shorter < longer:
        return single((None,), dtype, flops=None)
    return single((made[mode],), dtype, flops=2 * made[mode] * shorter)


def bincount(site: Site) -> Result:
    """(…, n) of whole numbers → (…, numbers), how often each occurs: how many there are, only the values tell."""
    x, weights = site.tensor(), value(site, "weights")
    numeric(site, x)
    integer(site, "minlength", 0)
    dtype: str | None = "int32"
    if weights is not None:
        dtype = promote(site, (x.dtype, _dtype_of(weights)))
        if x.shape is not None and not alike(x.shape, extent(weights)):
            raise Refusal(
                codes.S302,
                f"{site.label} weighs {show(x.shape)} with {show(extent(weights))} numbers",
                help="`weights` are as many as the values, in the same form",
                argument="weights",
            )
    if x.shape is None:
        return single(None, dtype, flops=None)
    if len(x.shape) > 2:
        raise Refusal(
            codes.S301,
            f"{site.label} counts along the last axis of one or two, and is given {show(x.shape)}",
            help="bring it to (batch, values) first, with `Flatten` or `ops.reshape`",
        )
    return read(x, (*x.shape[:-1], None), dtype)


def _dtype_of(numbers: object) -> str:
    """The dtype of a tensor made of these numbers."""
    return DEFAULT if not numbers or _fractional(numbers) else "int32"


def _fractional(numbers: object) -> bool:
    return isinstance(numbers, float) or (isinstance(numbers, tuple) and any(_fractional(one) for one in numbers))


def histogram(site: Site) -> Result:
    """(n) → how many values fall into each of `bins`, and the borders of the bins."""
    x, bins, span = site.tensor(), integer(site, "bins", 0), value(site, "range")
    numbers(site, x)
    if span is not None and (not isinstance(span, tuple) or len(span) != 2 or span[1] < span[0]):
        raise wrong(site, "range", span, "the lowest and the highest value, in this order")
    ranked(site, x, 1, "a vector", help="bring it to one dimension first: `ops.ravel`")
    return Result((Tensor((bins,), x.dtype), Tensor((bins + 1,), x.dtype)), flops=x.elements)


def trapezoid(site: Site) -> Result:
    """(…) → the area under it along an axis, by trapezoids of the widths `dx`, or between the places `x`."""
    y, places = site.tensor("y"), value(site, "x")
    numeric(site, y)
    dtype = None if y.dtype is None else promote(site, (y.dtype, "float"))
    shape = ranked_from(site, y, 1)
    if shape is None:
        return read(y, None, dtype)
    at = axis(site, "axis", integer(site, "axis"), len(shape), shape)
    if value(site, "axis") < -1:
        raise wrong(site, "axis", value(site, "axis"), f"-1, or counted from the front: {at}")
    left = (*shape[:at], *shape[at + 1 :])
    return read(y, left if places is None else _widened(site, shape, at, extent(places)), dtype)


def _widened(site: Site, shape: Shape, at: int, places: tuple[int, ...]) -> Shape | None:
    """What is left of a shape, unknown where the widths between the places make more of it than Keras declares.

    Raises:
        Refusal: S302 when the widths do not fit the heights between the values.
    """
    along = axis(site, "axis", integer(site, "axis"), len(places), places)
    widths = (*places[:along], *places[along + 1 :], max(places[along] - 1, 0))
    length, left = shape[at], (*shape[:at], *shape[at + 1 :])
    met = broadcast(site, (*left, None if length is None else max(length - 1, 0)), widths) or ()
    if len(met) > len(shape):
        return None
    return tuple(a if a == b else None for a, b in zip(left, met, strict=False))
