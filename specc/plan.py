"""What will be built: a spec after its names were bound, its blocks unrolled and its shapes inferred. Frozen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from specc.calls import Call
from specc.diagnostics import Related, Span
from specc.kinds.features import Feature, columns
from specc.tensors import Tensor, Weight
from specc.tree import Source, Tree


@dataclass(frozen=True, slots=True)
class Ref:
    """The output of a step, or an input of the network, by its unique name; `output` picks one of several."""

    name: str
    output: int | None = None

    def __str__(self) -> str:
        return self.name if self.output is None else f"{self.name}[{self.output}]"


Edge = Ref | tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Input:
    """An input of the network; `tensor` has the batch dimension first."""

    name: str
    tensor: Tensor
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """One of the times that a step of a spec is repeated, from 0 on; `name` begins the names of the steps made of it.

    `span` is the place of `repeat`.
    """

    name: str
    number: int
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A call of a block; `name` begins the names of the steps made of it.

    `parameters` are the block's with the values that they have here, `spans` the places of those that the call gives,
    and `inputs` what its inputs that have names stand for.
    """

    name: str
    block: str
    parameters: Mapping[str, Any]
    spans: Mapping[str, Span]
    inputs: Mapping[str, Edge]


Part = Turn | Opened
"""What of a spec several steps were made from. The same object in each of them."""


@dataclass(frozen=True, slots=True)
class Step:
    """One layer, op or application at work: what is called, on what, and what comes out.

    `name` is unique in the network and the Keras layer's name. `scope` are the names of the blocks and chains around
    it, outermost first, `parts` the calls of blocks and the repetitions that it was made in. `inputs` maps the names of
    call arguments to where their tensors come from. `shares` names the step whose weights this one uses again
    (`apply`). `callers` are the places of the block calls around it.

    What comes last is filled by `infer`, and None where it is not known: the tensors that come out, the weights, the
    floating-point operations of a forward pass over one example, and the bytes that a training step keeps of one
    example from the forward to the backward pass.
    """

    name: str
    call: Call
    inputs: Mapping[str, Edge]
    span: Span
    options: Mapping[str, Any] = field(default_factory=dict)
    scope: tuple[str, ...] = ()
    shares: str | None = None
    frozen: bool = False
    callers: tuple[Related, ...] = ()
    parts: tuple[Part, ...] = ()
    outputs: tuple[Tensor, ...] | None = None
    weights: tuple[Weight, ...] | None = None
    flops: int | None = None
    kept_bytes: int | None = None

    def known(
        self,
        outputs: tuple[Tensor, ...],
        weights: tuple[Weight, ...] | None,
        flops: int | None,
        kept_bytes: int | None,
    ) -> Step:
        """The step with what `infer` fills in. `dataclasses.replace` would take three times as long."""
        return Step(
            self.name,
            self.call,
            self.inputs,
            self.span,
            self.options,
            self.scope,
            self.shares,
            self.frozen,
            self.callers,
            self.parts,
            outputs,
            weights,
            flops,
            kept_bytes,
        )

    @property
    def trained(self) -> tuple[Weight, ...] | None:
        """The weights that training changes."""
        return (
            self.weights if self.weights is None else tuple(w for w in self.weights if w.trainable and not self.frozen)
        )

    def keeps(self, dtype: str, policy: str) -> bool:
        """Whether it has weights of a dtype that may be trained; `policy` is that of layers that name none."""
        found = self.weights is None or any(weight.trainable for weight in self.weights)
        return found and self.call.family != "ops" and dtype in _dtypes(self.call, policy)

    @property
    def label(self) -> str:
        """The call as a spec writes it: `Dense`, `ops.matmul`, `applications.ResNet50`."""
        return self.call.name if self.call.family == "layers" else f"{self.call.family}.{self.call.name}"


def _dtypes(call: Call, policy: str) -> set[str]:
    """The dtype policies of a layer and of those that it wraps."""
    own = call.arguments.get("dtype")
    own = own if isinstance(own, str) else policy
    wrapped = [value for value in call.arguments.values() if isinstance(value, Call) and value.family == "layers"]
    return {own}.union(*(_dtypes(one, policy) for one in wrapped))


@dataclass(frozen=True, slots=True)
class Output:
    """An output of the network: its name (of the target it answers, where there is one) and where it comes from."""

    name: str
    ref: Ref
    span: Span


@dataclass(frozen=True)
class Network:
    """A graph of steps in an order in which they can be built: every reference points back."""

    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Output, ...]

    def step(self, name: str) -> Step | None:
        return self._steps.get(name)

    def tensor(self, ref: Ref) -> Tensor | None:
        """What a reference stands for, or None where no rule knows it."""
        if ref.name in self._inputs:
            return self._inputs[ref.name]
        step = self._steps.get(ref.name)
        if step is None or step.outputs is None:
            return None
        if ref.output is None:
            return step.outputs[0] if len(step.outputs) == 1 else None
        return step.outputs[ref.output] if ref.output < len(step.outputs) else None

    @cached_property
    def _inputs(self) -> dict[str, Tensor]:
        return {given.name: given.tensor for given in self.inputs}

    @cached_property
    def _steps(self) -> dict[str, Step]:
        return {step.name: step for step in self.steps}

    @property
    def weights(self) -> int | None:
        """All weights of the network, those used again counted once; None where a step has no rule."""
        return _total(step.weights for step in self.steps if not step.shares)

    @property
    def trainable(self) -> int | None:
        """The weights that training changes, at its beginning."""
        return _total(step.trained for step in self.steps if not step.shares)

    def during(self, phase: Phase) -> Network:
        """The network as a phase of training has it: other steps may be frozen."""
        steps = (
            step
            if (frozen := (step.shares or step.name) in phase.frozen) is step.frozen
            else replace(step, frozen=frozen)
            for step in self.steps
        )
        return replace(self, steps=tuple(steps))


def _total(steps: Iterable[tuple[Weight, ...] | None]) -> int | None:
    total = 0
    for weights in steps:
        if weights is None:
            return None
        total += sum(weight.size for weight in weights)
    return total


@dataclass(frozen=True, slots=True)
class LookUp:
    """The step that looks up what a field holds, by its label, and the argument that says how many entries it has."""

    step: str
    argument: str
    entries: int


@dataclass(frozen=True, slots=True)
class Field:
    """One feature of the data: its name, the field of the source it reads, and what it is.

    `looked_up` is where its values go as indices, into the fewest entries, if they go there as they are.
    """

    name: str
    column: str
    feature: Feature
    span: Span
    column_span: Span
    looked_up: LookUp | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """All fields of the source that it reads: one, but of a window."""
        return columns(self.feature, self.column)


@dataclass(frozen=True, slots=True)
class Splitting:
    """How examples are divided: two fractions, and what they keep together, in proportion, or in order."""

    validation: float = 0.0
    test: float = 0.0
    stratify: str | None = None
    group: str | None = None
    order: str | None = None
    span: Span | None = None


MOVING = ("RandomFlip", "RandomPerspective", "RandomRotation", "RandomTranslation", "RandomZoom")
"""The layers that move boxes as they move pictures."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Where examples come from and what each field is.

    `sources` has the one key `""` for a single reader that is split here, else `train`, `validation` and `test`.
    `shuffle` is True for a new order each epoch, or how far from its place an example may come to be, at most. `skip`
    is the share of rows that may be passed over because they cannot be read; None where none may. `weight` is how much
    an example counts, `augment` what changes pictures at random while training.
    """

    sources: Mapping[str, Call]
    inputs: tuple[Field, ...]
    targets: tuple[Field, ...]
    split: Splitting
    batch_size: int
    shuffle: bool | int
    limit: int | None
    span: Span
    cache: str = "auto"
    skip: float | None = None
    weight: Field | None = None
    augment: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassWeight:
    """How much an example counts in the loss, by the class of its target; `by_class` of None balances the classes.

    `keys` are the places of the classes. `by_number` is filled by `judge`: a weight for the number of each class.
    """

    by_class: Mapping[str, float] | None
    span: Span
    keys: Mapping[str, Span] = field(default_factory=dict)
    by_number: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class LossTerm:
    """A loss of one output of the network towards one target of the data, and how much it counts in the sum."""

    loss: Call
    output: str
    target: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of training, as a call of Keras's `fit` is one: how long, by what, under which callbacks.

    `steps` is None where `epochs` counts; else so many are taken, and the last epoch may end early. `frozen` names the
    steps of the network whose weights are not trained.
    """

    epochs: int
    steps: int | None
    optimizer: Call
    callbacks: tuple[Call, ...]
    frozen: frozenset[str]
    span: Span

    def epochs_of(self, steps: int) -> int:
        """How many epochs are begun, where one has so many steps."""
        return self.epochs if self.steps is None else -(-self.steps // steps)

    def steps_of(self, steps: int) -> int:
        """How many steps are taken, where an epoch has so many and nothing ends it early."""
        return self.epochs * steps if self.steps is None else self.steps


@dataclass(frozen=True, slots=True)
class Training:
    """The terms of the loss, metrics by output name, and the phases, one at least, that follow one another.

    A validation comes after each `validation_freq` epochs. `start_from` is the file or the run whose weights are begun
    with, and where the spec says so.
    """

    terms: tuple[LossTerm, ...]
    metrics: Mapping[str, tuple[Call, ...]]
    phases: tuple[Phase, ...]
    span: Span
    class_weight: ClassWeight | None = None
    validation_freq: int = 1
    start_from: tuple[str, Span] | None = None

    def epochs_of(self, steps: int) -> int:
        """How many epochs are begun in all phases, where none is stopped and an epoch has so many steps."""
        return sum(phase.epochs_of(steps) for phase in self.phases)

    @property
    def callbacks(self) -> tuple[Call, ...]:
        """Those of all phases, each once."""
        return tuple({id(call): call for phase in self.phases for call in phase.callbacks}.values())

    def target_of(self, output: str) -> str:
        """The target that an output is measured by: that of its first loss, else the one of its name."""
        return next((term.target for term in self.terms if term.output == output), output)

    @property
    def loss_names(self) -> tuple[str, ...]:
        """The terms' names in Keras's logs; none where the only one is the whole loss."""
        names: list[str] = []
        for term in self.terms if len(self.terms) > 1 else ():
            count = sum(before.output == term.output for before in self.terms[: len(names)])
            names.append(f"{term.output}_loss_{count}" if count else f"{term.output}_loss")
        return tuple(names)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a checkpoint is taken: after every so many of a unit; and how many of them are kept."""

    every: int = 10
    unit: Literal["epoch", "step", "minute"] = "minute"
    keep: int = 2


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where it runs, and in which arithmetic.

    `precision` is Keras's dtype policy of the layers that do not name their own. `xla` of None leaves it to the machine
    whether forward and backward pass are compiled by XLA. `spans` are the places of what the spec says.
    """

    strategy: Call
    steps_per_call: int | None = None
    """Training steps in one call of the compiled loop; None leaves it to the loop."""
    precision: str = "float32"
    xla: bool | None = None
    checkpoint: Schedule = Schedule()
    tracking: tuple[Call, ...] = ()
    deterministic: bool = False
    """Whether operations that are faster in no order are done in one, so that the same run gives the same bits."""
    spans: Mapping[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole spec, ready to be built."""

    name: str
    seed: int
    network: Network
    runtime: Runtime
    source: Source
    tree: Tree
    """The spec after `extends`, `-p` and `--set`: what `spec.yaml` of a run is written from."""
    description: str = ""
    dataset: Dataset | None = None
    training: Training | None = None
    exports: tuple[Call, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """The variables that `${env.NAME}` read."""
    open_facts: tuple[str, ...] = ()
    """What was asked of the data and is not known yet: `targets.species.classes`."""

    @property
    def fields(self) -> Iterator[Field]:
        if self.dataset is not None:
            yield from self.dataset.inputs
            yield from self.dataset.targets
