"""`tfds`: data sets of TensorFlow Datasets that were prepared on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specc.codes import S501, S503, S606
from specc.diagnostics import Refusal, nearest
from specc.kinds import argument
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import PATH, Chunk, Skip, Table, listed
from specc.kinds.readers._examples import TOGETHER, column


@dataclass(frozen=True, slots=True)
class Tfds:
    """A data set of TensorFlow Datasets, as `download_and_prepare` left it; nothing is downloaded."""

    name: str = argument(
        "its name, with config and version where several are there: `mnist`, `mnist:3.0.1`",
        {"type": "string", "minLength": 1},
    )
    split: str = argument("which split, or a part of one: `train`, `test[:1000]`", {"type": "string"}, default="train")
    data_dir: str | None = argument("where it was prepared; left out: `~/tensorflow_datasets`", PATH, default=None)

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        package = _package()
        folder = Path(self.data_dir) if self.data_dir else Path.home() / "tensorflow_datasets"
        prepared = self._prepared(package, folder)
        names = tuple(prepared.info.features)
        wanted = [name for name in names if name in fields]
        split = self._split(prepared)

        def chunks() -> Iterator[Chunk]:
            # One file after the other, so that rows have the same numbers every time.
            config = package.ReadConfig(interleave_cycle_length=1, try_autocache=False)
            rows = prepared.as_dataset(split=self.split, shuffle_files=False, read_config=config)
            if not wanted:
                return
            for some in package.as_numpy(rows.map(lambda row: {n: row[n] for n in wanted}).ragged_batch(TOGETHER)):
                yield {name: column(name, _plain(some[name])) for name in wanted}

        files = tuple(sorted(Path(file) for file in split.filepaths))
        origin = Origin(lambda row: f"{self.name} {self.split}, row {row}", folder)
        return Table(names, split.num_examples, files, origin, chunks)

    def _prepared(self, package: Any, folder: Path) -> Any:
        name, _, version = self.name.partition(":")
        places = sorted(folder.glob(f"{name}/**/dataset_info.json"))
        places = [place for place in places if not version or place.parent.name == version]
        if places:
            # The newest version is the last by name.
            return package.builder_from_directory(str(places[-1].parent))
        there = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
        close = nearest(name, there)
        help = f"did you mean `{close}`?" if close else f"prepare it once: `tfds.load({name!r}, data_dir=…)`"
        where = "data_dir" if self.data_dir and not there else "name"
        raise Refusal(S501, f"there is no `{self.name}` in {folder}", help, where)

    def _split(self, prepared: Any) -> Any:
        try:
            return prepared.info.splits[self.split]
        except (ValueError, KeyError) as error:
            there = list(prepared.info.splits)
            told = f"`{self.split}` is no split of {self.name}"
            raise Refusal(S501, told, f"there are {listed(there)}", "split") from error


def _plain(values: Any) -> Any:
    """A column as an array, or, where its examples differ in length, a list of arrays."""
    if hasattr(values, "to_list"):
        return values.to_list()
    if values.dtype.kind == "O" and values.ndim > 1:
        raise Refusal(S503, "texts in lists are not one value an example", "choose another field")
    return values


def _package() -> Any:
    try:
        import tensorflow_datasets
    except ImportError as error:
        told = "reading TensorFlow Datasets needs the package tensorflow-datasets"
        raise Refusal(S606, told, "type `pip install 'specc[tfds]'`") from error
    return tensorflow_datasets
