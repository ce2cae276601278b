"""`huggingface`: data sets of the package `datasets` that are on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specc.codes import S105, S501, S503, S606
from specc.diagnostics import Refusal, nearest
from specc.kinds import argument
from specc.kinds.features import Feature, Origin, takes_files
from specc.kinds.readers import PATH, Chunk, Skip, Table, found, listed
from specc.kinds.readers._examples import TOGETHER, column


@dataclass(frozen=True, slots=True)
class Huggingface:
    """A data set of Hugging Face's `datasets`, from a folder or from its cache; nothing is downloaded."""

    path: str | None = argument(
        "a folder that `save_to_disk` wrote, or one of Parquet or Arrow files", PATH, default=None
    )
    name: str | None = argument(
        "instead of a folder, the name that it was loaded by, and is in the cache under",
        {"type": "string", "minLength": 1},
        default=None,
    )
    config: str | None = argument("which of several of one name", {"type": "string", "minLength": 1}, default=None)
    split: str = argument("which split, or a part of one: `train`, `test[:1000]`", {"type": "string"}, default="train")

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        if (self.path is None) == (self.name is None):
            raise Refusal(S105, "either `path` or `name` says which data set", "give one of the two", "path")
        rows = self._loaded()
        wanted = [name for name in rows.column_names if name in fields]
        chosen: Any = rows.select_columns(wanted)
        for name in wanted:
            if takes_files(fields[name]) and isinstance(rows.features[name], _coders()):
                # As it lies, not decoded by this package: pictures need not have one size.
                chosen = chosen.cast_column(name, type(rows.features[name])(decode=False))
        chosen = chosen.with_format("numpy")

        def chunks() -> Iterator[Chunk]:
            for start in range(0, len(rows) if wanted else 0, TOGETHER):
                some = chosen[start : start + TOGETHER]
                yield {name: column(name, some[name]) for name in wanted}

        files = tuple(sorted({Path(file["filename"]) for file in rows.cache_files}))
        called = self.name or Path(str(self.path)).name
        origin = Origin(lambda row: f"{called} {self.split}, row {row}", Path(self.path) if self.path else Path())
        return Table(tuple(rows.column_names), len(rows), files, origin, chunks)

    def _loaded(self) -> Any:
        package = _package()
        what = self.name or str(found(str(self.path), folder=True)[0])
        if self.path is not None and any(
            (Path(what) / mark).is_file() for mark in ("dataset_dict.json", "dataset_info.json")
        ):
            return self._of(package, package.load_from_disk(what))
        before, silent = package.config.HF_HUB_OFFLINE, package.are_progress_bars_disabled()
        package.config.HF_HUB_OFFLINE = True
        package.disable_progress_bars()
        try:
            return package.load_dataset(what, self.config, split=self.split)
        except ValueError as error:
            raise Refusal(S503, _line(error), "look at `split` and `config`", "split") from error
        except (OSError, package.exceptions.DatasetsError) as error:
            told = f"`{what}` cannot be loaded without a download: {_line(error)}"
            call = f"datasets.load_dataset({what!r})"
            raise Refusal(S501, told, f"fetch it once: `{call}`", "name" if self.name else "path") from error
        finally:
            package.config.HF_HUB_OFFLINE = before
            if not silent:
                package.enable_progress_bars()

    def _of(self, package: Any, stored: Any) -> Any:
        """The split of what `save_to_disk` wrote, which may be one or several of them."""
        parts = dict(stored) if isinstance(stored, package.DatasetDict) else {self.split.partition("[")[0]: stored}
        name, bracket, _ = self.split.partition("[")
        if name not in parts:
            close = nearest(name, list(parts))
            help = f"did you mean `{close}`?" if close else f"there are {listed(list(parts))}"
            raise Refusal(S501, f"there is no split `{name}` in {Path(str(self.path)).name}", help, "split")
        if not bracket:
            return parts[name]
        told = package.ReadInstruction.from_spec(self.split)
        try:
            (ends,) = told.to_absolute({name: len(parts[name])})
        except (ValueError, AssertionError) as error:
            raise Refusal(S105, f"`{self.split}` is no part of a split: {_line(error)}", "", "split") from error
        return parts[name].select(range(ends.from_ or 0, len(parts[name]) if ends.to is None else ends.to))


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _coders() -> tuple[type, ...]:
    """The features of `datasets` that keep files."""
    package = _package()
    return package.Image, package.Audio


def _package() -> Any:
    try:
        import datasets
    except ImportError as error:
        told = "reading Hugging Face's data sets needs the package datasets"
        raise Refusal(S606, told, "type `pip install 'specc[huggingface]'`") from error
    return datasets
