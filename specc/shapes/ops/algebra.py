"""Ops of linear algebra: products of matrices and tensors."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import axis, integer, value, whole, wrong
from specc.shapes.costs import elements, times
from specc.shapes.dimensions import agree, broadcast, size_of
from specc.shapes.dtypes import numeric, promote
from specc.tensors import Shape, Tensor, show

__all__ = ["dot", "einsum", "inner", "matmul", "outer", "tensordot", "vdot"]


def _pair(site: Site) -> tuple[Tensor, Tensor, str | None]:
    """The two tensors of a product, and the dtype that it has."""
    one, other = site.tensor("x1"), site.tensor("x2")
    numeric(site, one, other)
    return one, other, promote(site, (one.dtype, other.dtype))


def _unfit(site: Site, one: Shape, other: Shape, why: str) -> Refusal:
    return Refusal(
        codes.S302,
        f"{site.label} is given {show(one)} and {show(other)}: {why}",
        help="change the order of the inputs, or turn one with `ops.swapaxes`",
    )


def matmul(site: Site) -> Result:
    """(…, n, k) and (…, k, m) → (…, n, m), what stands before broadcast together."""
    one, other, dtype = _pair(site)
    if one.dtype == other.dtype == "int8":
        dtype = "int32"
    if one.shape is None or other.shape is None:
        return single(None, dtype, flops=None)
    if not one.shape or not other.shape:
        raise Refusal(codes.S301, f"{site.label} multiplies matrices, and is given a single number")
    left = one.shape if len(one.shape) > 1 else (1, *one.shape)
    right = other.shape if len(other.shape) > 1 else (*other.shape, 1)
    if not agree(left[-1], right[-2]):
        raise _unfit(
            site,
            one.shape,
            other.shape,
            f"the last dimension of the first is {left[-1]}, and it meets {right[-2]} of the second",
        )
    before = broadcast(site, left[:-2], right[:-2]) or ()
    rows = (left[-2],) if len(one.shape) > 1 else ()
    columns = (right[-1],) if len(other.shape) > 1 else ()
    shape = (*before, *rows, *columns)
    return single(shape, dtype, flops=_products(shape, left[-1] if left[-1] is not None else right[-2]))


def _products(shape: Shape, summed: int | None) -> int | None:
    """The cost of elements that are each a sum of so many products."""
    return times(2, elements(shape), summed)


def _scaled(one: Shape, other: Shape, dtype: str | None) -> Result:
    """A tensor times a single number, whichever comes first."""
    shape = one or other
    return single(shape, dtype, flops=elements(shape))


def dot(site: Site) -> Result:
    """(…, k) and (…, k, m) → the dimensions of both without k; two vectors give a number."""
    one, other, dtype = _pair(site)
    if one.shape is None or other.shape is None:
        return single(None, dtype, flops=None)
    if not one.shape or not other.shape:
        return _scaled(one.shape, other.shape, dtype)
    met = other.shape[-2 if len(other.shape) > 1 else 0]
    summed = met if one.shape[-1] is None else one.shape[-1]
    if len(one.shape) == len(other.shape) == 1:
        return single((), dtype, flops=_products((), summed))
    if not agree(one.shape[-1], met):
        raise _unfit(site, one.shape, other.shape, f"{one.shape[-1]} meets {met}")
    if len(other.shape) == 1 and one.shape[-1] != met:
        raise Refusal(
            codes.S305,
            f"{site.label} sums over the last axis of {show(one.shape)} and {show(other.shape)}, of which one is not "
            "known",
            help="write the dimension in `model.inputs`",
        )
    rest = (*other.shape[:-2], other.shape[-1]) if len(other.shape) > 1 else ()
    shape = (*one.shape[:-1], *rest)
    return single(shape, dtype, flops=_products(shape, summed))


def inner(site: Site) -> Result:
    """(…, k) and (…, k) → the dimensions of both without k."""
    one, other, dtype = _pair(site)
    if one.shape is None or other.shape is None:
        return single(None, dtype, flops=None)
    if not one.shape or not other.shape:
        return _scaled(one.shape, other.shape, dtype)
    if not agree(one.shape[-1], other.shape[-1]):
        raise _unfit(site, one.shape, other.shape, f"{one.shape[-1]} meets {other.shape[-1]}")
    # For the case that one is a single number, Keras multiplies them element by element as well.
    broadcast(site, one.shape, other.shape)
    shape, width = one.shape[:-1] + other.shape[:-1], one.shape[-1]
    return single(shape, dtype, flops=_products(shape, other.shape[-1] if width is None else width))


def outer(site: Site) -> Result:
    """(…) and (…) → (all of the first, all of the second)."""
    one, other, dtype = _pair(site)
    if one.shape is None or other.shape is None:
        return single(None, dtype, flops=None)
    flops = times(elements(one.shape), elements(other.shape))
    return single((size_of(one.shape), size_of(other.shape)), dtype, flops=flops)


def vdot(site: Site) -> Result:
    """(…) and (…), as many elements in each → a number."""
    one, other, dtype = _pair(site)
    if one.shape is not None and other.shape is not None:
        many, as_many = size_of(one.shape), size_of(other.shape)
        if not agree(many, as_many):
            raise _unfit(site, one.shape, other.shape, f"{many} elements meet {as_many}")
    return single((), dtype, flops=_products((), elements(one.shape)))


def tensordot(site: Site) -> Result:
    """Two tensors summed over `axes` of both: a number of axes, or two lists of them."""
    one, other, dtype = _pair(site)
    given = value(site, "axes")
    if one.shape is None or other.shape is None:
        return single(None, dtype, flops=None)
    if isinstance(given, int):
        count = max(integer(site, "axes"), 0)
        if not agree(size_of(one.shape[len(one.shape) - count :]), size_of(other.shape[:count])):
            raise _unfit(site, one.shape, other.shape, f"the last {count} of one do not meet the first of the other")
        shape = one.shape[: len(one.shape) - count] + other.shape[count:]
        return single(shape, dtype, flops=_summed(shape, other.shape[:count]))
    if not isinstance(given, tuple) or len(given) != 2:
        raise wrong(site, "axes", given, "a number of axes, or two lists of them")
    gone = []
    for listed, shape in zip(given, (one.shape, other.shape), strict=True):
        wanted = listed if isinstance(listed, tuple) else (listed,)
        gone.append([axis(site, "axes", whole(site, "axes", a), len(shape), shape) for a in wanted])
    axes = zip(gone[0], gone[1], strict=False)
    if len(gone[0]) != len(gone[1]) or not all(agree(one.shape[a], other.shape[b]) for a, b in axes):
        raise _unfit(site, one.shape, other.shape, f"`axes` {given} do not match")
    left = tuple(d for i, d in enumerate(one.shape) if i not in gone[0])
    right = tuple(d for i, d in enumerate(other.shape) if i not in gone[1])
    return single(left + right, dtype, flops=_summed(left + right, tuple(other.shape[b] for b in gone[1])))


def _summed(shape: Shape, gone: Shape) -> int | None:
    """The cost of a product that sums over some dimensions; over none, elements are multiplied and no more."""
    return _products(shape, times(*gone)) if gone else elements(shape)


def einsum(site: Site) -> Result:
    """Tensors multiplied and summed along the axes that `subscripts` name: `bij,bjk->bik`."""
    subscripts = str(value(site, "subscripts")).replace(" ", "")
    tensors = site.tensors()
    numeric(site, *tensors)
    dtypes = [t.dtype for t in tensors]
    dtype = "int32" if set(dtypes) == {"int8"} else promote(site, dtypes)
    left, arrow, right = subscripts.partition("->")
    specs = left.split(",")
    if "->" in right or not all(c.isalpha() or c in ".," for c in left + right):
        raise wrong(site, "subscripts", subscripts, "letters, with one `->` at most: `bij,bjk->bik`")
    if len(specs) != len(tensors):
        raise Refusal(
            codes.S204,
            f"{site.label} reads {len(specs)} tensors in `{subscripts}`, and is given {len(tensors)}",
            help="write a group of letters for each input, with commas between them",
        )
    if any(t.shape is None for t in tensors):
        return single(None, dtype, flops=None)
    sizes: dict[str, int | None] = {}
    rest: Shape = ()
    batches = {spec[0] for spec in specs if spec and spec[0] != "."}
    for spec, tensor in zip(specs, tensors, strict=True):
        rest = broadcast(site, rest, _read(site, spec, tensor.shape or (), sizes)) or ()
    if not arrow:
        right = ("..." if "..." in left else "") + "".join(sorted(c for c in sizes if left.count(c) == 1))
    if stray := next((c for c in right if c.isalpha() and c not in sizes), None):
        raise wrong(site, "subscripts", subscripts, f"one whose `{stray}` comes from an input")
    head, dots, tail = right.partition("...")
    middle = rest if dots else ()
    lengths = {c: 1 if d is None and c in batches else d for c, d in sizes.items()}
    cost = _contraction([set(spec) for spec in specs], {**lengths, ".": elements(rest)}, set(right))
    return single((*(sizes[c] for c in head), *middle, *(sizes[c] for c in tail)), dtype, flops=cost)


def _contraction(terms: list[set[str]], sizes: Mapping[str, int | None], wanted: Collection[str]) -> int | None:
    """What a product of tensors costs, two at a time and the cheapest first. A dot stands for all that `...` is."""
    if len(terms) == 1:
        return 0 if terms[0] <= set(wanted) else times(*(sizes[c] for c in terms[0]))
    cost: int | None = 0
    while len(terms) > 1:
        steps = []
        for i, j in combinations(range(len(terms)), 2):
            others = [t for k, t in enumerate(terms) if k not in (i, j)]
            both, left = terms[i] | terms[j], set(wanted).union(*others)
            operations = times(1 if both <= left else 2, *(sizes[c] for c in both))
            # Of two that cost the same, the one that leaves less to go on with.
            rest = times(*(sizes[c] for c in both & left))
            steps.append((operations, rest, [*others, both & left]))
        each, _, terms = min(steps, key=lambda step: (step[0] is None, step[0] or 0, step[1] or 0))
        cost = None if cost is None or each is None else cost + each
    return cost


def _read(site: Site, spec: str, shape: Shape, sizes: dict[str, int | None]) -> Shape:
    """Take down the size of each letter; give what `...` stands for."""
    head, dots, tail = spec.partition("...")
    if len(head) + len(tail) > len(shape) or (not dots and len(head) != len(shape)):
        raise Refusal(
            codes.S301,
            f"{site.label} reads `{spec}`, {len(head) + len(tail)} dimensions, and is given {show(shape)}",
            help="write a letter for each dimension, or `...` for those that are left alone",
        )
    end = len(shape) - len(tail)
    for letter, size in zip(head + tail, (*shape[: len(head)], *shape[end:]), strict=True):
        met = sizes.get(letter)
        if not agree(met, size) and 1 not in (met, size):
            raise Refusal(
                codes.S302,
                f"{site.label} has `{letter}` as {met} in one input and {size} in {show(shape)}",
                help="one letter stands for one size",
            )
        if met in (None, 1):
            sizes[letter] = size if met is None or size is not None else met
    return shape[len(head) : end]
