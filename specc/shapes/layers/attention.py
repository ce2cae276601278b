"""Attention: what is asked, what is looked at, and what is made of it."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site
from specc.shapes.arguments import choice, flag, size, value, whole, wrong
from specc.shapes.dimensions import agree, joined, kernels, known
from specc.shapes.dtypes import compute_dtype, fractional, is_quantized, numeric
from specc.tensors import Shape, Tensor, Weight, show

__all__ = ["AdditiveAttention", "Attention", "MultiHeadAttention"]


def _scored(site: Site, output: Shape | None, scores: Shape | None, weights: tuple[Weight, ...] | None) -> Result:
    dtype = compute_dtype(site)
    outputs = (Tensor(output, dtype), Tensor(scores, dtype))
    return Result(outputs if flag(site, "return_attention_scores") else outputs[:1], weights)


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
        return _scored(site, None, None, weights)
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
    return _scored(site, (*query[:-1], looked_at[-1]), (*query[:-1], key[-2]), weights)


def MultiHeadAttention(site: Site) -> Result:
    """Query (batch, T, d), value and key (batch, S, …) → (batch, T, d), or as wide as `output_shape`.

    Query and value of different ranks are refused here; Keras notices when it runs.
    """
    heads, per_head = size(site, "num_heads"), size(site, "key_dim")
    per_value = per_head if value(site, "value_dim") is None else size(site, "value_dim")
    if value(site, "sliding_window") is not None:
        whole(site, "sliding_window", value(site, "sliding_window"), 1)
    made = _output_shape(site)
    query, looked_at = site.tensor(), site.tensor("value" if "value" in site.inputs else "")
    key = site.tensor("key") if "key" in site.inputs else looked_at
    numeric(site, query, looked_at, key)
    if query.shape is None or looked_at.shape is None or key.shape is None:
        return _scored(site, None, None, None)
    _fit(site, query.shape, looked_at.shape, key.shape)
    wide = [
        known(site, shape, -1, f"the last dimension of the {role}")
        for role, shape in (("query", query.shape), ("key", key.shape), ("value", looked_at.shape))
    ]
    output = made or (wide[0],)
    biased, gated = flag(site, "use_bias", True), flag(site, "use_gate")
    projections = [(wide[0], per_head), (wide[1], per_head)]
    projections += [(wide[0], per_value)] * gated + [(wide[2], per_value)]
    weights = joined(
        *(_projection((width,), (heads, depth), biased) for width, depth in projections),
        _projection((heads, per_value), output, biased),
    )
    whole_output = query.shape[:-1] + (made or query.shape[-1:])
    # Keras declares the scores as if the value were as long as the query; they are as long as the value is.
    length = query.shape[1] if query.shape[1] == looked_at.shape[1] else None
    scores = (query.shape[0], heads, query.shape[1], length)
    return _scored(site, whole_output, scores, None if is_quantized(site) else weights)


def _projection(come: tuple[int | None, ...], goes: tuple[int | None, ...], biased: bool) -> tuple[Weight, ...] | None:
    return kernels((*come, *goes), *[goes] * biased)


def _output_shape(site: Site) -> tuple[int, ...]:
    found = value(site, "output_shape")
    listed = found if isinstance(found, tuple) else () if not found else (found,)
    return tuple(whole(site, "output_shape", one, 1) for one in listed)


def _fit(site: Site, query: Shape, looked_at: Shape, key: Shape) -> None:
    if len({len(query), len(looked_at), len(key)}) > 1 or len(query) < 3:
        raise Refusal(
            codes.S301,
            f"{site.label} needs query, value and key of the same number of dimensions, at least 3; "
            f"it is given {show(query)}, {show(looked_at)} and {show(key)}",
            help="(batch, steps, features) is what it mostly takes",
        )
    if looked_at[1:-1] != key[1:-1]:
        fits = all(agree(a, b) for a, b in zip(looked_at[1:-1], key[1:-1], strict=True))
        raise Refusal(
            codes.S305 if fits else codes.S302,
            f"{site.label} has a value {show(looked_at)} and a key {show(key)}, which differ before the last dimension",
            help="a key stands for each value: their steps must be equal, or be left unknown in both",
        )
    given = value(site, "attention_axes")
    if given is not None:
        rank = len(looked_at)
        for one in given if isinstance(given, tuple) else (given,):
            if not -rank <= whole(site, "attention_axes", one) < rank - 1 or one % rank in (0, rank - 1):
                raise wrong(site, "attention_axes", given, f"axes from 1 to {rank - 2}")
