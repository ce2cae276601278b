"""Every example in every precision, beside itself in float32: what it is judged by, and how fast it learns.

usage: precision.py [EXAMPLE…] [--precisions P,…] [--epochs N] [--seeds N] [--set PATH=VALUE]… [--jobs N]
                    [--results FILE]

A process for each run, the same seeds for each precision; `--jobs` has several side by side, which is for machines of
many cores or a GPU, and then speeds are of what is shared. Each is written as a line of JSON to `--results`, and what
stands there already is not run again: the same command goes on where it was stopped, and prints the table in the end.

Differences are those of pairs: a precision and float32 with the same seed, which also divides the data. More is
better in all of them: of an accuracy, points that are gained; of an error, so many percent of it less.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from threading import Lock
from typing import Any

from specc.diagnostics import Log
from specc.tensors import PRECISIONS
from specc.text.parse import parse

EXAMPLES = Path(__file__).parent.parent / "examples"
EXACT, *_, PURE = PRECISIONS
AVERAGES = {"dtype": "mixed_bfloat16"}
"""Moving averages in float32, where W309 says that they stop short in bfloat16."""


@dataclass(frozen=True, slots=True)
class Example:
    """What an example is judged by on its test split, in how many epochs and with how many seeds.

    `slow` is the number of seeds for `mixed_float16`, which takes many times as long on a CPU, where it is not `seeds`.
    `pure` is what the checker asks for where weights are bfloat16 too. Of a `squared` error the root is told. `smaller`
    says in which way the network is not that of the spec.
    """

    epochs: int
    seeds: int = 1
    metric: str = "accuracy"
    squared: bool = False
    slow: int | None = None
    pure: Mapping[str, Any] = field(default_factory=dict)
    smaller: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_error(self) -> bool:
        return self.metric != "accuracy"

    def seeds_in(self, precision: str) -> int:
        return self.slow if self.slow and precision == "mixed_float16" else self.seeds


TRIED = {
    "adult": Example(12, 3),
    "brown": Example(2, pure={"model.layers.2.Bidirectional.layer.LSTM.recurrent_initializer": "glorot_uniform"}),
    "cifar10": Example(4, smaller={"width": 8}),
    "digits": Example(30, 5),
    "engine": Example(10, 3, slow=1),
    "fashion_mnist": Example(3),
    "houses": Example(120, 5, "mean_squared_logarithmic_error", squared=True),
    "imdb": Example(8, 2),
    "movielens": Example(30, 3, "root_mean_squared_error"),
    "photos": Example(40, 5, pure={"blocks.stage.layers.0.layers.1": {"BatchNormalization": AVERAGES}}),
    "prompts": Example(30, 5, pure={"blocks.stage.layers.1": {"BatchNormalization": AVERAGES}}),
    "traffic": Example(100, 3, "loss"),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One run: an example in a precision, for so many epochs, with the so-many-eth seed after the example's own."""

    example: str
    precision: str
    epochs: int
    seed: int
    sets: tuple[str, ...] = ()

    @property
    def key(self) -> dict[str, Any]:
        names = ("example", "precision", "epochs", "seed", "sets")
        return {name: list(value) if isinstance(value := getattr(self, name), tuple) else value for name in names}

    def command(self, out: Path) -> list[str]:
        spec = EXAMPLES / f"{self.example}.yaml"
        tree = parse(str(spec), spec.read_text(encoding="utf-8"), Log())
        said = tree.plain() if tree else {}
        sets: dict[str, Any] = {
            "runtime.precision": self.precision,
            "runtime.xla": False,
            "export": [],
            "seed": said.get("seed", 0) + self.seed,
            **{f"params.{name}": value for name, value in TRIED[self.example].smaller.items()},
        }
        if self.precision == PURE:
            sets |= TRIED[self.example].pure
        settings = [*(f"{path}={json.dumps(value)}" for path, value in sets.items()), *self.sets]
        command = [sys.executable, "-m", "specc", "run", str(spec), "--out", str(out), "-p", f"epochs={self.epochs}"]
        return [*command, *(part for setting in settings for part in ("--set", setting))]

    def run(self) -> dict[str, Any]:
        """What came of it; `failed` says how, where it diverged."""
        began = time.perf_counter()
        env = dict(os.environ)
        # oneDNN has no more than a reference of some gradients in float16.
        if self.precision == "mixed_float16":
            env.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
        with tempfile.TemporaryDirectory(prefix="specc-precision-") as folder:
            out = Path(folder, "run")
            done = subprocess.run(self.command(out), capture_output=True, text=True, env=env)
            if done.returncode:
                if diverged := [said for said in done.stderr.splitlines() if said.startswith("S605")]:
                    return {**self.key, "failed": diverged[0]}
                sys.exit(done.stderr)
            manifest, metrics = (json.loads((out / f"{name}.json").read_text()) for name in ("manifest", "metrics"))
            epochs = len((out / "history.csv").read_text().splitlines()) - 1
        example = TRIED[self.example]
        value = metrics["test"][example.metric]
        return {
            **self.key,
            "value": sqrt(value) if example.squared else value,
            "rows": manifest["data"]["rows"]["test"],
            "taken": epochs,
            "examples_per_second": manifest["examples_per_second"],
            "seconds": round(time.perf_counter() - began, 1),
        }


class Results:
    """What runs came to, in a file of JSON lines."""

    def __init__(self, path: Path) -> None:
        self.path, self._one_at_a_time = path, Lock()
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.found: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def of(self, trial: Trial) -> dict[str, Any]:
        """What a trial came to, run now if it was not yet."""
        for found in self.found:
            if trial.key.items() <= found.items():
                return found
        came = trial.run()
        with self._one_at_a_time, self.path.open("a", encoding="utf-8") as file:
            self.found.append(came)
            file.write(json.dumps(came) + "\n")
            print(json.dumps(came), file=sys.stderr, flush=True)
        return came


@dataclass(frozen=True)
class Row:
    """An example in every precision: what each seed came to."""

    name: str
    epochs: int
    came: Mapping[str, Sequence[Mapping[str, Any]]]

    @property
    def example(self) -> Example:
        return TRIED[self.name]

    @property
    def title(self) -> str:
        return ", ".join([self.name, *(f"{name} {value}" for name, value in self.example.smaller.items())])

    def judged(self) -> tuple[str, ...]:
        """The test split, and what float32 comes to there, with its deviation over seeds."""
        unit, digits = (1, 4) if self.example.is_error else (100, 2)
        values = [unit * one["value"] for one in self.came[EXACT]]
        spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
        mean = f"{statistics.mean(values):.{digits}f}"
        what = f"error {mean}{spread}" if self.example.is_error else f"{mean}{spread} %"
        return self.title, f"{self.came[EXACT][0]['rows']:,}", f"{self.epochs}", f"{len(values)}", what

    def gains(self, precision: str) -> list[float]:
        """By how much each seed is better than float32: in points, of an error in percent of it."""
        pairs = zip(*([one["value"] for one in self.came[name]] for name in (precision, EXACT)), strict=False)
        return [100 * ((exact - half) / exact if self.example.is_error else half - exact) for half, exact in pairs]

    def gained(self, precision: str) -> str:
        """The mean difference from float32 and its standard error."""
        if failed := next((one["failed"] for one in self.came[precision] if "failed" in one), None):
            return str(failed)
        gains = self.gains(precision)
        error = f" ± {statistics.stdev(gains) / sqrt(len(gains)):.2f}" if len(gains) > 1 else ""
        fewer = f", {len(gains)} of the seeds" if len(gains) < len(self.came[EXACT]) else ""
        return f"{statistics.mean(gains):+.2f}{error}{' %' if self.example.is_error else ''}{fewer}"

    def speed(self, precision: str) -> float:
        """Examples a second, the median over seeds; NaN where a run failed."""
        rates = [one.get("examples_per_second", float("nan")) for one in self.came[precision]]
        return float(statistics.median(rates))


def trials(
    name: str,
    precisions: Sequence[str] = PRECISIONS,
    epochs: int | None = None,
    seeds: int | None = None,
    sets: Sequence[str] = (),
) -> Iterator[Trial]:
    """The runs of an example in some precisions, and always in float32."""
    epochs = epochs or TRIED[name].epochs
    wanted = {precision: seeds or TRIED[name].seeds_in(precision) for precision in dict.fromkeys([EXACT, *precisions])}
    # A seed in all precisions before the next: what else the machine does then slows down all of them.
    for seed in range(max(wanted.values())):
        for precision, number in wanted.items():
            if seed < number:
                yield Trial(name, precision, epochs, seed, tuple(sets))


def row(wanted: Sequence[Trial], results: Results, jobs: int = 1) -> Row:
    """What the runs of an example came to; those that `results` lacks are run, `jobs` at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        done = list(pool.map(results.of, wanted))
    came: dict[str, list[dict[str, Any]]] = {trial.precision: [] for trial in wanted}
    for trial, one in zip(wanted, done, strict=True):
        came[trial.precision].append(one)
    return Row(wanted[0].example, wanted[0].epochs, came)


def table(rows: Sequence[Row], precisions: Sequence[str]) -> Iterator[str]:
    """Two tables: what was learnt, and how fast."""
    halves = [precision for precision in precisions if precision != EXACT]
    yield line("example", "test rows", "epochs", "seeds", EXACT, *halves)
    yield line(*["---"] * (5 + len(halves)))
    for one in rows:
        yield line(*one.judged(), *map(one.gained, halves))
    yield ""
    yield line("examples/s", EXACT, *(cell for half in halves for cell in (half, f"÷ {EXACT}")))
    yield line(*["---"] * (2 + 2 * len(halves)))
    for one in rows:
        base = one.speed(EXACT)
        rates = [one.speed(half) for half in halves]
        yield line(one.title, f"{base:,.0f}", *(cell for r in rates for cell in (f"{r:,.0f}", f"{r / base:.2f}")))


def line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def at_least_one(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("examples", nargs="*", default=list(TRIED), metavar="EXAMPLE")
    parser.add_argument("--precisions", type=lambda names: names.split(","), default=list(PRECISIONS))
    parser.add_argument("--epochs", type=at_least_one, help="for all; left out, what this script has for each")
    parser.add_argument("--seeds", type=at_least_one, help="for all; left out, what this script has for each")
    parser.add_argument("--set", dest="sets", action="append", default=[], metavar="PATH=VALUE", help="of every run")
    parser.add_argument("--jobs", type=at_least_one, default=1, help="runs side by side (1)")
    parser.add_argument("--results", type=Path, default=Path("precision.jsonl"))
    given = parser.parse_args()
    if wrong := [name for name in given.examples if name not in TRIED]:
        parser.error(f"no example is called {', '.join(wrong)}; there are {', '.join(TRIED)}")
    if wrong := [name for name in given.precisions if name not in PRECISIONS]:
        parser.error(f"no precision is called {', '.join(wrong)}; there are {', '.join(PRECISIONS)}")
    results, precisions = Results(given.results), given.precisions
    wanted = [list(trials(name, precisions, given.epochs, given.seeds, given.sets)) for name in given.examples]
    rows = [row(each, results, given.jobs) for each in wanted]
    print("\n".join(table(rows, precisions)))


if __name__ == "__main__":
    main()
