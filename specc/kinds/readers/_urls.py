"""Files that lie elsewhere: fetched by `fsspec` into a folder of this machine, and kept there for some days."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from specc.codes import S501, S606
from specc.diagnostics import Refusal

LIFE = 7 * 24 * 3600
"""Seconds that a fetched file is kept after it was last used."""

MARKS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created", "checksum", "md5Hash")
"""What a store says of a file that changes when the file does."""

WORKERS = 8
"""So many files are fetched at once."""

PACKAGES = {"s3": "s3fs", "http": "aiohttp", "https": "aiohttp", "gs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}
"""What fsspec opens some URLs with."""

_fetched: dict[Path, str] = {}
"""The URLs of the files that this process fetched."""


def called(path: Path) -> str:
    """What messages call a file: its name; one that was fetched, its URL."""
    return _fetched.get(path, path.name)


def address(path: Path) -> str:
    """Where a file came from: its path, or its URL."""
    return _fetched.get(path, str(path))


def fetch(url: str, argument: str) -> tuple[Path, ...]:
    """Local copies of what a URL names; with `*` in it, of all files that match, in the order of their names.

    Raises:
        Refusal: S501 when there is none or it cannot be had, S606 when a package is needed for this kind of URL.
    """
    with _told(url, "file", argument):
        store, path = _opened(url)
        if "*" in url:
            names = sorted(store.glob(path))
            if not names:
                raise Refusal(S501, f"no file matches `{url}`", "look at the address and the pattern", argument)
        else:
            names = [path]
        found = {name: store.info(name) for name in names}
        for name, info in found.items():
            if info.get("type") == "directory":
                told = f"`{url if names == [path] else store.unstrip_protocol(name)}` is a folder, not a file"
                raise Refusal(S501, told, f'name its files: "{url.rstrip("/")}/*"', argument)
        # The address as it was given, where it is that of one file.
        return _copies(store, found, {path: url} if names == [path] else {})


def fetch_folders(url: str, argument: str, extensions: tuple[str, ...]) -> list[tuple[str, Path]]:
    """Local copies of the files with some endings in a folder that a URL names, or, with `*` in it, in several: the
    name of each from its folder on, and the copy, folder after folder, in the order of their names.

    Raises:
        Refusal: as `fetch` does.
    """
    with _told(url, "folder", argument):
        store, path = _opened(url)
        roots = sorted(name for name in store.glob(path) if store.isdir(name)) if "*" in url else [path]
        found: dict[str, Mapping[str, Any]] = {}
        names: list[tuple[str, str]] = []
        for root in roots:
            start = f"{root.rstrip('/')}/"
            inside = {name: info for name, info in store.find(root, detail=True).items() if name.startswith(start)}
            wanted = {name: info for name, info in inside.items() if name.lower().endswith(extensions)}
            found |= wanted
            names += [(name.removeprefix(start), name) for name in sorted(wanted, key=lambda name: name.split("/"))]
            if not wanted and inside:
                told = f"`{url}` holds no {', '.join(extensions)} file"
                first = next(iter(inside)).removeprefix(start)
                raise Refusal(S501, told, f"it holds {len(inside):,} others, `{first}` is one", argument)
        if not names:
            raise FileNotFoundError(url)
        copies = dict(zip(found, _copies(store, found, {}), strict=True))
        return [(relative, copies[name]) for relative, name in names]


def _opened(url: str) -> tuple[Any, str]:
    """The store that a URL lies in, and what it is called there."""
    try:
        import fsspec
    except ImportError as error:
        raise Refusal(S606, "reading URLs needs the package fsspec", "type `pip install 'specc[train]'`") from error
    store, path = fsspec.core.url_to_fs(url)
    store.invalidate_cache()  # of what was listed earlier in this process
    return store, path


@contextmanager
def _told(url: str, what: str, argument: str) -> Iterator[None]:
    """What goes wrong with a URL as a refusal."""
    scheme = url.partition("://")[0]
    try:
        yield
    except Refusal:
        raise
    except FileNotFoundError as error:
        raise Refusal(S501, f"there is no {what} `{url}`", "look at the address", argument) from error
    except ImportError as error:
        remedy = f"type `pip install {PACKAGES[scheme]}`" if scheme in PACKAGES else "install it"
        told = f"reading {scheme}:// needs a package that is not installed: {error}"
        raise Refusal(S606, told, remedy, argument) from error
    except ValueError as error:
        raise Refusal(S501, f"`{url}` cannot be opened: {error}", "give a URL that fsspec opens", argument) from error
    except Exception as error:  # Each store has its own errors, botocore's and aiohttp's among them.
        told = " ".join(str(error).split()) or type(error).__name__
        raise Refusal(
            S501, f"`{url}` cannot be fetched: {told}", "look at the address and at who may read it", argument
        ) from error


def _copies(store: Any, found: Mapping[str, Mapping[str, Any]], urls: Mapping[str, str]) -> tuple[Path, ...]:
    """Local copies of the files of a store, fetched several at a time."""
    cache = _cache()
    _clear(cache)

    def copy(name: str) -> Path:
        return _copy(store, name, found[name], urls.get(name) or store.unstrip_protocol(name), cache)

    with ThreadPoolExecutor(WORKERS) as workers:
        return tuple(workers.map(copy, found))


def _copy(store: Any, name: str, info: Mapping[str, Any], url: str, cache: Path) -> Path:
    marks = [str(info[mark]) for mark in MARKS if info.get(mark)]
    # Where a store does not say whether a file changed, it is fetched anew each day.
    stamp = "\n".join([url, str(info.get("size")), *(marks or [str(int(time.time()) // (24 * 3600))])])
    folder = cache / hashlib.sha256(stamp.encode()).hexdigest()[:32]
    local = folder / (name.partition("?")[0].rstrip("/").rpartition("/")[2] or "file")
    if local.exists():
        os.utime(folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".{os.getpid()}.partial"
        try:
            store.get_file(name, str(partial))
            partial.replace(local)
        finally:
            partial.unlink(missing_ok=True)
    _fetched[local] = url
    return local


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "specc" / "fetched"


def _clear(cache: Path) -> None:
    """Remove what was not used for long."""
    for folder in cache.iterdir() if cache.is_dir() else ():
        if folder.stat().st_mtime < time.time() - LIFE:
            shutil.rmtree(folder, ignore_errors=True)
