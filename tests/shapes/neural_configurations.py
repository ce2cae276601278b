"""Configurations of the ops of networks, matrices, signals, images and segments to hold rules against Keras on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from specc.shapes import names
from specc.tensors import Shape, Tensor
from tests.shapes.configurations.drawing import booleans, formats, one_of, shapes
from tests.shapes.judge import Case

FLOATS = ("float32",) * 20 + ("float16", "bfloat16", "float64")
DTYPES = (*FLOATS, "int32", "uint8", "bool", "int64", "string")
batches = one_of(None, None, None, 2, 3)
lengths = one_of(*range(2, 10), None)
known = st.integers(2, 9)
paddings = one_of(*["valid", "same", "SAME"] * 4, "causal", "full")
strides = one_of(*[1, 1, 2, 3] * 4, 0, -1)
dilations = one_of(*[1] * 10, 2, 0)

Drawn = Mapping[str, SearchStrategy[Any]]

NEURAL: dict[str, SearchStrategy[Case]] = {}
NOTHING: SearchStrategy[dict[str, Any]] = st.just({})


@st.composite
def some(draw: DrawFn, needed: Drawn, optional: Drawn) -> dict[str, Any]:
    """Arguments that must be there, and some of those that need not."""
    return draw(st.fixed_dictionaries(dict(needed), optional=dict(optional)))


@st.composite
def per(draw: DrawFn, count: int, of: SearchStrategy[Any]) -> Any:
    """A number for all dimensions or for each, now and then for one too many."""
    exact = st.lists(of, min_size=count, max_size=count)
    return draw(st.one_of(*[of, exact] * 6, st.lists(of, min_size=count + 1, max_size=count + 1)))


@st.composite
def odd(draw: DrawFn, shape: Shape) -> Shape:
    """A shape, or now and then one that differs from it in a dimension, or in how many it has."""
    how = draw(one_of(*["same"] * 16, "dimension", "unknown", "less", "more"))
    at = draw(st.integers(0, max(len(shape) - 1, 0)))
    if how == "less" and shape:
        return shape[:at] + shape[at + 1 :]
    if how == "more":
        return (*shape[:at], draw(one_of(1, 3, None)), *shape[at:])
    if how in ("dimension", "unknown") and shape:
        return (*shape[:at], None if how == "unknown" else draw(one_of(1, 2, 5)), *shape[at + 1 :])
    return shape


@st.composite
def images(draw: DrawFn, spatial: int, channels: int | None, first: bool) -> Shape:
    """A batch of images with that many channels, or now and then something else."""
    sizes = [draw(lengths) for _ in range(spatial)]
    batch = draw(batches)
    return draw(odd((batch, channels, *sizes) if first else (batch, *sizes, channels)))


def dtypes(draw: DrawFn, count: int, of: Sequence[str] = DTYPES) -> list[str]:
    """A dtype for each of so many tensors, mostly one for all."""
    one = draw(one_of(*of))
    return [one] + [draw(one_of(*[one] * 12, *of)) for _ in range(count - 1)]


@st.composite
def convolved(draw: DrawFn, name: str) -> Case:
    spatial = draw(one_of(1, 2, 2, 3))
    arguments = draw(
        some(
            {},
            {
                "strides": per(spatial, strides),
                "padding": paddings,
                "data_format": formats,
                "dilation_rate": per(spatial, dilations),
            },
        )
    )
    first = arguments.get("data_format") == "channels_first"
    channels, filters = draw(one_of(1, 2, 3)), draw(one_of(1, 2, 4, None))
    kernel = (*(draw(st.integers(1, 3)) for _ in range(spatial)), channels, filters)
    given = dtypes(draw, 3)
    x = draw(images(spatial, draw(one_of(*[channels] * 6, None, 5)), first))
    if name != "separable_conv":
        inputs = {"inputs": Tensor(x, given[0]), "kernel": Tensor(draw(odd(kernel)), given[1])}
        return Case("ops", name, arguments, inputs)
    point = (*(1,) * spatial, channels * (filters or 1), 3)
    inputs = {
        "inputs": Tensor(x, given[0]),
        "depthwise_kernel": Tensor(draw(odd(kernel)), given[1]),
        "pointwise_kernel": Tensor(draw(odd(point)), given[2]),
    }
    return Case("ops", name, arguments, inputs)


@st.composite
def pooled(draw: DrawFn, name: str) -> Case:
    spatial = draw(one_of(1, 2, 2, 3))
    if name.startswith("adaptive"):
        # Outside of a network, a maximum over all that there is ends the process.
        sizes = one_of(*[2, 3, 4] * 4, 0) if "max" in name else one_of(*[2, 3, 4] * 4, 0, 1)
        arguments = draw(some({"output_size": per(spatial, sizes)}, {"data_format": formats}))
    else:
        options = {"strides": st.one_of(st.none(), per(spatial, strides)), "padding": paddings, "data_format": formats}
        arguments = draw(some({"pool_size": per(spatial, strides)}, options))
    first = arguments.get("data_format") == "channels_first"
    shape = draw(images(spatial, draw(one_of(1, 3, None)), first))
    if name == "adaptive_max_pool":
        shape = tuple(2 if d == 1 else d for d in shape)
    return Case("ops", name, arguments, {"inputs": Tensor(shape, draw(one_of(*DTYPES)))})


for op in ["conv", "depthwise_conv", "separable_conv"]:
    NEURAL[op] = convolved(op)
for op in ["max_pool", "average_pool", "adaptive_max_pool", "adaptive_average_pool"]:
    NEURAL[op] = pooled(op)


@st.composite
def on_shape(draw: DrawFn, name: str, shape: SearchStrategy[Shape], needed: Drawn, optional: Drawn) -> Case:
    """An op on one tensor of about that shape."""
    given = {NAMES.get(name, "x"): Tensor(draw(odd(draw(shape))), draw(one_of(*DTYPES)))}
    return Case("ops", name, draw(some(needed, optional)), given)


NAMES = {"multi_hot": "inputs", "rearrange": "tensor", "image.extract_patches_3d": "volumes"}
NAMES |= dict.fromkeys([name for name in names("ops") if name.startswith("image.") and name not in NAMES], "images")
"""The names of tensors that are not called `x`."""

windows = per(2, one_of(1, 2, 3, 2, 1, 0))
steps: Drawn = {"dilation": per(2, one_of(1, 1, 2)), "padding": per(2, one_of(0, 1)), "stride": windows}
fixed = st.tuples(one_of(2, 2, 2, None), st.integers(1, 3), known, known)
NEURAL["unfold"] = on_shape("unfold", fixed, {"kernel_size": windows}, steps)
columns = st.tuples(batches, one_of(4, 8, 12, 6, None), one_of(4, 9, 1, None))
NEURAL["fold"] = on_shape(
    "fold",
    columns,
    {"output_size": one_of(4, [4, 4], 3, 2), "kernel_size": one_of(2, [2, 2], 3)},
    {"stride": one_of(1, 2, [2, 2]), "padding": one_of(0, 1), "dilation": one_of(1, 2)},
)
blocks = st.tuples(batches, one_of(2, 4, 6, None), one_of(4, 8, 3, None), one_of(4, 8, 9, None))
for op in ["depth_to_space", "space_to_depth"]:
    NEURAL[op] = on_shape(op, blocks, {"block_size": one_of(2, 2, 3, 1)}, {"data_format": formats})
pattern = one_of(
    "b h w -> b w h",
    "b h w -> b (h w)",
    "b (h) w -> h (w b)",
    "b h -> h b",
    "b h w -> b h",
    "b w",
    "b h w -> (b h w)",
    "b (h k) w -> b",
    "b h w -> b h w c",
    "b h b -> b h",
    "b h w -> b h w",
)
NEURAL["rearrange"] = on_shape("rearrange", st.tuples(one_of(2, 3, 2, None), known, known), {"pattern": pattern}, {})
NEURAL["view_as_real"] = on_shape("view_as_real", st.integers(0, 3).flatmap(shapes), {}, {})
classes = {"num_classes": one_of(3, 5, 0, None)}
NEURAL["multi_hot"] = on_shape("multi_hot", st.integers(1, 3).flatmap(shapes), classes, {"axis": one_of(-1, 0, 1, 3)})
NEURAL["normalize"] = on_shape(
    "normalize",
    st.integers(1, 4).flatmap(shapes),
    {},
    {"axis": one_of(-1, 0, 1, [0, 1], 5), "order": one_of(2, 2, 1, 0)},
)
axis_pair = one_of(0, 1, 2, -1, -2, 4)
NEURAL["trace"] = on_shape("trace", st.integers(1, 4).flatmap(shapes), {}, {"axis1": axis_pair, "axis2": axis_pair})

# Signals. A transform of no numbers ends the process, and is never drawn.
signals = st.tuples(batches, one_of(1, 3), one_of(8, 9, 16, 20, None))
NEURAL["rfft"] = on_shape("rfft", signals, {}, {"fft_length": one_of(None, 4, 8, 30)})
windowed: Drawn = {
    "sequence_length": one_of(4, 6, 3),
    "sequence_stride": one_of(1, 2, 3),
    "fft_length": one_of(4, 6, 8),
}
window = {"window": one_of("hann", "hamming", None, "kaiser", [0.5] * 4), "center": booleans}
NEURAL["stft"] = on_shape("stft", signals, windowed, window)
NEURAL["extract_sequences"] = on_shape(
    "extract_sequences", signals, {"sequence_length": one_of(1, 4, 9, 12), "sequence_stride": one_of(1, 2, 5, 0)}, {}
)


@st.composite
def complex_pair(draw: DrawFn, name: str, needed: Drawn, optional: Drawn) -> Case:
    shape = (draw(batches), draw(one_of(4, 5, None)), draw(one_of(4, 5, 5, None)))
    given = dtypes(draw, 3, ("float32", "float32", "float64", "float16", "int32"))
    other = draw(one_of(shape, shape, shape, shape, (*shape[:2], 6), (*shape[:2], None), shape[:2]))
    parts = [Tensor(shape, given[0]), Tensor(other, given[1]), Tensor(shape, given[2])]
    count = draw(one_of(2, 2, 2, 2, 2, 2, 1, 3))
    return Case("ops", name, draw(some(needed, optional)), {"x": tuple(parts[:count])})


for op in ["fft", "fft2", "ifft2"]:
    NEURAL[op] = complex_pair(op, {}, {})
NEURAL["irfft"] = complex_pair("irfft", {}, {"fft_length": one_of(None, 3, 8)})
NEURAL["istft"] = complex_pair("istft", windowed, {**window, "length": one_of(None, 5, 50)})


@st.composite
def matrices(draw: DrawFn, name: str, optional: Drawn) -> Case:
    rows = draw(one_of(2, 3, 4, None))
    square = name not in ("qr", "svd", "pinv", "matrix_rank")
    sides = (rows, draw(one_of(*[rows] * 8, 2, None) if square else one_of(2, 3, 5, None)))
    before = draw(one_of((), (None,), (None,), (2,), (None, 3)))
    shape = draw(odd((*before, *sides)))
    return Case("ops", name, draw(some({}, optional)), {"x": Tensor(shape, draw(one_of(*DTYPES)))})


MATRICES = "cholesky cholesky_inverse det eig eigh inv logdet lu_factor matrix_rank pinv slogdet"
for op in MATRICES.split():
    NEURAL[op] = matrices(op, {"upper": booleans} if op.startswith("cholesky") else {})
NEURAL["qr"] = matrices("qr", {"mode": one_of("reduced", "complete", "full")})
NEURAL["svd"] = matrices("svd", {"full_matrices": booleans, "compute_uv": booleans})
NEURAL["norm"] = on_shape(
    "norm",
    st.integers(0, 4).flatmap(shapes),
    {},
    {
        "ord": one_of(None, "fro", "nuc", "max", 1, 2, -2, 3, 0, float("inf")),
        "axis": one_of(None, 0, 1, -1, [0], [0, 1], [-2, -1], [1, 1], [0, 1, 2], 5),
        "keepdims": one_of(False),
    },
)


@st.composite
def equations(draw: DrawFn, name: str) -> Case:
    n, before = draw(one_of(2, 3, None)), draw(one_of((), (None,), (2,), (2, 3)))
    vector = draw(booleans)
    a = draw(odd((*before, n, n)))
    b = draw(odd((*before, n) if vector else (*before, n, draw(one_of(1, 4, None)))))
    if draw(one_of(*[False] * 5, True)):
        b = b[1:]
    given = dtypes(draw, 2, ("float32", "float32", "float64", "float16", "int32"))
    return Case("ops", name, {}, {"a": Tensor(a, given[0]), "b": Tensor(b, given[1])})


@st.composite
def closest(draw: DrawFn) -> Case:
    n, m = draw(one_of(4, 5, None)), draw(one_of(2, 3, 5))
    b = draw(one_of((n,), (n, 2), (n, None)))
    given = dtypes(draw, 2, ("float32", "float32", "float64", "float16", "int32"))
    inputs = {"a": Tensor(draw(odd((n, m))), given[0]), "b": Tensor(draw(odd(b)), given[1])}
    return Case("ops", "lstsq", {}, inputs)


NEURAL["solve"] = equations("solve")
NEURAL["solve_triangular"] = equations("solve_triangular")
NEURAL["lstsq"] = closest()


@st.composite
def tensors(
    draw: DrawFn,
    name: str,
    given: Mapping[str, tuple[Any, ...]],
    kinds: Mapping[str, Sequence[str]],
    arguments: SearchStrategy[dict[str, Any]] = NOTHING,
    optional: Sequence[str] = (),
) -> Case:
    """An op on several tensors, whose shapes are written in letters: each stands for one size, drawn once."""
    size = {letter: draw(one_of(2, 3, 4, None)) for letter in "kmnst"} | {"b": draw(one_of(None, None, 2))}
    first = draw(one_of(*DTYPES))
    inputs, wrong = {}, draw(one_of(*[None] * len(given), *given))
    for tensor, letters in given.items():
        if tensor in optional and draw(booleans):
            continue
        shape = tuple(size[d] if isinstance(d, str) else d for d in letters)
        allowed = kinds.get(tensor)
        dtype = draw(one_of(*allowed)) if allowed else draw(one_of(*[first] * 12, *DTYPES))
        inputs[tensor] = Tensor(draw(odd(shape)) if tensor == wrong else shape, dtype)
    return Case("ops", name, draw(arguments), inputs)


NUMBERS = ("int32", "int32", "int64", "float32", "uint8")
ALSO_INT = ("float32", "float32", "float16", "int32")
axis = one_of(-1, -1, 1, 0, -2, 4)
logits = some({}, {"from_logits": booleans})
along = some({}, {"from_logits": booleans, "axis": axis})
NEURAL["binary_crossentropy"] = tensors("binary_crossentropy", {"target": ("b", "k"), "output": ("b", "k")}, {}, logits)
NEURAL["categorical_crossentropy"] = tensors(
    "categorical_crossentropy", {"target": ("b", "n", "k"), "output": ("b", "n", "k")}, {}, along
)
NEURAL["sparse_categorical_crossentropy"] = st.one_of(
    tensors("sparse_categorical_crossentropy", {"target": ("b",), "output": ("b", "k")}, {"target": NUMBERS}, along),
    tensors("sparse_categorical_crossentropy", {"target": ("b", 1), "output": ("b", "k")}, {"target": NUMBERS}, along),
    tensors("sparse_categorical_crossentropy", {"target": ("b", "n"), "output": ("b", "n", "k")}, {"target": NUMBERS}),
)
counted = {"target": NUMBERS, "target_length": NUMBERS, "output_length": NUMBERS, "output": ALSO_INT}
NEURAL["ctc_loss"] = tensors(
    "ctc_loss", {"target": ("b", 3), "output": ("b", 7, 5), "target_length": ("b",), "output_length": ("b",)}, counted
)
NEURAL["ctc_decode"] = tensors(
    "ctc_decode",
    {"inputs": ("b", "t", 5), "sequence_lengths": ("b",)},
    {"sequence_lengths": ("int32", "int64", "float32"), "inputs": (*ALSO_INT, "float64")},
    some(
        {},
        {
            "strategy": one_of("greedy", "beam_search", "best"),
            "top_paths": one_of(1, 2, 0),
            "beam_width": one_of(1, 2, 9),
            "mask_index": one_of(0, -1, 4, 9),
        },
    ),
)
NEURAL["psnr"] = tensors("psnr", {"x1": ("b", "k"), "x2": ("b", "k")}, {}, some({"max_val": one_of(1.0, 255)}, {}))
NEURAL["in_top_k"] = tensors(
    "in_top_k",
    {"targets": ("b",), "predictions": ("b", "k")},
    {"targets": NUMBERS, "predictions": ("float32", "float32", "float32", "float16")},
    some({"k": one_of(1, 3, 9)}, {}),
)
learnt = dict.fromkeys(("mean", "variance", "offset", "scale"), ("k",))
NEURAL["batch_normalization"] = st.one_of(
    tensors(
        "batch_normalization",
        {"x": ("b", "n", "k"), **learnt},
        {},
        some({"axis": one_of(-1, -1, 2, 5)}, {}),
        ("offset", "scale"),
    ),
    tensors(
        "batch_normalization", {"x": ("b", "k", "n"), **learnt}, {}, some({"axis": one_of(1, 1, -2)}, {}), ("scale",)
    ),
)
normed = some({}, {"axis": one_of(-1, -1, 1, [1, 2], 4)})
NEURAL["layer_normalization"] = tensors(
    "layer_normalization", {"x": ("b", "n", "k"), "gamma": ("k",), "beta": ("k",)}, {}, some({}, {}), ("gamma", "beta")
)
NEURAL["rms_normalization"] = tensors(
    "rms_normalization", {"x": ("b", "n", "k"), "scale": ("k",)}, {}, some({}, {}), ("scale",)
)
NEURAL["dot_product_attention"] = tensors(
    "dot_product_attention",
    {
        "query": ("b", "t", 4, "k"),
        "key": ("b", "s", 4, "k"),
        "value": ("b", "s", 4, "k"),
        "mask": ("b", 1, "t", "s"),
        "bias": (4, "t", "s"),
    },
    {"mask": ("bool", "bool", "float32")},
    some({}, {"is_causal": booleans, "flash_attention": one_of(None, None, True)}),
    ("mask", "bias"),
)
NEURAL["cdist"] = tensors("cdist", {"x": ("b", "n", "k"), "y": ("b", "m", "k")}, {})
NEURAL["polar"] = tensors("polar", {"abs_": ("b", "k"), "angle": ("b", "k")}, {})
turned = some({}, {"axisa": one_of(-1, -1, 1, 3), "axisb": one_of(-1, -1, 1), "axisc": one_of(-1, 0, 2)})
NEURAL["cross"] = st.one_of(
    tensors("cross", {"x1": ("b", "n", 3), "x2": ("b", "n", 3)}, {}, turned),
    tensors("cross", {"x1": ("b", 2), "x2": (3,)}, {}),
    tensors("cross", {"x1": ("b", 2, "n"), "x2": ("b", 2, "n")}, {}, some({}, {"axis": one_of(1, 1, None)})),
)
segments = some({}, {"num_segments": one_of(None, 3, 4, -1), "sorted": one_of(False, False, True)})
for op in ["segment_max", "segment_min", "segment_prod", "segment_sum"]:
    NEURAL[op] = tensors(op, {"data": ("b", "n"), "segment_ids": ("b",)}, {"segment_ids": NUMBERS}, segments)


def _shape(case: Case) -> Shape:
    """The shape of a case's only tensor."""
    (x,) = case.inputs.values()
    return x.shape or () if isinstance(x, Tensor) else ()


@st.composite
def pictures(draw: DrawFn, name: str, needed: Drawn, optional: Drawn, spatial: int = 2, fixed: bool = False) -> Case:
    arguments = draw(some(needed, {**optional, "data_format": formats}))
    first = arguments.get("data_format") == "channels_first"
    shape = draw(images(spatial, draw(one_of(3, 3, 3, 1, None)), first))
    if fixed:
        shape = tuple(draw(one_of(*[d or 4] * 9, d)) for d in shape)
    x = Tensor(shape[1:] if draw(one_of(*[False] * 5, True)) else shape, draw(one_of(*DTYPES)))
    return Case("ops", name, arguments, {NAMES[name]: x})


for op in ["hsv_to_rgb", "rgb_to_grayscale", "rgb_to_hsv", "sobel_edges"]:
    NEURAL[f"image.{op}"] = pictures(f"image.{op}", {}, {})
NEURAL["image.resize"] = pictures(
    "image.resize",
    {"size": one_of([4, 5], [1, 8], [2, 2], 4, [0, 3], [2])},
    {
        "interpolation": one_of("bilinear", "nearest", "bicubic", "area", "lanczos3", "cubic"),
        "antialias": booleans,
        "crop_to_aspect_ratio": booleans,
        "fill_mode": one_of("constant", "constant", "reflect"),
    },
)
patch = {
    "strides": one_of(None, 1, 2, [1, 2]),
    "dilation_rate": one_of(1, 1, 2),
    "padding": one_of("valid", "same", "SAME"),
}
NEURAL["image.extract_patches"] = pictures("image.extract_patches", {"size": one_of(2, 3, [2, 3], [2, 2, 2], 9)}, patch)
NEURAL["image.extract_patches_3d"] = pictures(
    "image.extract_patches_3d",
    {"size": one_of(2, [2, 1, 2], [2, 2])},
    {**patch, "strides": one_of(None, 1, 2)},
    spatial=3,
)
for op in ["image.extract_patches", "image.extract_patches_3d"]:
    # A patch larger than the image, outside of a network, gives the image.
    NEURAL[op] = NEURAL[op].filter(lambda case: case.arguments["size"] in (2, [2, 2]) or None not in _shape(case))
NEURAL["image.gaussian_blur"] = pictures(
    "image.gaussian_blur", {}, {"kernel_size": one_of([3, 3], [5, 2], 3, [0, 1]), "sigma": one_of([1.0, 2.0], 1.0)}
)
moving = {"interpolation": one_of("bilinear", "nearest", "cubic")}
NEURAL["image.elastic_transform"] = pictures(
    "image.elastic_transform", {}, {**moving, "fill_mode": one_of("reflect", "wrap", "mirror")}, fixed=True
)
border = one_of(None, 0, 1, 2, 2)
for op, what in {"crop_images": "cropping", "pad_images": "padding"}.items():
    sides = {f"{side}_{what}": border for side in ("bottom", "right")}
    target = one_of(None, 2, 3) if what == "cropping" else one_of(None, 12, 14)
    NEURAL[f"image.{op}"] = st.one_of(
        pictures(
            f"image.{op}",
            {f"top_{what}": border, f"left_{what}": border},
            {**sides, "target_height": target, "target_width": target},
        ),
        pictures(
            f"image.{op}",
            {f"top_{what}": st.just(1), f"left_{what}": st.just(1), "target_height": target, "target_width": target},
            {},
        ),
    )
NEURAL["image.scale_and_translate"] = pictures(
    "image.scale_and_translate",
    {
        "output_shape": one_of([2, 5, 6, 3], [None, 5, 6, 3], [2, 5, 6, 1], [5, 6, 3]),
        "scale": one_of([0.5, 2.0], [1.0], [1, 1]),
        "translation": one_of([0.0, 1.0], [0.0, 0.0], [0, 0]),
        "spatial_dims": one_of([1, 2], [1, 2], [-3, -2], [1], [1, 5]),
        "method": one_of("linear", "bicubic", "lanczos5", "nearest"),
    },
    {"antialias": booleans},
)
NEURAL["image.scale_and_translate"] = NEURAL["image.scale_and_translate"].map(
    lambda case: Case("ops", case.name, {k: v for k, v in case.arguments.items() if k != "data_format"}, case.inputs)
)


@st.composite
def moved(draw: DrawFn, name: str, points: Mapping[str, SearchStrategy[Shape]], optional: Drawn) -> Case:
    case = draw(pictures("image.resize", {}, optional))
    inputs = {"images": case.inputs["images"]}
    for tensor, drawn in points.items():
        inputs[tensor] = Tensor(draw(odd(draw(drawn))), draw(one_of("float32", "float32", "int32")))
    return Case("ops", name, case.arguments, inputs)


numbers = one_of((None, 8), (None, 8), (8,), (1, 8), (2, 8))
corners = st.just((None, 4, 2))
NEURAL["image.affine_transform"] = moved(
    "image.affine_transform", {"transform": numbers}, {**moving, "fill_mode": one_of("constant", "wrap", "mirror")}
)
NEURAL["image.perspective_transform"] = moved(
    "image.perspective_transform", {"start_points": corners, "end_points": corners}, moving
)
NEURAL["image.map_coordinates"] = tensors(
    "image.map_coordinates",
    {"inputs": (2, 4, 3), "coordinates": (3, "k")},
    {"coordinates": ("float32", "float32", "float64", "int32")},
    some({"order": one_of(0, 1, 1, 2)}, {"fill_mode": one_of("constant", "reflect", "wrap", "mirror", "nearest")}),
)
NEURAL["image.ssim"] = tensors(
    "image.ssim",
    {"image1": ("b", 8, 9, "k"), "image2": ("b", 8, 9, "k")},
    {},
    some({"filter_size": one_of(3, 2, 5, 9, 0)}, {"data_format": formats}),
)
