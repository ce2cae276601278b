"""From a plan to its data, as far as NumPy goes: read, checked, divided, learnt from. TensorFlow is not needed.

Each source is passed over some rows at a time: once to count its rows and see what divides them, where that is not
known beforehand, and once to learn from the training rows. What fits into memory is read from disk once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from specc.calls import Call
from specc.codes import S105, S505
from specc.data.division import divide, numbers, whole
from specc.data.faults import Faults
from specc.data.reading import plain
from specc.data.sources import Block, Source, open_source
from specc.diagnostics import Log, Refusal, Rejected
from specc.kinds.arrays import Array, np
from specc.kinds.features import State, missing, taught
from specc.kinds.readers import Coded
from specc.plan import Dataset, Plan

Rows = Mapping[str, tuple[str, Array]]
"""For each split the source that it comes from and its rows there, in the order that they are to have."""


SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """The sources of a plan, which rows each split has, and what the fields learnt."""

    dataset: Dataset
    sources: Mapping[str, Source]
    rows: Rows
    states: Mapping[str, State]
    """By key: `inputs.image`, `targets.digit`."""


def open_sources(plan: Plan, log: Log) -> Opened:
    """Read the sources of a plan, divide them, learn from the training rows.

    Raises:
        Rejected: with all S5xx that one pass can find on the log.
    """
    dataset = _dataset(plan)
    before = log.errors
    if _training(dataset.sources) is None:
        log.report(S505, dataset.span, "no source is for training", help="name one `train`")
    _stop(log, before)
    sources = _open(dataset, dataset.sources, plan.seed, log)
    rows = _divided(dataset, sources, plan.seed, {}, log)
    if "train" not in rows or not len(rows["train"][1]):
        _stop(log, before)
    states = _learnt(sources, rows["train"], log)
    _stop(log, before)
    return Opened(dataset, sources, rows, states)


def open_rows(plan: Plan, states: Mapping[str, State], split: str, log: Log) -> Opened:
    """One split of a plan whose fields have learnt already: the same rows as in training, for the same data.

    Raises:
        Rejected: as `open_sources` does; S505 when the plan has no such split.
    """
    dataset = _dataset(plan)
    before = log.errors
    needed = split if split in dataset.sources else _training(dataset.sources) or next(iter(dataset.sources))
    sources = _open(dataset, {needed: dataset.sources[needed]}, plan.seed, log)
    _stop(log, before)
    rows = _divided(dataset, sources, plan.seed, states, log)
    if split not in rows:
        log.report(
            S505,
            dataset.split.span or dataset.span,
            f"the data has no split `{split}`",
            help=f"there are {', '.join(f'`{name}`' for name in rows)}",
        )
    _stop(log, before)
    return Opened(dataset, sources, {split: rows[split]}, states)


def _dataset(plan: Plan) -> Dataset:
    if plan.dataset is None:
        raise ValueError("a plan without a dataset has no data to open")
    return plan.dataset


def _stop(log: Log, before: int) -> None:
    if log.errors > before:
        raise Rejected(log)


def _open(dataset: Dataset, calls: Mapping[str, Call], seed: int, log: Log) -> dict[str, Source]:
    opened = {name: open_source(dataset, call, seed, Faults(dataset.skip), log) for name, call in calls.items()}
    return {name: source for name, source in opened.items() if source is not None}


def _divided(dataset: Dataset, sources: Mapping[str, Source], seed: int, states: Mapping[str, State], log: Log) -> Rows:
    """The rows of each split: a source's own, and what fractions take from the one for training."""
    splitting, place = dataset.split, dataset.split.span or dataset.span
    fractions = {"test": splitting.test, "validation": splitting.validation}
    fractions = {name: part for name, part in fractions.items() if part and name not in dataset.sources}
    surveys = {name: _survey(dataset, source, states, log) for name, source in sources.items()}
    rows = {name: (name, whole(survey.rows)) for name, survey in surveys.items() if name}
    for name, survey in surveys.items():
        if name in rows and survey.order is not None:
            rows[name] = (name, numbers(np.argsort(survey.order, kind="stable")))
    if (shared := _training(sources)) is not None:
        survey = surveys[shared]
        strata = survey.strata if fractions else None
        if splitting.stratify is not None and fractions and strata is None and survey.whole:
            told = f"`{splitting.stratify}` has no one value an example to stratify by"
            log.refuse(Refusal(S105, told, "name a `category` or a `binary`", "stratify"), place)
            return {}
        taken = divide(survey.rows, fractions, seed, strata=strata, groups=survey.groups, order=survey.order)
        rows |= {name: (shared, chosen) for name, chosen in taken.items()}
    for name, (origin, chosen) in rows.items():
        # Of a source that could not be read to its end, that is what is told.
        if not len(chosen) and not sources[origin].broken:
            log.refuse(_empty(name, surveys[origin].rows, fractions), place)
    return {name: rows[name] for name in SPLITS if name in rows}


@dataclass(frozen=True, slots=True, eq=False)
class _Survey:
    """What must be known of all rows of a source before they are divided: of what is asked for, a value a row."""

    rows: int
    whole: bool
    """Whether every row could be read."""
    strata: Array | None = None
    groups: Array | None = None
    order: Array | None = None


def _survey(dataset: Dataset, source: Source, states: Mapping[str, State], log: Log) -> _Survey:
    splitting = dataset.split
    if source.rows is not None and not (splitting.stratify or splitting.group or splitting.order):
        return _Survey(source.rows, whole=True)
    name = splitting.stratify
    key = f"targets.{name}" if any(f.name == name for f in dataset.targets) else f"inputs.{name}"
    rows, before = 0, log.errors
    strata, groups, order = [], [], []
    for block in source.blocks(states, log):
        rows += block.rows
        if key in block.values:
            strata.append(_stratum(block, key))
        if splitting.group is not None and splitting.group in block.columns:
            groups.append(plain(block.columns[splitting.group]))
        if splitting.order is not None and splitting.order in block.columns:
            order.append(plain(block.columns[splitting.order]))
    single = bool(strata) and all(one is not None for one in strata)
    return _Survey(
        rows,
        log.errors == before,
        np.concatenate([one for one in strata if one is not None]) if single else None,
        np.concatenate(groups) if groups else None,
        np.concatenate(order) if order else None,
    )


def _stratum(block: Block, key: str) -> Array | None:
    """The values that rows are stratified by; None where there is no one value a row."""
    column = block.values[key]
    values = column.values if isinstance(column, Coded) else column
    if values.ndim != 1 or (block.good is None and missing(values).any()):
        return None
    return plain(column)


def _training(sources: Mapping[str, Any]) -> str | None:
    """The source that training rows come from, and what fractions take."""
    return next((name for name in ("", "train") if name in sources), None)


def _empty(name: str, rows: int, fractions: Mapping[str, float]) -> Refusal:
    if not rows:
        return Refusal(S505, f"the {name} split is empty: the data has no rows", "look at the source, and at `limit`")
    part = f"{fractions[name]:g} of {rows} rows" if name in fractions else "the others take every row"
    return Refusal(S505, f"the {name} split is empty: {part}", "give it a larger fraction, or more data")


def _learnt(sources: Mapping[str, Source], training: tuple[str, Array], log: Log) -> dict[str, State]:
    """What every field learns in one pass over the training rows."""
    name, rows = training
    source = sources[name]
    chosen = np.zeros(int(rows.max()) + 1 if len(rows) else 0, bool)
    chosen[rows] = True
    passes = {key: field.feature.learn() for key, field in source.fields.items()}
    states: dict[str, State] = {}
    for learning in passes.values():
        next(learning)

    def refuse(key: str, refusal: Refusal) -> None:
        log.refuse(refusal, source.fields[key].span)
        del passes[key]

    for block in source.blocks({}, log):
        for key in passes.keys() - block.values.keys():
            del passes[key]  # What is wrong with it is told when the rows have come to an end.
        mask = chosen[block.start : block.start + block.rows]
        mask = block.usable(np.append(mask, np.zeros(block.rows - len(mask), bool)))
        if not mask.any():
            continue
        for key, column in block.values.items():
            if key in passes:
                try:
                    passes[key].send(column.counted(mask) if isinstance(column, Coded) else (column[mask], None))
                except Refusal as refusal:
                    refuse(key, refusal)
    if source.broken:
        return states  # What is missing in what was not read is no fault of a field's.
    for key, learning in list(passes.items()):
        try:
            states[key] = taught(learning)
        except Refusal as refusal:
            refuse(key, refusal)
    return states
