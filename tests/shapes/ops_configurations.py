"""Configurations of ops to hold rules against Keras on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from specc import catalog
from specc.calls import Signature
from specc.shapes import names
from specc.tensors import Tensor
from tests.shapes.configurations import NUMBERS, alike, booleans, one_of, shapes, sizes, tensors
from tests.shapes.judge import Case

DTYPES = (*NUMBERS, "int8", "uint16")
ranks = st.integers(0, 4)
axis = one_of(-1, -1, 0, 1, 2, -2, 5)
axes = one_of(None, None, 0, 1, -1, [0], [1, 2], [-1], [0, -1], 4)


def _signature(name: str) -> Signature:
    found = catalog.signature("ops", name)
    assert found is not None
    return found


@st.composite
def on_one(draw: DrawFn, name: str, arguments: Mapping[str, SearchStrategy[Any]], rank: Any = ranks) -> Case:
    """An op on one tensor, with some of these arguments; those that it needs are always there."""
    takes = _signature(name)
    needed = {a.name for a in takes.arguments if a.required}
    known = {a.name for a in takes.arguments}
    drawn = draw(
        st.fixed_dictionaries(
            {k: v for k, v in arguments.items() if k in needed},
            optional={k: v for k, v in arguments.items() if k in known - needed},
        )
    )
    return Case("ops", name, drawn, {takes.tensors[0].name: draw(tensors(rank, DTYPES))})


@st.composite
def on_two(draw: DrawFn, name: str, dtypes: Sequence[str] = DTYPES, **arguments: SearchStrategy[Any]) -> Case:
    """An op on two tensors, or on one and a number."""
    one, other = draw(alike(draw(st.integers(1, 3)), 2, dtypes))
    takes = _signature(name)
    first, second = takes.tensors[:2]
    drawn = draw(st.fixed_dictionaries({}, optional=arguments))
    if second.name in {a.name for a in takes.arguments} and draw(one_of(False, False, True)):
        return Case("ops", name, {second.name: draw(one_of(2, 0.5)), **drawn}, {first.name: one})
    return Case("ops", name, drawn, {first.name: one, second.name: other})


OPS: dict[str, SearchStrategy[Case]] = {}

_CONSTANTS: Mapping[str, SearchStrategy[Any]] = {"fill_value": st.just(1), "x_min": st.just(0), "x_max": st.just(1)}
_CONSTANTS |= {"threshold": st.just(0.5), "default_value": st.just(0.0), "dtype": one_of("float16", "int32", "flot")}

for op in names("ops"):
    first_two = [t.name for t in _signature(op).tensors[:2]]
    if first_two == ["x1", "x2"]:
        OPS[op] = on_two(op)
    elif len(first_two) == 1:
        OPS[op] = on_one(op, _CONSTANTS)

REDUCTIONS = "all any max min amax amin mean sum prod std var argmax argmin count_nonzero logsumexp median ptp"
for op in REDUCTIONS.split():
    OPS[op] = on_one(op, {"axis": one_of(None, 0, 1, -1, 4) if op.startswith("arg") else axes, "keepdims": booleans})
for op in ["nanmax", "nanmean", "nanmin", "nansum"]:
    OPS[op] = on_one(op, {"axis": axes.filter(lambda a: not isinstance(a, int)), "keepdims": booleans})
OPS["moments"] = on_one("moments", {"axes": one_of([0], [1], [0, 1], [-1], [4]), "keepdims": booleans})
for op in ["cumsum", "cumprod", "sort", "argsort"]:
    OPS[op] = on_one(op, {"axis": one_of(None, 0, 1, -1, 4), "dtype": one_of(None, "float32")})
for op in ["softmax", "log_softmax", "normalize"]:
    OPS[op] = on_one(op, {"axis": axis}, st.integers(1, 4))
OPS["sparsemax"] = on_one("sparsemax", {"axis": axis}, st.integers(1, 4))
OPS["glu"] = on_one("glu", {"axis": axis}, st.integers(1, 4))
OPS["layer_normalization"] = on_one("layer_normalization", {"axis": st.just(-1)}, st.integers(1, 4))
OPS["rms_normalization"] = on_one("rms_normalization", {"axis": st.just(-1)}, st.integers(1, 4))
OPS["one_hot"] = on_one("one_hot", {"num_classes": sizes, "axis": axis, "dtype": one_of("int32", "float32")})
OPS["top_k"] = on_one("top_k", {"k": sizes}, st.integers(1, 3))
OPS["transpose"] = on_one("transpose", {"axes": one_of(None, [1, 0], [0, 2, 1], [0, -1, 1], [0, 0], [1, 2, 0])})
OPS["expand_dims"] = on_one("expand_dims", {"axis": one_of(0, 1, -1, -2, [0, 1], [0, -1], 6)})
OPS["squeeze"] = on_one("squeeze", {"axis": one_of(None, None, 0, 1, -1, [1, 2], 5)})
OPS["swapaxes"] = on_one("swapaxes", {"axis1": axis, "axis2": axis})
OPS["moveaxis"] = on_one("moveaxis", {"source": one_of(0, 1, -1, [0, 1], 5), "destination": one_of(0, -1, 1, [1, 2])})
OPS["flip"] = on_one("flip", {"axis": axes})
OPS["roll"] = on_one("roll", {"shift": st.just(1), "axis": one_of(None, 0, 1, -1, 5)})
OPS["broadcast_to"] = on_one("broadcast_to", {"shape": st.lists(sizes, min_size=1, max_size=3)})
OPS["repeat"] = on_one("repeat", {"repeats": one_of(1, 2, 3, [2], [1, 2]), "axis": one_of(None, 0, 1, -1, 5)})
OPS["tile"] = on_one("tile", {"repeats": one_of(2, [1, 2], [2, 1, 1], [3])})
OPS["pad"] = on_one("pad", {"pad_width": one_of(1, [1, 2], [[1, 2]], [[0, 0], [1, 1]], [[0, 0], [1, 1], [2, 0]])})
OPS["split"] = on_one("split", {"indices_or_sections": one_of(1, 2, 3, [1], [1, 2]), "axis": axis}, st.integers(1, 3))
OPS["unstack"] = on_one("unstack", {"num": one_of(None, None, 2), "axis": axis}, st.integers(1, 3))
OPS["reshape"] = on_one(
    "reshape", {"newshape": one_of([-1], [-1, 1], [2, -1], [-1, 2, 2], [6], [-1, -1], [-2], [3, 2])}
)


@st.composite
def on_many(draw: DrawFn, name: str, arguments: Mapping[str, SearchStrategy[Any]], most: int = 3) -> Case:
    found = draw(alike(draw(st.integers(1, most)), draw(st.integers(1, 3)), DTYPES))
    drawn = draw(st.fixed_dictionaries({}, optional=dict(arguments)))
    return Case("ops", name, drawn, {_signature(name).tensors[0].name: found})


OPS["dstack"] = on_many("dstack", {}, 4)
OPS["concatenate"] = on_many("concatenate", {"axis": axis})
OPS["stack"] = on_many("stack", {"axis": axis})
OPS["hstack"] = on_many("hstack", {})
OPS["vstack"] = on_many("vstack", {})


@st.composite
def products(draw: DrawFn, name: str, arguments: Mapping[str, SearchStrategy[Any]], least: int = 1) -> Case:
    """Two tensors of which a dimension of one mostly meets that of the other."""
    inner = draw(one_of(2, 3, 3, None))
    one = [*draw(shapes(draw(st.integers(least, 4)))), inner][1:]
    other = list(draw(shapes(draw(st.integers(least, 4)))))
    met = draw(one_of(inner, inner, inner, inner, 3))
    other[-2 if len(other) > 1 and name != "inner" else -1] = met
    dtypes = [draw(one_of(*DTYPES)) for _ in range(2)]
    inputs = {"x1": Tensor(tuple(one), dtypes[0]), "x2": Tensor(tuple(other), dtypes[1])}
    return Case("ops", name, draw(st.fixed_dictionaries({}, optional=dict(arguments))), inputs)


for op in ["matmul", "dot", "inner", "outer", "vdot"]:
    OPS[op] = products(op, {})
OPS["tensordot"] = products("tensordot", {"axes": one_of(0, 1, [[-1], [-2]], [[0], [0]], [[1], [0]])}, 2)


@st.composite
def einsum(draw: DrawFn) -> Case:
    subscripts, drawn = draw(
        one_of(
            ("ij,jk->ik", (2, 2)), ("bij,bjk->bik", (3, 3)), ("bij->bji", (3,)), ("...ij,jk->...ik", (3, 2)),
            ("bqhd,bkhd->bhqk", (4, 4)), ("bi,bi->b", (2, 2)), ("ij,jk,kl->il", (2, 2, 2)), ("...i->...", (3,)),
            ("bij,bjk->bik", (2, 3)), ("ij,jk->iq", (2, 2)), ("ij,jk", (2, 2)), ("i...,i...->i...", (2, 2)),
        )
    )  # fmt: skip
    size = {letter: draw(one_of(2, 3, None)) for letter in "bijklqhd"}
    inputs = []
    for spec, rank in zip(subscripts.partition("->")[0].split(","), drawn, strict=True):
        letters = spec.replace("...", "")
        spare = [draw(one_of(1, 2, None)) for _ in range(rank - len(letters))]
        known = [draw(one_of(*[size[c]] * 8, None, 4)) for c in letters]
        at = spec.index(".") if "." in spec else 0
        inputs.append(
            Tensor((*known[:at], *spare, *known[at:])[: max(rank, len(letters) if spare else rank)], "float32")
        )
    return Case("ops", "einsum", {"subscripts": subscripts}, {"operands": tuple(inputs)})


OPS["einsum"] = einsum()


@st.composite
def where(draw: DrawFn) -> Case:
    condition, one, other = draw(alike(draw(st.integers(1, 3)), 3, DTYPES))
    return Case("ops", "where", {}, {"condition": Tensor(condition.shape, "bool"), "x1": one, "x2": other})


OPS["where"] = where()


@st.composite
def take(draw: DrawFn) -> Case:
    along = draw(one_of(None, 0, 1, -1, 4))
    x, indices = draw(tensors(st.integers(1, 3), DTYPES)), draw(tensors(st.integers(0, 2), ("int32",)))
    if draw(booleans):
        return Case("ops", "take", {"axis": along, "indices": draw(one_of(0, [0, 0], [[0], [0]]))}, {"x": x})
    return Case("ops", "take", {"axis": along}, {"x": x, "indices": indices})


OPS["take"] = take()


@st.composite
def take_along_axis(draw: DrawFn) -> Case:
    x, indices = draw(alike(draw(st.integers(1, 3)), 2))
    inputs = {"x": x, "indices": Tensor(indices.shape, "int32")}
    return Case("ops", "take_along_axis", {"axis": draw(one_of(0, 1, -1, 4))}, inputs)


OPS["take_along_axis"] = take_along_axis()


@st.composite
def dot_product_attention(draw: DrawFn) -> Case:
    query, key = draw(alike(4, 2))
    return Case("ops", "dot_product_attention", {}, {"query": query, "key": key, "value": key})


OPS["dot_product_attention"] = dot_product_attention()


# Numbers and bits
WHOLE = ("int32", "int32", "uint8", "int64", "int8", "uint16", "float32", "bool")
for op in ["bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm"]:
    OPS[op] = on_two(op, WHOLE)
for op in ["bitwise_left_shift", "bitwise_right_shift", "left_shift", "right_shift"]:
    OPS[op] = on_two(op, WHOLE)
OPS["allclose"] = on_two("allclose", rtol=one_of(0.1), equal_nan=booleans)
OPS["isin"] = on_two("isin", assume_unique=booleans, invert=booleans)
OPS["append"] = on_two("append", axis=one_of(None, 0, 1, -1, 3))
OPS["view"] = on_one("view", {"dtype": one_of("int8", "uint16", "int32", "float32", "int64", "float64", "bfloat16")})


@st.composite
def ldexp(draw: DrawFn) -> Case:
    x, power = draw(alike(draw(st.integers(1, 3)), 2, DTYPES))
    if draw(booleans):
        return Case("ops", "ldexp", {"x2": draw(one_of(2, 0.5))}, {"x1": x})
    return Case("ops", "ldexp", {}, {"x1": x, "x2": Tensor(power.shape, draw(one_of(*WHOLE)))})


OPS["ldexp"] = ldexp()

# Along axes
for op in ["nanargmax", "nanargmin"]:
    OPS[op] = on_one(op, {"axis": one_of(None, 0, 1, -1, 4, [0]), "keepdims": booleans})
for op in ["nanprod", "nanstd", "nanvar", "nanmedian"]:
    OPS[op] = on_one(op, {"axis": axes, "keepdims": booleans})
for op in ["nancumsum", "nancumprod"]:
    OPS[op] = on_one(op, {"axis": one_of(None, 0, 1, -1, 4), "dtype": one_of(None, "float32", "flot")})
for op in ["quantile", "nanquantile", "percentile", "nanpercentile"]:
    OPS[op] = on_one(op, {"q": one_of(0.5, 0.25, [0.5], [0.1, 0.9]), "axis": axes, "keepdims": booleans})
OPS["argpartition"] = on_one("argpartition", {"kth": one_of(0, 1), "axis": one_of(None, 0, 1, -1, 4)})
OPS["diff"] = on_one("diff", {"n": one_of(0, 1, 2), "axis": axis})
OPS["histogram"] = on_one(
    "histogram", {"bins": one_of(1, 3, 10), "range": one_of(None, [0, 1], [1, 0])}, one_of(1, 1, 2)
)
OPS["bincount"] = on_one("bincount", {"minlength": one_of(0, 4), "weights": one_of(None, None, [1, 2], [0.5, 1.0])})
OPS["trapezoid"] = on_one(
    "trapezoid", {"x": one_of(None, None, [0, 1, 2], [0.0, 0.5], [[0], [1]]), "dx": st.just(0.5), "axis": axis}
)
OPS["vander"] = on_one("vander", {"N": one_of(None, 0, 3), "increasing": booleans}, one_of(1, 1, 1, 2))
OPS["unique"] = on_one(
    "unique",
    {"axis": one_of(None, 0, -1, 4), "size": one_of(None, 3), "sorted": booleans}
    | {f"return_{what}": booleans for what in ("index", "inverse", "counts")},
)


@st.composite
def average(draw: DrawFn) -> Case:
    x, weights = draw(alike(draw(st.integers(1, 3)), 2, DTYPES))
    along = draw(one_of(None, 0, 1, -1, 4, [0]))
    if draw(booleans):
        return Case("ops", "average", {"axis": along}, {"x": x})
    if draw(booleans) and x.shape and along in (0, -1):
        weights = Tensor(x.shape[along : along + 1 or None], weights.dtype)
    return Case("ops", "average", {"axis": along}, {"x": x, "weights": weights})


OPS["average"] = average()


@st.composite
def correlate(draw: DrawFn) -> Case:
    one, other = (draw(tensors(draw(one_of(1, 1, 1, 1, 2)), DTYPES)) for _ in range(2))
    mode = draw(st.fixed_dictionaries({}, optional={"mode": one_of("valid", "same", "full", "half")}))
    if draw(booleans):
        one, other = (Tensor(tuple(d or 3 for d in t.shape), t.dtype) for t in (one, other))
    return Case("ops", "correlate", mode, {"x1": one, "x2": other})


OPS["correlate"] = correlate()

# Places
OPS["array_split"] = on_one(
    "array_split", {"indices_or_sections": one_of(1, 2, 3, [1]), "axis": axis}, st.integers(1, 3)
)
for op in ["hsplit", "vsplit", "dsplit"]:
    OPS[op] = on_one(op, {"indices_or_sections": one_of(1, 2, 3, [1], [1, 2])})
OPS["diag"] = on_one("diag", {"k": one_of(0, 1, -1, -3)}, one_of(1, 2, 1, 2, 0, 3))
OPS["diagflat"] = on_one("diagflat", {"k": one_of(0, 1, -2)})
OPS["diagonal"] = on_one("diagonal", {"offset": one_of(0, 1, -2), "axis1": axis, "axis2": axis})
OPS["rot90"] = on_one("rot90", {"k": one_of(0, 1, 2, -1), "axes": one_of([0, 1], [1, 2], [0, -1], [1, 1], [0, 5])})
OPS["get_item"] = on_one("get_item", {"key": one_of(0, -1, 5, [0, 1], [None, 0], [1, None, -1], [0, 0, 0])})
OPS["unravel_index"] = on_one("unravel_index", {"shape": one_of([2, 3], [4], [2, 2, 2])})
OPS["slice"] = on_one(
    "slice",
    {"start_indices": one_of([0], [1, 0], [0, 2]), "shape": one_of([-1], [2], [-1, 2], [1, 1])},
    st.integers(1, 2),
)


@st.composite
def slice_update(draw: DrawFn) -> Case:
    inputs, updates = draw(alike(draw(st.integers(1, 3)), 2))
    if draw(booleans):
        updates = Tensor(updates.shape, inputs.dtype)
    starts = draw(st.lists(one_of(0, 0, 1), min_size=max(len(inputs.shape), 1), max_size=3))
    return Case("ops", "slice_update", {"start_indices": starts}, {"inputs": inputs, "updates": updates})


OPS["slice_update"] = slice_update()


@st.composite
def scatter(draw: DrawFn) -> Case:
    shape = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    places, values = draw(_placed(shape))
    return Case("ops", "scatter", {"shape": shape}, {"indices": places, "values": values})


@st.composite
def _placed(draw: DrawFn, shape: Sequence[int | None]) -> tuple[Tensor, Tensor]:
    """Places in a shape, and values that mostly fit them."""
    depth = draw(st.integers(1, len(shape) + (draw(st.integers(0, 5)) == 0)))
    count = draw(one_of(None, 1, 2))
    values = [count, *shape[depth:]]
    if draw(one_of(False, False, True)):
        values[draw(st.integers(0, len(values) - 1))] = 3
    return Tensor((count, depth), draw(one_of("int32", "int32", "int64", "float32"))), Tensor(tuple(values), "float32")


@st.composite
def scatter_update(draw: DrawFn) -> Case:
    x = draw(tensors(st.integers(1, 3), ("float32", "float32", "int32")))
    places, updates = draw(_placed(x.shape))
    reduction = draw(st.fixed_dictionaries({}, optional={"reduction": one_of(None, "add", "max", "min", "mul")}))
    return Case("ops", "scatter_update", reduction, {"inputs": x, "indices": places, "updates": updates})


OPS["scatter"] = scatter()
OPS["scatter_update"] = scatter_update()


@st.composite
def select(draw: DrawFn) -> Case:
    count = draw(one_of(1, 2, 2))
    found = draw(alike(draw(st.integers(1, 3)), 2 * count, NUMBERS if draw(booleans) else ("float32",)))
    choices = found[: draw(one_of(count, count, count, 1))]
    conditions = tuple(Tensor(t.shape, "bool") for t in found[count:])
    return Case("ops", "select", {}, {"condlist": conditions, "choicelist": choices})


OPS["select"] = select()


@st.composite
def searched(draw: DrawFn, name: str, among: str, values: str) -> Case:
    """Values looked up among sorted ones."""
    one, other = draw(tensors(draw(one_of(1, 1, 1, 2, 0)), NUMBERS)), draw(tensors(ranks, NUMBERS))
    if draw(booleans):
        other = Tensor(other.shape, one.dtype)
    return Case("ops", name, {}, {among: one, values: other})


OPS["searchsorted"] = searched("searchsorted", "sorted_sequence", "values")
OPS["digitize"] = searched("digitize", "bins", "x")


@st.composite
def meshgrid(draw: DrawFn) -> Case:
    dtypes = (draw(one_of(*NUMBERS)),) if draw(booleans) else NUMBERS
    found = tuple(draw(tensors(draw(one_of(1, 1, 0, 2)), dtypes)) for _ in range(draw(st.integers(1, 3))))
    return Case(
        "ops", "meshgrid", draw(st.fixed_dictionaries({}, optional={"indexing": one_of("xy", "ij")})), {"x": found}
    )


OPS["meshgrid"] = meshgrid()

# Of nothing but arguments
NAMED = one_of(None, None, "int32", "float16", "uint8", "bool", "complex64", "flot")


@st.composite
def made(draw: DrawFn, name: str, needed: Mapping[str, SearchStrategy[Any]], **optional: SearchStrategy[Any]) -> Case:
    return Case("ops", name, draw(st.fixed_dictionaries(dict(needed), optional=optional)), {})


for op in ["empty", "ones", "zeros"]:
    OPS[op] = made(op, {"shape": st.lists(st.integers(0, 4), max_size=3)}, dtype=NAMED)
OPS["full"] = made(
    "full", {"shape": st.lists(st.integers(0, 4), max_size=3), "fill_value": one_of(1, 0.5)}, dtype=NAMED
)
for op in ["bartlett", "blackman", "hamming", "hanning"]:
    OPS[op] = made(op, {"x": st.integers(0, 5)})
OPS["kaiser"] = made("kaiser", {"x": st.integers(0, 5), "beta": one_of(2, 2.5)})
OPS["eye"] = made("eye", {"N": st.integers(0, 4)}, M=one_of(None, 0, 2, 5), k=st.integers(-3, 3), dtype=NAMED)
OPS["tri"] = made("tri", {"N": st.integers(0, 4)}, M=one_of(None, 0, 2, 5), k=st.integers(-3, 3), dtype=NAMED)
OPS["identity"] = made("identity", {"n": st.integers(0, 4)}, dtype=NAMED)
OPS["arange"] = made(
    "arange",
    {"start": one_of(0, 1, 5, 2.5, -3)},
    stop=one_of(None, 0, 4, 0.3, 7.5),
    step=one_of(None, 1, 2, 0.1, -1, 0),
    dtype=NAMED,
)
_between = {"start": one_of(0, 1, 0.5), "stop": one_of(2, 10, 3.5)}
_spaced = {"num": one_of(0, 1, 2, 5), "endpoint": booleans, "axis": one_of(0, -1, 1), "dtype": NAMED}
OPS["linspace"] = made("linspace", _between, retstep=booleans, **_spaced)
OPS["logspace"] = made("logspace", _between, base=one_of(2, 10.0), **_spaced)
OPS["geomspace"] = made("geomspace", _between, **_spaced)
