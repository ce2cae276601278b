"""A run as objects of Kubeflow's: a TrainJob for workers alone, a TFJob where there are servers as well."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from specc.cluster.job import Job, label

PORT = 2222
RESTARTS = 3
STEP = {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
"""The label by which Kubeflow knows the job of the training itself."""

Object = dict[str, Any]


def kubeflow(job: Job, *, image: str, claim: str, mount: str = "/work") -> str:
    """A manifest for `kubectl apply`. The volume claim holds spec and data, and is mounted at `mount` in every pod."""
    written = [_tf_job(job, image, claim, mount)] if job.servers else _train_job(job, image, claim, mount)
    return yaml.safe_dump_all(written, sort_keys=False, width=110)


def _train_job(job: Job, image: str, claim: str, mount: str) -> list[Object]:
    """A TrainJob and the runtime that it is of: Kubeflow brings none that is TensorFlow's."""
    name = label(job.name)
    hosts = [f"{name}-node-0-{i}.{name}:{PORT}" for i in range(job.workers)]
    told = json.dumps({"cluster": {"worker": hosts}, "task": {"type": "worker", "index": "INDEX"}})
    index = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    environment = [
        {"name": "TASK", "valueFrom": {"fieldRef": {"fieldPath": index}}},
        # Kubernetes puts in the value of a variable that stands before.
        {"name": "TF_CONFIG", "value": told.replace('"INDEX"', "$(TASK)")},
    ]
    container = {
        "name": "node",
        "image": image,
        "ports": [{"containerPort": PORT, "protocol": "TCP"}],
        **_mounted(mount),
    }
    pod = {"spec": {"restartPolicy": "Never", **_volumes(claim), "containers": [container]}}
    node = {"name": "node", "template": {"metadata": {"labels": STEP}, "spec": {"template": pod}}}
    # A pod that fails has all of them begin again, from the last checkpoint.
    jobs = {"failurePolicy": {"maxRestarts": RESTARTS}, "replicatedJobs": [node]}
    runtime = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainingRuntime",
        "metadata": {"name": f"{name}-runtime"},
        "spec": {"mlPolicy": {"numNodes": job.workers}, "template": {"spec": jobs}},
    }
    train_job = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": name},
        "spec": {
            "runtimeRef": {
                "apiGroup": "trainer.kubeflow.org",
                "kind": "TrainingRuntime",
                "name": f"{name}-runtime",
            },
            "trainer": {
                "numNodes": job.workers,
                "image": image,
                "command": job.command,
                "env": environment,
                "resourcesPerNode": _resources(job, job.gpus),
            },
        },
    }
    return [runtime, train_job]


def _tf_job(job: Job, image: str, claim: str, mount: str) -> Object:
    """A TFJob, whose operator gives every pod its `TF_CONFIG`."""

    def replicas(count: int, gpus: int) -> Object:
        container = {
            "name": "tensorflow",
            "image": image,
            "command": job.command,
            **_mounted(mount),
            "resources": _resources(job, gpus),
        }
        spec = {**_volumes(claim), "containers": [container]}
        # Begun again where a signal ended it, and not where the spec or the data is at fault.
        return {"replicas": count, "restartPolicy": "ExitCode", "template": {"spec": spec}}

    return {
        "apiVersion": "kubeflow.org/v1",
        "kind": "TFJob",
        "metadata": {"name": label(job.name)},
        "spec": {
            "runPolicy": {"cleanPodPolicy": "Running"},
            "tfReplicaSpecs": {
                "Chief": replicas(1, 0),
                "Worker": replicas(job.workers, job.gpus),
                "PS": replicas(job.servers, 0),
            },
        },
    }


def _volumes(claim: str) -> Object:
    return {"volumes": [{"name": "work", "persistentVolumeClaim": {"claimName": claim}}]}


def _mounted(mount: str) -> Object:
    return {"workingDir": mount, "volumeMounts": [{"name": "work", "mountPath": mount}]}


def _resources(job: Job, gpus: int) -> Mapping[str, Mapping[str, str]]:
    asked = {"cpu": str(job.cores)}
    if job.memory:
        asked["memory"] = job.memory
    if gpus:
        asked["nvidia.com/gpu"] = str(gpus)
    return {"requests": asked, "limits": dict(asked)}
