"""What a run read, so that one can tell later whether it is still the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from specc.kinds.readers._urls import address

WHOLE = 256 * 2**20
"""Files up to this many bytes are hashed whole; of larger ones, the first and the last half of it."""

PART = 2**20
"""Bytes that are read at once."""

MANY = 100
"""A source of more files than this gets one digest over all of them."""


def fingerprint(files: Sequence[Path]) -> Mapping[str, Any]:
    """The files with their sizes and SHA-256 digests; of many, their number, their size together and one digest.

    A file that is gone by now says so instead. The digest of a large file is over its ends (`sha256_of_ends`), that of
    many files over their names and digests, or, where they are large together, names and sizes
    (`sha256_of_names_and_sizes`).
    """
    if len(files) <= MANY:
        return {"files": [_one(path) for path in files]}
    there = {path: path.stat().st_size for path in files if path.exists()}
    total = sum(there.values())
    digest = hashlib.sha256()
    for path, size in there.items():
        content = _digest(path) if total <= WHOLE else str(size)
        digest.update(f"{path.parent.name}/{path.name}\0{content}\n".encode())
    kind = "sha256" if total <= WHOLE else "sha256_of_names_and_sizes"
    gone = {"gone": len(files) - len(there)} if len(there) < len(files) else {}
    return {"file_count": len(there), "bytes": total, kind: digest.hexdigest(), **gone}


def _one(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {"path": str(path), "gone": True}
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= WHOLE:
            return {"path": address(path), "bytes": size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
        digest = hashlib.sha256()
        for start in (0, size - WHOLE // 2):
            file.seek(start)
            for _ in range(WHOLE // 2 // PART):
                digest.update(file.read(PART))
        return {"path": address(path), "bytes": size, "sha256_of_ends": digest.hexdigest()}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
