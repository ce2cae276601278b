"""Ops of neural networks that are not elementwise: softmax, gating, normalization, attention."""

from __future__ import annotations

from collections.abc import Sequence

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Rule, Site, single
from specc.shapes.arguments import axes, axis, integer, value, wrong
from specc.shapes.costs import SOFTMAX, elements, per_element, times, total
from specc.shapes.dimensions import agree, broadcast, ranked, size_of
from specc.shapes.dtypes import DEFAULT, FLOATS, INTEGERS, among, fractional, numeric, one_dtype, promote
from specc.tensors import Shape, Tensor, show

__all__ = [
    "batch_normalization",
    "dot_product_attention",
    "glu",
    "layer_normalization",
    "log_softmax",
    "normalize",
    "rms_normalization",
    "softmax",
    "sparsemax",
]


def along_axis(operations: int, allowed: Sequence[str], dtype: str | None = None) -> Rule:
    """The rule of an op that works along an axis, which must be there, with so many operations for each element."""

    def apply(site: Site) -> Result:
        x = site.tensor()
        among(site, allowed, x)
        if x.shape is not None:
            axes(site, "axis", x.shape)
        return single(x.shape, dtype or x.dtype, flops=per_element(x.shape, operations))

    return apply


softmax = log_softmax = along_axis(SOFTMAX, FLOATS)


def sparsemax(site: Site) -> Result:
    """(…) → the same, as shares of one along the axis, of which many are none."""
    x, at = site.tensor(), integer(site, "axis")
    # Counting along a known axis in half precision is what TensorFlow cannot.
    known = x.shape is not None and x.shape[axis(site, "axis", at, len(x.shape), x.shape)] is not None
    allowed = tuple(dtype for dtype in FLOATS if dtype != "float16") if known else FLOATS
    # A sum along the axis, less one, divided, compared; what is above, once more summed, taken off and compared.
    return along_axis(8, allowed)(site)


def normalize(site: Site) -> Result:
    """(…) → the same, of length 1 along the axis. Keras declares `float32` whatever comes."""
    whole_numbers = integer(site, "order", 1) != 2
    return along_axis(3, (*FLOATS, *INTEGERS, "bool") if whole_numbers else FLOATS, DEFAULT)(site)


def _normalized(site: Site, each: int, *learnt: str) -> Result:
    """(…) → the same, less the mean and divided by the spread along `axis`, and scaled where a scale is given."""
    x, given = site.tensor("x"), [site.tensor(name) for name in learnt if name in site.inputs]
    numeric(site, x, *given)
    if x.shape is None:
        return single(None, x.dtype, flops=None)
    along = axes(site, "axis", x.shape) or ()
    for one in given:
        if one.shape is None:
            continue
        if site.call.name == "layer_normalization" and len(one.shape) != len(x.shape):
            fits = agree(size_of(one.shape), size_of([x.shape[i] for i in along]))
        else:
            fits = stays(site, x.shape, one.shape)
        if not fits:
            raise Refusal(
                codes.S302,
                f"{site.label} of {show(x.shape)} has no use for {show(one.shape)} along its axis",
                help="a scale and an offset have the size of the axis",
            )
    return single(x.shape, x.dtype, flops=per_element(x.shape, each + len(given)))


def stays(site: Site, shape: Shape, beside: Shape) -> bool:
    """Whether a shape stays as it is where another is broadcast with it.

    Raises:
        Refusal: S302 when they do not fit each other.
    """
    met = broadcast(site, shape, beside) or ()
    return len(met) == len(shape) and all(a is None or b == a for a, b in zip(shape, met, strict=True))


def layer_normalization(site: Site) -> Result:
    """(…) → the same, of mean 0 and spread 1 along `axis`; `gamma` and `beta` scale and shift it."""
    return _normalized(site, 6, "gamma", "beta")


def rms_normalization(site: Site) -> Result:
    """(…) → the same, of length 1 along `axis`; `scale` scales it."""
    return _normalized(site, 3, "scale")


def batch_normalization(site: Site) -> Result:
    """(…) and a mean and a variance for each place along `axis` → the same, scaled and shifted where both are given."""
    x, at = site.tensor("x"), integer(site, "axis")
    learnt = [name for name in ("mean", "variance", "offset", "scale") if name in site.inputs]
    fractional(site, x, *(site.tensor(name) for name in learnt))
    one_dtype(site, *(site.tensor(name) for name in learnt))
    if "offset" in learnt and "scale" not in learnt:
        raise Refusal(
            codes.S204,
            f"{site.label} is given an `offset` and no `scale`, which Keras does not take",
            help="give it a `scale` as well, of ones",
        )
    if x.shape is None:
        return single(None, x.dtype, flops=None)
    length = x.shape[axis(site, "axis", at, len(x.shape), x.shape)]
    for name in learnt:
        shape = site.tensor(name).shape
        if shape is not None and shape != (length,):
            unknown = len(shape) == 1 and agree(shape[0], length)
            raise Refusal(
                codes.S305 if unknown else codes.S302 if len(shape) == 1 else codes.S301,
                f"{site.label} needs `{name}` as a vector of {'?' if length is None else length}, axis {at} of "
                f"{show(x.shape)}, and is given {show(shape)}",
                help="write the dimension in `model.inputs`" if unknown else "bring it to that with `Reshape`",
            )
    if length is None and at != -1:
        raise Refusal(
            codes.S305,
            f"{site.label} must know how long axis {at} of {show(x.shape)} is",
            help="write it in `model.inputs`, or make it the last axis and write `axis: -1`",
        )
    return single(x.shape, x.dtype, flops=total(per_element(x.shape, 2), times(5, length)))


def glu(site: Site) -> Result:
    """(…, 2·n) → (…, n): one half gates the other."""
    x = site.tensor()
    fractional(site, x)
    if x.shape is None:
        return single(None, x.dtype, flops=None)
    at = axis(site, "axis", integer(site, "axis"), len(x.shape), x.shape)
    length = x.shape[at]
    if length is not None and length % 2:
        raise Refusal(
            codes.S302,
            f"{site.label} halves axis {at} of {show(x.shape)}, and {length} is odd",
            help="make it even",
        )
    shape = (*x.shape[:at], None if length is None else length // 2, *x.shape[at + 1 :])
    # A sigmoid and a product for each element; the gate is kept beside the output.
    return single(shape, x.dtype, flops=per_element(shape, 2), kept=(Tensor(shape, x.dtype),) * 2)


def dot_product_attention(site: Site) -> Result:
    """Query (batch, T, heads, d), key and value (batch, S, heads, d) → (batch, T, heads, d)."""
    query, key, looked_at = site.tensor("query"), site.tensor("key"), site.tensor("value")
    numeric(site, query, key, looked_at)
    for name in ("flash_attention", "attn_logits_soft_cap"):
        if value(site, name):
            raise wrong(site, name, value(site, name), "left out: TensorFlow has no such attention")
    needed = "an input of 4 dimensions, (batch, steps, heads, features)"
    shapes = [ranked(site, t, 4, needed) for t in (query, key, looked_at)]
    q, k, v = ((None,) * 4 if s is None else s for s in shapes)
    if not agree(q[3], k[3]):
        raise _apart(
            site, "compares a query {} with a key {}, of different widths", q, k, "bring both to one width with `Dense`"
        )
    if not all(agree(k[i], v[i]) for i in (0, 1, 2)):
        raise _apart(
            site,
            "has a key {} and a value {}, one for each other",
            k,
            v,
            "make both of one tensor, with a `Dense` each",
        )
    if not agree(q[0], k[0]):
        raise _apart(site, "has a query {} and a key {} of different batches", q, k, "give them one batch")
    heads, shared = q[2], k[2]
    if heads is not None and shared is not None and heads != shared and (shared == 1 or heads % shared):
        raise _apart(
            site,
            "has a query {} and a key {}, of heads that do not go together",
            q,
            k,
            "give the query as many heads, or a multiple of them",
        )
    scores = (q[0], heads, q[1], k[1])
    _masked(site, scores)
    # Keras declares the shape of the query, also where the values are of another width.
    shape = None if shapes[0] is None else (*q[:3], q[3] if q[3] == v[3] else None)
    dtype = promote(site, (query.dtype, key.dtype, looked_at.dtype))
    among(site, (*FLOATS, "int32", "int64"), Tensor(None, dtype))
    pairs, width = elements(scores), k[3] if q[3] is None else q[3]
    flops = total(times(2, pairs, width), times(SOFTMAX + 1, pairs), times(2, pairs, v[3]))
    return single(shape, dtype, flops=flops, kept=(Tensor(scores, "float32"), Tensor((*q[:3], v[3]), dtype)))


def _apart(site: Site, what: str, one: Shape, other: Shape, help: str) -> Refusal:
    return Refusal(codes.S302, f"{site.label} {what.format(show(one), show(other))}", help=help)


def _masked(site: Site, scores: Shape) -> None:
    """A mask of truths, and a bias, that fit the scores (batch, heads, T, S)."""
    if "mask" in site.inputs:
        among(site, ("bool",), site.tensor("mask"))
    for name in ("mask", "bias"):
        shape = site.tensor(name).shape if name in site.inputs else None
        if shape is not None and not stays(site, scores, shape):
            raise Refusal(
                codes.S301 if len(shape) > len(scores) else codes.S302,
                f"{site.label} has scores {show(scores)}, and is given a {name} {show(shape)}",
                help="it must fit (batch, heads, steps of the query, steps of the key)",
            )
