"""`idx`: the format of the MNIST files, plain or compressed by gzip."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from specc.codes import S503
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import PATH, Skip, Table, found, in_chunks, numbered

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass(frozen=True, slots=True)
class Idx:
    """The IDX files of MNIST and its kin, plain or gzipped: fields `image` and `label`."""

    images: str = argument("the file of images", PATH)
    labels: str | None = argument("the file of labels", PATH, default=None)

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        sources = {"image": ("images", self.images)}
        if self.labels is not None:
            sources["label"] = ("labels", self.labels)
        columns, files = {}, []
        for name, (given, pattern) in sources.items():
            (path, *others) = found(pattern, given)
            if others:
                raise Refusal(S503, f"`{given}` names {len(others) + 1} files", "name one", given)
            columns[name] = _decoded(path, given)
            files.append(path)
        lengths = {name: len(array) for name, array in columns.items()}
        if len(set(lengths.values())) > 1:
            raise Refusal(
                S503,
                f"{files[0].name} has {lengths['image']:,} images, and {files[1].name} {lengths['label']:,} labels",
                "name the two files of one set",
                "labels",
            )
        rows = lengths["image"]
        where = numbered([files[-1].name if set(fields) == {"label"} else files[0].name], [rows])
        wanted = {name: array for name, array in columns.items() if name in fields}
        origin = Origin(where, files[0].parent)
        return Table(tuple(sources), rows, tuple(files), origin, in_chunks(wanted, rows))


def _decoded(path: Path, argument: str) -> Array:
    """The array that an IDX file holds: a magic number, its dimensions, its values, high byte first."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise Refusal(S503, f"{path.name} was cut off or is damaged", "copy it again", argument) from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in DTYPES or not data[3]:
        raise Refusal(
            S503,
            f"{path.name} is not an IDX file: it begins with {data[:4].hex(' ') or 'nothing'}",
            "an IDX file of bytes in three dimensions begins with 00 00 08 03",
            argument,
        )
    dtype, rank = np.dtype(DTYPES[data[2]]), data[3]
    head = 4 + 4 * rank
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, head, 4))
    needed = prod(shape) * dtype.itemsize
    if len(data) < head or len(data) - head != needed:
        raise Refusal(
            S503,
            f"{path.name} declares shape {list(shape)}, {needed:,} bytes, and holds {max(0, len(data) - head):,}",
            "it was cut off or is damaged: copy it again",
            argument,
        )
    return np.frombuffer(data, dtype, offset=head).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
