"""The memory that a network takes: its weights, and what a step of training or of inference holds on top of them.

Computed from the plan alone. What it foretells is held against what TensorFlow allocates when it trains
(`benchmarks/memory.py`); what Python and TensorFlow themselves take comes on top, about half a gigabyte.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from specc.calls import Call
from specc.memory.slots import ROUNDING, scratch, slots
from specc.memory.walk import walk
from specc.plan import Network, Plan, Step
from specc.tensors import WIDTHS

BATCH = 32
"""The batch that is reckoned with where a spec has no dataset, as Keras's own `fit` does."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes, for `batch` examples at once. `exact` is False where a step's share is unknown, and counted as none.

    `weights` are those of the network, trained or not. Training adds `slots`, what the optimizer keeps of each weight,
    the `gradients` of the weights, and at its worst moment `step`: the batch, the activations held for the way back,
    and what is being computed. `kept` is the part of it that is held from the forward to the backward pass.
    `inference` is the worst moment of a forward pass alone.
    """

    batch: int
    weights: int
    slots: int
    gradients: int
    step: int
    kept: int
    pass_: int
    exact: bool

    @property
    def training(self) -> int:
        return self.weights + self.slots + self.gradients + self.step

    @property
    def inference(self) -> int:
        return self.weights + self.pass_


def memory(plan: Plan, batch: int | None = None) -> Memory:
    """What training the network of a plan takes with so many examples at once, and what inference takes.

    `batch` is that of the plan's dataset where it is left out. Of several phases, it is the one that takes most.
    """
    batch = batch or (BATCH if plan.dataset is None else plan.dataset.batch_size)
    policy = plan.runtime.precision
    if plan.training is None:
        return _during(plan.network, None, batch, policy)
    phases = plan.training.phases
    found = [_during(plan.network.during(phase), phase.optimizer, batch, policy) for phase in phases]
    return max(found, key=lambda each: each.training)


def _during(network: Network, optimizer: Call | None, batch: int, policy: str) -> Memory:
    steps = [step for step in network.steps if step.shares is None]
    sizes = [(step, weight.shape, _width(step, policy)) for step in steps for weight in step.trained or ()]
    dense = [prod(shape) * width for step, shape, width in sizes if step.call.name != "Embedding"]
    peak = walk(network, batch)
    optimizer = None if optimizer is None else _scaled(optimizer, policy)
    known = all(step.weights is not None for step in steps)
    kept_of_each = 0 if optimizer is None else slots(optimizer, sizes)
    # In mixed precision each weight is there once more, in 16 bits, while it is computed with.
    cast = sum(prod(shape) * 2 for step, shape, _ in sizes if step.call.name != "Embedding" and _is_mixed(step, policy))
    updated = max((prod(shape) * _updating(optimizer, step, policy) for step, shape, _ in sizes), default=0)
    return Memory(
        batch=batch,
        weights=sum(w.size * _width(step, policy) for step in steps for w in step.weights or ()),
        slots=kept_of_each or 0,
        gradients=sum(dense),
        step=max(peak.training + cast, updated),
        kept=peak.kept,
        pass_=peak.inference + cast,
        exact=known and peak.exact and kept_of_each is not None,
    )


def largest_batch(plan: Plan, room: int) -> int:
    """The largest batch that trains in so many bytes by this estimate; 0 where not one example does.

    What is asked for already is the most that is looked at: whoever has room for more did not ask.
    """
    asked = BATCH if plan.dataset is None else plan.dataset.batch_size
    fits, least_too_many = 0, asked + 1
    while least_too_many - fits > 1:
        middle = (fits + least_too_many) // 2
        if memory(plan, middle).training <= room:
            fits = middle
        else:
            least_too_many = middle
    return fits


def _scaled(optimizer: Call, policy: str) -> Call:
    """The optimizer as Keras has it: under `mixed_float16` within the one that scales the loss."""
    if policy != "mixed_float16" or optimizer.name in ("LossScaleOptimizer", "loss_scale_optimizer"):
        return optimizer
    return Call("optimizers", "LossScaleOptimizer", {"inner_optimizer": optimizer})


def _is_mixed(step: Step, policy: str) -> bool:
    dtype = step.call.arguments.get("dtype")
    return (dtype if isinstance(dtype, str) else policy).startswith("mixed_")


def _updating(optimizer: Call | None, step: Step, policy: str) -> int:
    """The bytes for each number of a step's weights that are there while the optimizer changes them."""
    if optimizer is None:
        return 0
    if step.keeps("bfloat16", policy):
        return (scratch(optimizer) + ROUNDING) * WIDTHS["float32"]
    return scratch(optimizer) * _width(step, policy)


def _width(step: Step, policy: str) -> int:
    """The bytes of one number of a step's weights: its dtype, of which a policy of mixed precision keeps float32."""
    dtype = step.call.arguments.get("dtype")
    return WIDTHS.get(dtype if isinstance(dtype, str) else policy, WIDTHS["float32"])
