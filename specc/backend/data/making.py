"""From rows that are divided to the splits of a run: every field prepared, and kept where there is room."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod

import numpy as np

from specc.backend.data.prepared import Keeping, broken, example
from specc.backend.data.records import Aside, Records
from specc.backend.data.split import SAMPLE, Split
from specc.codes import S505
from specc.data import Opened
from specc.data.division import whole
from specc.data.faults import LISTED, NAMED, undecodable
from specc.data.reading import plain
from specc.data.sources import Block, Source, keyed
from specc.diagnostics import Log, Refusal
from specc.kinds.arrays import Array
from specc.kinds.features import NAMES, Feature, Origin, State, offsets
from specc.kinds.readers import Coded, Column
from specc.kinds.room import room
from specc.plan import Dataset


def make_splits(opened: Opened, log: Log) -> dict[str, Split]:
    """Prepare the rows of each split, and keep them: in memory if there is room for all, else on disk.

    Files are decoded once where there is room for what comes of them, and else whenever a batch needs them.
    """
    dataset, sources, rows, states = opened.dataset, opened.sources, opened.rows, opened.states
    makers: dict[str, _Maker] = {}
    size = sum(len(chosen) * _row_bytes(dataset, states) for _, chosen in rows.values())
    in_memory = dataset.cache == "memory" or (dataset.cache in ("auto", "none") and size <= room())
    # What is too large for memory is decoded again each epoch rather than written out, unless disk is asked for.
    decode = dataset.cache in ("memory", "disk") or (dataset.cache == "auto" and in_memory)
    folder = None if in_memory else Aside()
    try:
        for name, (_, chosen) in rows.items():
            makers[name] = _Maker(name, dataset, chosen, states, folder, decode=decode)
    except Refusal as refusal:
        log.refuse(refusal, dataset.span)
        return {}
    for name, source in sources.items():
        mine = [makers[split] for split, (origin, _) in rows.items() if origin == name]
        if not mine:
            continue
        total = 0
        for block in source.blocks(states, log):
            total += block.rows
            ahead = mine[0].ahead(block)
            for maker in mine:
                maker.put(block, ahead, source, log)
        try:
            source.faults.check(total)
        except Refusal as refusal:
            log.refuse(refusal, source.place)
    return {name: split for name, maker in makers.items() if (split := maker.split(log)) is not None}


def _row_bytes(dataset: Dataset, states: Mapping[str, State]) -> int:
    """What a row takes once it is prepared."""
    return sum(
        prod(example(field.feature, states[key])) * np.dtype(field.feature.kept(states[key])).itemsize
        for key, field in keyed(dataset).items()
    )


class _Maker:
    """Gathers one split."""

    def __init__(
        self,
        name: str,
        dataset: Dataset,
        rows: Array,
        states: Mapping[str, State],
        folder: Aside | None,
        *,
        decode: bool,
    ) -> None:
        self.name, self.dataset, self.rows, self.states, self.folder = name, dataset, rows, states, folder
        self.order = np.argsort(rows, kind="stable") if (np.diff(rows) < 0).any() else None
        self.sorted = rows if self.order is None else rows[self.order]
        self.filled = np.ones(len(rows), bool)
        self.fields = keyed(dataset)
        # What came as the contents of files is nowhere else than in the data: it is not decoded again.
        ready = {key: decode or states[key].get("files") != NAMES for key in self.fields}
        stored = {}
        if folder is not None and any(ready.values()):
            forms = {
                key: (field.feature.kept(states[key]), example(field.feature, states[key]))
                for key, field in self.fields.items()
                if ready[key]
            }
            records = Records(folder.path / name, len(rows), forms)
            stored = {key: records.field(key) for key in forms}
        self.keeping = {
            key: Keeping(field.feature, states[key], len(rows), ready=ready[key], stored=stored.get(key))
            for key, field in self.fields.items()
        }
        self.span = _span(dataset)
        self.sample: dict[str, list[tuple[Array, Array]]] = {f"inputs.{f.name}": [] for f in dataset.inputs}

    def ahead(self, block: Block) -> dict[str, Column]:
        """The fields of a block that are prepared once for all splits: most of what a call takes is to begin it."""
        whole = block.good is None
        made = {key: self.keeping[key].ahead(column, whole=whole) for key, column in block.values.items()}
        return {key: column for key, column in made.items() if column is not None}

    def put(self, block: Block, ahead: Mapping[str, Column], source: Source, log: Log) -> None:
        """Keep those rows of a block that belong here; `ahead` are the fields that are prepared already."""
        ends = np.array([block.start, block.start + block.rows])
        # Ends of another dtype would have the rows copied.
        first, last = np.searchsorted(self.sorted, ends.astype(self.sorted.dtype))
        if first == last:
            return
        inside = self.sorted[first:last] - block.start
        places = np.arange(first, last) if self.order is None else self.order[first:last]
        if block.good is not None:
            good = block.good[inside]
            self.filled[places[~good]] = False
            inside, places = inside[good], places[good]
        for key, column in block.values.items():
            if key in ahead:
                self.keeping[key].array[places] = _rows(ahead[key], inside)
                self._remember(key, column, inside, places)
                continue
            some = column[inside]
            try:
                bad = self.keeping[key].put(places, some)
            except Refusal as refusal:
                log.refuse(refusal, self.fields[key].span)
                continue
            if not self.keeping[key].ready and source.faults.share is not None:
                bad = broken(self.fields[key].feature, plain(some), self.states[key])
            if bad:
                self._pass_over(bad, key, plain(some), places, block.start + inside, source, log)
            self._remember(key, column, inside, places)

    def _pass_over(
        self, bad: list[int], key: str, files: Array, places: Array, numbers: Array, source: Source, log: Log
    ) -> None:
        field, origin = self.fields[key], source.origin(key)
        if source.faults.share is None:
            rows = [origin.row(int(row)) for row in numbers[bad[:NAMED]]]
            log.refuse(undecodable([files[number] for number in bad], field.feature, rows), field.span)
            return
        told = [partial(_undecodable, files[number], field.feature, origin, numbers[number]) for number in bad[:LISTED]]
        source.faults.note(numbers[bad], told)
        self.filled[places[bad]] = False

    def _remember(self, key: str, column: Column, inside: Array, places: Array) -> None:
        """Keep the raw values of the first examples, as the served model takes them."""
        early = np.flatnonzero(places < self.span)
        if key in self.sample and len(early):
            self.sample[key].append((places[early], _rows(column, inside[early])))

    def split(self, log: Log) -> Split | None:
        """The split, once every row was put."""
        dataset = self.dataset
        places = _places(dataset, self.filled)
        if not len(places):
            told = f"the {self.name} split is empty: none of its {len(self.filled):,} rows makes an example"
            log.refuse(
                Refusal(S505, told, "give it a larger fraction, or more data"), dataset.split.span or dataset.span
            )
            return None
        kept = {key: keeping.kept() for key, keeping in self.keeping.items()}
        return Split(
            places,
            {f.name: kept[f"inputs.{f.name}"] for f in dataset.inputs},
            {f.name: kept[f"targets.{f.name}"] for f in dataset.targets},
            {f.name: _early(self.sample[f"inputs.{f.name}"]) for f in dataset.inputs},
            self.rows,
            kept.get("weight"),
            self.folder,
        )


def _undecodable(file: str | bytes, feature: Feature, origin: Origin, row: int) -> str:
    return undecodable([file], feature, [origin.row(int(row))]).message


def _rows(column: Column, rows: Array) -> Array:
    """Some rows of a column, a value each."""
    return column.values[column.codes[rows]] if isinstance(column, Coded) else column[rows]


def _early(parts: list[tuple[Array, Array]]) -> Array:
    if not parts:
        return np.zeros(0)
    places = np.concatenate([some for some, _ in parts])
    values = np.concatenate([some for _, some in parts])
    early = np.zeros((int(places.max()) + 1, *values.shape[1:]), values.dtype)
    early[places] = values
    return early


def _span(dataset: Dataset) -> int:
    """How many of the first rows of a split its first examples are made of."""
    around = _offsets(dataset)
    return SAMPLE * _stride(dataset) + around[-1] - around[0]


def _offsets(dataset: Dataset) -> list[int]:
    """All rows that an example is made of, counted from its own."""
    every = (offsets(field.feature) or (0,) for field in keyed(dataset).values())
    return sorted({0}.union(*every))


def _stride(dataset: Dataset) -> int:
    """How many rows lie between an example and the next."""
    return max(getattr(field.feature, "stride", None) or 1 for field in keyed(dataset).values())


def _places(dataset: Dataset, filled: Array) -> Array:
    """The rows of a split that are an example's own: all that it is made of are there."""
    around = _offsets(dataset)
    places = whole(len(filled))[-around[0] : max(0, len(filled) - around[-1]) : _stride(dataset)]
    if filled.all() or not len(places):
        return places
    return places[np.all([filled[places + offset] for offset in around], axis=0)]
