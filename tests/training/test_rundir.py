"""The run directory: names are claimed once, files are whole or not there, the spec reads back as it was."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specc.backend import rundir
from specc.calls import Call
from specc.diagnostics import Log, Refusal, Span
from specc.plan import Network, Plan, Runtime
from specc.text.parse import parse
from specc.tree import Source, planted


def claimed() -> Path:
    with rundir.claim(None, "digits") as place:
        return place.path


def test_without_a_name_the_next_free_number_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "digits-2").mkdir(parents=True)
    assert [claimed() for _ in range(2)] == [Path("runs/digits-1"), Path("runs/digits-3")]


def test_runs_that_start_together_get_directories_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths: list[Path] = []
    threads = [Thread(target=lambda: paths.append(claimed())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(paths)) == 16


def test_a_file_cannot_be_a_run_directory(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(Refusal), rundir.claim(tmp_path / "out", "digits"):
        pass
    assert (tmp_path / "out").read_text() == "a file"


def test_what_fails_while_it_is_written_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    rundir.write_text(path, "before")
    with suppress(KeyboardInterrupt), rundir.aside(path) as draft:
        draft.write_text("half of i")
        raise KeyboardInterrupt
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.json"]


def test_files_have_the_permissions_that_open_gives(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    rundir.write_text(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_number_that_json_cannot_hold_is_null(tmp_path: Path) -> None:
    rundir.write_json(tmp_path / "x.json", {"loss": float("nan"), "auc": [1.0, float("inf")]})
    assert json.loads((tmp_path / "x.json").read_text()) == {"loss": None, "auc": [1.0, None]}


def test_history_reads_as_one_looks_for_it(tmp_path: Path) -> None:
    history = {"accuracy": [0.5, 0.75], "loss": [2.0, 1.0], "val_accuracy": [0.5, 0.5], "val_loss": [3.0, 4.0]}
    rundir.write_history(tmp_path / "history.csv", history)
    assert (tmp_path / "history.csv").read_text().splitlines() == [
        "epoch,loss,accuracy,val_loss,val_accuracy",
        "1,2.0,0.5,3.0,0.5",
        "2,1.0,0.75,4.0,0.5",
    ]


SCALARS = (
    st.text(max_size=12)
    | st.from_regex(r"[-+]?[0-9._eExo:]{1,6}", fullmatch=True)
    | st.sampled_from(["no", "on", "~", "null", "1e-3", "0o17", "0x1F", ".inf", "2026-11-22", "12:30:00", "=", "<<"])
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.none()
)
PRINTABLE = SCALARS.filter(lambda value: not isinstance(value, str) or value.isprintable())
PLAIN = st.recursive(PRINTABLE, lambda inner: st.lists(inner, max_size=3), max_leaves=6)


@given(PLAIN)
def test_a_spec_reads_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    span = Span("spec.yaml", 1, 1, 1, 1)
    written = {"specc": 1, "name": "x", "params": {"value": value}}
    plan = Plan(
        name="x",
        seed=0,
        network=Network((), (), ()),
        runtime=Runtime(Call("strategies", "auto")),
        source=Source("spec.yaml", ""),
        tree=planted(written, span),
    )
    path = tmp_path_factory.mktemp("spec") / "spec.yaml"
    rundir.write_text(path, rundir.spec_text(plan))
    log = Log()
    tree = parse(str(path), path.read_text(encoding="utf-8"), log)
    assert not log.diagnostics
    assert tree is not None
    assert tree.plain() == written
