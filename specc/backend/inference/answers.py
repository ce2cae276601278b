"""What a network answers, as columns that a person can read: classes by name, probabilities, numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def told(plan: Plan, states: Mapping[str, State], answers: Mapping[str, Array]) -> Columns:
    """The columns of a batch of answers, by output name; each output has one, or two where it is a choice.

    A category gives the class and, as `NAME_probability`, how likely the network holds it to be; yes or no gives 1 or 0
    and the probability of 1; a set of categories gives those that are at least as likely as not, and the probabilities
    of all. A loss that is no cross-entropy leaves no probabilities: there it is `NAME_score`. What is neither is a
    number, or a list of them.
    """
    targets = {field.name: field for field in plan.dataset.targets} if plan.dataset else {}
    training = plan.training
    columns: Columns = {}
    for name, answer in answers.items():
        target = training.target_of(name) if training else name
        loss = next((term.loss for term in training.terms if term.output == name), None) if training else None
        columns |= dict(_columns(name, answer, targets.get(target), states.get(f"targets.{target}", {}), loss))
    return columns


def _columns(
    name: str, answer: Array, target: Field | None, state: State, loss: Call | None
) -> Iterator[tuple[str, list[Any]]]:
    strives_for = "" if loss is None else catalog.aliases("losses").get(loss.name, loss.name).casefold()
    likely = f"{name}_{'probability' if 'crossentropy' in strives_for else 'score'}"
    logits = loss is not None and loss.arguments.get("from_logits") is True
    match target.feature if target else None:
        case Category(encode="multi_hot") as feature:
            score = _of_two(answer[..., None], logits)[..., 1] if logits else answer
            names = feature.facts(state).get("vocabulary") or list(range(answer.shape[-1]))
            yield name, [[n for n, s in zip(names, row, strict=False) if s >= 0.5] for row in score]
            yield likely, _plain(score)
        case feature if isinstance(feature, Category) or (feature is not None and is_class(feature)):
            if answer.shape[-1] == 1:
                answer = _of_two(answer, logits)
            elif logits:
                answer = _softmax(answer)
            index = answer.argmax(axis=-1)
            yield name, _named(index, feature.facts(state).get("vocabulary"))
            yield likely, _plain(answer.max(axis=-1))
        case Binary():
            score = _of_two(answer, logits)[..., 1]
            # A hinge loss drives its answers apart around 0, every other around a half.
            yield name, (score >= (0.0 if "hinge" in strives_for else 0.5)).astype(int).tolist()
            yield likely, _plain(score)
        case _:
            alone = answer.ndim == 2 and answer.shape[1] == 1
            yield name, _plain(answer[:, 0] if alone else answer)


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
