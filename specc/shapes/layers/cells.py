"""Cells: one step of a recurrent layer. Alone they take a step and its states; `RNN` runs them over all steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from specc import codes
from specc.calls import UNKNOWN_VALUE, Call
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, Unsettled
from specc.shapes.arguments import flag, size, value, wrong
from specc.shapes.costs import activated, times, total
from specc.shapes.dimensions import agree, joined, kernels, known, ranked
from specc.shapes.dtypes import compute_dtype, is_quantized, numeric
from specc.shapes.nested import buildable
from specc.tensors import Tensor, Weight, show

__all__ = ["GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"]

CELLS = ("LSTMCell", "GRUCell", "SimpleRNNCell")

# Of each kind: its gates, its states, and how many numbers a unit holds of each step for the way back. LSTM: four
# gates, the carry before and after its activation, and the state; GRU: three gates, the state, and its product.
_KINDS = {"LSTM": (4, 2, 7), "GRU": (3, 1, 5), "SimpleRNN": (1, 1, 1)}


@dataclass(frozen=True, slots=True)
class Cell:
    """The arithmetic of one step, of `LSTM` as of `LSTMCell`: `units` wide, with so many gates and states."""

    site: Site
    units: int | None
    gates: int
    states: int
    held: int
    dtype: str | None

    def weights(self, features: int | None) -> tuple[Weight, ...] | None:
        """Kernel, recurrent kernel and bias, in Keras's order."""
        trained = self.site.arguments.get("trainable", True)
        if self.units is None or features is None or is_quantized(self.site) or trained is UNKNOWN_VALUE:
            return None
        wide = self.units * self.gates
        shapes: list[tuple[int, ...]] = [(features, wide), (self.units, wide)]
        if flag(self.site, "use_bias", True):
            shapes.append((2, wide) if self._two_biases else (wide,))
        return kernels(*shapes, trainable=bool(trained))

    @property
    def _two_biases(self) -> bool:
        """One for the input and one for the state, where the state is reset after the product."""
        return self.gates == 3 and flag(self.site, "reset_after", True)

    def flops(self, features: int | None) -> int | None:
        """Operations of one step."""
        biases = flag(self.site, "use_bias", True) * (1 + self._two_biases)
        # Each gate adds what comes from the input to what comes from the state; then gates, states and their sums meet.
        meeting = {4: 4 + 4, 3: 3 + 5, 1: 1}[self.gates]
        return total(
            times(2, features, self.gates, self.units),
            times(2, self.units, self.gates, self.units),
            times(biases * self.gates + meeting, self.units),
            activated(self.site, times({4: 2, 3: 1, 1: 1}[self.gates], self.units)),
            activated(self.site, times({4: 3, 3: 2, 1: 0}[self.gates], self.units), "recurrent_activation"),
        )


def cell(site: Site) -> Cell:
    """The cell of a recurrent layer, or of a cell that stands for itself."""
    gates, states, held = _KINDS[site.call.name.removesuffix("Cell")]
    return Cell(site, size(site, "units"), gates, states, held, compute_dtype(site))


def stack(site: Site, argument: str) -> tuple[Cell, ...]:
    """The cells of an argument: a cell, `StackedRNNCells`, or a list of cells.

    Raises:
        Refusal: S105 for what is no cell.
    """
    found = value(site, argument)
    if isinstance(found, Call) and found.name == "StackedRNNCells" and argument == "cell":
        return stack(site.within(found), "cells")
    listed = found if isinstance(found, tuple) else (found,)
    if not listed or (argument == "cells" and not isinstance(found, tuple)):
        raise wrong(site, argument, "[]" if not listed else "one cell", "a list of cells: `[LSTMCell: 8, GRUCell: 4]`")
    cells = []
    for one in listed:
        if not isinstance(one, Call) or one.name not in CELLS:
            if isinstance(one, Call) and one.name == "StackedRNNCells":
                raise Unsettled
            named = one.name if isinstance(one, Call) else one
            raise wrong(site, argument, named, "a cell: `LSTMCell`, `GRUCell`, `SimpleRNNCell`, or a list of them")
        inner = site.within(one)
        buildable(one.name, one.arguments, inner.dtype_policy)
        cells.append(cell(inner))
    if argument == "cells" and not site.arguments.get("trainable", True):
        raise Unsettled
    return tuple(cells)


def stacked(cells: Sequence[Cell], features: int | None) -> tuple[tuple[Weight, ...] | None, int | None]:
    """The weights of cells one upon the other, and the operations of one step."""
    wide = [features, *(one.units for one in cells)]
    weights = joined(*(one.weights(width) for one, width in zip(cells, wide, strict=False)))
    return weights, total(*(one.flops(width) for one, width in zip(cells, wide, strict=False)))


def states_fit(site: Site, argument: str, units: Sequence[int | None], help: str) -> None:
    """Refuse states that cannot be those of cells of so many units. Keras notices when it runs.

    Raises:
        Refusal: S204 for a wrong number of states, S302 for one of another size.
    """
    given = site.tensors(argument)
    if len(given) != len(units):
        count = f"{len(units)} state{'s' * (len(units) != 1)}"
        raise Refusal(codes.S204, f"{site.label} starts from {count}, and is given {len(given)}", help=help)
    for state, width in zip(given, units, strict=True):
        if state.shape is not None and (len(state.shape) != 2 or not agree(state.shape[-1], width)):
            raise Refusal(
                codes.S302,
                f"{site.label} has {width} units, and is given an initial state {show(state.shape)}",
                help="`units` must be equal in both layers",
            )


def _stepped(site: Site, cells: tuple[Cell, ...]) -> Result:
    """(batch, features) and the states → (batch, units) and the states after the step."""
    inputs = site.tensor()
    compute_dtype(site)
    numeric(site, inputs, *site.tensors("states"))
    help = "a cell takes one step: `RNN` runs it over all steps of a sequence"
    shape = ranked(site, inputs, 2, "one step, (batch, features)", help)
    widths = [one.units for one in cells for _ in range(one.states)]
    states_fit(site, "states", widths, "name them beside the call: `inputs: {inputs: step, states: [state]}`")
    features = None if shape is None else known(site, shape, -1, "the number of features")
    batch = None if shape is None else shape[0]
    weights, flops = stacked(cells, features)
    states = [
        Tensor(None if shape is None else (batch, one.units), one.dtype) for one in cells for _ in range(one.states)
    ]
    outputs = [states[-1], *states]
    held = [Tensor((batch, times(one.held, one.units)), one.dtype) for one in cells]
    return Result(tuple(outputs), weights, flops, (outputs[0], *held))


def one_cell(site: Site) -> Result:
    """(batch, features) and its states → (batch, units), and the states after it."""
    return _stepped(site, (cell(site),))


def StackedRNNCells(site: Site) -> Result:
    """(batch, features) and the states of all cells → the output of the last cell, and all states after it."""
    cells = stack(site, "cells")
    if any(one.states > 1 for one in cells):
        raise Refusal(
            codes.S204,
            f"{site.label} with `LSTMCell` takes its states in pairs, which a step cannot give",
            help="give the cells to `RNN`, which keeps their states: `RNN: [LSTMCell: 8, GRUCell: 4]`",
        )
    return _stepped(site, cells)


GRUCell = LSTMCell = SimpleRNNCell = one_cell
