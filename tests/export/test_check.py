"""An artefact has its name only once a fresh process without specc gave the trained network's answers with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf
from served_networks import Made, export_all

from specc import driver
from specc.backend.export import Artefact
from specc.backend.export.compare import Candidate, Examples, Finding, ask, compare, differences
from specc.backend.export.serving import serve
from specc.backend.export.write import leave
from specc.backend.network import build
from specc.diagnostics import Log, Refusal
from specc.kinds.exporters import FLOAT32, Served
from specc.kinds.exporters.keras import Keras
from specc.kinds.features import State
from specc.kinds.features.number import Number
from specc.plan import Plan
from specc.tree import Source

SPEC = """
specc: 1
dataset:
  source: {csv: nowhere.csv}
  inputs: {size: {type: number, scale: standard}}
  targets: {price: {type: number}}
model:
  layers:
    - Dense: 1
export:
  - saved_model
  - keras
"""
STATES = {
    "inputs.size": {"raw": "float32", "center": 2.0, "spread": 3.0},
    "targets.price": {"raw": "float32"},
}


@dataclass(frozen=True, slots=True)
class Drifting(Number):
    """A number whose arithmetic is not the pipeline's."""

    def prepare(self, tf: ModuleType, values: Any, state: State) -> Any:
        return (values[:, None] - state["center"]) / (state["spread"] + 0.01)


@dataclass(frozen=True)
class Job:
    """A plan, its network, and what that answers to a few examples."""

    plan: Plan
    model: keras.Model
    examples: Examples


@pytest.fixture(scope="module")
def job() -> Job:
    log = Log()
    plan = driver.check(Source("spec.yaml", SPEC), log)
    model = build(plan, log)
    raw = np.linspace(-5, 9, 20, dtype=np.float32)
    prepared = ((raw - 2) / 3)[:, None]
    return Job(plan, model, ask(plan, model, STATES, {"size": raw}, {"size": prepared}))


def drifting(plan: Plan) -> Plan:
    """The plan with a feature that was prepared otherwise than the pipeline did."""
    assert plan.dataset is not None
    fields = tuple(replace(field, feature=Drifting(scale="standard")) for field in plan.dataset.inputs)
    return replace(plan, dataset=replace(plan.dataset, inputs=fields))


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_one_that_answers_otherwise_leaves_nothing_and_the_other_stays(job: Job, tmp_path: Path) -> None:
    log = Log()
    wrong = serve(drifting(job.plan), job.model, STATES)
    artefacts = leave(job.plan, wrong, job.examples, tmp_path, log)
    assert list(artefacts) == ["keras"]
    assert names(tmp_path) == ["model.keras"]
    assert [(d.code.id, d.span.line) for d in log.sorted()] == [("S607", 11)]
    assert "`price` otherwise than the trained network for 20 of 20 examples" in log.diagnostics[0].message


def test_what_was_there_before_is_kept_until_something_better_was_checked(job: Job, tmp_path: Path) -> None:
    before = tmp_path / "saved_model"
    before.mkdir()
    (before / "mark").write_text("an earlier one")
    log = Log()
    only = replace(job.plan, exports=job.plan.exports[:1])
    leave(only, serve(drifting(job.plan), job.model, STATES), job.examples, tmp_path, log)
    assert [p.name for p in before.iterdir()] == ["mark"]
    artefacts = leave(only, serve(job.plan, job.model, STATES), job.examples, tmp_path, Log())
    assert artefacts["saved_model"].path == before
    assert names(tmp_path) == ["saved_model"]
    assert (before / "saved_model.pb").exists()
    assert not (before / "mark").exists()


def test_one_that_cannot_be_written_is_told_at_its_place(job: Job, tmp_path: Path) -> None:
    served = serve(job.plan, job.model, STATES)

    def broken(fields: Any) -> Any:
        raise NotImplementedError("no such operation here")

    log = Log()
    artefacts = leave(job.plan, replace(served, answer=broken), job.examples, tmp_path, log)
    assert list(artefacts) == ["keras"]
    assert [(d.code.id, d.span.line) for d in log.sorted()] == [("S607", 11)]
    assert "no such operation here" in log.diagnostics[0].message
    assert names(tmp_path) == ["model.keras"]


@dataclass(frozen=True, slots=True)
class Leaning(Keras):
    """An artefact whose use needs specc after all."""

    reading: ClassVar[str] = "import specc\n"


@dataclass(frozen=True, slots=True)
class Barring(Keras):
    """An artefact that says it needs no Keras, and does."""

    barred: ClassVar[tuple[str, ...]] = ("keras",)


@dataclass(frozen=True, slots=True)
class Crashing(Keras):
    """An artefact that ends the process which uses it."""

    reading: ClassVar[str] = "import os\nos._exit(7)\n"


@dataclass(frozen=True, slots=True)
class Mute(Keras):
    """An artefact that has another output than the network."""

    reading: ClassVar[str] = "def answer(form, fields):\n    return {'cost': fields['size']}\n"


@dataclass(frozen=True, slots=True)
class Flat(Keras):
    """An artefact that answers in another shape."""

    reading: ClassVar[str] = "def answer(form, fields):\n    return {'price': fields['size'][:, 0]}\n"


def test_nothing_that_needs_specc_or_what_it_bars_passes(job: Job, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    Keras().write(tf, serve(job.plan, job.model, STATES), path)
    exporters = [Leaning(), Barring(), Mute(), Flat(), Keras()]
    verdicts = compare([Candidate(exporter, path, ("prepared",)) for exporter in exporters], job.examples)
    said = [verdict.message if isinstance(verdict, Refusal) else verdict for verdict in verdicts]
    assert "import of specc halted" in str(said[0])
    assert "import of keras halted" in str(said[1])
    assert "answers cost, and the network has price" in str(said[2])
    assert "answers `price` in the shape [20] instead of [20, 1]" in str(said[3])
    assert isinstance(said[4], Finding)
    assert (said[4].difference < 1e-6, said[4].beyond) == (True, 0)


def test_a_process_that_dies_is_the_artefacts_failure(job: Job, tmp_path: Path) -> None:
    verdict = compare([Candidate(Crashing(), tmp_path / "nothing", ("prepared",))], job.examples)[0]
    assert isinstance(verdict, Refusal)
    assert verdict.code.id == "S607"
    assert "ended with status 7" in verdict.message


def test_without_exporters_nothing_is_made(table: Made, tmp_path: Path) -> None:
    quiet = replace(table.plan, exports=())
    assert export_all(replace(table, plan=quiet), tmp_path / "export", Log()) == {}
    assert not (tmp_path / "export").exists()


def test_an_artefact_tells_what_its_check_found(exported: dict[str, Artefact]) -> None:
    for name, artefact in exported.items():
        assert artefact.path.name == {"saved_model": "saved_model", "keras": "model.keras"}[name]
        assert artefact.examples == 12
        assert 0 <= artefact.difference <= FLOAT32
        assert artefact.seconds > 0


@pytest.mark.parametrize(
    ("found", "wanted", "each"),
    [
        ([[0.5], [1.0]], [[0.5], [1.0]], [0, 0]),
        ([[0.5], [1.1]], [[0.5], [1.0]], [0, 0.1]),
        ([[3e5], [1.0]], [[300001.0], [1.0]], [1 / 300001, 0]),  # relative beyond 1
        ([[np.nan, 1.0]], [[np.nan, 1.0]], [0]),
        ([[np.nan, 1.0]], [[0.0, 1.0]], [np.inf]),
        ([[0.0]], [[np.nan]], [np.inf]),
        ([[np.inf], [-np.inf]], [[np.inf], [np.inf]], [0, np.inf]),
    ],
)
def test_differences_are_absolute_up_to_one_and_relative_beyond(found: Any, wanted: Any, each: Any) -> None:
    assert differences(np.asarray(found), np.asarray(wanted)) == pytest.approx(each)


def test_the_answers_that_artefacts_are_held_to_are_the_networks_own(job: Job) -> None:
    expected = job.model({"size": job.examples.prepared["size"]}, training=False)["price"]
    np.testing.assert_allclose(job.examples.answers["price"], expected, atol=1e-6)
    assert isinstance(serve(job.plan, job.model, STATES), Served)


def test_an_answer_near_zero_is_held_to_the_units_it_was_brought_back_to() -> None:
    """A mean of 3,000 added in float32 leaves a rounding of 0.0002, whatever the sum."""
    wanted, rounded = np.array([[4000.0], [0.5]]), np.array([[4000.0], [0.5002]])
    assert differences(rounded, wanted)[1] > FLOAT32
    assert differences(rounded, wanted, unit=4000.0)[1] == pytest.approx(0.0002 / 4000)
