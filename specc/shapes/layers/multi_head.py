"""Attention of several heads: what is asked and what is looked at, projected for each head, and brought together."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site
from specc.shapes.arguments import flag, size, value, whole, wrong
from specc.shapes.costs import SOFTMAX, positions, times, total
from specc.shapes.dimensions import agree, joined, kernels, known, ranked, size_of
from specc.shapes.dtypes import is_quantized, numeric
from specc.shapes.layers.attention import scored
from specc.tensors import Shape, Weight, show

__all__ = ["GroupQueryAttention", "MultiHeadAttention"]


def MultiHeadAttention(site: Site) -> Result:
    """Query (batch, T, d), value and key (batch, S, …) → (batch, T, d), or as wide as `output_shape`.

    Query and value of different ranks are refused here; Keras notices when it runs.
    """
    heads, per_head = size(site, "num_heads"), size(site, "key_dim")
    per_value = per_head if value(site, "value_dim") is None else size(site, "value_dim")
    if value(site, "sliding_window") is not None:
        whole(site, "sliding_window", value(site, "sliding_window"), 1)
    made = _output_shape(site)
    _no_flash(site)
    query, looked_at = site.tensor(), site.tensor("value" if "value" in site.inputs else "")
    key = site.tensor("key") if "key" in site.inputs else looked_at
    numeric(site, query, looked_at, key)
    if query.shape is None or looked_at.shape is None or key.shape is None:
        return scored(site, None, None, None, None)
    _fit(site, query.shape, looked_at.shape, key.shape)
    wide = _widths(site, query.shape, key.shape, looked_at.shape)
    output = made or (wide[0],)
    biased, gated = flag(site, "use_bias", True), flag(site, "use_gate")
    projections = [(wide[0], per_head), (wide[1], per_head)]
    projections += [(wide[0], per_value)] * gated + [(wide[2], per_value)]
    weights = joined(
        *(_projection((width,), (heads, depth), biased) for width, depth in projections),
        _projection((heads, per_value), output, biased),
    )
    # Keras declares the scores as if the value were as long as the query; they are as long as the value is.
    length = query.shape[1] if query.shape[1] == looked_at.shape[1] else None
    scores = (query.shape[0], heads, query.shape[1], length)
    asked, looked = positions(query.shape), positions(looked_at.shape)
    apart = _apart(site, query.shape)
    between = [(asked, per_head), (looked, per_head), *[(asked, per_value)] * gated, (looked, per_value)]
    flops = total(
        *(
            _dense(width, times(heads, depth), at, biased)
            for (width, depth), (at, _) in zip(projections, between, strict=True)
        ),
        _attending(heads, per_head, per_value, asked, looked, apart, gated, _fused(site, query.shape)),
        _dense(times(heads, per_value), size_of(output), asked, biased),
    )
    held = [(None, times(at, heads, depth)) for at, depth in [*between, (asked, per_value)]]
    whole_output = query.shape[:-1] + (made or query.shape[-1:])
    pairs = (None, quotient(times(heads, asked, looked), apart))
    return scored(site, whole_output, scores, None if is_quantized(site) else weights, flops, *held, held=pairs)


def GroupQueryAttention(site: Site) -> Result:
    """Query (batch, T, d), value (batch, S, d), key (batch, S, …) → (batch, T, d): heads share keys and values."""
    heads, shared, depth = size(site, "num_query_heads"), size(site, "num_key_value_heads"), size(site, "head_dim")
    if heads is not None and shared is not None and heads % shared:
        raise wrong(site, "num_key_value_heads", shared, f"a divisor of `num_query_heads`, {heads}")
    if value(site, "sliding_window") is not None:
        whole(site, "sliding_window", value(site, "sliding_window"), 1)
    _no_flash(site)
    query, looked_at = site.tensor(), site.tensor("value" if "value" in site.inputs else "")
    key = site.tensor("key") if "key" in site.inputs else looked_at
    numeric(site, query, looked_at, key)
    if query.shape is None or looked_at.shape is None or key.shape is None:
        return scored(site, None, None, None, None)
    for role, tensor in (("query", query), ("value", looked_at), ("key", key)):
        ranked(site, tensor, 3, f"a {role} of 3 dimensions, (batch, steps, features)")
    _alike_before_the_last(site, looked_at.shape, key.shape)
    wide = _widths(site, query.shape, key.shape, looked_at.shape)
    if wide[0] != wide[2]:
        raise Refusal(
            codes.S302,
            f"{site.label} has a query {show(query.shape)} and a value {show(looked_at.shape)} of different widths",
            help="bring one to the other's width with `Dense`, or use `MultiHeadAttention`",
        )
    biased, gated = flag(site, "use_bias", True), flag(site, "use_gate")
    asked, looked = positions(query.shape), positions(looked_at.shape)
    projections = [(wide[0], heads, asked), (wide[1], shared, looked)]
    projections += [(wide[0], heads, asked)] * gated + [(wide[2], shared, looked)]
    # Keras makes the gate after the key, and lists its weights there.
    weights = joined(
        *(_projection((width,), (count, depth), biased) for width, count, _ in projections),
        _projection((heads, depth), (wide[0],), biased),
    )
    flops = total(
        *(_dense(width, times(count, depth), at, biased) for width, count, at in projections),
        _attending(heads, depth, depth, asked, looked, query.shape[0] or 1, gated, _fused(site, query.shape)),
        _dense(times(heads, depth), wide[0], asked, biased),
    )
    scores = (query.shape[0], heads, query.shape[1], key.shape[1])
    # Keys and values are there once for each head that asks.
    held = [(None, times(at, heads, depth)) for _, _, at in [*projections, (0, heads, asked)]]
    return scored(site, query.shape, scores, None if is_quantized(site) else weights, flops, *held)


def _dense(width: int | None, wide: int | None, at: int | None, biased: bool) -> int | None:
    """The operations of a projection at so many positions."""
    return total(times(2, width, wide, at), times(wide, at) if biased else 0)


def _attending(
    heads: int | None,
    per_head: int | None,
    per_value: int | None,
    asked: int | None,
    looked: int | None,
    apart: int | None,
    gated: bool,
    scores_scaled: bool,
) -> int | None:
    """Comparing a query with each key, scaling that or the query, a softmax, and summing the values by it.

    `apart` says how many sequences there are of which each is looked at by itself.
    """
    pairs = quotient(times(heads, asked, looked), apart)
    query, answer = times(heads, asked, per_head), times(heads, asked, per_value)
    gate = times(2, answer) if gated else 0  # a sigmoid, and a product with it
    return total(
        pairs if scores_scaled else query,
        times(2, per_head, pairs),
        times(SOFTMAX, pairs),
        times(2, per_value, pairs),
        gate,
    )


def _fused(site: Site, query: Shape) -> bool:
    """Whether Keras leaves all of it to one function of TensorFlow's: where nothing else needs the scores."""
    return len(query) == 3 and not flag(site, "return_attention_scores") and not site.arguments.get("dropout")


def quotient(whole_number: int | None, parts: int | None) -> int | None:
    return None if whole_number is None or not parts else whole_number // parts


def _apart(site: Site, query: Shape) -> int | None:
    """How many sequences attend to themselves: the batch, and the axes that `attention_axes` leaves out."""
    given = value(site, "attention_axes")
    listed = given if isinstance(given, tuple) else () if given is None else (given,)
    along = {one % len(query) for one in listed} or set(range(1, len(query) - 1))
    return size_of([query[0] or 1, *(d for i, d in enumerate(query[1:-1], 1) if i not in along)])


def _no_flash(site: Site) -> None:
    """Refuse `flash_attention`, which Keras has for other backends; on TensorFlow it fails once it runs."""
    if site.arguments.get("flash_attention"):
        raise wrong(site, "flash_attention", True, "left out: TensorFlow has no such kernel")


def _widths(site: Site, query: Shape, key: Shape, looked_at: Shape) -> list[int]:
    """The last dimensions of query, key and value."""
    roles = (("query", query), ("key", key), ("value", looked_at))
    return [known(site, shape, -1, f"the last dimension of the {role}") for role, shape in roles]


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
    _alike_before_the_last(site, looked_at, key)
    given = value(site, "attention_axes")
    if given is not None:
        rank = len(looked_at)
        for one in given if isinstance(given, tuple) else (given,):
            if not -rank <= whole(site, "attention_axes", one) < rank - 1 or one % rank in (0, rank - 1):
                raise wrong(site, "attention_axes", given, f"axes from 1 to {rank - 2}")


def _alike_before_the_last(site: Site, looked_at: Shape, key: Shape) -> None:
    if looked_at[1:-1] != key[1:-1]:
        fits = all(agree(a, b) for a, b in zip(looked_at[1:-1], key[1:-1], strict=True))
        raise Refusal(
            codes.S305 if fits else codes.S302,
            f"{site.label} has a value {show(looked_at)} and a key {show(key)}, which differ before the last dimension",
            help="a key stands for each value: their steps must be equal, or be left unknown in both",
        )
