"""Recurrent layers: a cell that runs over all steps of a sequence."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site
from specc.shapes.arguments import flag
from specc.shapes.costs import times
from specc.shapes.dimensions import known, ranked
from specc.shapes.dtypes import compute_dtype, numeric
from specc.shapes.layers.cells import Cell, cell, stack, stacked, states_fit
from specc.tensors import Shape, Tensor, show

__all__ = ["GRU", "LSTM", "RNN", "SimpleRNN"]

_SEQUENCES = "an input of 3 dimensions, (batch, steps, features)"


def recurrent(site: Site) -> Result:
    """(batch, steps, features) → (batch, units), with `return_sequences` (batch, steps, units); one state, LSTM two."""
    return _run(site, (cell(site),))


def RNN(site: Site) -> Result:
    """(batch, steps, features) → what the last cell gives, (batch, units); then the states of all cells."""
    return _run(site, stack(site, "cell"))


def _run(site: Site, cells: tuple[Cell, ...]) -> Result:
    dtype = compute_dtype(site)
    sequences = site.tensor()
    numeric(site, sequences)
    one_step = sequences.rank == 2
    hint = "a recurrent layer before it gives all its steps with `return_sequences: true`" if one_step else ""
    shape = ranked(site, sequences, 3, _SEQUENCES, hint)
    widths = [one.units for one in cells for _ in range(one.states)]
    if site.tensors("initial_state"):
        _starts(site, cells, widths)
    batch, steps = (None, None) if shape is None else shape[:2]
    features = None
    if shape is not None:
        features = known(site, shape, -1, "the number of features")
        steady(site, shape)
    weights, flops = stacked(cells, features)
    width = cells[-1].units
    output: Shape | None = None
    if shape is not None:
        output = (batch, steps, width) if flag(site, "return_sequences") else (batch, width)
    states = [Tensor(None if shape is None else (batch, one), dtype) for one in widths]
    held = [Tensor(None if shape is None else (batch, steps, times(one.held, one.units)), dtype) for one in cells]
    outputs = (Tensor(output, dtype), *(states if flag(site, "return_state") else ()))
    once = None if shape is None else times(batch or 1, steps)
    # The sequences that come in and go out are there once more, with time first.
    turned = (Tensor(shape, dtype), outputs[0])
    return Result(outputs, weights, times(flops, once), (outputs[0], *turned, *held))


def _starts(site: Site, cells: tuple[Cell, ...], widths: list[int | None]) -> None:
    """Refuse an initial state that cannot be one."""
    if len(cells) > 1 and any(one.states > 1 for one in cells):
        raise Refusal(
            codes.S204,
            f"{site.label} takes the states of several cells in pairs, which a step cannot give",
            help="leave `initial_state` out, or run one layer after the other: `LSTM`, then `GRU`",
        )
    enough = '`initial_state: ["enc[1]", "enc[2]"]`' if len(widths) == 2 else '`initial_state: ["enc[1]"]`'
    states_fit(site, "initial_state", widths, f"give what another layer returns with `return_state`: {enough}")


def steady(site: Site, shape: Shape) -> None:
    """Refuse what needs to know the batch or the number of steps, where it is not known.

    Raises:
        Refusal: S305.
    """
    if flag(site, "stateful") and shape[0] is None:
        raise Refusal(
            codes.S305,
            f"{site.label} with `stateful` keeps a state for each example of a batch, and the batch is not known",
            help="leave `stateful` out: a spec's batches may differ in size",
        )
    if flag(site, "unroll") and shape[1] is None:
        raise Refusal(
            codes.S305,
            f"{site.label} with `unroll` must know the number of steps, and is given {show(shape)}",
            help="write the steps in `model.inputs`, or leave `unroll` out",
        )


GRU = LSTM = SimpleRNN = recurrent
