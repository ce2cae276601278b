"""Encoding: numbers and words become classes, bins, counts and vectors of zeros and ones."""

from __future__ import annotations

from itertools import pairwise

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import choice, flag, integer, size, value, wrong
from specc.shapes.dimensions import agree, listing
from specc.shapes.dtypes import compute_dtype, is_integer, numeric
from specc.tensors import Shape, Tensor, show

__all__ = ["CategoryEncoding", "Discretization", "HashedCrossing", "Hashing"]


def appended(shape: Shape, depth: int | None) -> Shape:
    """One vector for each element; a last dimension of 1 becomes the vector."""
    return (*shape[:-1], depth) if len(shape) > 1 and shape[-1] == 1 else (*shape, depth)


def gathered(shape: Shape, depth: int | None) -> Shape:
    """One vector for all elements along a dimension: Keras declares that it is the last one, and takes the second."""
    middle = tuple(a if a == b else None for a, b in pairwise(shape[1:]))
    return (*shape[:1], *middle, depth) if len(shape) > 1 else (depth,)


def dense(site: Site, mode: str | None) -> None:
    """Refuse a `sparse` output of single numbers.

    Raises:
        Refusal: S105.
    """
    if flag(site, "sparse") and mode == "int":
        raise wrong(site, "sparse", True, "false where `output_mode` is `int`")


def CategoryEncoding(site: Site) -> Result:
    """(batch, n) → (batch, num_tokens), or with `one_hot` (batch, n, num_tokens)."""
    mode = choice(site, "output_mode", "multi_hot", "one_hot", "count")
    if value(site, "num_tokens") is None:
        raise wrong(site, "num_tokens", None, "a whole number: how many categories there are")
    tokens, inputs, weights = size(site, "num_tokens"), site.tensor(), site.inputs.get("count_weights")
    numeric(site, inputs)
    if weights is not None and mode != "count":
        raise wrong(site, "output_mode", mode, "`count` where `count_weights` are given")
    counted = inputs.dtype in ("uint8", "uint16", "int8", "int16", "uint32", "uint64")
    if mode != "one_hot" and counted and inputs.rank in (1, 2):
        raise Refusal(
            codes.S304,
            f"{site.label} counts int32 and int64, and is given {inputs.dtype}",
            help="bring it there first: `ops.cast: int32`",
        )
    if inputs.shape is None:
        return single(None, compute_dtype(site))
    shape = appended(inputs.shape, tokens) if mode == "one_hot" else gathered(inputs.shape, tokens)
    if isinstance(weights, Tensor) and weights.shape is not None and weights.shape != inputs.shape:
        fits = len(weights.shape) == len(inputs.shape) and all(map(agree, weights.shape, inputs.shape))
        if not fits:
            raise Refusal(
                codes.S302,
                f"{site.label} needs a weight for each number of {show(inputs.shape)}, and has {show(weights.shape)}",
                help="give `count_weights` the shape of the inputs",
            )
    return single(shape, compute_dtype(site))


def Discretization(site: Site) -> Result:
    """(…) → (…), the number of the bin that each falls into; or as `output_mode` says."""
    mode, edges = choice(site, "output_mode", "int", "one_hot", "multi_hot", "count"), value(site, "bin_boundaries")
    dense(site, mode)
    if edges is None:
        found = value(site, "num_bins")
        needed = "given: where each bin ends; a feature of type `number` with `bins` finds out from the data"
        raise wrong(site, "bin_boundaries", found, needed)
    if value(site, "num_bins") is not None:
        raise wrong(site, "num_bins", value(site, "num_bins"), "left out where `bin_boundaries` are given")
    inputs, depth = site.tensor(), len(edges) + 1
    numeric(site, inputs)
    dtype, shape = compute_dtype(site), inputs.shape
    if mode == "int":
        return single(shape, "int32")
    if shape is None:
        return single(None, dtype)
    if mode == "one_hot":
        return single(appended(shape, depth), dtype)
    return single((shape[0], *shape[2:], depth) if len(shape) > 1 else (depth,), dtype)


def Hashing(site: Site) -> Result:
    """(…) → (…), a number below `num_bins` for each; or as `output_mode` says."""
    mode, bins = choice(site, "output_mode", "int", "one_hot", "multi_hot", "count"), size(site, "num_bins")
    inputs, shape = site.tensor(), site.tensor().shape
    dtype = ("int64" if mode == "int" else "float32") if value(site, "dtype") is None else compute_dtype(site)
    if mode == "int" and dtype not in ("int32", "int64", None):
        raise wrong(site, "dtype", value(site, "dtype"), "`int32` or `int64` where `output_mode` is `int`")
    dense(site, mode)
    masks = value(site, "mask_value")
    if masks is not None and inputs.dtype is not None and (bins is None or bins > 1):
        text = inputs.dtype == "string"
        if isinstance(masks, str) is not text:
            raise wrong(site, "mask_value", masks, f"{'text' if text else 'a number'}, as the inputs are")
    if shape is None or mode == "int":
        return single(shape, dtype)
    if mode == "one_hot":
        # Keras declares one vector for all along the last dimension, and makes one for each.
        return single((*shape[:-1], bins) if len(shape) > 1 and shape[-1] == 1 else None, dtype)
    return single(gathered(shape, bins), dtype)


def HashedCrossing(site: Site) -> Result:
    """Two of (batch,) or (batch, 1) → the same, a number below `num_bins` for each pair; or a vector for it."""
    bins, mode = integer(site, "num_bins", 1), choice(site, "output_mode", "int", "one_hot")
    given = site.tensors()
    if len(given) != 2:
        raise Refusal(
            codes.S204,
            f"{site.label} crosses exactly 2 tensors, and is given {len(given)}",
            help="name them beside the call: `inputs: [left, right]`",
        )
    for one in given:
        if one.dtype not in ("string", None) and not is_integer(one.dtype):
            raise Refusal(
                codes.S304,
                f"{site.label} crosses whole numbers and text, and is given {one.dtype}",
                help="give it features of type `category`, or numbers in bins: `Discretization`",
            )
        if one.shape is not None and (len(one.shape) > 2 or not agree(one.shape[-1] if one.shape[1:] else 1, 1)):
            raise Refusal(
                codes.S302 if len(one.shape) == 2 else codes.S301,
                f"{site.label} crosses single values, (batch,) or (batch, 1), and is given {show(one.shape)}",
                help="cross each pair of features by itself",
            )
    dtype = "int64" if mode == "int" and value(site, "dtype") is None else compute_dtype(site)
    left, right = (one.shape for one in given)
    if left is None or right is None:
        return single(None, dtype)
    if left != right:
        raise Refusal(
            codes.S302 if len(left) == len(right) else codes.S301,
            f"{site.label} is given {listing([left, right])}, which differ",
            help="bring both to (batch, 1) first, with `Reshape: [1]`",
        )
    return single(left if mode == "int" else appended(left, bins), dtype)
