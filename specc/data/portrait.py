"""What data is like: rows of each split, and of every field its values, its gaps, and how often each occurs."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as made
from functools import partial
from pathlib import Path
from typing import Any

from specc.data.faults import LISTED, NAMED, undecodable
from specc.data.opening import Opened, open_sources
from specc.data.reading import plain
from specc.data.sources import Block, Source, keyed
from specc.diagnostics import Log, Refusal, Rejected
from specc.kinds.arrays import Array, np
from specc.kinds.features import Feature, Origin, State, missing
from specc.kinds.features._moments import Moments
from specc.kinds.readers import Coded, Column
from specc.plan import Dataset, Field, Plan

SAMPLE = 100_000
"""So many rows of each source are looked at where not all of them are asked for."""

DISTINCT = 10_000
"""Of a field with more different values it is not counted how often each occurs."""

TRIED = 200
"""So many pictures are decoded where not all of them are asked for."""


@dataclass(slots=True)
class Likeness:
    """One field: gaps, the moments of its numbers, and how often each value of one a row occurs (None: too many)."""

    field: Field
    target: bool
    state: State
    rows: int = 0
    missing: int = 0
    moments: Moments | None = None
    counts: Counter[str] | None = made(default_factory=Counter)

    def add(self, column: Column, chosen: Array) -> None:
        """Take in the rows of a mask."""
        values, times = column.counted(chosen) if isinstance(column, Coded) else (column[chosen], None)
        weights = np.ones(len(values), np.int64) if times is None else times
        self.rows += int(weights.sum())
        gaps = missing(values)
        self.missing += int(weights[gaps].sum())
        if values.dtype.kind in "biuf" and values.ndim == 1:
            self.moments = self.moments or Moments()
            self.moments.add(np.repeat(values[~gaps], weights[~gaps]).astype(np.float64))
        if self.counts is not None and values.ndim == 1 and not self.state.get("files") and values.dtype.kind != "f":
            distinct, inverse = np.unique(values[~gaps], return_inverse=True)
            found = np.bincount(inverse, weights[~gaps], len(distinct)).astype(np.int64)
            self.counts.update(dict(zip(map(str, distinct.tolist()), found.tolist(), strict=True)))
            if len(self.counts) > DISTINCT:
                self.counts = None


@dataclass(frozen=True, slots=True)
class Portrait:
    """All of a dataset.

    `rows` are those of each split. `repeated` are, of the validation and test rows, those whose inputs are the same
    as some training row's; None where that was not looked for. `whole` is False where only the first rows were read.
    `skipped` has a line for each source of which rows were passed over.
    """

    dataset: Dataset
    rows: Mapping[str, int]
    fields: tuple[Likeness, ...]
    repeated: Mapping[str, int] | None
    whole: bool
    skipped: tuple[str, ...] = ()


@dataclass(slots=True)
class _Files:
    """The files of a field of a source, of which every so many-th is decoded: those that cannot be, and their rows."""

    field: Field
    source: Source
    every: int
    origin: Origin
    bad: dict[int, str | bytes] = made(default_factory=dict)
    refused: Refusal | None = None
    """What there is instead of any of this: a package is missing."""

    def tried(self, files: Array, rows: Array) -> None:
        """Decode some of the files of these rows."""
        for row, file in zip(rows.tolist(), files, strict=True):
            if row % self.every or self.refused is not None:
                continue
            try:
                if not _decodes(self.field.feature, file):
                    self.bad[row] = file if isinstance(file, str) else b""
            except Refusal as refusal:
                self.refused = refusal

    def told(self, log: Log) -> None:
        """Tell of those that cannot be decoded, or have them passed over."""
        feature, rows = self.field.feature, sorted(self.bad)
        if self.refused is not None:
            log.refuse(self.refused, self.field.span)
        elif rows and self.source.faults.share is not None:
            told = [partial(self._one, row) for row in rows[:LISTED]]
            self.source.faults.note(np.array(rows), told)
        elif rows:
            places = [self.origin.row(row) for row in rows[:NAMED]]
            log.refuse(undecodable([self.bad[row] for row in rows], feature, places), self.field.span)

    def _one(self, row: int) -> str:
        return undecodable([self.bad[row]], self.field.feature, [self.origin.row(row)]).message


def look(plan: Plan, log: Log, *, full: bool) -> Portrait | None:
    """Open the data of a plan, check it, and say what it is like; None for a plan without data. TensorFlow stays out.

    Args:
        full: every row and every file is checked, also against what was learnt; else the first `SAMPLE` rows.

    Raises:
        Rejected: with all S5xx that one pass can find on the log.
    """
    if plan.dataset is None:
        return None
    limit = plan.dataset.limit
    if not full:
        plan = replace(plan, dataset=replace(plan.dataset, limit=min(limit or SAMPLE, SAMPLE)))
    before = log.errors
    opened = open_sources(plan, log)
    fields = {
        key: Likeness(one, key.startswith("targets."), opened.states[key]) for key, one in keyed(opened.dataset).items()
    }
    files: dict[str, _Files] = {}
    seen: dict[str, set[int]] = {}
    twins: Counter[str] = Counter()
    read = 0
    for split, block, mask in _blocks(opened, log, full=full):
        read += int(mask.sum())
        for key, column in block.values.items():
            fields[key].add(column, mask)
            if opened.states[key].get("files"):
                one = files.setdefault(f"{opened.rows[split][0]} {key}", _files(opened, split, key, full=full))
                one.tried(plain(column)[mask], block.start + np.flatnonzero(mask))
        marks = _marks({k: c for k, c in block.values.items() if k.startswith("inputs.")}, mask, opened.states, full)
        if split == "train":
            seen.setdefault("train", set()).update(marks)
        else:
            twins[split] += sum(mark in seen.get("train", ()) for mark in marks)
    for one in files.values():
        one.told(log)
    for name, source in opened.sources.items():
        try:
            source.faults.check(sum(len(chosen) for origin, chosen in opened.rows.values() if origin == name))
        except Refusal as refusal:
            log.refuse(refusal, source.place)
    if log.errors > before:
        raise Rejected(log)
    rows = {name: len(chosen) for name, (_, chosen) in opened.rows.items()}
    known = full or not files
    return Portrait(
        opened.dataset,
        rows,
        tuple(fields.values()),
        {name: twins[name] for name in rows if name != "train"} if known else None,
        full or sum(rows.values()) < SAMPLE,
        tuple(line for source in opened.sources.values() if (line := source.faults.summary())),
    )


def _blocks(opened: Opened, log: Log, *, full: bool) -> Iterator[tuple[str, Block, Array]]:
    """The rows of each split, those of training first."""
    states = opened.states if full else {}
    for split, (name, rows) in opened.rows.items():
        inside = np.zeros(int(rows.max()) + 1, bool)
        inside[rows] = True
        for block in opened.sources[name].blocks(states, log):
            mask = np.zeros(block.rows, bool)
            here = inside[block.start : block.start + block.rows]
            mask[: len(here)] = here
            yield split, block, block.usable(mask)


def _marks(columns: Mapping[str, Column], mask: Array, states: Mapping[str, State], full: bool) -> list[int]:
    """A number for each row of a mask that rows with the same inputs share; none where files would have to be read."""
    parts: list[Any] = []
    for key, column in columns.items():
        values = plain(column)[mask]
        if states[key].get("files"):
            if not full:
                return []
            parts.append([hashlib.blake2b(_bytes(file), digest_size=8).digest() for file in values])
        elif values.ndim == 1:
            parts.append(values.tolist())
        else:
            parts.append([row.tobytes() for row in np.ascontiguousarray(values)])
    return [hash(row) for row in zip(*parts, strict=True)]


def _files(opened: Opened, split: str, key: str, *, full: bool) -> _Files:
    name = opened.rows[split][0]
    source, rows = opened.sources[name], sum(len(chosen) for of, chosen in opened.rows.values() if of == name)
    return _Files(keyed(opened.dataset)[key], source, 1 if full else max(1, rows // TRIED), source.origin(key))


def _bytes(file: str | bytes) -> bytes:
    return file if isinstance(file, bytes) else Path(file).read_bytes()


def _decodes(feature: Feature, file: str | bytes) -> bool:
    """Whether a file can be decoded: a sound as for training, a picture by Pillow where it is installed; none is empty.

    Raises:
        Refusal: S606 where a package is needed for it.
    """
    try:
        if not (data := _bytes(file)):
            return False
        if hasattr(feature, "contents"):
            feature.contents(data)
            return True
        with _pillow().open(io.BytesIO(data)) as picture:
            picture.load()
    except ImportError:
        return True
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def _pillow() -> Any:
    from PIL import Image

    return Image
