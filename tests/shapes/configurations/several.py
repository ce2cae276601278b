"""Layers of several tensors: merging, attention."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.shapes.configurations.drawing import Arguments, Cases, alike, booleans, given, one_of
from tests.shapes.judge import Case

LAYERS: Cases = {}


@st.composite
def merging(draw: DrawFn, name: str, arguments: Arguments, most: int = 3) -> Case:
    count = draw(st.integers(1, most))
    inputs = draw(alike(draw(st.integers(1, 4)), count))
    return Case("layers", name, draw(arguments), {"inputs": inputs})


for merge in ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"):
    LAYERS[merge] = merging(merge, given({}))
LAYERS["Concatenate"] = merging("Concatenate", given({}, axis=one_of(-1, -1, 1, 2, -2, 0, 5, -6)))
LAYERS["Dot"] = merging("Dot", given({"axes": one_of(-1, 1, 2, [1, 2], [2, 1], [-1, 1], 0, 7)}))


# Attention ----------------------------------------------------------------------------------------------------------
@st.composite
def attention(draw: DrawFn, name: str) -> Case:
    optional = {"use_scale": booleans, "score_mode": one_of("dot", "concat", "dots")}
    arguments = draw(given({}, **(optional if name == "Attention" else {"use_scale": booleans})))
    count = draw(one_of(2, 2, 3, 3, 4))
    inputs = draw(alike(draw(one_of(2, 3, 3, 3, 4)), count))
    return Case("layers", name, arguments, {"inputs": inputs}, draw(scores))


scores = one_of({}, {"return_attention_scores": True})
LAYERS["Attention"] = attention("Attention")
LAYERS["AdditiveAttention"] = attention("AdditiveAttention")


@st.composite
def multi_head(draw: DrawFn) -> Case:
    arguments = draw(
        given(
            {"num_heads": one_of(1, 2, 4, 0), "key_dim": one_of(1, 3, 0)},
            value_dim=one_of(None, 2),
            use_bias=booleans,
            use_gate=booleans,
            output_shape=one_of(None, 3, [5], [2, 3]),
            attention_axes=one_of(None, None, None, 1, [1], 2, [1, 2], -2, 7),
        )
    )
    roles = ["query", "value", "key"][: draw(one_of(2, 2, 3))]
    found = draw(alike(draw(one_of(3, 3, 3, 4, 2)), len(roles)))
    return Case("layers", "MultiHeadAttention", arguments, dict(zip(roles, found, strict=True)), draw(scores))


LAYERS["MultiHeadAttention"] = multi_head()


@st.composite
def group_query(draw: DrawFn) -> Case:
    arguments = draw(
        given(
            {
                "head_dim": one_of(1, 3, 0),
                "num_query_heads": one_of(2, 4, 4, 3),
                "num_key_value_heads": one_of(1, 2, 2, 3),
            },
            use_bias=booleans,
            use_gate=booleans,
            dropout=one_of(0.0, 0.1),
            sliding_window=one_of(None, 2, 0),
            flash_attention=one_of(None, None, None, True),
        )
    )
    roles = ["query", "value", "key"][: draw(one_of(2, 2, 3))]
    found = draw(alike(draw(one_of(3, 3, 3, 3, 4, 2)), len(roles)))
    return Case("layers", "GroupQueryAttention", arguments, dict(zip(roles, found, strict=True)), draw(scores))


LAYERS["GroupQueryAttention"] = group_query()
