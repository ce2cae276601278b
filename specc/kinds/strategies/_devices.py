"""The devices of this machine, as specs name them: `gpu:0`, `cpu:1`."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from types import ModuleType
from typing import Any

from specc.codes import S601
from specc.diagnostics import Refusal


def gpus(tf: ModuleType) -> list[str]:
    """The GPUs that TensorFlow can use, in its order."""
    return [f"gpu:{i}" for i in range(len(tf.config.list_logical_devices("GPU")))]


def without_gpus(tf: ModuleType) -> None:
    """Leave the GPUs to others, for the whole process, as TensorFlow has it.

    It would else take all their memory, and reckon there what belongs to no replica, like first weights.
    """
    with suppress(RuntimeError):  # TensorFlow has begun, and goes on with what it sees.
        tf.config.set_visible_devices([], "GPU")


@cache
def mirrored(tf: ModuleType, devices: tuple[str, ...]) -> Any:
    """A replica on each device.

    One strategy for the same devices, however many runs a process makes: TensorFlow numbers collectives anew for each
    strategy, and a second one's would be taken for the first one's.
    """
    if devices[0].startswith("cpu"):
        # Logical CPUs share one memory: adding up in one place needs no collectives.
        return tf.distribute.MirroredStrategy(devices, cross_device_ops=tf.distribute.ReductionToOneDevice())
    return tf.distribute.MirroredStrategy(devices)


def missing(tf: ModuleType, what: str) -> Refusal:
    """What is asked for is not there; says what is."""
    there = gpus(tf)
    found = f"TensorFlow finds {', '.join(f'`{name}`' for name in there)}" if there else "TensorFlow finds none at all"
    help = "with `runtime: {strategy: auto}` it runs on what there is"
    if not there and not tf.test.is_built_with_cuda():
        help += "; this TensorFlow is built without CUDA"
    return Refusal(S601, f"this machine has no {what}: {found}", help)


def split_cpu(tf: ModuleType, count: int) -> None:
    """See to it that `cpu:0` … `cpu:{count - 1}` exist, logical devices on the one CPU.

    Raises:
        Refusal: S601 when TensorFlow has already started with fewer.
    """
    (cpu,) = tf.config.list_physical_devices("CPU")
    try:
        configured = tf.config.get_logical_device_configuration(cpu) or [tf.config.LogicalDeviceConfiguration()]
        if len(configured) < count:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError as error:
        there = len(tf.config.list_logical_devices("CPU"))
        raise Refusal(
            S601,
            f"`cpu:{count - 1}` needs {count} logical CPUs, and TensorFlow has already started with {there}",
            "run this spec first in its process",
        ) from error
