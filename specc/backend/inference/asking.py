"""Tables and files that a trained network is asked about, a batch at a time, and its answers written beside them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import tensorflow as tf

from specc import codes
from specc.backend.data.prepared import UNREADABLE, broken, raw_fields
from specc.backend.inference.answers import Columns, told
from specc.backend.inference.rows import Numbered, Rows, read_rows, write_rows
from specc.data.faults import undecodable
from specc.diagnostics import Log, Refusal, Rejected, Span, nearest
from specc.kinds.arrays import Array
from specc.kinds.exporters import Served
from specc.kinds.features import Origin, State, offsets
from specc.kinds.readers import found, listed
from specc.kinds.readers.audio_folder import SOUNDS
from specc.kinds.readers.csv import MISSING
from specc.kinds.readers.image_folder import EXTENSIONS as PICTURES
from specc.plan import Field, Plan
from specc.tensors import Tensor

BATCH = 256
"""Rows that are read, answered and written at a time."""

NAMED = 3
"""Of how many columns that one field lacks each is told."""

STDIN = "-"

EXTENSIONS = (*PICTURES, *SOUNDS)
"""How files are called that are asked about by their names."""

_ENDINGS = f"they end in {', '.join(EXTENSIONS)}"


@dataclass(frozen=True, slots=True)
class Asked:
    """A trained network that can be asked, and the log for what is wrong with the questions.

    `fields` are the inputs that it takes; what else a dataset describes is not asked for. `respond` is the whole way
    from raw fields to answers, traced once for batches of any size.
    """

    plan: Plan
    states: Mapping[str, State]
    fields: tuple[Field, ...]
    raw: Mapping[str, Tensor]
    respond: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    log: Log

    @classmethod
    def of(cls, plan: Plan, states: Mapping[str, State], served: Served, log: Log) -> Asked:
        """A network ready to be asked."""
        fields = tuple(f for f in (plan.dataset.inputs if plan.dataset else ()) if f.name in served.inputs)
        specs = {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in served.inputs.items()}
        respond = tf.function(served.answer, input_signature=[specs], autograph=False)
        return cls(plan, states, fields, served.inputs, respond, log)

    def table(self, path: str, out: TextIO) -> int:
        """Answer the rows of a file of CSV or JSON lines, or of standard input, and give how many there were."""
        sources = self.plan.dataset.sources.values() if self.plan.dataset else ()
        learnt_from = next((call.arguments for call in sources if call.name == "csv"), None)
        delimiter = "\t" if path.endswith(".tsv") else (learnt_from or {}).get("delimiter", ",")
        header = (learnt_from or {}).get("header", True)
        # Texts that stood for nothing in training stand for nothing here, and no others.
        missing = frozenset() if learnt_from is None else frozenset(learnt_from.get("missing", MISSING))
        with ExitStack() as stack:
            try:
                lines = sys.stdin.buffer if path == STDIN else stack.enter_context(_file(path).open("rb"))
                return self._answer(read_rows(lines, _called(path), delimiter, header=header), path, missing, out)
            except Refusal as refusal:
                self._refuse(refusal, path)
                raise Rejected(self.log) from refusal

    def files(self, paths: Sequence[str], out: TextIO) -> int:
        """Answer pictures or sounds and folders of them, as CSV with their names under the one field's column."""
        try:
            column = self._file_column()
            files = dict.fromkeys(file for path in paths for file in _files(path))
            rows = ((number, {column: file}) for number, file in enumerate(files, start=1))
            return self._answer(Rows("csv", (column,), rows), paths[0], frozenset(), out)
        except Refusal as refusal:
            self._refuse(refusal, paths[0])
            raise Rejected(self.log) from refusal

    def _answer(self, rows: Rows, path: str, missing: frozenset[str], out: TextIO) -> int:
        seen = set(rows.columns)
        names: dict[str, str] = {}
        write: Callable[[dict[str, Any]], None] | None = None
        count = 0
        if rows.form == "csv":
            self._need(seen, path)
        for batch in self._at_least_one(rows):
            if batch:
                seen.update(*(row for _, row in batch))
                self._need(seen, path)
            answers = self._ask(self._read(batch, missing, path))
            if write is None:
                names = {name: f"{name}_predicted" if name in seen else name for name in answers}
                write = write_rows(rows.form, (*rows.columns, *names.values()), out, header=rows.header)
            for place, (_, row) in enumerate(batch):
                write(row | {names[name]: column[place] for name, column in answers.items()})
            count += len(batch)
        return count

    def _at_least_one(self, rows: Rows) -> Iterator[list[Numbered]]:
        """The batches; an empty one where there are no rows, so that their answer has its columns all the same."""
        yield (first := next(batches := rows.batches(BATCH), []))
        if first:
            yield from batches

    def _need(self, there: set[str], path: str) -> None:
        """Have a column for every field, or tell all that are missing."""
        before = self.log.errors
        lacking = ([key for key in _keys(field) if key not in there][:NAMED] for field in self.fields)
        for column in dict.fromkeys(chain.from_iterable(lacking)):
            close, listing = nearest(column, sorted(there)), f"there are {listed(sorted(there))}"
            help = f"did you mean `{close}`? {listing}" if close else listing
            self._refuse(Refusal(codes.S502, f"{_called(path)} has no column `{column}`", help), path)
        self._stop(before)

    def _read(self, batch: list[Numbered], missing: frozenset[str], path: str) -> dict[str, Array]:
        """The raw fields of some rows, every value checked against what was learnt."""
        before = self.log.errors
        name = _called(path)
        folder = Path.cwd() if path == STDIN else Path(path).absolute().parent
        origin = Origin(lambda row: f"{name}:{batch[row][0]}", folder)
        fields: dict[str, Array] = {}
        for field in self.fields:
            raw = self.raw[field.name]
            if not batch:
                shape = [size or 0 for size in raw.shape or (None,)]
                fields[field.name] = np.zeros(shape, object if raw.dtype == "string" else raw.dtype)
                continue
            try:
                column = _column([[row.get(key) for _, row in batch] for key in _keys(field)], missing, origin, raw)
                if offsets(field.feature) is not None and column.ndim != len(raw.shape or ()):
                    raise _no_window(field, raw, origin)
                read = field.feature.read(column, origin, self.states[f"inputs.{field.name}"])
                fields[field.name] = _exact(read, origin, raw)
            except Refusal as refusal:
                self._refuse(refusal, path)
        self._stop(before)
        return fields

    def _ask(self, fields: Mapping[str, Array]) -> Columns:
        """The answers to raw fields, files read; one that cannot be decoded is named."""
        files = [f for f in self.fields if self.states[f"inputs.{f.name}"].get("files")]
        given = dict(fields)
        try:
            for field in files:
                given[field.name] = raw_fields(field.feature, fields[field.name])
            answers = self.respond({name: tf.constant(v, self.raw[name].dtype) for name, v in given.items()})
        except UNREADABLE as error:
            for field in files:
                names = fields[field.name]
                if bad := broken(field.feature, names, self.states[f"inputs.{field.name}"]):
                    raise undecodable([names[number] for number in bad], field.feature) from error
            raise
        return told(self.plan, self.states, {name: tensor.numpy() for name, tensor in answers.items()})

    def _file_column(self) -> str:
        """The column of the one field that files can fill."""
        files = [f for f in self.fields if self.states[f"inputs.{f.name}"].get("files")]
        others = [f.column for f in self.fields if f not in files]
        if not files:
            message = f"this network takes {listed(others)}, and was not trained on files of pictures or sounds"
            raise Refusal(codes.S503, message, "give its inputs as CSV or JSON lines")
        if others or len(files) > 1:
            columns = [f.column for f in self.fields]
            message = f"this network takes {listed(columns)}, more than one file"
            raise Refusal(codes.S502, message, "give CSV or JSON lines with these columns, files by their path")
        return files[0].column

    def _refuse(self, refusal: Refusal, path: str) -> None:
        """Report at the line that the message names, where it names one."""
        told_line = re.search(rf"{re.escape(_called(path))}:(\d+)", refusal.message)
        line = int(told_line[1]) if told_line else 1
        self.log.refuse(refusal, Span(path, line, 1, line, 1))

    def _stop(self, before: int) -> None:
        if self.log.errors > before:
            raise Rejected(self.log)


def _keys(field: Field) -> tuple[str, ...]:
    """Where a row has a field: in its columns, or, for a window of many rows, under its own name."""
    return field.columns if offsets(field.feature) is None else (field.name,)


def _no_window(field: Field, raw: Tensor, origin: Origin) -> Refusal:
    rows, columns = (raw.shape or ())[1:]
    return Refusal(
        codes.S503,
        f"`{field.name}` in {origin.where(0)} is no window of {rows} rows of {columns} numbers",
        f'in JSON lines it is a list of rows, the earliest first: `{{"{field.name}": [[…], …]}}`',
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
