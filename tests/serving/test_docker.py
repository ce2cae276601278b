"""`specc export --docker`: what it writes is a Dockerfile that finds what it copies."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from specc.render.dockerfile import dockerfile

pytestmark = pytest.mark.xdist_group("serving")

HADOLINT = Path(sys.executable).with_name("hadolint")


def test_it_serves_the_artefact_under_the_name_of_the_spec(
    cli: Callable[..., Any], people: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(people, run)
    ended = cli("export", run, "--docker")
    assert (ended.status, ended.err) == (0, "")
    folder = run / "export"
    assert f"docker build -t people {folder}\n" in ended.out
    assert "docker run --rm -p 8501:8501 people\n" in ended.out
    done = subprocess.run([str(HADOLINT), str(folder / "Dockerfile")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    lines = (folder / "Dockerfile").read_text().splitlines()
    told = dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    assert told["FROM"] == "tensorflow/serving:${SERVING}"
    # There was no image of 2.21 half a year after TensorFlow 2.21.
    assert told["ARG"] == "SERVING=2.20.0"
    name = told["ENV"].removeprefix("MODEL_NAME=")
    copied, place = told["COPY"].split()
    # Where the image looks for versions of the model: `/models/$MODEL_NAME`.
    assert (name, place) == ("people", f"/models/{name}/1")
    assert "serving_default" in tf.saved_model.load(str(folder / copied)).signatures
    kept = [line[1:] for line in (folder / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert kept == [copied]


@pytest.mark.parametrize(
    ("tensorflow", "serving"),
    [("2.19.1", "2.19.1"), ("2.20.0", "2.20.0"), ("2.21.0", "2.20.0"), ("2.9.0rc1", "2.9.0rc1")],
)
def test_the_server_is_as_old_as_the_model_or_the_newest_there_is(tensorflow: str, serving: str) -> None:
    assert f"\nARG SERVING={serving}\nFROM " in dockerfile("people", tensorflow)


def test_a_run_without_the_artefact_gets_one(cli: Callable[..., Any], people: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(people, run)
    shutil.rmtree(run / "export")
    ended = cli("export", run, "--docker")
    assert ended.status == 0
    assert re.search(r"saved_model  .*answers as trained", ended.out)
    assert (run / "export" / "saved_model" / "saved_model.pb").is_file()
    assert (run / "export" / "Dockerfile").is_file()


def test_it_does_not_go_with_another_place(cli: Callable[..., Any], people: Path, tmp_path: Path) -> None:
    ended = cli("export", people, "--docker", "--format", "saved_model", "--out", tmp_path / "x")
    assert (ended.status, "--docker" in ended.err) == (2, True)
