"""`parameter_server`: workers that wait for nobody, on variables that servers hold."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from specc.codes import S601
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.strategies._cluster import resolver, until_gone


@dataclass(frozen=True, slots=True)
class ParameterServer:
    """Workers that take batches and wait for nobody, on variables that servers hold; not the result of one device."""

    servers: int = argument(
        "how many tasks of a Slurm job hold variables; `TF_CONFIG` tells by itself",
        {"type": "integer", "minimum": 1},
        default=1,
    )

    def create(self, tf: ModuleType) -> Any:
        found = self._resolver(tf)
        if self._serves(found):
            raise Refusal(
                S601,
                f"this process is `{found.task_type}` {found.task_id} of a cluster, which serves its chief",
                "`specc run SPEC` does so in every process but the chief",
            )
        return _connected(tf, self.servers)

    def serve(self, tf: ModuleType) -> bool:
        """Serve until the chief is gone, where this process is a worker or a server; False, at once, in the chief.

        Raises:
            Refusal: S601, as `create` does.
        """
        found = self._resolver(tf)
        if not self._serves(found):
            return False
        spec = found.cluster_spec()
        # A scheduler tells all at once to end, and the chief needs them until it has.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        config = tf.compat.v1.ConfigProto()
        # A step waits for variables of others; with a thread for each core, a process with one core waits for itself.
        config.inter_op_parallelism_threads = max(os.cpu_count() or 1, 2 + sum(map(spec.num_tasks, spec.jobs)))
        tf.distribute.Server(spec, job_name=found.task_type, task_index=found.task_id, protocol="grpc", config=config)
        until_gone(spec.job_tasks("chief")[0])
        return True

    def _resolver(self, tf: ModuleType) -> Any:
        found = resolver(tf, {"chief": 1, "ps": self.servers})
        absent = [name for name in ("chief", "worker", "ps") if name not in found.cluster_spec().jobs]
        if absent:
            raise Refusal(
                S601,
                f"this cluster has no {' and no '.join(f'`{name}`' for name in absent)}",
                "parameter servers need a `chief`, at least one `worker` and at least one `ps`",
            )
        return found

    def _serves(self, found: Any) -> bool:
        return found.task_type in ("worker", "ps")


@cache
def _connected(tf: ModuleType, servers: int) -> Any:
    """One strategy for a process, however many runs it makes: TensorFlow connects to a cluster only once."""
    # Variables stay whole: Keras cannot take them in parts.
    strategy = tf.distribute.ParameterServerStrategy(resolver(tf, {"chief": 1, "ps": servers}))
    if strategy.num_replicas_in_sync > 1:
        raise Refusal(
            S601,
            f"each worker has {strategy.num_replicas_in_sync} GPUs, and takes its batches on one",
            "start a worker for each GPU, with a `CUDA_VISIBLE_DEVICES` of its own",
        )
    return strategy
