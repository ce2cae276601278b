"""`manifest.json`: what one needs to know of a run to understand it, and to run it again."""

from __future__ import annotations

import json
import os
import platform
import shlex
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from specc.backend import rundir
from specc.backend.data import Data
from specc.backend.devices import describe
from specc.backend.training.steps import Steps
from specc.kinds.strategies import COMMAND
from specc.plan import Plan
from specc.tree import Source


def facts(plan: Plan, steps: Steps, data: Data) -> dict[str, Any]:
    """What is known of a run before its first step."""
    strategy, model = steps.strategy, steps.model
    return {
        "name": plan.name,
        "seed": plan.seed,
        "command": os.environ.get(COMMAND) or command(plan.source),
        "versions": {
            "specc": version("specc"),
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": version("numpy"),
        },
        "hardware": {
            "system": platform.platform(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "devices": describe(),
        },
        "strategy": {
            "asked": plan.runtime.strategy.name,
            "replicas": strategy.num_replicas_in_sync,
            "workers": workers(strategy),
            "devices": devices(strategy),
        },
        "precision": plan.runtime.precision,
        "xla": steps.xla,
        "environment": dict(plan.environment),
        "parameters": {
            "total": model.count_params(),
            "trainable": sum(variable.value.shape.num_elements() for variable in model.trainable_variables),
        },
        "data": data.described,
        "features": data.states,
    }


def same_data(known: Mapping[str, Any], data: Data) -> bool:
    """Whether a run whose manifest is `known` began with data of which the same is learnt, and as much of it."""
    found = json.loads(rundir.json_text({"rows": data.described["rows"], "features": data.states}))
    return bool(found == {"rows": known.get("data", {}).get("rows"), "features": known.get("features")})


def read(run: Path) -> dict[str, Any] | None:
    """What was written of a run; None where nothing was, or cannot be read."""
    try:
        known = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) else None


def devices(strategy: Any) -> list[str]:
    """The devices that a strategy trains on, as specs name them: `gpu:0`."""
    return [":".join(name.lower().rsplit(":", 2)[-2:]) for name in strategy.extended.worker_devices]


def workers(strategy: Any) -> int:
    """How many processes train, each on such devices."""
    clustered = tf.distribute.MultiWorkerMirroredStrategy, tf.distribute.ParameterServerStrategy
    if not isinstance(strategy, clustered):
        return 1
    # TensorFlow's property does not know that of a strategy with servers.
    cluster = (strategy.cluster_resolver or strategy._cluster_resolver).cluster_spec()
    # A chief trains too, but where servers hold the variables.
    jobs = ("worker",) if isinstance(strategy, clustered[1]) else ("chief", "worker")
    return sum(cluster.num_tasks(job) for job in jobs if job in cluster.jobs) or 1


def command(source: Source) -> str:
    """The command line that does the same again."""
    words = ["specc", "run", source.path]
    for option, values in (("-p", source.params), ("--set", source.sets)):
        for name, value in values.items():
            words += [option, f"{name}={json.dumps(value)}"]
    return shlex.join(words)
