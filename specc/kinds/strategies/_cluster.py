"""The processes of a cluster, and which of them this one is: from `TF_CONFIG`, or from Slurm's variables."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from specc.codes import S601
from specc.diagnostics import Refusal

PORTS = 12_000, 20_000
"""The first port of Slurm's jobs and how many they are spread over, so that two on one node do not meet."""


def resolver(tf: ModuleType, jobs: Mapping[str, int] | None = None) -> Any:
    """What knows the addresses of a cluster, a `tf.distribute.cluster_resolver.ClusterResolver`.

    Args:
        jobs: how many tasks of a Slurm step are `chief`, `ps` and so on; those that are left are workers.

    Raises:
        Refusal: S601 where the environment tells of no cluster, or of one that cannot be.
    """
    resolvers = tf.distribute.cluster_resolver
    if "TF_CONFIG" in os.environ:
        _check(os.environ["TF_CONFIG"])
        return resolvers.TFConfigClusterResolver()
    if "SLURM_PROCID" not in os.environ:
        raise Refusal(
            S601,
            "this process belongs to no cluster: neither `TF_CONFIG` nor a Slurm step is in its environment",
            "`specc launch SPEC --workers 2` starts one on this machine; `specc manifest` writes what starts others",
        )
    try:
        tasks = int(os.environ["SLURM_STEP_NUM_TASKS"])
        special = dict(jobs or {})
        first, spread = PORTS
        found = resolvers.SlurmClusterResolver(
            jobs={**special, "worker": tasks - sum(special.values())},
            port_base=first + int(os.environ.get("SLURM_JOB_ID", 0)) % spread,
            # Slurm has given each task its GPUs already; the resolver would ask for some where there are none.
            gpus_per_node=tasks,
            gpus_per_task=1,
            auto_set_gpu=False,
        )
        found.cluster_spec()
    except (KeyError, ValueError, RuntimeError, AssertionError) as error:
        raise Refusal(
            S601,
            f"Slurm's variables tell of no cluster that can be: {str(error).strip() or 'they contradict each other'}",
            "start it by `srun` inside a job; `specc manifest slurm SPEC` writes the script",
        ) from error
    return found


def _check(text: str) -> None:
    """See that `TF_CONFIG` names a cluster and a task in it."""
    help = 'it is like `{"cluster": {"worker": ["HOST:PORT", …]}, "task": {"type": "worker", "index": 0}}`'
    try:
        told = json.loads(text)
        cluster, task = told["cluster"], told["task"]
        addresses = cluster[task["type"]]
        addresses = list(addresses.values()) if isinstance(addresses, dict) else addresses
        if not 0 <= int(task["index"]) < len(addresses):
            raise Refusal(
                S601, f"`TF_CONFIG` has no `{task['type']}` number {task['index']}: there are {len(addresses)}"
            )
    except (ValueError, KeyError, TypeError) as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise Refusal(S601, f"`TF_CONFIG` does not describe a cluster: {what}", help) from error


def answers(address: str, seconds: float) -> bool:
    """Whether anything listens at `HOST:PORT`, within so many seconds."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=seconds).close()
    except (OSError, ValueError):
        return False
    return True


def until_gone(address: str, every: float = 0.5) -> None:
    """Return when what listens at `HOST:PORT` does so no more; it may not have begun yet."""
    seen, missed = False, 0
    while not seen or missed < 3:
        time.sleep(every)
        there = answers(address, 5.0)
        seen = seen or there
        missed = 0 if there else missed + 1
