"""`tpu`: the cores of a TPU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from specc.codes import S601
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.strategies._cluster import answers
from specc.kinds.strategies._devices import gpus

SECONDS = 20.0
"""How long a TPU at an address may take to answer; TensorFlow itself would wait for ever."""


@dataclass(frozen=True, slots=True)
class Tpu:
    """The cores of a TPU, each with a share of every batch."""

    address: str | None = argument(
        "the TPU's name in its project, or its address, as in `grpc://10.0.0.2:8470`; left out: that of this machine",
        {"type": "string", "minLength": 1},
        default=None,
    )

    def create(self, tf: ModuleType) -> Any:
        address = (self.address or "").removeprefix("grpc://")
        if ":" in address and not answers(address, SECONDS):
            raise Refusal(S601, f"nothing answers at `{address}`", _remedy(tf), "address")
        try:
            return _connected(tf, self.address)
        except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
            reason = str(error).strip().partition("\n")[0]
            what = "this machine has no TPU that TensorFlow can use"
            if isinstance(error, tf.errors.NotFoundError) and "OpKernel" in reason:
                reason = "this TensorFlow is built without support for TPUs"
            if self.address is not None:
                what = f"the TPU `{self.address}` cannot be reached"
            raise Refusal(S601, f"{what}: {reason}", _remedy(tf), "" if self.address is None else "address") from error


@cache
def _connected(tf: ModuleType, address: str | None) -> Any:
    """One strategy for a process: a TPU forgets everything when it is initialized again."""
    found = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=address or "local")
    if address is not None:
        tf.config.experimental_connect_to_cluster(found)
    tf.tpu.experimental.initialize_tpu_system(found)
    return tf.distribute.TPUStrategy(found)


def _remedy(tf: ModuleType) -> str:
    there = ", ".join(f"`{name}`" for name in gpus(tf)) or "a CPU"
    return (
        f"there is {there}: `runtime: {{strategy: auto}}` runs on it; `specc validate --target tpu --exact` tells "
        "without a TPU whether a spec could run on one, and `pip install 'specc[tpu]'` brings TensorFlow for TPUs"
    )
