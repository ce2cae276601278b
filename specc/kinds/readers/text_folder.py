"""`text_folder`: texts in folders named after their classes."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from specc.codes import S105, S501, S503
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import np
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import PATH, Chunk, Skip, Table
from specc.kinds.readers._folders import classes

EXTENSIONS = (".txt",)

BLOCK = 8 * 2**20
"""Bytes of text that are a chunk, or more by one file."""


@dataclass(frozen=True, slots=True)
class TextFolder:
    """A folder of folders of `.txt` files, one a class: fields `text`, a whole file, and `label`, the folder's name."""

    path: str = argument("the folder that holds the class folders; a pattern or a URL, too", PATH)
    encoding: str = argument(
        "what bytes mean, by a name that Python knows: `utf-8`, `latin-1`, `cp1252`, `utf-16`",
        {"type": "string", "minLength": 1},
        default="utf-8",
    )

    def __post_init__(self) -> None:
        try:
            "".encode(self.encoding)
        except (LookupError, ValueError) as error:
            told = f"there is no encoding `{self.encoding}`"
            raise Refusal(S105, told, "`utf-8`, `latin-1`, `cp1252`, `utf-16`, …", "encoding") from error

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        files = classes(self.path, EXTENSIONS, "texts")
        given: list[int] = []  # of each row, the number of its file
        # Only where nothing can be passed over is the number of rows known before they are read.
        known = None if skip is not None and "text" in fields else len(files.paths)

        def chunks() -> Iterator[Chunk]:
            given.clear()
            texts: list[str] = []
            start = size = 0
            for number, (path, name) in enumerate(zip(files.paths, files.names, strict=True)):
                if "text" in fields:
                    try:
                        text = self._text(path, name)
                    except Refusal as refusal:
                        if skip is None:
                            raise
                        skip(name, refusal.message)
                        continue
                    texts.append(text)
                    size += len(text)
                given.append(number)
                if size > BLOCK:
                    yield chunk(start, texts)
                    start, size, texts = len(given), 0, []
            if start < len(given):
                yield chunk(start, texts)

        def chunk(start: int, texts: list[str]) -> Chunk:
            columns = {"text": texts, "label": [files.labels[number] for number in given[start:]]}
            return {name: np.array(column, object) for name, column in columns.items() if name in fields}

        def where(row: int) -> str:
            return files.names[given[row] if row < len(given) else row]

        return Table(("text", "label"), known, files.paths, Origin(where, files.root), chunks)

    def _text(self, path: Path, name: str) -> str:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise Refusal(S501, f"{name} cannot be read: {error.strerror}", argument="path") from error
        # What an editor on Windows puts before UTF-8 is no part of the text.
        if codecs.lookup(self.encoding).name == "utf-8":
            data = data.removeprefix(codecs.BOM_UTF8)
        try:
            return data.decode(self.encoding)
        except UnicodeError as error:
            at = f" at byte {error.start:,}" if isinstance(error, UnicodeDecodeError) else ""
            told = f"{name} is not {self.encoding} text{at}"
            raise Refusal(S503, told, "say what it is: `encoding: latin-1`, for instance", "path") from error
