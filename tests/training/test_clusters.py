"""Processes learn of their cluster from the environment, or are refused; and they notice one that is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

from specc import kinds
from specc.cluster.members import members
from specc.diagnostics import Refusal
from specc.kinds.strategies import _cluster
from specc.kinds.strategies._cluster import until_gone
from tests.training.conftest import BLOBS, Write, blobs

ROOT = Path(__file__).parents[2]
SECONDS = 240


def refused(name: str, monkeypatch: pytest.MonkeyPatch, **environment: str) -> Refusal:
    for key in [key for key in os.environ if key == "TF_CONFIG" or key.startswith("SLURM_")]:
        monkeypatch.delenv(key)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(Refusal) as raised:
        kinds.word("strategies", name)().create(tf)
    assert raised.value.code.id == "S601"
    return raised.value


@pytest.mark.parametrize("name", ["multi_worker", "parameter_server"])
def test_a_process_of_no_cluster_is_told_how_to_come_by_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = refused(name, monkeypatch)
    assert "neither `TF_CONFIG` nor a Slurm step" in refusal.message
    assert "specc launch SPEC --workers 2" in refusal.help


ONE = {"worker": ["127.0.0.1:1"]}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "does not describe a cluster"),
        ("[]", "does not describe a cluster"),
        (json.dumps({"cluster": ONE}), "it has no 'task'"),
        (json.dumps({"cluster": ONE, "task": {"type": "chief", "index": 0}}), "it has no 'chief'"),
        (json.dumps({"cluster": ONE, "task": {"type": "worker", "index": 1}}), "no `worker` number 1: there are 1"),
        (json.dumps({"cluster": ONE, "task": {"type": "worker", "index": "x"}}), "does not describe a cluster"),
    ],
)
def test_a_description_that_describes_nothing_is_refused(
    config: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert message in refused("multi_worker", monkeypatch, TF_CONFIG=config).message


def test_parameter_servers_need_all_three_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    config = json.dumps({"cluster": ONE, "task": {"type": "worker", "index": 0}})
    assert "no `chief` and no `ps`" in refused("parameter_server", monkeypatch, TF_CONFIG=config).message


def test_a_worker_of_servers_runs_nothing_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    (config,) = {m.environment["TF_CONFIG"] for m in members(1, 1) if m.role == "worker"}
    assert "serves its chief" in refused("parameter_server", monkeypatch, TF_CONFIG=config).message


SLURM = {"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "3", "SLURM_STEP_NODELIST": "n[1-3]", "SLURM_JOB_ID": "41234"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SLURM_STEP_TASKS_PER_NODE": "two"}, "Invalid tasks-per-node"),
        ({"SLURM_STEP_TASKS_PER_NODE": "1(x2)"}, "Requested 3 tasks"),
        ({}, "SLURM_STEP_TASKS_PER_NODE"),
    ],
)
def test_variables_of_slurm_that_contradict_each_other_are_refused(
    changes: Mapping[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert message in refused("multi_worker", monkeypatch, **SLURM, **changes).message


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        (None, {"worker": ["n1:13234", "n2:13234", "n3:13234"]}),
        ({"chief": 1, "ps": 1}, {"chief": ["n1:13234"], "ps": ["n2:13234"], "worker": ["n3:13234"]}),
    ],
)
def test_slurm_tells_who_is_where(
    jobs: Mapping[str, int] | None, expected: Mapping[str, Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    for key, value in {**SLURM, "SLURM_STEP_TASKS_PER_NODE": "1(x3)", "SLURM_PROCID": "2"}.items():
        monkeypatch.setenv(key, value)
    found = _cluster.resolver(tf, jobs)
    assert found.cluster_spec().as_dict() == expected
    assert (found.task_type, found.task_id) == ("worker", 2 if jobs is None else 0)


def test_a_tpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refusal) as raised:
        kinds.word("strategies", "tpu")().create(tf)
    assert raised.value.code.id == "S601"
    assert "this machine has no TPU that TensorFlow can use" in raised.value.message
    assert "runtime: {strategy: auto}" in raised.value.help


@pytest.mark.parametrize(
    ("address", "message"),
    [("grpc://127.0.0.1:9", "nothing answers at `127.0.0.1:9`"), ("my-tpu", "the TPU `my-tpu` cannot be reached")],
)
def test_a_tpu_that_cannot_be_reached_is_refused_at_its_address(address: str, message: str) -> None:
    began = time.monotonic()
    with pytest.raises(Refusal, match=message) as raised:
        kinds.word("strategies", "tpu")(address=address).create(tf)
    assert raised.value.argument == "address"
    assert time.monotonic() - began < 60


def test_who_serves_waits_for_its_chief_and_ends_after_it() -> None:
    (port,) = {m.environment["TF_CONFIG"] for m in members(1, 0)}
    address = json.loads(port)["cluster"]["worker"][0]
    listen = (
        "import socket, sys, time\ntime.sleep(0.5)\none = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "time.sleep(1.5)"
    )
    began = time.monotonic()
    chief = subprocess.Popen([sys.executable, "-c", listen, address.rpartition(":")[2]])
    try:
        until_gone(address, every=0.1)
        assert chief.wait(timeout=30) == 0
        assert time.monotonic() - began > 1.5
    finally:
        chief.kill()
        chief.wait()


@contextmanager
def runs(spec: Path, environments: Sequence[Mapping[str, str]], *words: str) -> Iterator[list[subprocess.Popen[str]]]:
    """`specc run` in a process for each environment, ended whatever happens; what they say goes to `PROCESS.txt`."""
    started = []
    try:
        for number, environment in enumerate(environments):
            with (spec.parent / f"{number}.txt").open("w") as said:
                started.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "specc", "run", str(spec), "--out", "run", *words],
                        cwd=spec.parent,
                        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", **environment},
                        stdout=said,
                        stderr=subprocess.STDOUT,
                        text=True,
                    )
                )
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait(timeout=60)


def said(spec: Path, number: int) -> str:
    return (spec.parent / f"{number}.txt").read_text()


def manifest(spec: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((spec.parent / "run" / "manifest.json").read_text())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["multi_worker", "parameter_server"])
def test_tasks_of_slurm_make_one_run(strategy: str, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    spec = write(blobs(100), BLOBS)
    tasks = 2 if strategy == "multi_worker" else 3
    step = {
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_STEP_NUM_TASKS": str(tasks),
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_STEP_TASKS_PER_NODE": str(tasks),
    }
    environments = [{**step, "SLURM_PROCID": str(number)} for number in range(tasks)]
    with runs(spec, environments, "--set", f"runtime.strategy={strategy}") as processes:
        assert [process.wait(timeout=SECONDS) for process in processes] == [0] * tasks, said(spec, 0)
    assert manifest(spec)["status"] == "finished"
    assert "epoch 3/3" in said(spec, 0)
    assert not any("epoch" in said(spec, number) for number in range(1, tasks))


@pytest.mark.slow
def test_a_process_that_is_lost_is_noticed_and_named(write: Write) -> None:
    text = BLOBS + "  callbacks: [{CSVLogger: {filename: log.csv}}]\n"
    spec = write(blobs(100), text)
    environments = [member.environment for member in members(2, 0)]
    words = ("--set", "runtime.strategy=multi_worker", "--set", "training.epochs=100000")
    with runs(spec, environments, *words) as (chief, worker):
        end = time.monotonic() + SECONDS
        while "epoch 3/" not in said(spec, 0) and time.monotonic() < end:
            assert chief.poll() is None, said(spec, 0)
            time.sleep(0.1)
        worker.send_signal(signal.SIGKILL)
        assert chief.wait(timeout=SECONDS) == 1
    assert "S610 error: worker 1 of the cluster is gone, and the others cannot go on" in said(spec, 0)
    assert "Traceback" not in said(spec, 0)
    assert manifest(spec)["status"] == "failed"
    # The weights are here as well.
    assert manifest(spec)["kept"].partition(" ")[0] in ("epoch", "step")
    assert keras.saving.load_model(spec.parent / "run" / "model.keras").count_params() > 0
    # What writes is idle in every process but the first: one file, one line an epoch.
    lines = (spec.parent / "run" / "log.csv").read_text().splitlines()
    numbers = [int(line.partition(",")[0]) for line in lines[1:]]
    assert numbers == list(range(len(numbers)))
    assert not (spec.parent / "log.csv").exists()


@pytest.mark.slow
@pytest.mark.parametrize("role", ["worker", "ps"])
def test_who_holds_variables_cannot_be_done_without_and_a_worker_can(role: str, write: Write) -> None:
    spec = write(blobs(100), BLOBS)
    cluster = members(2, 1)
    environments = [member.environment for member in cluster]
    words = ("--set", "runtime.strategy=parameter_server", "--set", "training.epochs=60")
    with runs(spec, environments, *words) as processes:
        chief = processes[0]
        end = time.monotonic() + SECONDS
        while "epoch 3/" not in said(spec, 0) and time.monotonic() < end:
            assert chief.poll() is None, said(spec, 0)
            time.sleep(0.05)
        victim = next(p for p, member in zip(processes, cluster, strict=True) if member.role == role)
        victim.send_signal(signal.SIGKILL)
        status = chief.wait(timeout=SECONDS)
    if role == "worker":
        # The other one takes its batch.
        assert status == 0, said(spec, 0)
        assert manifest(spec)["status"] == "finished"
        assert manifest(spec)["steps"] == 60 * 7
        return
    assert status == 1, said(spec, 0)
    assert "S610 error: ps 0 of the cluster is gone, and the others cannot go on" in said(spec, 0)
    assert "Traceback" not in said(spec, 0)
    assert manifest(spec)["status"] == "failed"
