"""What shapes must be, and how they combine: ranks, known dimensions, broadcasting, windows."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Site
from specc.tensors import Shape, Tensor, Weight, show

AXES = {
    1: ("steps",),
    2: ("height", "width"),
    3: ("depth", "height", "width"),
}


def layout(spatial: int, first: bool = False) -> str:
    """The dimensions of an input with channels as a message names them: `(batch, height, width, channels)`."""
    names = ("channels", *AXES[spatial]) if first else (*AXES[spatial], "channels")
    return f"(batch, {', '.join(names)})"


def ranked(site: Site, tensor: Tensor, rank: int, needed: str, help: str = "") -> Shape | None:
    """The shape of a tensor that must have that many dimensions, or None where it is not known.

    Raises:
        Refusal: S301.
    """
    if tensor.shape is not None and len(tensor.shape) != rank:
        raise Refusal(
            codes.S301,
            f"{site.label} needs {needed}, and is given {show(tensor.shape)}",
            help=help or _reshaping(tensor.shape, rank),
        )
    return tensor.shape


def ranked_from(site: Site, tensor: Tensor, rank: int) -> Shape | None:
    """The shape of a tensor that must have at least that many dimensions, or None where it is not known.

    Raises:
        Refusal: S301.
    """
    if tensor.shape is not None and len(tensor.shape) < rank:
        raise Refusal(
            codes.S301,
            f"{site.label} needs at least {rank} dimensions, the batch among them, and is given {show(tensor.shape)}",
            help=_reshaping(tensor.shape, rank),
        )
    return tensor.shape


def _reshaping(shape: Shape, rank: int) -> str:
    known = [d for d in shape[1:] if d is not None]
    if len(shape) == rank - 1 and len(known) == len(shape) - 1 and rank > 2:
        return f"give it one more dimension first: `Reshape: {[*known, 1]}`"
    if len(shape) == 2 and rank > 3:
        return "put it before `Flatten`, or give it a form first with `Reshape: [height, width, channels]`"
    if len(shape) < rank:
        return "give it more dimensions first, with `Reshape` or `ops.expand_dims`"
    if rank == 2:
        return "bring it down first, with `Flatten` or a global pooling layer"
    return "bring it to that first with `Reshape`, or wrap the layer in `TimeDistributed`"


def known(site: Site, shape: Shape, index: int, what: str) -> int:
    """A dimension on which weights hang.

    Raises:
        Refusal: S305 when it is not known before data is seen.
    """
    size = shape[index]
    if size is None:
        raise Refusal(
            codes.S305,
            f"{site.label} must know {what} to make its weights, and is given {show(shape)}",
            help="write the dimension in `model.inputs`, or set it with `Reshape` before",
        )
    return size


def kernels(*shapes: Sequence[int | None], trainable: bool = True) -> tuple[Weight, ...] | None:
    """Weights of those shapes; None where a dimension is not known."""
    weights = []
    for shape in shapes:
        sizes = tuple(d for d in shape if d is not None)
        if len(sizes) < len(shape):
            return None
        weights.append(Weight(sizes, trainable))
    return tuple(weights)


def joined(*groups: tuple[Weight, ...] | None) -> tuple[Weight, ...] | None:
    """Groups of weights one after the other; None where one of them is not known."""
    weights: tuple[Weight, ...] = ()
    for group in groups:
        if group is None:
            return None
        weights += group
    return weights


def size_of(shape: Sequence[int | None]) -> int | None:
    """The number of elements, or None where a dimension is not known."""
    sizes = [d for d in shape if d is not None]
    return prod(sizes) if len(sizes) == len(shape) else None


def agree(one: int | None, other: int | None) -> bool:
    """Whether two dimensions may be the same."""
    return one is None or other is None or one == other


def alike(one: Shape, other: Shape, apart: Sequence[int] = ()) -> bool:
    """Whether two shapes may be the same, apart from some axes counted from the front."""
    return len(one) == len(other) and all(
        i in apart or agree(a, b) for i, (a, b) in enumerate(zip(one, other, strict=True))
    )


def broadcast(site: Site, *shapes: Shape | None) -> Shape | None:
    """The shape of an elementwise operation on several tensors, None where one is not known.

    Raises:
        Refusal: S302.
    """
    given = [s for s in shapes if s is not None]
    if len(given) < len(shapes):
        return None
    result: Shape = ()
    for shape in given:
        result = _broadcast(site, result, shape, given)
    return result


def _broadcast(site: Site, one: Shape, other: Shape, given: Sequence[Shape]) -> Shape:
    length = max(len(one), len(other))
    one, other = (1,) * (length - len(one)) + one, (1,) * (length - len(other)) + other
    met: list[int | None] = []
    for a, b in zip(one, other, strict=True):
        if not agree(a, b) and 1 not in (a, b):
            raise Refusal(
                codes.S302,
                f"{site.label} is given {listing(given)}, which do not fit each other: {a} against {b}",
                help="dimensions must be equal, or 1, counted from the last",
            )
        if a is None:
            met.append(None if b == 1 else b)
        else:
            met.append(b if a == 1 else a)
    return tuple(met)


def listing(shapes: Sequence[Shape | None]) -> str:
    """Shapes in a sentence: `(batch, 3), (batch, 4) and (batch, 5)`."""
    shown = [show(s) for s in shapes]
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]


def window(site: Site, shape: Shape, sizes: Sequence[int | None], window: Sequence[int], what: str) -> None:
    """Refuse a window that is larger than what it slides over.

    Raises:
        Refusal: S303. `sizes` are what would come out, `window` what the window covers.
    """
    if any(size is not None and size < 1 for size in sizes):
        covers = " by ".join(str(w) for w in window)
        raise Refusal(
            codes.S303,
            f"{site.label} has a {what} of {covers} and is given {show(shape)}: nothing is left",
            help="make it smaller, write `padding: same`, or shrink the input less before",
        )


def steps(length: int | None, covers: int, stride: int, *, valid: bool) -> int | None:
    """How often a window that covers so many places stands on a dimension: all of it inside, or at least its start."""
    return None if length is None else (length - (covers if valid else 1)) // stride + 1


def stretched(length: int | None, covers: int, stride: int, extra: int | None, *, valid: bool) -> int | None:
    """How long a transposed convolution makes a dimension; `extra` is its `output_padding`, None where it has none."""
    if length is None:
        return None
    if extra is None:
        return (length - 1) * stride + max(covers, stride) if valid else length * stride
    return (length - 1) * stride + (covers if valid else covers % 2) + extra
