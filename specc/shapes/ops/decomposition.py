"""Ops of linear algebra on matrices, the last two dimensions: decompositions, inverses, determinants, equations.

What they cost is counted for dense matrices as in Golub and Van Loan, *Matrix Computations*.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Rule, Site, single
from specc.shapes.arguments import axes, choice, flag, value, wrong
from specc.shapes.costs import elements, per_element, times
from specc.shapes.dimensions import agree, alike, broadcast, listing, ranked_from
from specc.shapes.dtypes import DEFAULT, among, is_integer, numeric, one_dtype
from specc.shapes.ops.reductions import reduced
from specc.tensors import Shape, Tensor, show

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eig",
    "eigh",
    "inv",
    "logdet",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
]

PRECISE = ("float32", "float64", "complex64", "complex128")
"""What TensorFlow decomposes matrices of, without a GPU."""


def _matrices(site: Site, x: Tensor) -> Shape | None:
    """The shape of a stack of matrices."""
    half = ("float16",) if site.call.name == "qr" else ()
    among(site, (*PRECISE, *half), x)
    return ranked_from(site, x, 2)


def _square(site: Site, x: Tensor) -> Shape | None:
    """The shape of a stack of square matrices.

    Raises:
        Refusal: S302 where they are not, S305 where nobody knows whether they are.
    """
    shape = _matrices(site, x)
    # Keras looks at the two, and for these only TensorFlow does.
    lenient = site.call.name in ("logdet", "slogdet")
    if shape is not None and shape[-2] != shape[-1]:
        unknown = agree(shape[-2], shape[-1])
        if unknown and lenient:
            return shape
        raise Refusal(
            codes.S305 if unknown else codes.S302,
            f"{site.label} needs square matrices in the last two dimensions, and is given {show(shape)}",
            help="write both dimensions in `model.inputs`" if unknown else "both must be equal",
        )
    return shape


def _sizes(site: Site, shape: Shape) -> tuple[int, int]:
    """The rows and columns of matrices, both of which must be known."""
    rows, columns = shape[-2:]
    if rows is None or columns is None:
        raise Refusal(
            codes.S305,
            f"{site.label} must know the last two dimensions, and is given {show(shape)}",
            help="write them in `model.inputs`, or set them with `Reshape` before",
        )
    return rows, columns


def _cost(shape: Shape | None, thirds: int) -> int | None:
    """So many thirds of n³ operations for each square matrix of a stack."""
    if shape is None:
        return None
    cubes = times(elements(shape), shape[-1], thirds)
    return None if cubes is None else cubes // 3


def squares(after: Callable[[Shape], tuple[Shape, ...]], thirds: int) -> Rule:
    """The rule of an op on square matrices, from the shapes of what comes out of it and what it costs."""

    def apply(site: Site) -> Result:
        x = site.tensor()
        shape = _square(site, x)
        count = len(after((1, 1)))
        made: tuple[Shape | None, ...] = (None,) * count if shape is None else after(shape)
        return Result(tuple(Tensor(one, x.dtype) for one in made), flops=_cost(shape, thirds))

    return apply


cholesky = squares(lambda s: (s,), 1)
cholesky_inverse = squares(lambda s: (s,), 4)
inv = squares(lambda s: (s,), 6)
det = squares(lambda s: (s[:-2],), 2)
logdet = squares(lambda s: (s[:-2],), 1)
eig = squares(lambda s: (s[:-1], s), 75)
eigh = squares(lambda s: (s[:-1], s), 27)


def slogdet(site: Site) -> Result:
    """(…, n, n) → the sign of the determinant and the logarithm of its size. Keras declares one sign for all."""
    x = site.tensor()
    shape = _square(site, x)
    sign = () if shape is not None and len(shape) == 2 else None
    logarithm = None if shape is None else shape[:-2]
    return Result((Tensor(sign, x.dtype), Tensor(logarithm, x.dtype)), flops=_cost(shape, 2))


def lu_factor(site: Site) -> Result:
    """(…, n, n) → both factors in one, and the order of the rows."""
    x = site.tensor()
    shape = _square(site, x)
    if shape is None:
        return Result((Tensor(None, x.dtype),) * 2, flops=None)
    _sizes(site, shape)
    return Result((x, Tensor(shape[:-1], x.dtype)), flops=_cost(shape, 2))


def matrix_rank(site: Site) -> Result:
    """(…, n, m) → how many rows of each do not follow from the others."""
    shape = _matrices(site, site.tensor())
    return single(None if shape is None else shape[:-2], "int32", flops=_singular(shape, vectors=False), kept=())


def pinv(site: Site) -> Result:
    """(…, n, m) → (…, m, n)."""
    x = site.tensor()
    shape = _matrices(site, x)
    output = None if shape is None else (*shape[:-2], shape[-1], shape[-2])
    return single(output, x.dtype, flops=_singular(shape, vectors=True))


def _singular(shape: Shape | None, vectors: bool) -> int | None:
    """What singular values cost, of a stack of matrices, and the vectors that belong to them."""
    if shape is None or shape[-2] is None or shape[-1] is None:
        return None
    tall, wide = max(shape[-2], shape[-1]), min(shape[-2], shape[-1])
    each = 14 * tall * wide**2 + 8 * wide**3 if vectors else 4 * tall * wide**2 - 4 * wide**3 // 3
    return times(elements((*shape[:-2], 1)), each)


def svd(site: Site) -> Result:
    """(…, n, m) → (…, n, n), the singular values, and (…, m, m); without `full_matrices` only what counts of them."""
    x, full, vectors = site.tensor(), flag(site, "full_matrices", True), flag(site, "compute_uv", True)
    shape = _matrices(site, x)
    if shape is None:
        return Result((Tensor(None, x.dtype),) * (3 if vectors else 1), flops=None)
    rows, columns = _sizes(site, shape)
    least, before = min(rows, columns), shape[:-2]
    values = Tensor((*before, least), x.dtype)
    if not vectors:
        return Result((values,), flops=_singular(shape, vectors=False))
    left = Tensor((*before, rows, rows if full else least), x.dtype)
    right = Tensor((*before, columns if full else least, columns), x.dtype)
    return Result((left, values, right), flops=_singular(shape, vectors=True))


def qr(site: Site) -> Result:
    """(…, n, m) → (…, n, k) and (…, k, m), with k the less of both; `complete` makes k as large as n."""
    x, mode = site.tensor(), choice(site, "mode", "reduced", "complete")
    shape = _matrices(site, x)
    if shape is None:
        return Result((Tensor(None, x.dtype),) * 2, flops=None)
    rows, columns = _sizes(site, shape)
    least, before = rows if mode == "complete" else min(rows, columns), shape[:-2]
    outputs = (Tensor((*before, rows, least), x.dtype), Tensor((*before, least, columns), x.dtype))
    tall, wide = max(rows, columns), min(rows, columns)
    # Twice: the triangle, and the rotations multiplied.
    return Result(outputs, flops=times(elements((*before, 1)), 2 * (2 * tall * wide**2 - 2 * wide**3 // 3)))


def _unfit(site: Site, one: Shape, other: Shape, unknown: bool = False) -> Refusal:
    return Refusal(
        codes.S305 if unknown else codes.S302,
        f"{site.label} needs as many rows in both, and is given {listing([one, other])}",
        help="write the dimension in `model.inputs`" if unknown else "a is (…, n, n), and b (…, n) or (…, n, m)",
    )


def equations(site: Site) -> Result:
    """(…, n, n) and (…, n, m), or (…, n) → as the second: what the first makes the second of."""
    a, b = site.tensor("a"), site.tensor("b")
    one_dtype(site, a, b)
    among(site, PRECISE, b)
    left, right = _square(site, a), ranked_from(site, b, 1)
    if left is None or right is None:
        return single(None, b.dtype, flops=None)
    triangular = site.call.name == "solve_triangular"
    vectors = len(right) == len(left) - 1
    if not vectors and len(right) != len(left) and not triangular:
        raise Refusal(
            codes.S301,
            f"{site.label} needs matrices, or a vector for each, and is given {listing([left, right])}",
            help="give both as many dimensions, with `ops.expand_dims` or `ops.broadcast_to`",
        )
    columns: Shape = (*right, 1) if vectors else right
    if len(columns) < 2 or not agree(left[-1], columns[-2]):
        raise _unfit(site, left, right)
    if not vectors and len(left) == len(right) and left[-2] != right[-2]:
        raise _unfit(site, left, right, unknown=True)
    flops = times(elements((*right[:-1], 1)) if vectors else elements(right), left[-1])
    if triangular:
        before = broadcast(site, left[:-2], columns[:-2]) or ()
        if len(right) == len(left) + 1 and left[-1] != right[-1]:
            raise _unfit(site, left, right, unknown=agree(left[-1], right[-1]))
        # Keras declares the second tensor, also where the first has more matrices.
        known = right if before == columns[:-2] else None
        return single(known, b.dtype, flops=flops)
    if not alike(left[:-2], columns[:-2]):
        raise _unfit(site, left, right)
    cubes = _cost(left, 2)
    return single(right, b.dtype, flops=None if cubes is None or flops is None else cubes + 2 * flops)


solve = solve_triangular = equations


def lstsq(site: Site) -> Result:
    """(n, m) and (n, k), or (n,) → (m, k), or (m,): what comes closest."""
    a, b = site.tensor("a"), site.tensor("b")
    one_dtype(site, a, b)
    among(site, PRECISE[:2], a, b)
    if a.shape is None or b.shape is None:
        return single(None, a.dtype, flops=None)
    if len(a.shape) != 2 or len(b.shape) not in (1, 2):
        raise Refusal(
            codes.S301,
            f"{site.label} needs (n, m) and (n, k) or (n,), and is given {listing([a.shape, b.shape])}",
            help="it solves one set of equations, not one for each example",
        )
    _sizes(site, a.shape)
    if a.shape[0] != b.shape[0]:
        raise _unfit(site, a.shape, b.shape, unknown=agree(a.shape[0], b.shape[0]))
    output = (a.shape[1], *b.shape[1:])
    return single(output, a.dtype, flops=_singular(a.shape, vectors=True))


_OF_MATRICES: tuple[Any, ...] = (None, "fro", "nuc", float("inf"), float("-inf"), 1, -1, 2, -2)


def norm(site: Site) -> Result:
    """(…) → the length along an axis, or a norm of the matrices in two; without `axis`, of the whole."""
    x, order = site.tensor(), value(site, "ord")
    numeric(site, x)
    dtype = DEFAULT if is_integer(x.dtype) or x.dtype == "bool" else x.dtype
    if isinstance(order, str) and order not in ("fro", "nuc"):
        raise wrong(site, "ord", order, "a number, `fro` or `nuc`")
    if x.shape is None:
        return single(None, dtype, flops=None)
    along = axes(site, "axis", x.shape)
    count = len(x.shape) if along is None else len(along)
    if count not in (1, 2):
        raise Refusal(
            codes.S301 if along is None else codes.S105,
            f"{site.label} measures along one axis or two, and here along {count} of {show(x.shape)}",
            help="name them: `axis: -1`, or `axis: [1, 2]` for matrices",
            argument="" if along is None else "axis",
        )
    if isinstance(order, str) and count == 1:
        raise wrong(site, "ord", order, "a number; a name stands for a norm of matrices, along two axes")
    if count == 2 and order not in _OF_MATRICES:
        raise wrong(site, "ord", order, "null, `fro`, `nuc`, 1, -1, 2, -2 or infinite along two axes")
    if count == 2 and order in ("nuc", 2, -2):
        among(site, (*PRECISE, "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"), x)
    return single(reduced(site, x.shape), dtype, flops=per_element(x.shape, 2))
