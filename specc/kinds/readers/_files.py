"""Files as readers open them: packed ones by the ends of their names, and what is wrong with them as refusals."""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from specc.codes import S501, S503, S606
from specc.diagnostics import Refusal
from specc.kinds.readers._urls import called

DAMAGED = (EOFError, zlib.error, OSError)
"""What reading a file raises that is packed and was cut off, or a disk that fails."""


def packed(path: Path) -> str | None:
    """How a file is packed, by the end of its name."""
    return {".gz": "gzip", ".gzip": "gzip", ".bz2": "bz2", ".zst": "zstd", ".zstd": "zstd"}.get(path.suffix.lower())


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked.

    Raises:
        Refusal: S501 when it has gone, S503 when it was cut off or is damaged, S606 where a package is needed for it.
    """
    with told_of(path):
        match packed(path):
            case "gzip":
                file: Any = gzip.open(path)  # noqa: SIM115
            case "bz2":
                file = bz2.open(path)  # noqa: SIM115
            case "zstd":
                file = pyarrow("reading files packed by zstd").CompressedInputStream(str(path), "zstd")
            case _:
                file = path.open("rb")
        with file:
            yield file


@contextmanager
def told_of(path: Path) -> Iterator[None]:
    """What goes wrong with the file itself, as a refusal."""
    try:
        yield
    except FileNotFoundError as error:
        raise Refusal(S501, f"{called(path)} is no longer there", "leave it until the run is over", "path") from error
    except DAMAGED as error:
        how = f"{called(path)} was cut off or is damaged" if packed(path) else f"{called(path)} cannot be read: {error}"
        raise Refusal(S503, how, "copy it again", "path") from error


def pyarrow(what: str) -> ModuleType:
    """The package pyarrow, with the parts of it that readers use."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.csv
        import pyarrow.parquet
    except ImportError as error:
        raise Refusal(S606, f"{what} needs the package pyarrow", "type `pip install 'specc[train]'`") from error
    module: ModuleType = pyarrow
    return module
