"""Exporters: what a run leaves behind for serving."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Literal, Protocol

from specc.kinds.arrays import Array
from specc.tensors import Tensor

Form = Literal["raw", "prepared"]
"""How an artefact is asked: `raw` fields, answered in the units of the raw targets; or the tensors that the network
takes, `prepared` by the features, answered as the network does."""

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""From tensors by name to tensors by name."""
ByExample = Callable[[Any], Mapping[str, Any]]
"""From serialized `tf.train.Example`s, strings `[batch]`, to tensors by name."""


@dataclass(frozen=True, slots=True)
class Module:
    """A network as the text of a module of Python, and what is to lie beside it as `learnt.json`, if anything."""

    code: str
    beside: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Served:
    """A trained network, and what it takes to be asked about fields of one form.

    `model` takes prepared tensors by input name and gives outputs by name. `answer` is the whole way in TensorFlow's
    graph operations, from fields by name, described by `inputs`, to answers by target name. `examples` gives prepared
    training examples, and `freeze` a concrete function that holds the values of what another one has as variables.
    `by_example` may have `classify` or `regress`, by which TensorFlow Serving asks. `module` writes it as Python, or
    raises `Inconvertible`.
    """

    model: Any
    inputs: Mapping[str, Tensor]
    answer: Answer
    examples: Callable[[], Mapping[str, Array]]
    freeze: Callable[[Any], Any]
    by_example: Mapping[str, ByExample]
    module: Callable[[], Module]

    def prepared(self) -> Served:
        """The network alone, on prepared tensors."""
        inputs = {name: Tensor(tuple(given.shape), given.dtype) for name, given in self.model.input.items()}
        return replace(self, inputs=inputs, answer=lambda fields: self.model(fields, training=False))

    def traced(self, tf: ModuleType) -> Any:
        """`answer` as a concrete function of one mapping, for batches of any size."""
        specs = {name: tf.TensorSpec(tensor.shape, tensor.dtype, name=name) for name, tensor in self.inputs.items()}
        return tf.function(self.answer, input_signature=[specs], autograph=False).get_concrete_function()

    def refuse_strings(self) -> None:
        """For formats that have none. Raises `Inconvertible`."""
        strings = ", ".join(f"`{name}`" for name, tensor in self.inputs.items() if tensor.dtype == "string")
        if strings:
            raise Inconvertible(f"it has no operations on the bytes of {strings}")


class Inconvertible(Exception):
    """A format has no word for something in a network: `operations` are the kinds and the names of what it lacks."""

    def __init__(self, message: str, operations: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.operations = tuple(operations)


class Exporter(Protocol):
    """A file of this folder: frozen, its fields the arguments of the exporter.

    `reading` is what someone without specc writes to use the artefact at `path`: Python that leaves a function
    `answer(form, fields)` from a batch of fields by name to answers by name. The check runs it in a fresh process where
    specc, and everything of `barred`, cannot be imported.
    """

    forms: ClassVar[tuple[tuple[Form, ...], ...]]
    """In what forms one artefact can be asked; with several choices, the first that can be written and agrees."""
    packages: ClassVar[tuple[str, ...]]
    """What must be there to write and to check it, beside TensorFlow and Keras."""
    reads: ClassVar[bool]
    """Whether it reads the data as well, by a script of its own, and needs what that takes."""
    float32: ClassVar[bool]
    """Whether it gets a network that computes in 16 bits as one that computes in float32, with the same weights."""
    barred: ClassVar[tuple[str, ...]]
    """Packages that using the artefact must not need."""
    reading: ClassVar[str]

    @property
    def artefact(self) -> str:
        """The artefact's name in the folder of exports."""

    @property
    def bound(self) -> float:
        """How far an answer may be from the trained network's, absolute up to 1 and relative beyond."""

    @property
    def strays(self) -> float:
        """The share of examples that may be farther off than that."""

    @property
    def trial(self) -> Exporter | None:
        """The exporter that is tried before training, and lacks an operation where this one does; None: it has all."""

    def write(self, tf: ModuleType, served: Served, path: Path) -> None:
        """Write the artefact at a path that does not exist yet, for `served` of its first form.

        Raises:
            Inconvertible: where the format cannot hold it.
        """


FLOAT32 = 1e-5
"""How far apart answers may be that the same float32 arithmetic gives in another order."""
