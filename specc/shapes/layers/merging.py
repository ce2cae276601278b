"""Merging layers: several tensors become one."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import axis, flag, integer, spread, value, wrong
from specc.shapes.costs import elements, per_element, times, total
from specc.shapes.dimensions import agree, listing
from specc.shapes.dtypes import compute_dtype, numeric
from specc.tensors import Shape, show

__all__ = ["Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"]


def _shapes(site: Site, exactly: int | None = None) -> list[Shape] | None:
    """The shapes of the inputs, or None where one is not known.

    Raises:
        Refusal: S204 for a wrong number of inputs.
    """
    tensors = site.tensors()
    numeric(site, *tensors)
    if not tensors or (exactly is not None and len(tensors) != exactly):
        needed = "a list of tensors" if exactly is None else f"exactly {exactly} tensors"
        raise Refusal(
            codes.S204,
            f"{site.label} merges {needed}, and is given {len(tensors)}",
            help="name them beside the call: `inputs: [left, right]`",
        )
    shapes = [t.shape for t in tensors if t.shape is not None]
    return shapes if len(shapes) == len(tensors) else None


def merge(site: Site) -> Result:
    """Several (batch, …) → one, element by element; a dimension of 1 is stretched.

    Raises:
        Refusal: S302 when the shapes do not fit.
    """
    return _merged(site, _shapes(site, 2 if site.call.name == "Subtract" else None))


def _merged(site: Site, shapes: list[Shape] | None) -> Result:
    if shapes is None:
        return single(None, compute_dtype(site), (), None)
    if not all(shapes):
        raise Refusal(codes.S301, f"{site.label} needs a batch dimension, and is given {listing(shapes)}")
    batches = {s[0] for s in shapes} - {None}
    if len(batches) > 1:
        raise _unfit(site, shapes, "their batches differ")
    rest = shapes[0][1:]
    for shape in shapes[1:]:
        rest = _together(site, rest, shape[1:], shapes)
    output = (batches.pop() if batches else None, *rest)
    # One operation for each tensor after the first; the mean divides as well.
    operations = len(shapes) - (site.call.name != "Average")
    return single(output, compute_dtype(site), (), per_element(output, operations))


def _together(site: Site, one: Shape, other: Shape, shapes: list[Shape]) -> Shape:
    """As broadcasting, except that an unknown dimension stays unknown whatever meets it: so Keras has it here."""
    if len(one) < len(other):
        one, other = other, one
    head = len(one) - len(other)
    met: list[int | None] = list(one[:head])
    for a, b in zip(one[head:], other, strict=True):
        if not agree(a, b) and 1 not in (a, b):
            raise _unfit(site, shapes, f"{a} against {b}")
        met.append(None if a is None or b is None else b if a == 1 else a)
    return tuple(met)


def _unfit(site: Site, shapes: list[Shape], why: str) -> Refusal:
    return Refusal(
        codes.S302,
        f"{site.label} is given {listing(shapes)}, which do not fit each other: {why}",
        help="bring them to one shape first: a `Dense` or a `Conv2D` of kernel size 1 changes the last dimension",
    )


def Concatenate(site: Site) -> Result:
    """Several tensors, alike but for one axis → one, as long there as all of them together.

    Raises:
        Refusal: S301 when their ranks differ, S302 when another dimension does.
    """
    shapes = _shapes(site)
    if shapes is None:
        return single(None, compute_dtype(site))
    first, rank = shapes[0], len(shapes[0])
    if len(shapes) == 1:
        # The axis does not matter then, and Keras fails all the same on one that counts too far back from the end.
        if isinstance(counted := site.arguments.get("axis"), int) and counted < 0:
            axis(site, "axis", counted, rank, first)
        return single(first, compute_dtype(site))
    if any(len(s) != rank for s in shapes):
        raise Refusal(
            codes.S301,
            f"{site.label} is given {listing(shapes)}, which differ in their number of dimensions",
            help="bring them to the same number first, with `Reshape` or `Flatten`",
        )
    along = axis(site, "axis", integer(site, "axis"), rank, first)
    for i in range(rank):
        if i != along and len({s[i] for s in shapes} - {None}) > 1:
            sizes = " and ".join(str(s[i]) for s in shapes if s[i] is not None)
            raise Refusal(
                codes.S302,
                f"{site.label} joins along axis {value(site, 'axis')}, and is given {listing(shapes)}: "
                f"axis {i} differs, {sizes}",
                help="all dimensions but the one that is joined must be equal",
            )
    lengths = [s[along] for s in shapes]
    known = [n for n in lengths if n is not None]
    joined = sum(known) if len(known) == len(lengths) else None
    return single((*first[:along], joined, *first[along + 1 :]), compute_dtype(site))


def Dot(site: Site) -> Result:
    """Two tensors, multiplied and summed along an axis of each → what is left of both.

    Raises:
        Refusal: S302 when the two axes differ, S305 when only one of them is known.
    """
    shapes = _shapes(site, 2)
    if value(site, "axes") is None:
        raise wrong(site, "axes", None, "a whole number, or a list of two")
    if shapes is None:
        spread(site, "axes", value(site, "axes"), 2, minimum=-(2**31))
        return single(None, compute_dtype(site), (), None)
    given = spread(site, "axes", value(site, "axes"), 2, minimum=-(2**31))
    one, other = (axis(site, "axes", a, len(s), s) for a, s in zip(given, shapes, strict=True))
    if 0 in (one, other):
        raise wrong(site, "axes", value(site, "axes"), "axes after the batch, which is axis 0")
    met, meets = shapes[0][one], shapes[1][other]
    if met != meets:
        known = met is not None and meets is not None
        raise Refusal(
            codes.S302 if known else codes.S305,
            f"{site.label} sums over axis {one} of {show(shapes[0])} and axis {other} of {show(shapes[1])}"
            + (f", which are {met} and {meets}" if known else ", of which one is not known"),
            help="the two axes must have the same size",
        )
    left = shapes[0][:one] + shapes[0][one + 1 :]
    right = shapes[1][1:other] + shapes[1][other + 1 :]
    both = left + right
    output = both if len(both) > 1 else (*both, 1)
    # To normalize is to square, to add and to scale each element of both.
    scaled = [per_element(shape, 3) for shape in shapes] if flag(site, "normalize") else []
    return single(output, compute_dtype(site), (), total(times(2, elements(output), met), *scaled))


Add = Average = Maximum = Minimum = Multiply = Subtract = merge
