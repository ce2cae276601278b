"""`multi_worker`: the same program on several machines, each with a share of every batch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from specc.kinds import argument
from specc.kinds.strategies._cluster import resolver


@dataclass(frozen=True, slots=True)
class MultiWorker:
    """Processes on one machine or many, each with a share of every batch; the result is that of one device."""

    communication: str = argument(
        "how gradients are added up: `nccl` between GPUs, `ring` between CPUs, `auto` chooses",
        {"type": "string", "enum": ["auto", "ring", "nccl"]},
        default="auto",
    )

    def create(self, tf: ModuleType) -> Any:
        return _connected(tf, self.communication)


@cache
def _connected(tf: ModuleType, communication: str) -> Any:
    """One strategy for a process, however many runs it makes: TensorFlow connects to a cluster only once."""
    options = tf.distribute.experimental
    implementation = getattr(options.CommunicationImplementation, communication.upper())
    return tf.distribute.MultiWorkerMirroredStrategy(
        cluster_resolver=resolver(tf),
        communication_options=options.CommunicationOptions(implementation=implementation),
    )
