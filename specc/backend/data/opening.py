"""From a plan to its data: read, checked, divided, learnt from, prepared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from specc.backend.data.division import divide
from specc.backend.data.fingerprint import fingerprint
from specc.backend.data.prepared import decode, keep, undecodable
from specc.backend.data.sources import Source, all_files, keyed, read_field, read_source
from specc.backend.data.split import Split
from specc.calls import Call
from specc.codes import S105, S505
from specc.diagnostics import Log, Refusal, Rejected
from specc.kinds.arrays import Array
from specc.kinds.features import State, missing
from specc.plan import Dataset, Field, Plan

Rows = Mapping[str, tuple[str, Array]]
"""For each split the source that it comes from and its rows there."""


SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Data:
    """All data of a plan: what the fields learnt, and the splits `train` and, where asked for, `validation`, `test`."""

    dataset: Dataset
    states: Mapping[str, State]
    """By key: `inputs.image`, `targets.digit`."""
    splits: Mapping[str, Split]
    sources: Mapping[str, Source]

    @property
    def fields(self) -> tuple[Field, ...]:
        return (*self.dataset.inputs, *self.dataset.targets)

    @cached_property
    def fingerprint(self) -> Mapping[str, Any]:
        """For `manifest.json`: readers, files with size and digest, rows of each split."""
        readers = {name or "all": source.reader for name, source in self.sources.items()}
        made_up = {"made_up": True} if "random" in readers.values() else {}
        rows = {name: split.examples for name, split in self.splits.items()}
        return {"readers": readers, **made_up, "rows": rows, **fingerprint(all_files(self.sources.values()))}

    def facts(self) -> Mapping[str, Mapping[str, Any]]:
        """What is known of every field now: `{"targets.species": {"classes": 3, "shape": [], "vocabulary": […]}}`."""
        return {key: dict(field.feature.facts(self.states[key])) for key, field in keyed(self.dataset).items()}

    def blame(self, log: Log) -> None:
        """Decode every file that is not kept in memory and report those that cannot be: after a batch failed."""
        for key, field in keyed(self.dataset).items():
            for split in self.splits.values():
                role, name = key.split(".", 1)
                kept = (split.inputs if role == "inputs" else split.targets)[name]
                if not kept.ready:
                    names = np.array([n.decode() for n in kept.tensor.numpy()], dtype=object)
                    if broken := decode(field.feature, names, kept.state):
                        log.refuse(undecodable(broken), field.span)


def open_data(plan: Plan, log: Log) -> Data:
    """Read the sources of a plan, divide them, learn from the training rows, prepare every split.

    Raises:
        Rejected: with all S5xx that one pass can find on the log.
    """
    dataset = _dataset(plan)
    before = log.errors
    if _training(dataset.sources) is None:
        log.report(S505, dataset.span, "no source is for training", help="name one `train`")
    _stop(log, before)
    sources = _read(dataset, dataset.sources, plan.seed, {}, log)
    _stop(log, before)
    rows = _divided(dataset, sources, plan.seed, log)
    _stop(log, before)
    states = _learnt(dataset, sources[rows["train"][0]], rows["train"][1], log)
    _stop(log, before)
    # Again, against what was learnt: other rows may hold what training has not seen.
    sources = {name: _checked(dataset, source, states, log) for name, source in sources.items()}
    _stop(log, before)
    splits = {name: _split(dataset, sources[source], chosen, states, log) for name, (source, chosen) in rows.items()}
    _stop(log, before)
    return Data(dataset, states, splits, sources)


def open_split(plan: Plan, states: Mapping[str, State], split: str, log: Log) -> Split:
    """One split of a plan whose fields have learnt already: the same rows as in training, for the same data.

    Raises:
        Rejected: as `open_data` does; S505 when the plan has no such split.
    """
    dataset = _dataset(plan)
    before = log.errors
    needed = split if split in dataset.sources else _training(dataset.sources) or next(iter(dataset.sources))
    sources = _read(dataset, {needed: dataset.sources[needed]}, plan.seed, states, log)
    _stop(log, before)
    rows = _divided(dataset, sources, plan.seed, log)
    if split not in rows:
        log.report(
            S505,
            dataset.split.span or dataset.span,
            f"the data has no split `{split}`",
            help=f"there are {', '.join(f'`{name}`' for name in rows)}",
        )
    _stop(log, before)
    opened = _split(dataset, sources[needed], rows[split][1], states, log)
    _stop(log, before)
    return opened


def _dataset(plan: Plan) -> Dataset:
    if plan.dataset is None:
        raise ValueError("a plan without a dataset has no data to open")
    return plan.dataset


def _stop(log: Log, before: int) -> None:
    if log.errors > before:
        raise Rejected(log)


def _read(
    dataset: Dataset, calls: Mapping[str, Call], seed: int, states: Mapping[str, State], log: Log
) -> dict[str, Source]:
    read = {name: read_source(dataset, call, seed, states, log) for name, call in calls.items()}
    return {name: source for name, source in read.items() if source is not None}


def _divided(dataset: Dataset, sources: Mapping[str, Source], seed: int, log: Log) -> Rows:
    """The rows of each split: a source's own, and what fractions take from the one for training."""
    splitting, place = dataset.split, dataset.split.span or dataset.span
    rows = {name: (name, np.arange(source.rows)) for name, source in sources.items() if name}
    fractions = {"test": splitting.test, "validation": splitting.validation}
    fractions = {name: part for name, part in fractions.items() if part and name not in dataset.sources}
    if (shared := _training(sources)) is not None:
        source = sources[shared]
        try:
            strata = _strata(dataset, source) if fractions else None
        except Refusal as refusal:
            log.refuse(refusal, place)
            return {}
        taken = divide(source.rows, fractions, seed, strata=strata, groups=source.groups)
        rows |= {name: (shared, chosen) for name, chosen in taken.items()}
    for name, (origin, chosen) in rows.items():
        if not len(chosen):
            log.refuse(_empty(name, sources[origin], fractions), place)
    return {name: rows[name] for name in SPLITS if name in rows}


def _training(sources: Mapping[str, Any]) -> str | None:
    """The source that training rows come from, and what fractions take."""
    return next((name for name in ("", "train") if name in sources), None)


def _strata(dataset: Dataset, source: Source) -> Array | None:
    name = dataset.split.stratify
    if name is None:
        return None
    key = f"targets.{name}" if any(f.name == name for f in dataset.targets) else f"inputs.{name}"
    values = source.values[key]
    if values.ndim != 1 or missing(values).any():
        raise Refusal(
            S105, f"`{name}` has no one value an example to stratify by", "name a `category` or a `binary`", "stratify"
        )
    return values


def _empty(name: str, source: Source, fractions: Mapping[str, float]) -> Refusal:
    if not source.rows:
        return Refusal(S505, f"the {name} split is empty: the data has no rows", "look at the source, and at `limit`")
    part = f"{fractions[name]:g} of {source.rows} rows" if name in fractions else "the others take every row"
    return Refusal(S505, f"the {name} split is empty: {part}", "give it a larger fraction, or more data")


def _learnt(dataset: Dataset, source: Source, rows: Array, log: Log) -> dict[str, State]:
    states = {}
    for key, field in keyed(dataset).items():
        try:
            states[key] = field.feature.learn(source.values[key][rows])
        except Refusal as refusal:
            log.refuse(refusal, field.span)
    return states


def _checked(dataset: Dataset, source: Source, states: Mapping[str, State], log: Log) -> Source:
    values = {}
    for key, field in keyed(dataset).items():
        checked = read_field(field, key, source.values[key], source.origin, states[key], log)
        if checked is not None:
            values[key] = checked
    return replace(source, values=values)


def _split(dataset: Dataset, source: Source, rows: Array, states: Mapping[str, State], log: Log) -> Split:
    kept = {}
    for key, field in keyed(dataset).items():
        try:
            kept[key] = keep(field.feature, source.values[key], rows, states[key])
        except Refusal as refusal:
            log.refuse(refusal, field.span)
    inputs = {f.name: kept[key] for f in dataset.inputs if (key := f"inputs.{f.name}") in kept}
    targets = {f.name: kept[key] for f in dataset.targets if (key := f"targets.{f.name}") in kept}
    values = {name: source.values[f"inputs.{name}"] for name in inputs}
    return Split(len(rows), inputs, targets, values, rows)
