"""Processes that are started together end together, and it is told who failed and why."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from specc.cluster.members import members
from specc.cluster.watch import Ended, run_together

ROOT = Path(__file__).parents[2]
BEGIN = """
import json, os, signal, sys, time
task = json.loads(os.environ["TF_CONFIG"])["task"]
me = task["index"] if task["type"] == "worker" else task["type"]
open(f"{sys.argv[1]}/{me}", "w").write(str(os.getpid()))
"""


def run(folder: Path, program: str, workers: int = 2, servers: int = 0) -> tuple[Ended, list[str]]:
    told: list[str] = []
    command = [sys.executable, "-c", BEGIN + program, str(folder)]
    return run_together(command, members(workers, servers), told.append), told


def nobody_is_left(folder: Path, count: int) -> None:
    ids = [int(path.read_text()) for path in folder.iterdir()]
    assert len(ids) == count
    for number in ids:
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)


def test_all_end_well(tmp_path: Path) -> None:
    ended, told = run(tmp_path, "print('fine')")
    assert ended == Ended(0)
    assert told == []
    nobody_is_left(tmp_path, 2)


def test_servers_are_ended_when_the_chief_is_done(tmp_path: Path) -> None:
    program = """
if me == "chief":
    while len(os.listdir(sys.argv[1])) < 3: time.sleep(0.02)
else: time.sleep(100)
"""
    began = time.monotonic()
    ended, _ = run(tmp_path, program, workers=1, servers=1)
    assert ended == Ended(0)
    assert time.monotonic() - began < 30
    nobody_is_left(tmp_path, 3)


def test_who_is_killed_is_named_and_the_others_are_ended(tmp_path: Path) -> None:
    program = """
print(f"step 7 of {me}", flush=True)
while len(os.listdir(sys.argv[1])) < 3: time.sleep(0.02)
if me == 1: os.kill(os.getpid(), signal.SIGKILL)
time.sleep(100)
"""
    ended, _ = run(tmp_path, program, workers=3)
    assert ended.failed is not None
    assert (ended.failed.name, ended.why, ended.status) == ("worker 1", "was killed by SIGKILL", 1)
    assert ended.lines == ("step 7 of 1",)
    nobody_is_left(tmp_path, 3)


def test_the_last_lines_of_who_failed_are_kept(tmp_path: Path) -> None:
    ended, told = run(tmp_path, "for n in range(30 * (me == 1)): print('line', n)\nif me: sys.exit(3)\ntime.sleep(100)")
    assert (ended.why, ended.lines[0], ended.lines[-1]) == ("ended with exit status 3", "line 18", "line 29")
    assert told == []


def test_what_is_wrong_for_all_is_said_by_the_one_that_leads(tmp_path: Path) -> None:
    ended, _ = run(tmp_path, "time.sleep(0 if me else 1)\nsys.exit(1)")
    assert ended.failed is not None
    assert (ended.failed.name, ended.status) == ("worker 0", 1)
    assert ended.lines == ()


def test_one_that_will_not_end_is_made_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("specc.cluster.watch.PATIENCE", 0.5)
    program = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(f"{sys.argv[1]}/ready{me}", "w").write(str(os.getpid()))
while len(os.listdir(sys.argv[1])) < 4: time.sleep(0.02)
if me == 0: sys.exit(5)
time.sleep(100)
"""
    ended, _ = run(tmp_path, program)
    assert (ended.status, ended.why) == (5, "ended with exit status 5")
    nobody_is_left(tmp_path, 4)


def test_only_warnings_and_errors_of_the_others_are_told(tmp_path: Path) -> None:
    program = """
if me == 1:
    print("epoch 1/3  loss 0.5")
    print("E0000 00:00:1 12 cuda.cc:52] no such device")
    print("UserWarning: that may not be meant")
    print("W301 warning: no activation between two layers")
    print("1 warning in model.yaml")
    sys.stdout.flush()
else: time.sleep(1)
"""
    _, told = run(tmp_path, program)
    assert told == [
        "worker 1 | E0000 00:00:1 12 cuda.cc:52] no such device",
        "worker 1 | UserWarning: that may not be meant",
    ]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not bind processes to cores")
def test_a_worker_runs_on_its_own_cores_only(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    run(tmp_path, "open(f'{sys.argv[1]}/{me}', 'w').write(json.dumps(sorted(os.sched_getaffinity(0))))")
    found = [tuple(json.loads((tmp_path / str(i)).read_text())) for i in range(2)]
    assert found == [m.cores for m in members(2, 0)]
    assert os.sched_getaffinity(0) == before


LAUNCHER = """
import sys
from specc.cluster.members import members
from specc.cluster.watch import run_together
print(run_together(sys.argv[1:], members(2, 0), print), flush=True)
"""


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_goes_to_the_one_that_leads_and_a_second_one_ends_all(tmp_path: Path, presses: int) -> None:
    program = (
        BEGIN
        + """
def once(*_):
    open(f"{sys.argv[1]}/told{me}", "w").write(str(os.getpid()))
    if len(sys.argv) == 2: sys.exit(0)
signal.signal(signal.SIGINT, once)
open(f"{sys.argv[1]}/ready{me}", "w").write(str(os.getpid()))
if me:
    while not os.path.exists(f"{sys.argv[1]}/told0"): time.sleep(0.02)
    if len(sys.argv) == 2: sys.exit(0)
time.sleep(100)
time.sleep(100)
"""
    )
    rest = ["stubborn"] if presses == 2 else []
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, sys.executable, "-c", program, str(tmp_path), *rest],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        until = time.monotonic() + 60
        while len(list(tmp_path.glob("ready*"))) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        while not (tmp_path / "told0").exists() and time.monotonic() < until:
            time.sleep(0.02)
        if presses == 2:
            process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert f"status={0 if presses == 1 else 130}" in said
    assert not (tmp_path / "told1").exists()
    nobody_is_left(tmp_path, 5)
