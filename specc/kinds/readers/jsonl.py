"""`jsonl`: a JSON object a line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from specc.kinds import argument
from specc.kinds.features import Feature
from specc.kinds.readers import PATH, Skip, Table, found
from specc.kinds.readers._files import told_of, unpacked
from specc.kinds.readers._records import Record, table
from specc.kinds.readers._urls import called


@dataclass(frozen=True, slots=True)
class Jsonl:
    """A JSON object a line (JSON Lines), plain or packed (gz, bz2, zst): its keys are the fields, lists are arrays."""

    path: str = argument("the file, or a pattern that names several, read one after the other", PATH)

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        return table(found(self.path), _records, fields, skip, "each line is one JSON object, in UTF-8")


def _records(path: Path, asked: frozenset[str] | None) -> Iterator[Record]:
    with told_of(path), unpacked(path) as file:
        name = called(path)
        for number, line in enumerate(file, start=1):
            line = (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).strip()
            if line:
                yield Record(f"{name}:{number}", len(line), _values(line))


def _values(line: bytes) -> Mapping[str, object] | str:
    try:
        values = json.loads(line.decode())  # bytes would be looked at for their encoding, each line anew
    except UnicodeDecodeError:
        return "it is not UTF-8"
    except json.JSONDecodeError as error:
        return f"it is not JSON: {error.msg[:1].lower()}{error.msg[1:]} at column {error.colno}"
    except RecursionError:
        return "it is not JSON: it is nested too deep"
    except ValueError as error:  # a number of more digits than Python reads
        return f"it is not JSON: {error}"
    return values if isinstance(values, dict) else f"it is a {type(values).__name__}, not an object"
