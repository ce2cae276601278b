"""Ops of neural networks that are not elementwise: softmax, gating, normalization, pooling, attention."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import axes, axis, integer
from specc.shapes.dimensions import agree, ranked
from specc.shapes.dtypes import DEFAULT, fractional, numeric, promote
from specc.tensors import show

__all__ = [
    "dot_product_attention",
    "glu",
    "layer_normalization",
    "log_softmax",
    "normalize",
    "rms_normalization",
    "softmax",
    "sparsemax",
]


def along_axis(site: Site) -> Result:
    """(…) → the same; the axis must be there."""
    x = site.tensor()
    numeric(site, x)
    if x.shape is not None:
        axes(site, "axis", x.shape)
    return single(x.shape, x.dtype)


def shares(site: Site) -> Result:
    """(…) → the same, as shares of one along the axis."""
    fractional(site, site.tensor())
    return along_axis(site)


softmax = log_softmax = shares
sparsemax = layer_normalization = rms_normalization = along_axis


def normalize(site: Site) -> Result:
    """(…) → the same. Keras declares `float32` whatever comes."""
    return single(along_axis(site).outputs[0].shape, DEFAULT)


def glu(site: Site) -> Result:
    """(…, 2·n) → (…, n): one half gates the other."""
    x = site.tensor()
    numeric(site, x)
    if x.shape is None:
        return single(None, x.dtype)
    at = axis(site, "axis", integer(site, "axis"), len(x.shape), x.shape)
    length = x.shape[at]
    if length is not None and length % 2:
        raise Refusal(
            codes.S302,
            f"{site.label} halves axis {at} of {show(x.shape)}, and {length} is odd",
            help="make it even",
        )
    return single((*x.shape[:at], None if length is None else length // 2, *x.shape[at + 1 :]), x.dtype)


def dot_product_attention(site: Site) -> Result:
    """Query (batch, T, heads, d), key and value (batch, S, heads, d) → (batch, T, heads, d)."""
    query, key, looked_at = site.tensor("query"), site.tensor("key"), site.tensor("value")
    numeric(site, query, key, looked_at)
    needed = "an input of 4 dimensions, (batch, steps, heads, features)"
    shapes = [ranked(site, t, 4, needed) for t in (query, key, looked_at)]
    if shapes[0] and shapes[1] and not agree(shapes[0][-1], shapes[1][-1]):
        raise Refusal(
            codes.S302,
            f"{site.label} compares a query {show(shapes[0])} with a key {show(shapes[1])}, of different widths",
            help="bring both to one width with `Dense`",
        )
    return single(shapes[0], promote(site, (query.dtype, key.dtype, looked_at.dtype)))
