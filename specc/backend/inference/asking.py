"""Tables and files that a trained network is asked about, a batch at a time, and its answers written beside them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from specc import codes
from specc.backend.data.prepared import UNREADABLE, broken, raw_fields
from specc.backend.inference.answers import Columns, told
from specc.backend.inference.rows import Batch, Row, Rows, read_parquet, read_rows
from specc.backend.inference.writing import write_rows
from specc.backend.said import said
from specc.data.faults import undecodable
from specc.data.reading import within
from specc.diagnostics import Log, Refusal, Rejected, Span, nearest
from specc.kinds.arrays import Array
from specc.kinds.exporters import Served
from specc.kinds.features import BadRows, Origin, State, offsets
from specc.kinds.readers import found, listed
from specc.kinds.readers._files import unpacked
from specc.kinds.readers.audio_folder import SOUNDS
from specc.kinds.readers.csv import MISSING
from specc.kinds.readers.image_folder import EXTENSIONS as PICTURES
from specc.plan import Field, Plan
from specc.tensors import Tensor

BATCH = 256
"""Rows that are read, answered and written at a time."""

LISTED = 100
"""Of rows that are passed over, so many are named."""

NAMED = 3
"""Of how many columns that one field lacks each is told."""

STDIN = "-"

EXTENSIONS = (*PICTURES, *SOUNDS)
"""How files are called that are asked about by their names."""

_ENDINGS = f"they end in {', '.join(EXTENSIONS)}"


@dataclass(slots=True)
class Passed:
    """Rows that were passed over because they cannot be read: how many, and what is wrong with the first of them."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def over(self, refusal: Refusal) -> None:
        """Count one."""
        self.count += 1
        if len(self.named) < LISTED:
            self.named.append(refusal.message)


@dataclass(frozen=True, slots=True)
class Files:
    """An input of files, by name or with their contents: how they are read, which of some cannot be decoded, and how
    that is told of some that stand in these rows."""

    contents: Callable[[Array], Array]
    broken: Callable[[Array], list[int]]
    undecodable: Callable[[list[str | bytes], list[str]], Refusal]

    @classmethod
    def of(cls, field: Field, state: State) -> Files:
        feature = field.feature
        return cls(
            partial(raw_fields, feature),
            lambda names: broken(feature, names, state),
            lambda files, rows: undecodable(files, feature, rows),
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """An input of a network that is asked: its name, where a row has it, and how its values are read and checked."""

    name: str
    columns: tuple[str, ...]
    raw: Tensor
    read: Callable[[Array, Origin], Array]
    window: bool = False
    files: Files | None = None

    @classmethod
    def of(cls, field: Field, raw: Tensor, state: State) -> Taken:
        """A field of a spec. A window of many rows is found under its own name, others in their columns."""
        window = offsets(field.feature) is not None
        files = Files.of(field, state) if state.get("files") else None

        def read(column: Array, origin: Origin) -> Array:
            values = field.feature.read(column, origin, state)
            if field.looked_up is not None:
                within(field.looked_up, values, origin)
            return values

        return cls(field.name, (field.name,) if window else field.columns, raw, read, window, files)


@dataclass(frozen=True, slots=True)
class Asked:
    """A trained network that can be asked, and the log for what is wrong with the questions.

    `fields` are the inputs that it takes; what else a dataset describes is not asked for. `respond` is the whole way
    from raw fields to answers, traced once for batches of any size; `told` makes columns of them. `csv` are the
    arguments of the reader that it learnt from, where that was one of CSV. With `passed`, a row that cannot be read is
    counted there and left out.
    """

    fields: tuple[Taken, ...]
    respond: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    told: Callable[[Mapping[str, Array]], Columns]
    log: Log
    csv: Mapping[str, Any] | None = None
    passed: Passed | None = None

    @classmethod
    def of(
        cls, plan: Plan, states: Mapping[str, State], served: Served, log: Log, passed: Passed | None = None
    ) -> Asked:
        """A network ready to be asked."""
        fields = tuple(
            Taken.of(field, served.inputs[field.name], states[f"inputs.{field.name}"])
            for field in (plan.dataset.inputs if plan.dataset else ())
            if field.name in served.inputs
        )
        specs = {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in served.inputs.items()}
        respond = tf.function(served.answer, input_signature=[specs], autograph=False)
        sources = plan.dataset.sources.values() if plan.dataset else ()
        csv = next((call.arguments for call in sources if call.name == "csv"), None)
        return cls(fields, respond, partial(told, plan, states), log, csv, passed)

    def table(self, path: str, out: Any, form: str | None = None) -> int:
        """Answer the rows of a file of CSV, JSON lines or Parquet, or of standard input, and give how many there were.

        `out` is a text stream, or one of bytes where `form` is `parquet`. Without a form, rows go out as they came;
        those of Parquet as JSON lines.
        """
        csv = self.csv or {}
        delimiter = "\t" if path.removesuffix(".gz").endswith(".tsv") else csv.get("delimiter", ",")
        # Texts that stood for nothing in training stand for nothing here, and no others.
        missing = frozenset() if self.csv is None else frozenset(csv.get("missing", MISSING))
        skip = self.passed.over if self.passed else None
        with ExitStack() as stack:
            try:
                if path.endswith(".parquet"):
                    return self._answer(read_parquet(_file(path)), path, frozenset(), out, form or "jsonl")
                lines = sys.stdin.buffer if path == STDIN else stack.enter_context(unpacked(_file(path)))
                rows = read_rows(lines, _called(path), delimiter, header=csv.get("header", True), skip=skip)
                return self._answer(rows, path, missing, out, form or rows.form)
            except Refusal as refusal:
                self._refuse(refusal, path)
                raise Rejected(self.log) from refusal

    def files(self, paths: Sequence[str], out: Any, form: str | None = None) -> int:
        """Answer pictures or sounds and folders of them, as CSV with their names under the one field's column."""
        try:
            column = self._file_column()
            files = dict.fromkeys(file for path in paths for file in _files(path))
            rows = ((number, {column: file}) for number, file in enumerate(files, start=1))
            # Whoever names files names them as from here, wherever they lie.
            there = Path.cwd()
            return self._answer(Rows("csv", (column,), rows), paths[0], frozenset(), out, form or "csv", there)
        except Refusal as refusal:
            self._refuse(refusal, paths[0])
            raise Rejected(self.log) from refusal

    def _answer(
        self, rows: Rows, path: str, missing: frozenset[str], out: Any, form: str, folder: Path | None = None
    ) -> int:
        """Answer rows; files that they name lie as from the `folder`, or else as from that of the table."""
        folder = folder or (Path.cwd() if path == STDIN else Path(path).absolute().parent)
        seen = dict.fromkeys(rows.columns)
        names: dict[str, str] = {}
        write: Callable[[Row], None] | None = None
        count = 0
        if rows.form != "jsonl":
            self._need(rows.readable, path)
        with ExitStack() as stack:
            for batch in self._at_least_one(rows):
                if rows.form == "jsonl" and len(batch):
                    seen |= dict.fromkeys(chain.from_iterable(row for _, row in batch.numbered))
                    self._need(seen, path)
                batch, fields = self._read(batch, rows.where, missing, path, folder)
                batch, answers = self._ask(batch, fields, rows.where.replace("{name}", _called(path)))
                if write is None:
                    names = {name: f"{name}_predicted" if name in seen else name for name in answers}
                    columns = (*seen, *names.values())
                    write = stack.enter_context(write_rows(form, columns, out, header=rows.header, types=rows.types))
                for place, (_, row) in enumerate(batch.numbered):
                    write(row | {names[name]: column[place] for name, column in answers.items()})
                count += len(batch)
        return count

    def _at_least_one(self, rows: Rows) -> Iterator[Batch]:
        """The batches; an empty one where there are no rows, so that their answer has its columns all the same."""
        wanted = tuple(dict.fromkeys(column for field in self.fields for column in field.columns))
        yield (first := next(batches := rows.batches(BATCH, wanted), Batch([])))
        if len(first):
            yield from batches

    def _need(self, there: Sequence[str] | Mapping[str, Any], path: str) -> None:
        """Have a column for every field, or tell all that are missing."""
        before = self.log.errors
        lacking = ([key for key in field.columns if key not in there][:NAMED] for field in self.fields)
        for column in dict.fromkeys(chain.from_iterable(lacking)):
            close, listing = nearest(column, sorted(there)), f"there are {listed(sorted(there))}"
            help = f"did you mean `{close}`? {listing}" if close else listing
            self._refuse(Refusal(codes.S502, f"{_called(path)} has no column `{column}`", help), path)
        self._stop(before)

    def _read(
        self, batch: Batch, where: str, missing: frozenset[str], path: str, folder: Path
    ) -> tuple[Batch, dict[str, Array]]:
        """The raw fields of some rows, every value checked; and the rows, without those that are passed over."""
        name, before = _called(path), self.log.errors

        def row(some: Batch, place: int) -> str:
            return where.format(name=name, number=some.numbered[place][0])

        def field_of(taken: Taken, some: Batch) -> Array:
            return _field(taken, some, missing, Origin(partial(row, some), folder))

        while True:
            fields: dict[str, Array] = {}
            bad: dict[int, Refusal] = {}
            for taken in self.fields:
                try:
                    fields[taken.name] = field_of(taken, batch)
                except Refusal as refusal:
                    if self.passed is None:
                        self._refuse(_at(name, taken, refusal), path)
                    else:
                        faults = _at_fault(refusal, batch, partial(field_of, taken))
                        bad = {place: _at(row(batch, place), taken, its_own) for place, its_own in faults.items()} | bad
            self._stop(before)
            if not bad or self.passed is None:
                return batch, fields
            batch = self._without(bad, batch, self.passed)

    def _without(self, bad: Mapping[int, Refusal], batch: Batch, passed: Passed) -> Batch:
        for place in sorted(bad):
            passed.over(bad[place])
        return batch.pick([place for place in range(len(batch)) if place not in bad])

    def _ask(self, batch: Batch, fields: Mapping[str, Array], where: str) -> tuple[Batch, Columns]:
        """The answers to raw fields, files read. Files that cannot be decoded are named, or else the first row that the
        network cannot answer; or they are passed over.
        """
        files = {taken.name: taken.files for taken in self.fields if taken.files}
        try:
            answers = self._answers(fields)
        except UNREADABLE as error:
            for name, of in files.items():
                names = fields[name]
                if not (bad := of.broken(names)):
                    continue
                rows = {number: where.replace("{number}", str(batch.numbered[number][0])) for number in bad}
                if self.passed is None:
                    raise of.undecodable([names[number] for number in bad], list(rows.values())) from error
                faults = {number: of.undecodable([names[number]], [row]) for number, row in rows.items()}
                break
            else:
                faults = self._unanswerable(batch, fields, where)
                if self.passed is None or not faults:
                    raise next(iter(faults.values()), _unanswered("these rows", error)) from error
            good = np.delete(np.arange(len(batch)), list(faults))
            batch = self._without(faults, batch, self.passed)
            return self._ask(batch, {name: values[good] for name, values in fields.items()}, where)
        return batch, self.told({name: tensor.numpy() for name, tensor in answers.items()})

    def _answers(self, fields: Mapping[str, Array]) -> Mapping[str, Any]:
        """What the network answers to raw fields, files read."""
        given = {t.name: t.files.contents(fields[t.name]) if t.files else fields[t.name] for t in self.fields}
        return self.respond({t.name: tf.constant(given[t.name], t.raw.dtype) for t in self.fields})

    def _unanswerable(self, batch: Batch, fields: Mapping[str, Array], where: str) -> dict[int, Refusal]:
        """Which rows the network itself cannot answer, each asked alone."""
        faults = {}
        for place, (number, _) in enumerate(batch.numbered):
            try:
                self._answers({name: values[place : place + 1] for name, values in fields.items()})
            except UNREADABLE as error:
                faults[place] = _unanswered(where.replace("{number}", str(number)), error)
        return faults

    def _file_column(self) -> str:
        """The column of the one field that files can fill."""
        columns = [column for taken in self.fields for column in taken.columns]
        files = [taken for taken in self.fields if taken.files]
        if not files:
            message = f"this network takes {listed(columns)}, and was not trained on files of pictures or sounds"
            raise Refusal(codes.S503, message, "give its inputs as CSV, JSON lines or Parquet")
        if len(self.fields) > 1:
            message = f"this network takes {listed(columns)}, more than one file"
            raise Refusal(codes.S502, message, "give a table with these columns, files by their path")
        return files[0].columns[0]

    def _refuse(self, refusal: Refusal, path: str) -> None:
        """Report at the line that the message names, where it names one."""
        told_line = re.search(rf"{re.escape(_called(path))}:(\d+)", refusal.message)
        line = int(told_line[1]) if told_line else 1
        self.log.refuse(refusal, Span(path, line, 1, line, 1))

    def _stop(self, before: int) -> None:
        if self.log.errors > before:
            raise Rejected(self.log)


def _field(taken: Taken, batch: Batch, missing: frozenset[str], origin: Origin) -> Array:
    """One raw field of some rows, every value checked against what was learnt."""
    raw = taken.raw
    if not len(batch):
        shape = [size or 0 for size in raw.shape or (None,)]
        return np.zeros(shape, object if raw.dtype == "string" else raw.dtype)
    if taken.columns[0] in batch.columns:
        sides = [batch.columns[name] for name in taken.columns]
        column = sides[0] if len(sides) == 1 else np.stack(sides, axis=1)
    else:
        column = _column([[row.get(key) for _, row in batch.numbered] for key in taken.columns], missing, origin, raw)
    if taken.window and column.ndim != len(raw.shape or ()):
        raise _no_window(taken.name, raw, origin)
    return _exact(taken.read(column, origin), origin, raw)


def _at(place: str, taken: Taken, refusal: Refusal) -> Refusal:
    """A refusal whose message names the place: what is wrong with a column as a whole says no more than that."""
    if place in refusal.message:
        return refusal
    return Refusal(refusal.code, f"{place}, `{taken.columns[0]}`: {refusal.message}", refusal.help)


def _unanswered(row: str, error: Exception) -> Refusal:
    return Refusal(codes.S504, f"the network has no answer to {row}: {said(error)}")


def _at_fault(refusal: Refusal, batch: Batch, read: Callable[[Batch], Array]) -> dict[int, Refusal]:
    """Which rows of a batch are at fault, each with its own fault, by being read alone."""
    marked = isinstance(refusal, BadRows)
    suspects = np.flatnonzero(refusal.bad).tolist() if isinstance(refusal, BadRows) else range(len(batch))
    bad: dict[int, Refusal] = dict.fromkeys(suspects, refusal) if marked else {}
    for place in suspects:
        try:
            read(batch.pick([place]))
        except Refusal as its_own:
            bad[place] = its_own
    if not bad:
        raise refusal
    return bad


def _no_window(name: str, raw: Tensor, origin: Origin) -> Refusal:
    rows, columns = (raw.shape or ())[1:]
    return Refusal(
        codes.S503,
        f"`{name}` in {origin.where(0)} is no window of {rows} rows of {columns} numbers",
        f'in JSON lines it is a list of rows, the earliest first: `{{"{name}": [[…], …]}}`',
    )


def is_file(path: str) -> bool:
    """Whether a path names a picture, a sound or a folder, by what it is called."""
    return Path(path).is_dir() or Path(path).suffix.lower() in EXTENSIONS


def _called(path: str) -> str:
    return "standard input" if path == STDIN else Path(path).name


def _file(path: str) -> Path:
    """A file that is there; a name with an asterisk in it means itself."""
    return Path(path) if Path(path).is_file() else found(str(Path(path).absolute()))[0]


def _files(path: str) -> list[str]:
    """A picture or a sound, or those in a folder and in its folders, in the order of their names."""
    if not Path(path).is_dir():
        if not is_file(path):
            message = f"`{path}` is not a picture or a sound, and tables are asked about one at a time"
            raise Refusal(codes.S503, message, _ENDINGS)
        return [str(_file(path))]
    inside = sorted(p for p in Path(path).rglob("*") if p.suffix.lower() in EXTENSIONS and p.is_file())
    if not inside:
        raise Refusal(codes.S501, f"the folder `{path}` holds no pictures or sounds", _ENDINGS)
    return [str(p) for p in inside]


def _column(sides: list[list[Any]], missing: frozenset[str], origin: Origin, raw: Tensor) -> Array:
    """Values as a reader would give them, of several columns side by side: objects, or numbers in an array where each
    value of the one column is a list of them."""
    if len(sides) > 1:
        return np.stack([_objects(values, missing) for values in sides], axis=1)
    if raw.dtype != "string" and any(isinstance(value, list) for value in sides[0]):
        return _stacked(sides[0], origin, raw)
    return _objects(sides[0], missing)


def _objects(values: list[Any], missing: frozenset[str]) -> Array:
    column = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        text = value.strip() if isinstance(value, str) else value
        column[row] = "" if isinstance(text, str) and text in missing else text
    return column


def _stacked(values: list[Any], origin: Origin, raw: Tensor) -> Array:
    shapes = []
    for row, value in enumerate(values):
        try:
            example = np.asarray(value)
        except ValueError:
            example = np.asarray(None)
        if example.dtype.kind not in "biuf":
            raise Refusal(codes.S503, f"the value in {origin.where(row)} is not an array of numbers of one shape")
        shapes.append(example.shape)
        if example.shape != shapes[0]:
            shown = f"{list(example.shape)}, and that in {origin.where(0)} has {list(shapes[0])}"
            raise Refusal(codes.S503, f"the array in {origin.where(row)} has shape {shown}")
    column = np.array(values)
    # JSON knows one kind of number: whole ones are what the network learnt from, where that holds them.
    narrow = np.dtype(raw.dtype) if raw.dtype not in (None, "string") else column.dtype
    fits = narrow.kind in "iu" and (column == column.astype(narrow)).all()
    return column.astype(narrow) if fits else column


def _exact(values: Array, origin: Origin, raw: Tensor) -> Array:
    """Values in the raw dtype, where it holds them."""
    if raw.dtype == "string" or values.dtype == raw.dtype:
        return values
    with np.errstate(invalid="ignore", over="ignore"):
        cast = values.astype(raw.dtype)
    changed = (cast != values).reshape(len(values), -1).any(axis=1)
    if changed.any():
        raise Refusal(codes.S504, f"{origin.rows(changed)} holds values that {raw.dtype} cannot")
    return cast
