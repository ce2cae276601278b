"""What a reader gives, all at once, for tests to look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from specc.diagnostics import Refusal
from specc.kinds import word
from specc.kinds.readers import Coded


@dataclass
class Read:
    """All rows that a reader gives, at once."""

    names: tuple
    rows: int
    files: tuple
    origin: object
    columns: dict


def table(name, *, seed=0, fields=None, **arguments):
    """Read all of the named fields, of which nothing is known."""
    return read_all(word("readers", name)(**arguments).open(dict.fromkeys(fields or ()), seed), fields)


def read_all(opened, fields):
    chunks = list(opened.chunks())
    there = [name for name in fields or () if name in opened.names]
    columns = {name: together([chunk[name] for chunk in chunks]) for name in there}
    counted = sum(len(next(iter(chunk.values()))) for chunk in chunks)
    assert opened.rows in (None, counted) or not there
    return Read(opened.names, counted if opened.rows is None else opened.rows, opened.files, opened.origin, columns)


def together(columns):
    plain = [column.values[column.codes] if isinstance(column, Coded) else column for column in columns]
    return plain[0] if len(plain) == 1 else np.concatenate(plain or [np.zeros(0, object)])


def refused(name, **arguments):
    with pytest.raises(Refusal) as refusal:
        table(name, **arguments)
    return refusal.value.code.id, refusal.value.message, refusal.value.help
