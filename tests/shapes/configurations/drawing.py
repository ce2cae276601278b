"""What configurations are drawn from: sizes, shapes, tensors, arguments; mostly sound, now and then wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from specc import catalog
from specc.calls import Call
from specc.tensors import Shape, Tensor
from tests.shapes.judge import Case, layer

Cases = dict[str, SearchStrategy[Case]]
Arguments = SearchStrategy[Mapping[str, Any]]

FLOATS = ("float32", "float32", "float32", "float16", "float64", "bfloat16")
NUMBERS = (*FLOATS, "int32", "uint8", "int64", "bool")
DTYPES = (*NUMBERS, "string")

sizes = st.integers(1, 5)
dimensions = st.one_of(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.none())
batches = st.sampled_from([None, None, None, 2])
counts = st.sampled_from([1, 2, 3, 4, 6, 0, -1])
booleans = st.booleans()
policies = st.sampled_from([None, None, None, "float16", "mixed_bfloat16", "float64", "flot32"])
formats = st.sampled_from([None, "channels_last", "channels_first", "channels_first"])


@st.composite
def shapes(draw: DrawFn, rank: int) -> Shape:
    """A shape of that rank, the batch mostly unknown."""
    return tuple(draw(batches if i == 0 else dimensions) for i in range(rank))


@st.composite
def near(draw: DrawFn, rank: int) -> int:
    """That rank, or now and then one beside it."""
    return draw(st.sampled_from([rank] * 8 + [rank - 1, rank + 1])) if rank > 1 else draw(st.sampled_from([1, 1, 2]))


@st.composite
def tensors(draw: DrawFn, rank: int | SearchStrategy[int], dtypes: Sequence[str] = FLOATS) -> Tensor:
    found = rank if isinstance(rank, int) else draw(rank)
    return Tensor(draw(shapes(found)), draw(st.sampled_from(dtypes)))


def one_of(*values: Any) -> SearchStrategy[Any]:
    return st.sampled_from(values)


def each(count: int, of: SearchStrategy[Any] = counts) -> SearchStrategy[Any]:
    """A number for every dimension, or a list of them, which now and then is one too long."""
    exact = st.lists(of, min_size=count, max_size=count)
    return st.one_of(of, exact, exact, st.lists(of, min_size=count + 1, max_size=count + 1))


def given(required: Mapping[str, SearchStrategy[Any]], **optional: SearchStrategy[Any]) -> Arguments:
    """Arguments that must be there, and some of those that need not."""
    return st.fixed_dictionaries(dict(required), optional={"dtype": policies, "trainable": booleans, **optional})


@st.composite
def layers_on(draw: DrawFn, name: str, arguments: Arguments, rank: int | SearchStrategy[int], *dtypes: str) -> Case:
    """A layer on one tensor."""
    takes = catalog.signature("layers", name)
    assert takes is not None
    known = {a.name for a in takes.arguments}
    found = {k: v for k, v in draw(arguments).items() if k in known}
    tensor = draw(tensors(draw(near(rank)) if isinstance(rank, int) else rank, dtypes or FLOATS))
    return Case("layers", name, found, {takes.tensors[0].name: tensor})


def each_of(
    names: str, arguments: Callable[[str], Arguments], rank: Callable[[str], Any], *dtypes: str
) -> Iterable[tuple[str, SearchStrategy[Case]]]:
    """Layers that are drawn alike, each by its name."""
    return [(name, layers_on(name, arguments(name), rank(name), *dtypes)) for name in names.split()]


def digit(name: str) -> int:
    return next(int(c) for c in name if c.isdigit())


def any_rank(_: str) -> SearchStrategy[int]:
    return st.integers(1, 5)


def spatial_rank(name: str) -> int:
    return digit(name) + 2


@st.composite
def alike(draw: DrawFn, rank: int, count: int, dtypes: Sequence[str] = FLOATS) -> tuple[Tensor, ...]:
    """Tensors that mostly share their shape: a dimension may be 1, unknown or another one, or missing."""
    shape = draw(shapes(rank))
    found = []
    for _ in range(count):
        mine = [draw(one_of(d, d, d, d, d, 1, None, 4)) for d in shape[1:]]
        cut = draw(one_of(0, 0, 0, 0, 1)) if rank > 1 else 0
        batch = draw(one_of(shape[0], shape[0], shape[0], shape[0], 3))
        found.append(Tensor((batch, *mine[cut:]), draw(st.sampled_from(dtypes))))
    return tuple(found)


@st.composite
def inner(draw: DrawFn, names: str, arguments: Arguments) -> Call:
    name = draw(st.sampled_from(names.split()))
    takes = catalog.signature("layers", name)
    assert takes is not None
    known = {a.name for a in takes.arguments}
    return layer(name, **{k: v for k, v in draw(arguments).items() if k in known})
