"""What a network answers, as columns that a person can read: classes by name, probabilities, numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from specc import catalog
from specc.calls import Call
from specc.kinds.arrays import Array
from specc.kinds.features import State, is_class
from specc.kinds.features.binary import Binary
from specc.kinds.features.category import Category
from specc.plan import Field, Plan

Columns = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Sense:
    """What an output means: the target that it answers, what that learnt, and what the loss drives its numbers to."""

    target: Field | None
    state: State
    loss: Call | None

    @property
    def kind(self) -> str:
        """`labels`: a set of classes; `classes`: one of several; `binary`: yes or no; `numbers`: anything else."""
        feature = self.target.feature if self.target else None
        if isinstance(feature, Category):
            return "labels" if feature.encode == "multi_hot" else "classes"
        if isinstance(feature, Binary):
            return "binary"
        return "classes" if feature is not None and is_class(feature) else "numbers"

    @property
    def _strives_for(self) -> str:
        return "" if self.loss is None else catalog.aliases("losses").get(self.loss.name, self.loss.name).casefold()

    @property
    def likely(self) -> bool:
        """Whether its scores are probabilities: no loss but a cross-entropy makes them so."""
        return "crossentropy" in self._strives_for

    @property
    def threshold(self) -> float:
        """From which score on yes is answered: a hinge loss drives its answers apart around 0, others around a half."""
        return 0.0 if self.kind == "binary" and "hinge" in self._strives_for else 0.5

    @property
    def vocabulary(self) -> list[str | int] | None:
        """The names of classes, where they have any."""
        if self.target is None:
            return None
        names: list[str | int] | None = self.target.feature.facts(self.state).get("vocabulary")
        return names

    def scores(self, answer: Array) -> Array:
        """What the network holds of each class, on the last axis; of yes or no one number each; other answers as is."""
        logits = self.loss is not None and self.loss.arguments.get("from_logits") is True
        match self.kind:
            case "labels":
                return _of_two(answer[..., None], logits)[..., 1] if logits else answer
            case "binary":
                return _of_two(answer, logits)[..., 1]
            case "classes":
                if answer.shape[-1] == 1:
                    return _of_two(answer, logits)
                return _softmax(answer) if logits else answer
        return answer


def sense(plan: Plan, states: Mapping[str, State], output: str) -> Sense:
    """What an output of a plan's network means."""
    targets = {field.name: field for field in plan.dataset.targets} if plan.dataset else {}
    training = plan.training
    target = training.target_of(output) if training else output
    loss = next((term.loss for term in training.terms if term.output == output), None) if training else None
    return Sense(targets.get(target), states.get(f"targets.{target}", {}), loss)


def told(plan: Plan, states: Mapping[str, State], answers: Mapping[str, Array]) -> Columns:
    """The columns of a batch of answers, by output name; each output has one, or two where it is a choice.

    A category gives the class and, as `NAME_probability`, how likely the network holds it to be; yes or no gives 1 or 0
    and the probability of 1; a set of categories gives those that are at least as likely as not, and the probabilities
    of all. A loss that is no cross-entropy leaves no probabilities: there it is `NAME_score`. What is neither is a
    number, or a list of them.
    """
    columns: Columns = {}
    for name, answer in answers.items():
        columns |= dict(_columns(name, answer, sense(plan, states, name)))
    return columns


def _columns(name: str, answer: Array, means: Sense) -> Iterator[tuple[str, list[Any]]]:
    likely = f"{name}_{'probability' if means.likely else 'score'}"
    score = means.scores(answer)
    match means.kind:
        case "labels":
            names = means.vocabulary or list(range(answer.shape[-1]))
            yield name, [[n for n, s in zip(names, row, strict=False) if s >= means.threshold] for row in score]
            yield likely, _plain(score)
        case "classes":
            yield name, _named(score.argmax(axis=-1), means.vocabulary)
            yield likely, _plain(score.max(axis=-1))
        case "binary":
            yield name, (score >= means.threshold).astype(int).tolist()
            yield likely, _plain(score)
        case _:
            yield name, plainly(answer)


def plainly(answer: Array) -> list[Any]:
    """What an output says of each example: one number or text, or a list of them."""
    if answer.dtype.kind == "O":
        answer = np.vectorize(lambda value: value.decode(errors="replace"), otypes=[object])(answer)
    return _plain(answer[:, 0] if answer.ndim == 2 and answer.shape[1] == 1 else answer)


def _softmax(logits: Array) -> Array:
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True))


def _of_two(answer: Array, logits: bool) -> Array:
    """One number for the second of two classes as the numbers of both."""
    second = answer.reshape(*answer.shape[:-1], 1) if answer.shape[-1] == 1 else answer[..., None]
    if logits:
        second = _softmax(np.concatenate([np.zeros_like(second), second], axis=-1))[..., 1:]
    return np.concatenate([1 - second, second], axis=-1)


def _named(index: Array, vocabulary: list[str | int] | None) -> list[Any]:
    """Classes by name; None for what stands for unknown values. Without a vocabulary the index is the name."""
    if vocabulary is None:
        return list(index.tolist())
    names = np.empty(max(len(vocabulary), int(index.max(initial=0)) + 1), dtype=object)
    names[: len(vocabulary)] = vocabulary
    return list(names[index].tolist())


def _plain(values: Array) -> list[Any]:
    """Numbers as Python has them, with no more digits than their dtype holds."""
    if values.dtype.kind == "f" and values.dtype != np.float64:
        values = values.astype("U32").astype(np.float64)
    return list(values.tolist())
