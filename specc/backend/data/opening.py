"""From a plan to the batches of its splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from specc.backend.data.making import make_splits
from specc.backend.data.prepared import broken
from specc.backend.data.split import Split
from specc.data.faults import undecodable
from specc.data.fingerprint import fingerprint
from specc.data.opening import open_rows, open_sources
from specc.data.sources import Source, keyed
from specc.diagnostics import Log, Rejected
from specc.kinds.arrays import Array
from specc.kinds.features import State
from specc.plan import Dataset, Field, Plan


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

    @property
    def described(self) -> Mapping[str, Any]:
        """For `manifest.json`: readers, rows of each split, and what was passed over."""
        readers = {name or "all": source.reader for name, source in self.sources.items()}
        made_up = {"made_up": True} if "random" in readers.values() else {}
        rows = {name: split.examples for name, split in self.splits.items()}
        skipped = {name or "all": told for name, s in self.sources.items() if (told := s.faults.manifest())}
        told = {"skipped": skipped} if skipped else {}
        return {"readers": readers, **made_up, "rows": rows, **told}

    @cached_property
    def fingerprint(self) -> Mapping[str, Any]:
        """The same with the files, their sizes and digests, for which each is read once more."""
        files = tuple(dict.fromkeys(path for source in self.sources.values() for path in source.files))
        return {**self.described, **fingerprint(files)}

    def skipped(self) -> tuple[str, ...]:
        """A line for each source of which rows were passed over."""
        return tuple(line for source in self.sources.values() if (line := source.faults.summary()))

    def where(self, split: str, examples: Array) -> list[str]:
        """Where examples of a split came from, each by its own row: `flowers.csv:7`."""
        shared = self.sources.get("") or self.sources.get("train")
        source = self.sources.get(split) or shared
        rows = self.splits[split].rows[examples]
        return [source.table.origin.where(int(row)) for row in rows] if source else [str(row) for row in rows]

    def facts(self) -> Mapping[str, Mapping[str, Any]]:
        """What is known of every field now: `{"targets.species": {"classes": 3, "shape": [], "vocabulary": […]}}`."""
        fields = {key: field for key, field in keyed(self.dataset).items() if key != "weight"}
        return {key: dict(field.feature.facts(self.states[key])) for key, field in fields.items()}

    def blame(self, log: Log) -> None:
        """Decode every file that is not kept in memory and report those that cannot be: after a batch failed."""
        for split in self.splits.values():
            fields = [(field, split.inputs[field.name]) for field in self.dataset.inputs]
            fields += [(field, split.targets[field.name]) for field in self.dataset.targets]
            for field, kept in fields:
                if not kept.ready:
                    names = np.array([n.decode() for n in kept.array.numpy()], dtype=object)[split.places]
                    if bad := broken(field.feature, names, kept.state):
                        log.refuse(undecodable([names[number] for number in bad], field.feature), field.span)


def open_data(plan: Plan, log: Log) -> Data:
    """Read the sources of a plan, divide them, learn from the training rows, prepare every split.

    Raises:
        Rejected: with all S5xx that one pass can find on the log.
    """
    before = log.errors
    opened = open_sources(plan, log)
    splits = make_splits(opened, log)
    if log.errors > before:
        raise Rejected(log)
    return Data(opened.dataset, opened.states, splits, opened.sources)


def open_split(plan: Plan, states: Mapping[str, State], split: str, log: Log) -> Split:
    """One split of a plan whose fields have learnt already: the same rows as in training, for the same data.

    Raises:
        Rejected: as `open_data` does; S505 when the plan has no such split.
    """
    before = log.errors
    splits = make_splits(open_rows(plan, states, split, log), log)
    if log.errors > before:
        raise Rejected(log)
    return splits[split]
