"""The devices that TensorFlow sees on this machine."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import tensorflow as tf
from tensorflow.python.client import device_lib

from specc.kinds.room import free


def free_memory() -> int:
    """Bytes that are left for training: on the GPU that has least, else in the machine."""
    if not tf.config.list_logical_devices("GPU"):
        return free()
    return min(limit - taken for limit, taken in zip(_limits(), _on_gpus("current"), strict=True))


def _limits() -> list[int]:
    """Bytes that this process may have of each GPU, or of each part of one that is divided."""
    # The one place that tells of a GPU; it knows nothing of parts, and of none that is left to others.
    whole = [device.memory_limit for device in device_lib.list_local_devices() if device.device_type == "GPU"]
    seen, limits = tf.config.get_visible_devices("GPU"), []
    for gpu, limit in zip(tf.config.list_physical_devices("GPU"), whole, strict=True):
        parts = tf.config.get_logical_device_configuration(gpu) or [tf.config.LogicalDeviceConfiguration()]
        limits += [int(part.memory_limit * 2**20) if part.memory_limit else limit for part in parts if gpu in seen]
    return limits


def memory_in_use() -> dict[str, int]:
    """Bytes that this process holds now, as `memory`, and what tensors take of the fullest GPU, as `GPU memory`."""
    held = {"memory": _resident("VmRSS")}
    if gpus := _on_gpus("current"):
        held["GPU memory"] = max(gpus)
    return held


def peak_memory() -> dict[str, int]:
    """The most bytes that this process ever held, as `process`, and that tensors took of the fullest GPU, as `gpu`."""
    peak = {"process": _resident("VmHWM")}
    if gpus := _on_gpus("peak"):
        peak["gpu"] = max(gpus)
    return peak


def _on_gpus(which: str) -> list[int]:
    """Bytes that tensors take of each GPU: `current` or `peak`."""
    names = [":".join(gpu.name.rsplit(":", 2)[-2:]) for gpu in tf.config.list_logical_devices("GPU")]
    return [tf.config.experimental.get_memory_info(name)[which] for name in names]


def _resident(which: str) -> int:
    """Bytes that are in memory: `VmRSS` now, `VmHWM` at most."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition(f"{which}:")[2].split()[0]) * 1024
    except (OSError, ValueError, IndexError):  # not on Linux: the most that it ever held
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def describe() -> list[str]:
    """A line for each device, in TensorFlow's order: `GPU:0  NVIDIA A100-SXM4-40GB, compute capability 8.0`."""
    lines = []
    for device in tf.config.list_physical_devices():
        details = tf.config.experimental.get_device_details(device)
        known = [str(details["device_name"])] if "device_name" in details else []
        if "compute_capability" in details:
            known.append("compute capability " + ".".join(str(n) for n in details["compute_capability"]))
        lines.append(f"{device.device_type}:{device.name.rpartition(':')[2]}  {', '.join(known)}".rstrip())
    return lines
