"""Ops that compare what came out with what should have: cross-entropies, connectionist sequences, shares of signal."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import axis, choice, flag, integer, number, size, value, whole, wrong
from specc.shapes.costs import SOFTMAX, elements, per_element, times, total
from specc.shapes.dimensions import agree, alike, listing, ranked
from specc.shapes.dtypes import INTEGERS, among, fractional, numeric, one_dtype, promote
from specc.tensors import Shape, Tensor, show

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "ctc_decode",
    "ctc_loss",
    "in_top_k",
    "multi_hot",
    "psnr",
    "sparse_categorical_crossentropy",
]


def _unlike(site: Site, one: Shape, other: Shape, needed: str) -> Refusal:
    """The refusal of two shapes that are not what they should be to each other, or of which nobody knows."""
    return Refusal(
        codes.S305 if alike(one, other) else codes.S301 if len(one) != len(other) else codes.S302,
        f"{site.label} needs {needed}, and is given {listing([one, other])}",
        help="write the dimension in `model.inputs`" if alike(one, other) else "bring both to one shape first",
    )


def _compared(site: Site) -> tuple[Tensor, Tensor]:
    """The target and the output, of one shape."""
    target, output = site.tensor("target"), site.tensor("output")
    fractional(site, output)
    if target.shape is not None and output.shape is not None and target.shape != output.shape:
        raise _unlike(site, target.shape, output.shape, "a target and an output of one shape")
    return target, output


def binary_crossentropy(site: Site) -> Result:
    """(…) and (…) → (…): a loss for each number."""
    target, output = _compared(site)
    one_dtype(site, target, output)
    # Clipped, two logarithms, two products, two differences, a sum and the sign; of logits one `log1p` and one `exp`.
    return single(output.shape, output.dtype, flops=per_element(output.shape, 8 if flag(site, "from_logits") else 10))


def categorical_crossentropy(site: Site) -> Result:
    """(…, classes) and (…, classes) → (…): a loss for each row. Keras declares so whatever `axis` is."""
    target, output = _compared(site)
    logits = flag(site, "from_logits")
    if logits:
        numeric(site, target)
    else:
        one_dtype(site, target, output)
    shape = output.shape
    if shape is None:
        return single(None, output.dtype, flops=None)
    if not shape:
        raise Refusal(codes.S301, f"{site.label} sums over the classes, and is given a single number")
    at = axis(site, "axis", integer(site, "axis"), len(shape), shape)
    real = shape[:at] + shape[at + 1 :]
    known = tuple(a if a == b else None for a, b in zip(shape[:-1], real, strict=True))
    return single(known, output.dtype, flops=per_element(shape, SOFTMAX + 2))


def sparse_categorical_crossentropy(site: Site) -> Result:
    """(…), a class for each row, and (…, classes) → (…): a loss for each row."""
    target, output = site.tensor("target"), site.tensor("output")
    fractional(site, output)
    numeric(site, target)
    shape, classes = output.shape, target.shape
    if shape is None:
        return single(None, output.dtype, flops=None)
    if not shape:
        raise Refusal(codes.S301, f"{site.label} looks along the classes, and is given a single number")
    given = integer(site, "axis")
    if axis(site, "axis", given, len(shape), shape) != len(shape) - 1 or given < -1:
        raise wrong(site, "axis", given, "-1: TensorFlow looks along the last axis only")
    rows = shape[:-1]
    if classes is not None and len(classes) == len(shape) and classes[-1] in (1, None):
        if classes[-1] is None:
            raise _unlike(site, (*classes[:-1], None), (*rows, 1), "a class for each row")
        classes = classes[:-1]
    if classes is not None and classes != rows:
        raise _unlike(site, classes, rows, f"a class for each row of {show(shape)}")
    return single(rows, output.dtype, flops=per_element(shape, SOFTMAX))


def _first_alike(site: Site, **given: Tensor) -> int | None:
    """The first dimension of tensors, the same in all; None where it is not known."""
    shapes = {name: t.shape for name, t in given.items() if t.shape is not None}
    (name, one), *others = shapes.items() if shapes else [("", (None,))]
    for other, shape in others:
        if shape[0] != one[0]:
            unknown = agree(one[0], shape[0])
            raise Refusal(
                codes.S305 if unknown else codes.S302,
                f"{site.label} needs as many of `{name}` as of `{other}`, and is given {listing([one, shape])}",
                help="give them one batch: write it for all in `model.inputs`, or for none",
            )
    return one[0]


def ctc_loss(site: Site) -> Result:
    """Classes (batch, length), scores (batch, steps, classes) and how long each is → (batch,)."""
    target, output, counted, ran = map(site.tensor, ("target", "output", "target_length", "output_length"))
    numeric(site, target, output, ran)
    among(site, INTEGERS, counted)
    labels = ranked(site, target, 2, "a target of 2 dimensions, (batch, length)")
    scores = ranked(site, output, 3, "an output of 3 dimensions, (batch, steps, classes)")
    for one, name in ((counted, "target_length"), (ran, "output_length")):
        ranked(site, one, 1, f"a vector as `{name}`")
    integer(site, "mask_index")
    batch = _first_alike(site, target=target, output=output, target_length=counted, output_length=ran)
    # Forward and backward over every step, through each label and the gap after it.
    path = None if labels is None or labels[1] is None else 2 * labels[1] + 1
    steps = None if scores is None else times(elements((*scores[:2], 1)), path, 6)
    shape = (batch,) if labels is not None or scores is not None else None
    dtype = None if output.dtype is None else promote(site, (output.dtype, "float32"))
    kept = (Tensor(scores, dtype), Tensor(shape, dtype))
    return single(shape, dtype, flops=total(per_element(scores, SOFTMAX), steps), kept=kept)


def ctc_decode(site: Site) -> Result:
    """Scores (batch, steps, classes) and how long each is → (paths, batch, steps), -1 after the end; (batch, paths)."""
    x, lengths = site.tensor("inputs"), site.tensor("sequence_lengths")
    numeric(site, x, lengths)
    paths, beams = 1, 1
    if choice(site, "strategy", "greedy", "beam_search") == "beam_search":
        paths, beams = integer(site, "top_paths", 1), integer(site, "beam_width", 1)
        if paths > beams:
            raise wrong(site, "top_paths", paths, f"at most `beam_width`, {beams}")
    shape = ranked(site, x, 3, "an input of 3 dimensions, (batch, steps, classes)")
    counts = ranked(site, lengths, 1, "a vector as `sequence_lengths`")
    dtype = None if x.dtype is None else promote(site, (x.dtype, "float32"))
    if shape is None:
        return Result((Tensor(None, "int32"), Tensor(None, dtype)), flops=None, kept=())
    if counts is not None and not agree(shape[0], counts[0]):
        raise _unlike(site, counts, shape[:1], "a length for each sequence")
    index = value(site, "mask_index")
    classes = shape[2]
    if index is not None and classes is not None and not -classes <= whole(site, "mask_index", index) < classes:
        raise wrong(site, "mask_index", index, f"from {-classes} to {classes - 1}: there are {classes} classes")
    outputs = (Tensor((paths, *shape[:2]), "int32"), Tensor((shape[0], paths), dtype))
    return Result(outputs, flops=per_element(shape, beams), kept=())


def psnr(site: Site) -> Result:
    """(…) and (…) of one shape → a number: how much signal there is for the noise. Keras declares `float32`."""
    one, other = site.tensor("x1"), site.tensor("x2")
    one_dtype(site, one, other)
    numeric(site, one, other)
    if one.dtype == "bool":
        raise Refusal(codes.S304, f"{site.label} computes with numbers, and is given bool")
    number(site, "max_val", 0.0, float("inf"))
    if one.shape is not None and other.shape is not None and one.shape != other.shape:
        raise _unlike(site, one.shape, other.shape, "two tensors of one shape")
    return single((), "float32", flops=per_element(one.shape, 3))


def in_top_k(site: Site) -> Result:
    """A class for each row, (batch,), and scores (batch, classes) → (batch,): whether it is among the `k` best."""
    targets, scores = site.tensor("targets"), site.tensor("predictions")
    among(site, ("int32", "int64"), targets)
    among(site, ("float32",), scores)
    integer(site, "k")
    one = ranked(site, targets, 1, "a vector of classes as `targets`")
    other = ranked(site, scores, 2, "predictions of 2 dimensions, (batch, classes)")
    if one is not None and other is not None and not agree(one[0], other[0]):
        raise _unlike(site, one, other[:1], "a class for each row")
    return single(one, "bool", flops=elements(other), kept=())


def multi_hot(site: Site) -> Result:
    """(batch, classes of each) → (batch, num_classes). Keras declares the dtype of the input, and gives `dtype`."""
    x, at = site.tensor(), integer(site, "axis")
    numeric(site, x)
    if site.arguments.get("num_classes") is None:
        raise wrong(site, "num_classes", None, "how many classes there are")
    classes = size(site, "num_classes", 0)
    if x.shape is None:
        return single(None, x.dtype, kept=())
    if at != -1 and not 0 <= at < len(x.shape):
        raise wrong(site, "axis", at, f"-1, or from 0 to {len(x.shape) - 1}")
    at = len(x.shape) if at == -1 else at
    marked = (*x.shape[:at], classes, *x.shape[at:])
    # A single number is marked, and the maximum is taken over the marks; Keras declares them all the same.
    output = None if not x.shape else marked[1:] if len(x.shape) == 1 else (marked[0], *marked[2:])
    return single(output, x.dtype, flops=per_element(marked, 1), kept=())
