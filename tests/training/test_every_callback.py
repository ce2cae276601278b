"""Each of Keras's public callbacks, unchanged: it does its work in a run, and in one that goes on after a crash."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import h5py
import numpy as np
import pytest

from specc import catalog
from specc.backend.run import run
from specc.diagnostics import Log, Rejected
from tests.training.conftest import BLOBS, Write, blobs, planned
from tests.training.test_resume import crashed, weights

# As in `test_resume`: a crash leaves files open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CRASH = 8
"""Three steps make an epoch: the crash comes within the third."""


def nothing(run: Path) -> Any:
    """What only the weights and the history show."""
    return None


def files_of_weights(run: Path) -> Any:
    found = {}
    for path in sorted((run / "kept").iterdir()):
        with h5py.File(path) as file:
            arrays: list[tuple[str, Any]] = []
            file.visititems(
                lambda name, item, arrays=arrays: (
                    arrays.append((name, item[()].tolist()))
                    if isinstance(item, h5py.Dataset) and "learning_rate" not in name
                    else None
                )
            )
            found[path.name] = arrays
    return found


def scalars(run: Path) -> Any:
    """What TensorBoard would draw: values by tag and step."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util.tensor_util import make_ndarray

    found: dict[str, dict[int, float]] = {}
    for path in sorted((run / "tensorboard").rglob("events*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars" and "per_second" not in value.tag:
                    # As TensorBoard has it, what comes later at a step counts.
                    tag = f"{path.parent.name}/{value.tag}"
                    found.setdefault(tag, {})[event.step] = float(make_ndarray(value.tensor))
    assert {"train/epoch_loss", "validation/epoch_loss", "train/batch_loss"} <= found.keys()
    return found


def steps_of_checkpoints(run: Path) -> Any:
    return sorted(path.name for path in (run / "orbax").iterdir())


CASES: dict[str, tuple[Any, Callable[[Path], Any]]] = {
    "BackupAndRestore": ({"backup_dir": "backup", "save_freq": 2}, lambda run: (run / "backup").exists()),
    "CSVLogger": ({"filename": "log.csv"}, lambda run: (run / "log.csv").read_text()),
    "EarlyStopping": ({"patience": 1, "min_delta": 9.0, "restore_best_weights": True, "start_from_epoch": 1}, nothing),
    "History": ({}, nothing),
    "ModelCheckpoint": (
        {"filepath": "kept/{epoch}-{batch}.weights.h5", "save_freq": 2, "save_weights_only": True},
        files_of_weights,
    ),
    "OrbaxCheckpoint": ({"directory": "orbax", "max_to_keep": 9, "save_on_background": False}, steps_of_checkpoints),
    "ProgbarLogger": ({}, nothing),
    "ReduceLROnPlateau": ({"patience": 1, "min_delta": 9.0, "cooldown": 1, "factor": 0.3}, nothing),
    "RemoteMonitor": ({"root": "http://localhost"}, nothing),
    "SwapEMAWeights": ({"swap_on_epoch": True}, nothing),
    "TensorBoard": ({"update_freq": "batch", "histogram_freq": 1}, scalars),
    "TerminateOnNaN": ({}, nothing),
}
WATCHING = (
    "CSVLogger",
    "History",
    "ModelCheckpoint",
    "ProgbarLogger",
    "RemoteMonitor",
    "TensorBoard",
    "TerminateOnNaN",
)
"""They change nothing of the training, and are tried at once."""
ALONE = tuple(name for name in CASES if name not in WATCHING)
NEEDS = {"OrbaxCheckpoint": "orbax", "TensorBoard": "tensorboard", "RemoteMonitor": "requests"}


@contextmanager
def listening() -> Iterator[tuple[str, list[Any]]]:
    """A server that keeps what is sent to it."""
    sent: list[Any] = []

    class Keep(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            sent.append(json.loads(parse_qs(body)["data"][0]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Keep)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", sent
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_there_is_a_case_for_each() -> None:
    assert set(CASES) == set(catalog.names("callbacks"))


@pytest.mark.parametrize("names", [WATCHING, *((name,) for name in ALONE)], ids=["watching", *ALONE])
def test_each_does_the_same_in_a_run_that_goes_on_after_a_crash(
    names: tuple[str, ...],
    write: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    names = tuple(name for name in names if name not in NEEDS or find_spec(NEEDS[name]))
    if not names:
        pytest.skip("what it needs is not installed")
    with listening() as (root, sent):
        given = {name: CASES[name][0] | ({"root": root} if name == "RemoteMonitor" else {}) for name in names}
        plan = planned(
            write(blobs(60), BLOBS),
            dataset__split={"validation": 0.25},
            training__epochs=5,
            training__optimizer={"Adam": {"learning_rate": 0.01, "use_ema": "SwapEMAWeights" in names}},
            training__callbacks=[{name: arguments} for name, arguments in given.items()],
            runtime={"deterministic": True, "checkpoint": {"every": "1 step", "keep": 1}},
        )
        whole = run(plan, tmp_path / "whole", Log())
        of_the_whole = sent.copy()
        sent.clear()
        crashed(plan, tmp_path / "run", monkeypatch, CRASH)
        done = run(plan, tmp_path / "run", Log(), resume=True)
        assert sent == of_the_whole
    assert done.history == whole.history
    for a, b in zip(weights(tmp_path / "whole"), weights(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(a, b)
    for name in names:
        told = CASES[name][1]
        assert told(tmp_path / "run") == told(tmp_path / "whole"), name
    epochs = len(whole.history["loss"])
    assert epochs == (3 if "EarlyStopping" in names else 5)
    assert len(of_the_whole) == (5 if "RemoteMonitor" in names else 0)
    if "ReduceLROnPlateau" in names:
        rates = whole.history["learning_rate"]
        np.testing.assert_allclose(rates, [0.01, 0.01, 0.003, 0.0009, 0.00027], rtol=1e-5)
    if "ProgbarLogger" in names:
        assert "Epoch" not in capfd.readouterr().out


@pytest.mark.parametrize("name", NEEDS)
def test_what_a_callback_needs_is_asked_for_before_training(
    name: str, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("specc.backend.objective.find_spec", lambda module: None)
    log = Log()
    with pytest.raises(Rejected):
        run(planned(write(blobs(60), BLOBS), training__callbacks=[{name: CASES[name][0]}]), tmp_path / "run", log)
    assert [(d.code.id, d.help.startswith("pip install")) for d in log.diagnostics] == [("S606", True)]
    assert not (tmp_path / "run").exists()


def test_a_new_run_begins_in_the_epoch_that_a_backup_names(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of `BackupAndRestore` alone, without `--resume`: an epoch that it has seen the end of is not taken again."""
    backup = [{"BackupAndRestore": {"backup_dir": str(tmp_path / "backup")}}]
    given = {"deterministic": True, "checkpoint": {"every": "1 epoch"}}
    plan = planned(write(blobs(60), BLOBS), training__epochs=5, training__callbacks=backup, runtime=given)
    whole = run(plan, tmp_path / "whole", Log())
    assert not (tmp_path / "backup").exists()
    crashed(plan, tmp_path / "run", monkeypatch, 12)  # four steps make an epoch: after the third
    done = run(plan, tmp_path / "new", Log())
    assert done.history["loss"] == whole.history["loss"][3:]
    for a, b in zip(weights(tmp_path / "whole"), weights(tmp_path / "new"), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not (tmp_path / "backup").exists()
