"""A learning rate found by trial: where the loss falls, told as an edit of the spec, and nothing else is touched."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from specc.backend.run import run
from specc.backend.training.rates import suggestion
from specc.diagnostics import Log
from tests.training.conftest import BLOBS, Write, blobs, planned

ADAM = "optimizer: {Adam: {learning_rate: 0.01}}"


def suggested(folder: Path) -> float:
    found = json.loads((folder / "learning_rate.json").read_text())["suggested"]
    assert isinstance(found, float)
    return found


def test_the_rate_is_where_the_loss_falls_fastest() -> None:
    rates = np.geomspace(1e-6, 10, 300)
    falling = 2.0 - 1.5 / (1 + np.exp(-3 * np.log(rates / 1e-2)))
    left = falling + np.where(rates > 1, 5 * np.log(rates.clip(1)), 0)
    found = suggestion(rates.tolist(), left.tolist())
    assert found is not None
    # Somewhat before the steepest place, as smoothing has moved that.
    assert 3e-3 < found < 1e-2
    assert suggestion(rates.tolist(), np.linspace(1, 2, 300).tolist()) is None
    assert suggestion([1e-6], [1.0]) is None


def test_it_is_an_edit_of_the_spec_and_nothing_else_is_touched(cli, write: Write, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    spec = write(blobs(640), BLOBS)
    run(planned(spec), None, Log())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    ended = cli("run", spec, "--find-lr")
    assert ended.status == 0, ended.err
    folder = Path("runs/blobs-lr-1")
    rate = suggested(folder)
    assert f"- {ADAM}\n+ {ADAM.replace('0.01', f'{rate:g}')}" in ended.out
    assert f"{spec}:{1 + spec.read_text().splitlines().index('  ' + ADAM)}" in ended.out
    picture = ElementTree.parse(folder / "learning_rate.svg").getroot()
    assert picture.tag.endswith("svg")
    after = {path: path.read_bytes() for path in before}
    assert before == after
    assert sorted(path.name for path in folder.iterdir()) == ["learning_rate.json", "learning_rate.svg"]
    # It is a rate that learns: better than one far below, in as many steps.
    plans = [planned(spec, training__optimizer={"Adam": {"learning_rate": r}}) for r in (rate, rate / 100)]
    good, slow = (run(plan, tmp_path / str(i), Log()).history["loss"][-1] for i, plan in enumerate(plans))
    assert good < 0.8 * slow


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        ("adam", "+ optimizer: {{adam: {{learning_rate: {rate:g}}}}}"),
        ("{SGD: 0.1}", "+ optimizer: {{SGD: {rate:g}}}"),
        ("{Adam: {beta_1: 0.8}}", "{{Adam: {{learning_rate: {rate:g}}}}}"),
        (
            "{SGD: {learning_rate: {CosineDecay: {initial_learning_rate: 0.1, decay_steps: 9}}}}",
            "for the highest rate of `CosineDecay`",
        ),
    ],
)
def test_it_is_told_however_the_optimizer_is_written(
    cli, optimizer: str, said: str, write: Write, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    spec = write(blobs(640), BLOBS.replace(ADAM, f"optimizer: {optimizer}"))
    ended = cli("run", spec, "--find-lr", "--out", tmp_path / "lr")
    assert ended.status == 0, ended.err
    assert said.format(rate=suggested(tmp_path / "lr")) in ended.out


def test_a_loss_that_is_not_finite_from_the_beginning_is_told(cli, write: Write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    arrays = blobs(64)
    arrays["x"] = np.full_like(arrays["x"], 1e38)
    ended = cli("run", write(arrays, BLOBS), "--find-lr", "--out", tmp_path / "lr")
    assert ended.status == 1
    assert "S605" in ended.err
    assert not (tmp_path / "lr").exists()


def test_where_it_falls_nowhere_none_is_suggested(cli, write: Write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    # Nothing to learn: all inputs are alike, and so are the outputs.
    arrays = {"x": np.zeros((64, 6), "float32"), "y": np.zeros(64, "int32")}
    spec = write(arrays, BLOBS.replace("activation: softmax", "activation: softmax, trainable: false"))
    ended = cli("run", spec, "--find-lr", "--out", tmp_path / "lr")
    assert ended.status == 0, ended.err
    assert "no rate is suggested: the loss falls nowhere with rates up to 1.0e+01" in ended.out


def test_a_directory_that_holds_something_is_refused(cli, write: Write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    spec = write(blobs(64), BLOBS)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    ended = cli("run", spec, "--find-lr", "--out", tmp_path / "mine")
    assert ended.status == 1
    assert "holds something already" in ended.err
