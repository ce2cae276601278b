"""Ops that put values in other places: diagonals, triangles, turns, flips."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import axes, axis, integer, value, wrong
from specc.shapes.dimensions import ranked_from, size_of
from specc.shapes.dtypes import numeric
from specc.shapes.ops.elementwise import computed, moved
from specc.tensors import Shape, show

__all__ = [
    "diag",
    "diagflat",
    "diagonal",
    "diff",
    "flip",
    "fliplr",
    "flipud",
    "roll",
    "rot90",
    "tril",
    "triu",
]


def turned(site: Site) -> Result:
    """(…) → the same shape."""
    x = site.tensor()
    if x.shape is not None:
        axes(site, "axis", x.shape)
    return moved(x)


def matrices(site: Site) -> Result:
    """(n, m, …) → the same shape; `tril` and `triu` of (…, n, m) leave a triangle of it zero."""
    x = site.tensor()
    ranked_from(site, x, 2)
    return moved(x)


def flipud(site: Site) -> Result:
    """(n, …) → the same shape."""
    x = site.tensor()
    ranked_from(site, x, 1)
    return moved(x)


flip = roll = turned
fliplr = tril = triu = matrices


def rot90(site: Site) -> Result:
    """(…) → the same, two axes turned in their plane: an odd number of times, they change places.

    Keras declares that they always do; where they do not, their dimensions are left unknown.
    """
    x, plane = site.tensor(), value(site, "axes")
    if not isinstance(plane, tuple) or len(plane) != 2:
        raise wrong(site, "axes", plane, "two axes")
    times = integer(site, "k")
    shape = ranked_from(site, x, 2)
    if shape is None:
        return moved(x)
    one, other = (axis(site, "axes", a, len(shape), shape) for a in plane)
    if one == other:
        raise wrong(site, "axes", plane, "two axes that differ")
    dimensions = list(shape)
    dimensions[one], dimensions[other] = dimensions[other], dimensions[one]
    if times % 2 == 0 and shape[one] != shape[other]:
        dimensions[one] = dimensions[other] = None
    return single(tuple(dimensions), x.dtype)


def diag(site: Site) -> Result:
    """(n) → (n + |k|, n + |k|), a matrix with it as a diagonal; (n, m) → its diagonal."""
    x, offset = site.tensor(), integer(site, "k")
    if x.shape is None:
        return single(None, x.dtype)
    if len(x.shape) == 1:
        return single(_square(x.shape[0], offset), x.dtype)
    if len(x.shape) != 2:
        raise Refusal(
            codes.S301,
            f"{site.label} makes a matrix of a vector, or takes the diagonal of a matrix, and is given {show(x.shape)}",
            help="`ops.diagonal` takes the diagonals of more dimensions",
        )
    return single((_diagonal(site, "k", x.shape, (0, 1), offset),), x.dtype)


def diagflat(site: Site) -> Result:
    """(…) → a matrix with all of it as a diagonal."""
    x, offset = site.tensor(), integer(site, "k")
    return single((None, None) if x.shape is None else _square(size_of(x.shape), offset), x.dtype)


def diagonal(site: Site) -> Result:
    """(…) → the dimensions that are left, and the diagonal of `axis1` and `axis2`."""
    x, offset = site.tensor(), integer(site, "offset")
    shape = ranked_from(site, x, 2)
    if shape is None:
        return single(None, x.dtype)
    one, other = (axis(site, n, integer(site, n), len(shape), shape) for n in ("axis1", "axis2"))
    if one == other:
        raise wrong(site, "axis2", value(site, "axis2"), "another axis than `axis1`")
    rest = tuple(d for i, d in enumerate(shape) if i not in (one, other))
    return single((*rest, _diagonal(site, "offset", shape, (one, other), offset)), x.dtype)


def _square(size: int | None, offset: int) -> Shape:
    side = None if size is None else size + abs(offset)
    return (side, side)


def _diagonal(site: Site, name: str, shape: Shape, plane: tuple[int, int], offset: int) -> int | None:
    """The length of a diagonal, so many places above the main one; below it where negative.

    Raises:
        Refusal: S105 where there is none: Keras declares it empty, and fails once it runs.
    """
    rows, columns = (shape[axis] for axis in plane)
    if (columns is not None and offset >= max(columns, 1)) or (rows is not None and -offset >= max(rows, 1)):
        raise wrong(site, name, offset, f"a diagonal of the ({rows or '?'}, {columns or '?'}) in {show(shape)}")
    if rows is None or columns is None:
        return None
    return min(rows, columns, columns - offset if offset > 0 else rows + offset)


def diff(site: Site) -> Result:
    """(…) → the differences of neighbours along an axis, `n` times over, each time one fewer."""
    x, times = site.tensor(), integer(site, "n", 0)
    numeric(site, x)
    if x.shape is None:
        return computed(None, x.dtype)
    at = axis(site, "axis", integer(site, "axis"), len(x.shape), x.shape)
    length = x.shape[at]
    fewer = None if length is None else max(length - times, 0)
    return computed((*x.shape[:at], fewer, *x.shape[at + 1 :]), x.dtype, times)
