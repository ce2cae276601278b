"""What data is like: rows of each split, and of every field its values, its gaps, and how often each occurs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as made
from pathlib import Path
from typing import Any

from specc.codes import S503
from specc.data.opening import Opened, open_sources
from specc.data.reading import plain
from specc.data.sources import Block, keyed
from specc.diagnostics import Log, Refusal, Rejected
from specc.kinds.arrays import Array, np
from specc.kinds.features import State, missing
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
    """

    dataset: Dataset
    rows: Mapping[str, int]
    fields: tuple[Likeness, ...]
    repeated: Mapping[str, int] | None
    whole: bool


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
    files: dict[str, list[str]] = {}
    seen: dict[str, set[int]] = {}
    twins: Counter[str] = Counter()
    read = 0
    for split, block, mask in _blocks(opened, log, full=full):
        read += int(mask.sum())
        for key, column in block.values.items():
            fields[key].add(column, mask)
            if opened.states[key].get("files"):
                files.setdefault(key, []).extend(plain(column)[mask].tolist())
        marks = _marks({k: c for k, c in block.values.items() if k.startswith("inputs.")}, mask, opened.states, full)
        if split == "train":
            seen.setdefault("train", set()).update(marks)
        else:
            twins[split] += sum(mark in seen.get("train", ()) for mark in marks)
    for key, names in files.items():
        _try_pictures(names if full else names[:: max(1, len(names) // TRIED)], fields[key].field, log)
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
            parts.append([hashlib.blake2b(Path(name).read_bytes(), digest_size=8).digest() for name in values])
        elif values.ndim == 1:
            parts.append(values.tolist())
        else:
            parts.append([row.tobytes() for row in np.ascontiguousarray(values)])
    return [hash(row) for row in zip(*parts, strict=True)]


def _try_pictures(names: list[str], of: Field, log: Log) -> None:
    """Decode files of pictures, where Pillow is installed; an empty one is at fault in any case."""
    try:
        from PIL import Image
    except ImportError:
        Image = None  # noqa: N806
    bad = []
    for name in names:
        if not Path(name).stat().st_size:
            bad.append(name)
        elif Image is not None:
            try:
                with Image.open(name) as picture:
                    picture.load()
            except (OSError, SyntaxError, ValueError):
                bad.append(name)
    if bad:
        shown = ", ".join(f"`{name}`" for name in bad[:5]) + (f" and {len(bad) - 5} more" if len(bad) > 5 else "")
        told = Refusal(S503, f"cannot decode {shown}", "damaged, or of another format: save as JPEG or PNG, or remove")
        log.refuse(told, of.span)
