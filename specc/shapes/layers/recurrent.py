"""Recurrent layers, and what runs a layer both ways or over every step."""

from __future__ import annotations

from specc import codes
from specc.calls import Call
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, Unsettled, apply, single
from specc.shapes.arguments import choice, flag, size, value, wrong
from specc.shapes.dimensions import agree, joined, kernels, known, ranked
from specc.shapes.dtypes import compute_dtype, is_quantized, numeric
from specc.tensors import Shape, Tensor, Weight, show

__all__ = ["GRU", "LSTM", "Bidirectional", "SimpleRNN", "TimeDistributed"]

_SEQUENCES = "an input of 3 dimensions, (batch, steps, features)"


def LSTM(site: Site) -> Result:
    """(batch, steps, features) → (batch, units), with `return_sequences` (batch, steps, units); two states."""
    return _recurrent(site, gates=4, states=2)


def GRU(site: Site) -> Result:
    """(batch, steps, features) → (batch, units), with `return_sequences` (batch, steps, units); one state."""
    return _recurrent(site, gates=3, states=1)


def SimpleRNN(site: Site) -> Result:
    """(batch, steps, features) → (batch, units), with `return_sequences` (batch, steps, units); one state."""
    return _recurrent(site, gates=1, states=1)


def _recurrent(site: Site, gates: int, states: int) -> Result:
    units, dtype = size(site, "units"), compute_dtype(site)
    sequences = site.tensor()
    numeric(site, sequences)
    one_step = sequences.rank == 2
    hint = "a recurrent layer before it gives all its steps with `return_sequences: true`" if one_step else ""
    shape = ranked(site, sequences, 3, _SEQUENCES, hint)
    _states_fit(site, units, states)
    batch, steps = (None, None) if shape is None else shape[:2]
    many, more = flag(site, "return_sequences"), states if flag(site, "return_state") else 0
    weights = None
    if shape is not None:
        features = known(site, shape, -1, "the number of features")
        if flag(site, "stateful") and batch is None:
            raise Refusal(
                codes.S305,
                f"{site.label} with `stateful` keeps a state for each example of a batch, and the batch is not known",
                help="leave `stateful` out: a spec's batches may differ in size",
            )
        if flag(site, "unroll") and steps is None:
            raise Refusal(
                codes.S305,
                f"{site.label} with `unroll` must know the number of steps, and is given {show(shape)}",
                help="write the steps in `model.inputs`, or leave `unroll` out",
            )
        weights = _cell(site, features, units, gates)
    output: Shape | None = None if shape is None else (batch, steps, units) if many else (batch, units)
    state = Tensor(None if shape is None else (batch, units), dtype)
    return Result((Tensor(output, dtype), *(state,) * more), weights)


def _cell(site: Site, features: int, units: int | None, gates: int) -> tuple[Weight, ...] | None:
    if units is None or is_quantized(site):
        return None
    wide = units * gates
    shapes: list[tuple[int, ...]] = [(features, wide), (units, wide)]
    if flag(site, "use_bias", True):
        # Two biases, one for the input and one for the state, where the state is reset after the product.
        twice = site.call.name == "GRU" and flag(site, "reset_after", True)
        shapes.append((2, wide) if twice else (wide,))
    return kernels(*shapes)


def _states_fit(site: Site, units: int | None, states: int) -> None:
    """Refuse an initial state that cannot be one. Keras notices when it runs.

    Raises:
        Refusal: S204 for a wrong number of states, S302 for one of another size.
    """
    given = site.tensors("initial_state")
    if not given:
        return
    if len(given) != states:
        raise Refusal(
            codes.S204,
            f"{site.label} starts from {states} state{'s' * (states != 1)}, and is given {len(given)}",
            help="give what another layer returns with `return_state`: "
            + ('`initial_state: ["enc[1]", "enc[2]"]`' if states == 2 else '`initial_state: ["enc[1]"]`'),
        )
    for state in given:
        if state.shape is not None and (len(state.shape) != 2 or not agree(state.shape[-1], units)):
            raise Refusal(
                codes.S302,
                f"{site.label} has {units} units, and is given an initial state {show(state.shape)}",
                help="`units` must be equal in both layers",
            )


def _wrapped(site: Site, argument: str = "layer") -> Call:
    """The layer that a wrapper holds."""
    call = value(site, argument)
    if not isinstance(call, Call):
        raise wrong(site, argument, call, "a layer, written like any other: `{LSTM: {units: 64}}`")
    return call


def _inside(layer: Call, inputs: dict[str, Tensor | tuple[Tensor, ...]]) -> Result:
    """What the wrapped layer makes of its inputs."""
    result = apply(Site(layer, layer.arguments, inputs))
    if result is None:
        raise Unsettled
    return result


def Bidirectional(site: Site) -> Result:
    """(batch, steps, features) → both directions merged by `merge_mode`; the states of both follow."""
    mode, layer = choice(site, "merge_mode", "concat", "sum", "mul", "ave", None), _wrapped(site)
    if layer.name not in ("GRU", "LSTM", "SimpleRNN"):
        if layer.name in ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "RNN"):
            raise Unsettled
        raise wrong(site, "layer", layer.name, "a recurrent layer, `LSTM`, `GRU` or `SimpleRNN`")
    backward = layer if value(site, "backward_layer") is None else _wrapped(site, "backward_layer")
    if backward is not layer:
        _opposite(site, layer, backward)
    elif flag(Site(layer, layer.arguments, {}), "go_backwards"):
        raise wrong(site, "layer", layer.name, "one without `go_backwards`, or have a `backward_layer` beside it")
    sequences, states = site.tensor(), site.tensors("initial_state")
    half = len(states) - len(states) // 2
    one, other = _inside(layer, _both(sequences, states[:half])), _inside(backward, _both(sequences, states[half:]))
    dtype, shape = compute_dtype(site), one.outputs[0].shape
    after = [Tensor(t.shape, dtype) for t in one.outputs[1:]]
    if mode == "concat" and shape is not None:
        shape = (*shape[:-1], None if shape[-1] is None else shape[-1] * 2)
    outputs = [Tensor(shape, dtype)] * (2 if mode is None else 1)
    return Result((*outputs, *after, *after), joined(one.weights, other.weights))


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
    shape = None if inputs.shape is None else (inputs.shape[0], *inputs.shape[2:])
    inner = _inside(layer, {"inputs": Tensor(shape, inputs.dtype)})
    if len(inner.outputs) != 1:
        raise Refusal(
            codes.S204,
            f"{site.label} takes a layer of one output, and `{layer.name}` gives {len(inner.outputs)}",
            help="leave out `return_state` of the wrapped layer",
        )
    output = inner.outputs[0].shape
    if inputs.shape is None or output is None:
        return single(None, compute_dtype(site), inner.weights)
    return single((output[0], inputs.shape[1], *output[1:]), compute_dtype(site), inner.weights)
