"""Wrappers: a layer both ways, at every step, with its kernel bounded, or several one after the other."""

from __future__ import annotations

from specc import catalog, codes
from specc.calls import Call
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, Unsettled, apply
from specc.shapes.arguments import choice, flag, integer, value, wrong
from specc.shapes.costs import elements, times, total
from specc.shapes.dimensions import joined
from specc.shapes.dtypes import compute_dtype, is_float
from specc.tensors import Tensor, Weight, show

__all__ = ["Bidirectional", "Pipeline", "SpectralNormalization", "TimeDistributed"]

_RECURRENT = ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "LSTM", "RNN", "SimpleRNN")


def _wrapped(site: Site, argument: str = "layer") -> Call:
    """The layer that a wrapper holds."""
    call = value(site, argument)
    if not isinstance(call, Call):
        raise wrong(site, argument, call, "a layer, written like any other: `{LSTM: {units: 64}}`")
    return call


def _inside(site: Site, layer: Call, inputs: dict[str, Tensor | tuple[Tensor, ...]]) -> Result:
    """What the wrapped layer makes of its inputs."""
    result = apply(site.within(layer, inputs))
    if result is None:
        raise Unsettled
    return result


def Bidirectional(site: Site) -> Result:
    """(batch, steps, features) → both directions merged by `merge_mode`; the states of both follow."""
    mode, layer = choice(site, "merge_mode", "concat", "sum", "mul", "ave", None), _wrapped(site)
    if layer.name not in _RECURRENT:
        raise wrong(site, "layer", layer.name, "a recurrent layer, like `LSTM`, `GRU`, `RNN` or `ConvLSTM2D`")
    backward = layer if value(site, "backward_layer") is None else _wrapped(site, "backward_layer")
    if backward is not layer:
        _opposite(site, layer, backward)
    elif flag(site.within(layer), "go_backwards"):
        raise wrong(site, "layer", layer.name, "one without `go_backwards`, or have a `backward_layer` beside it")
    sequences, states = site.tensor(), site.tensors("initial_state")
    half = len(states) - len(states) // 2
    one = _inside(site, layer, _both(sequences, states[:half]))
    other = _inside(site, backward, _both(sequences, states[half:]))
    dtype, shape = compute_dtype(site), one.outputs[0].shape
    after = [Tensor(t.shape, dtype) for t in one.outputs[1:]]
    if mode == "concat" and shape is not None:
        shape = (*shape[:-1], None if shape[-1] is None else shape[-1] * 2)
    outputs = [Tensor(shape, dtype)] * (2 if mode is None else 1)
    merging = {"sum": 1, "mul": 1, "ave": 2}.get(mode or "", 0)
    flops = total(one.flops, other.flops, times(merging, elements(shape)) if merging else 0)
    merged = () if mode is None else outputs
    return Result(
        (*outputs, *after, *after), joined(one.weights, other.weights), flops, (*_held(one), *_held(other), *merged)
    )


def _both(sequences: Tensor, states: tuple[Tensor, ...]) -> dict[str, Tensor | tuple[Tensor, ...]]:
    return {"sequences": sequences, "initial_state": states} if states else {"sequences": sequences}


def _opposite(site: Site, layer: Call, backward: Call) -> None:
    if bool(layer.arguments.get("go_backwards")) == bool(backward.arguments.get("go_backwards")):
        raise wrong(site, "backward_layer", backward.name, "a layer with `go_backwards: true`")
    for name in ("stateful", "return_sequences", "return_state"):
        if bool(layer.arguments.get(name)) != bool(backward.arguments.get(name)):
            raise wrong(site, "backward_layer", backward.name, f"a layer with the same `{name}` as `layer`")


def TimeDistributed(site: Site) -> Result:
    """(batch, steps, …) → the layer's output at every step: (batch, steps, …)."""
    inputs = site.tensor()
    if inputs.shape is not None and len(inputs.shape) < 3:
        raise Refusal(
            codes.S301,
            f"{site.label} needs (batch, steps, …), at least 3 dimensions, and is given {show(inputs.shape)}",
            help="leave the wrapper out: there is one step only",
        )
    layer = _wrapped(site)
    _of_one_tensor(site, layer)
    shape = None if inputs.shape is None else (inputs.shape[0], *inputs.shape[2:])
    inner = _inside(site, layer, {"inputs": Tensor(shape, inputs.dtype)})
    if len(inner.outputs) != 1:
        raise Refusal(
            codes.S204,
            f"{site.label} takes a layer of one output, and `{layer.name}` gives {len(inner.outputs)}",
            help="leave out `return_state` of the wrapped layer",
        )
    output = inner.outputs[0].shape
    if inputs.shape is None or output is None:
        return Result((Tensor(None, compute_dtype(site)),), inner.weights, None)
    steps = inputs.shape[1]
    made = Tensor((output[0], steps, *output[1:]), compute_dtype(site))
    # Each tensor that the layer holds at one step it holds at all of them, and so the whole that is made of them.
    held = tuple(Tensor(t.shape and (t.shape[0], steps, *t.shape[1:]), t.dtype) for t in inner.kept or ())
    return Result((made,), inner.weights, times(inner.flops, steps) if inner.flops else inner.flops, (*held, made))


def _of_one_tensor(site: Site, layer: Call) -> None:
    """Refuse a layer that a wrapper cannot give what it needs.

    Raises:
        Refusal: S204.
    """
    takes = catalog.signature("layers", layer.name)
    needs = [t for t in takes.tensors if t.required] if takes else []
    if takes and (len(needs) != 1 or needs[0].many):
        what = "a list of tensors" if any(t.many for t in needs[:1]) else f"{len(needs)} inputs"
        raise Refusal(
            codes.S204,
            f"{site.label} gives the layer that it holds one tensor, and `{layer.name}` takes {what}",
            help="write the layer as a step of its own, without the wrapper",
        )


def SpectralNormalization(site: Site) -> Result:
    """(…) → what the layer makes of it. Training divides its kernel by its largest singular value."""
    integer(site, "power_iterations", 1)
    layer, inputs = _wrapped(site), site.tensor()
    found = _kernel(layer)
    if not found:
        kernels = "`Dense`, `EinsumDense`, `Embedding`, or a convolution but a separable one"
        raise wrong(site, "layer", layer.name, f"a layer with a kernel: {kernels}")
    inner = _inside(site, layer, {"inputs": inputs})
    # What comes out is cast to the dtype of what came in, which Keras declares only where that is a float.
    dtype = compute_dtype(site) if is_float(inputs.dtype) else None
    output = Tensor(inner.outputs[0].shape, dtype)
    return Result((output,), _with_a_vector(site, layer, inner.weights), inner.flops, inner.kept)


def _kernel(layer: Call) -> bool:
    """Whether Keras finds a kernel in a layer."""
    if layer.name in ("Dense", "EinsumDense", "Embedding", "ReversibleEmbedding", "SpectralNormalization"):
        return True
    return layer.name.startswith(("Conv1D", "Conv2D", "Conv3D", "DepthwiseConv"))


def _with_a_vector(site: Site, layer: Call, weights: tuple[Weight, ...] | None) -> tuple[Weight, ...] | None:
    """Weights of a layer, and the vector that the singular value is found with: beside the kernel, if that is one.

    With `lora_rank` the kernel is what comes of several weights, and the vector stands before them all.
    """
    if weights is None:
        return None
    inside = layer
    while inside.name == "SpectralNormalization":
        inside = _wrapped(site.within(inside))
    vector = Weight((1, weights[0].shape[-1]), trainable=False)
    return (vector, *weights) if inside.arguments.get("lora_rank") else (weights[0], vector, *weights[1:])


def Pipeline(site: Site) -> Result:
    """(…) → what its layers make of it, one after the other."""
    layers, made = value(site, "layers"), Result((site.tensor(),))
    if not isinstance(layers, tuple) or not layers:
        raise wrong(site, "layers", "[]" if layers == () else "one layer", "a list of layers")
    weights: tuple[Weight, ...] | None = ()
    flops: int | None = 0
    held: tuple[Tensor, ...] = ()
    for layer in layers:
        if not isinstance(layer, Call):
            raise wrong(site, "layers", layer, "a list of layers")
        _of_one_tensor(site, layer)
        if len(made.outputs) != 1:
            raise Refusal(
                codes.S204,
                f"{site.label} gives each layer one tensor, and the layer before `{layer.name}` gives several",
                help="leave out `return_state` of that layer",
            )
        made = _inside(site, layer, {"inputs": made.outputs[0]})
        weights, flops, held = joined(weights, made.weights), total(flops, made.flops), (*held, *_held(made))
    return Result(made.outputs, weights, flops, held)


def _held(result: Result) -> tuple[Tensor, ...]:
    return result.outputs if result.kept is None else result.kept
