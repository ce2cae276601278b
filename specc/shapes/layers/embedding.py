"""Embeddings: a vector for each number, and the way back."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import flag, size
from specc.shapes.costs import elements, times
from specc.shapes.dimensions import agree, joined, kernels, ranked_from
from specc.shapes.dtypes import compute_dtype, is_quantized, numeric
from specc.shapes.layers.core import adapted
from specc.tensors import show

__all__ = ["Embedding", "ReversibleEmbedding"]


def Embedding(site: Site) -> Result:
    """(…) → (…, output_dim)."""
    rows, columns, inputs = size(site, "input_dim"), size(site, "output_dim"), site.tensor()
    numeric(site, inputs)
    shape = None if inputs.shape is None else (*inputs.shape, columns)
    return single(shape, compute_dtype(site), adapted(site, (rows, columns), None))


def ReversibleEmbedding(site: Site) -> Result:
    """(…) → (…, output_dim); called with `reverse: true`, (…, output_dim) → (…, input_dim)."""
    rows, columns, inputs = size(site, "input_dim"), size(site, "output_dim"), site.tensor()
    numeric(site, inputs)
    back = () if flag(site, "tie_weights", True) else kernels((columns, rows))
    weights = None if is_quantized(site) else joined(kernels((rows, columns)), back)
    dtype = compute_dtype(site)
    if not flag(site, "reverse"):
        return single(None if inputs.shape is None else (*inputs.shape, columns), dtype, weights)
    # Keras declares the dtype that the layer computes in, whatever `reverse_dtype` says.
    dtype = dtype if site.arguments.get("reverse_dtype") in (None, dtype) else None
    shape = ranked_from(site, inputs, 2)
    if shape is None:
        return single(None, dtype, weights, None)
    if not agree(shape[-1], columns):
        raise Refusal(
            codes.S302,
            f"{site.label} goes back from vectors of {columns}, and is given {show(shape)}",
            help=f"bring the last dimension to {columns} first, with `Dense`",
        )
    output = (*shape[:-1], rows)
    capped = 0 if site.arguments.get("logit_soft_cap") is None else 3
    each = None if columns is None else 2 * columns + capped
    return single(output, dtype, weights, times(each, elements(output)))
