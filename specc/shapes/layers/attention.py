"""Attention: what is asked, what is looked at, and what is made of it. With heads: `multi_head.py`."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site
from specc.shapes.arguments import choice, flag, value
from specc.shapes.costs import SOFTMAX, elements, times, total
from specc.shapes.dimensions import agree, kernels, known
from specc.shapes.dtypes import compute_dtype, fractional, numeric
from specc.tensors import Shape, Tensor, Weight, show

__all__ = ["AdditiveAttention", "Attention"]


def scored(
    site: Site,
    output: Shape | None,
    scores: Shape | None,
    weights: tuple[Weight, ...] | None,
    flops: int | None,
    *between: Shape | None,
    held: Shape | None = None,
) -> Result:
    """The output of an attention, and its scores when they are asked for.

    A training step holds both, and what lies `between`; `held` are the scores where Keras declares others.
    """
    dtype = compute_dtype(site)
    outputs = (Tensor(output, dtype), Tensor(scores, dtype))
    kept = (*(Tensor(shape, dtype) for shape in between), outputs[0], Tensor(held or scores, dtype))
    return Result(outputs if flag(site, "return_attention_scores") else outputs[:1], weights, flops, kept)


def _query_value_key(site: Site) -> tuple[Tensor, Tensor, Tensor]:
    """The tensors of `Attention`, which takes them as one list; one alone attends to itself.

    Raises:
        Refusal: S204 for more than three.
    """
    given = site.tensors()
    numeric(site, *given)
    if site.call.name == "Attention":
        fractional(site, *given)
    if not 1 <= len(given) <= 3:
        raise Refusal(
            codes.S204,
            f"{site.label} takes 2 or 3 inputs, and is given {len(given)}",
            help="query and value, or query, value and key: `inputs: [query, value]`",
        )
    query, looked_at = given[0], given[-1 if len(given) < 3 else 1]
    return query, looked_at, given[2] if len(given) == 3 else looked_at


def Attention(site: Site) -> Result:
    """Query (batch, T, d), value (batch, S, v), key (batch, S, d) → (batch, T, v).

    A key that is not as wide as the query is refused here; Keras notices when it runs.
    """
    scaled, mode = flag(site, "use_scale"), choice(site, "score_mode", "dot", "concat")
    return _attend(site, kernels(*[()] * (scaled + (mode == "concat"))))


def AdditiveAttention(site: Site) -> Result:
    """Query (batch, T, d), value (batch, S, v), key (batch, S, d) → (batch, T, v)."""
    choice(site, "score_mode", "dot", "concat")
    query = _query_value_key(site)[0].shape
    if not flag(site, "use_scale", True):
        return _attend(site, ())
    return _attend(site, None if not query else kernels((known(site, query, -1, "the last dimension of the query"),)))


def _attend(site: Site, weights: tuple[Weight, ...] | None) -> Result:
    tensors = _query_value_key(site)
    if any(t.shape is None for t in tensors):
        return scored(site, None, None, weights, None)
    query, looked_at, key = (t.shape or () for t in tensors)
    for role, shape in (("query", query), ("value", looked_at), ("key", key)):
        if len(shape) < 2 or len(shape) != len(query):
            raise Refusal(
                codes.S301,
                f"{site.label} needs query, value and key of the same number of dimensions, at least 2; "
                f"the {role} is {show(shape)}, the query {show(query)}",
                help="(batch, steps, features) is what it mostly takes",
            )
    # Added rather than multiplied, a width of 1 is stretched.
    stretched = 1 in (query[-1], key[-1]) and (site.call.name != "Attention" or value(site, "score_mode") == "concat")
    if not agree(query[-1], key[-1]) and not stretched:
        raise Refusal(
            codes.S302,
            f"{site.label} compares a query {show(query)} with a key {show(key)}, whose last dimensions differ",
            help="bring one to the other's width with `Dense`, or use `MultiHeadAttention`, which does so itself",
        )
    if not agree(looked_at[-2], key[-2]):
        raise Refusal(
            codes.S302,
            f"{site.label} has a value {show(looked_at)} and a key {show(key)} of different lengths",
            help="a key stands for each value: their steps must be equal",
        )
    output, scores = (*query[:-1], looked_at[-1]), (*query[:-1], key[-2])
    pairs = elements(scores)
    compared = times(_operations(site), query[-1] if query[-1] != 1 else key[-1], pairs)
    once = flag(site, "use_scale") and value(site, "score_mode", "dot") == "dot" and site.call.name == "Attention"
    once = once or value(site, "score_mode", "dot") == "concat"
    flops = total(compared, times(SOFTMAX + once, pairs), times(2, key[-2], elements(output)))
    # Added up, a query and a key are there for each pair of them, as wide as they are.
    added = [] if _dot(site) else [(None, times(pairs, query[-1] if query[-1] != 1 else key[-1]))]
    return scored(site, output, scores, weights, flops, *added)


def _dot(site: Site) -> bool:
    """Whether queries and keys are multiplied."""
    return site.call.name == "Attention" and value(site, "score_mode", "dot") == "dot"


def _operations(site: Site) -> int:
    """What comparing one number of a query with one of a key costs: a product and a sum, or a sum, a `tanh`, a sum."""
    if _dot(site):
        return 2
    return 3 + flag(site, "use_scale", site.call.name == "AdditiveAttention")
