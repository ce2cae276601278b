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
    strategy = tf.distribute.MultiWorkerMirroredStrategy(
        cluster_resolver=resolver(tf),
        communication_options=options.CommunicationOptions(implementation=implementation),
    )
    _tell_in_float32(tf, strategy.extended)
    return strategy


def _tell_in_float32(tf: ModuleType, extended: Any) -> None:
    """Have first values of bfloat16 told from process to process in float32: TensorFlow cannot tell them otherwise."""
    told = extended._get_variable_creator_initial_value

    def initial_value(replica_id: int, device: str, primary_var: Any, **given: Any) -> Any:
        if replica_id or given.get("dtype") != "bfloat16":
            return told(replica_id=replica_id, device=device, primary_var=primary_var, **given)
        first = given["initial_value"]

        def wide() -> Any:
            return tf.cast(first() if callable(first) else first, tf.float32)

        given |= {"initial_value": wide, "dtype": tf.float32}
        made = told(replica_id=replica_id, device=device, primary_var=primary_var, **given)
        return lambda: tf.cast(made(), tf.bfloat16)

    extended._get_variable_creator_initial_value = initial_value
