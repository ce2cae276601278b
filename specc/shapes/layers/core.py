"""Core layers: dense, input and the layers that pass on what they get."""

from __future__ import annotations

import re

from specc import codes
from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import flag, integer, size, value, whole, wrong
from specc.shapes.costs import activated, output_and_input, per_element, times, total
from specc.shapes.dimensions import kernels, known, ranked_from
from specc.shapes.dtypes import DEFAULT, compute_dtype, is_quantized, numeric, received
from specc.tensors import Shape, Tensor, Weight, show

__all__ = ["Dense", "EinsumDense", "Identity", "InputLayer", "Masking"]


def adapted(
    site: Site, kernel: tuple[int | None, ...], bias: tuple[int | None, ...] | None
) -> tuple[Weight, ...] | None:
    """A kernel and its bias; with `lora_rank` the kernel is frozen, and two thin matrices are trained beside it."""
    rest = kernels(bias) if bias is not None else ()
    rank = site.arguments.get("lora_rank")
    if rest is None or rank is UNKNOWN_VALUE or is_quantized(site):
        return None
    if not rank:
        own = kernels(kernel)
        return None if own is None else own + rest
    whole(site, "lora_rank", rank, 1)
    own, thin = kernels(kernel, trainable=False), kernels((*kernel[:-1], rank), (rank, kernel[-1]))
    return None if own is None or thin is None else own + rest + thin


def halved(site: Site, shape: Shape) -> Shape:
    """What a layer's activation leaves of its shape. `glu` leaves a half of the last dimension, and Keras says: all.

    Raises:
        Refusal: S302 where there is no half.
    """
    found = site.arguments.get("activation")
    if found == "glu" and shape and (shape[-1] or 0) % 2:
        raise Refusal(
            codes.S302,
            f"`glu` halves the last dimension, and {site.label} gives it {show(shape)}",
            help="make the last dimension an even number",
        )
    return (*shape[:-1], None) if shape and found in ("glu", UNKNOWN_VALUE) else shape


def adapting(site: Site, kernel: tuple[int | None, ...]) -> int | None:
    """What `lora_rank` adds to a pass: the product of the two matrices, scaled and added to the kernel."""
    rank = site.arguments.get("lora_rank")
    if rank is UNKNOWN_VALUE or not rank:
        return None if rank is UNKNOWN_VALUE else 0
    return times(*kernel, 2 * int(rank) + 2)


def Dense(site: Site) -> Result:
    """(…, features) → (…, units)."""
    units, dtype, inputs = size(site, "units"), compute_dtype(site), site.tensor()
    numeric(site, inputs)
    shape = ranked_from(site, inputs, 2)
    if shape is None:
        return single(None, dtype, None, None)
    features = known(site, shape, -1, "the last dimension")
    bias = (units,) if flag(site, "use_bias", True) else None
    made = (*shape[:-1], units)
    output = Tensor(made, dtype)
    flops = total(
        times(2, features, output.elements),
        per_element(made, bias is not None),
        activated(site, output.elements),
        adapting(site, (features, units)),
    )
    weights = adapted(site, (features, units), bias)
    return single(halved(site, made), dtype, weights, flops, output_and_input(site, output))


def InputLayer(site: Site) -> Result:
    """() → the shape that its arguments give."""
    whole_shape = value(site, "batch_shape")
    if whole_shape is None:
        shape = value(site, "shape")
        if shape is None:
            raise wrong(site, "shape", None, "a list of dimensions")
        whole_shape = (value(site, "batch_size"), *shape)
    dtype = value(site, "dtype")
    return single(whole_shape, DEFAULT if dtype is None else dtype)


def Identity(site: Site) -> Result:
    """(…) → (…), in the dtype that comes."""
    inputs = site.tensor()
    return single(inputs.shape, received(site, inputs), kept=())


def Masking(site: Site) -> Result:
    """(batch, steps, …) → the same."""
    inputs = site.tensor()
    numeric(site, inputs)
    return single(inputs.shape, compute_dtype(site), (), per_element(inputs.shape))


# An equation is `ab,bc->ac`, with `...` in front on both sides, or behind on both sides.
_EQUATIONS = (
    (re.compile(r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)"), False),
    (re.compile(r"0([a-zA-Z]+),([a-zA-Z]+)->0([a-zA-Z]+)"), True),
    (re.compile(r"([a-zA-Z]{2,})0,([a-zA-Z]+)->([a-zA-Z]+)0"), False),
)


def EinsumDense(site: Site) -> Result:
    """The input times a kernel, along the axes that the equation names: `ab,bc->ac` is `Dense`."""
    equation, dtype, inputs = str(value(site, "equation")), compute_dtype(site), site.tensor()
    numeric(site, inputs)
    found, elided_left = _parsed(site, equation)
    ins, kernel, outs = found.groups()
    if inputs.shape is None:
        return single(None, dtype, None, None)
    if len(inputs.shape) < len(ins) or (len(inputs.shape) > len(ins) and equation.count("...") == 0):
        raise Refusal(
            codes.S301,
            f"{site.label} reads an input of {len(ins)} dimensions in `{equation}`, and is given {show(inputs.shape)}",
            help="write a letter for each dimension of the input, or `...` for those it leaves alone",
        )
    output = _einsum_output(site, inputs.shape, len(ins), elided_left)
    if len(output) != len(outs) + len(inputs.shape) - len(ins):
        need = len(outs) - 1
        raise wrong(site, "output_shape", value(site, "output_shape"), f"{need} dimensions, as many as `{outs}` has")
    return _einsum(site, inputs.shape, output, (ins, kernel, outs), elided_left)


def _parsed(site: Site, equation: str) -> tuple[re.Match[str], bool]:
    """The three groups of letters of an equation, and whether its `...` stands in front."""
    for pattern, elided_left in _EQUATIONS:
        if found := pattern.match(equation.replace("...", "0")):
            return found, elided_left
    raise wrong(site, "equation", equation, "like `ab,bc->ac`, `...a,ab->...b` or `ab...,bc->ac...`")


def _einsum_output(site: Site, shape: Shape, letters: int, elided_left: bool) -> Shape:
    """The whole output: the batch, what `...` stands for, and the `output_shape` that the spec gives."""
    given = value(site, "output_shape")
    partial = given if isinstance(given, tuple) else (integer(site, "output_shape"),)
    elided = len(shape) - letters
    if elided and elided_left:
        return (shape[0], *reversed(shape[1:elided]), *partial)
    return (shape[0], *partial, *shape[len(shape) - elided :])


def _einsum(site: Site, shape: Shape, output: Shape, letters: tuple[str, str, str], elided_left: bool) -> Result:
    ins, kernel, outs = letters
    elided = len(shape) - len(ins)
    start = elided if elided_left else 0
    came = {c: shape[i] for i, c in enumerate(ins, start)}
    leaves = {c: output[i] for i, c in enumerate(outs, start)}
    for c, met in came.items():
        if leaves.get(c) not in (None, met):
            raise Refusal(
                codes.S302,
                f"{site.label} keeps `{c}`, which is {met if met is not None else 'unknown'} in the input "
                f"{show(shape)} and {leaves[c]} in `output_shape`",
                help=f"write null for `{c}` in `output_shape`: it follows the input",
            )
    if stray := next((c for c in outs if c not in ins and c not in kernel), None):
        raise wrong(site, "equation", value(site, "equation"), f"one whose `{stray}` comes from the input or kernel")
    if stray := next((c for c in kernel if c not in came and c not in leaves), None):
        raise wrong(site, "equation", value(site, "equation"), f"one whose `{stray}` is in the input or the output")
    sizes = tuple(_einsum_size(site, shape, leaves[c] if c in leaves else came[c]) for c in kernel)
    bias = _einsum_bias(site, shape, outs, leaves, 0 if elided_left else elided)
    made = Tensor(output, compute_dtype(site))
    # What `output_shape` leaves open is as long as in the input, though Keras declares it unknown.
    filled = dict(enumerate(output)) | {i: d for i, c in enumerate(outs, start) if (d := leaves[c] or came.get(c))}
    whole_output = tuple(filled[i] for i in range(len(output)))
    count = Tensor(whole_output).elements
    flops = total(
        times(2, count, *(came[c] for c in ins if c not in outs)),
        per_element(whole_output, bias is not None),
        activated(site, count),
        adapting(site, sizes),
    )
    weights = adapted(site, sizes, bias)
    return single(halved(site, output), made.dtype, weights, flops, output_and_input(site, made))


def _einsum_bias(
    site: Site, shape: Shape, outs: str, leaves: dict[str, int | None], trailing: int
) -> tuple[int | None, ...] | None:
    biased = value(site, "bias_axes")
    if biased is None:
        return None
    if not biased or any(c not in outs for c in biased):
        raise wrong(site, "bias_axes", biased, f"letters of the output, `{outs}`")
    first = min(outs.find(c) for c in biased)
    sizes = [_einsum_size(site, shape, leaves[c]) if c in biased else 1 for c in outs[first:]]
    return (*sizes, *(1,) * trailing)


def _einsum_size(site: Site, shape: Shape, size: int | None) -> int:
    if size is None:
        raise Refusal(
            codes.S305,
            f"{site.label} must know every dimension of its kernel, and is given {show(shape)}",
            help="write the dimension in `model.inputs`, or set it with `Reshape` before",
        )
    return size
