"""The devices that TensorFlow sees on this machine."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.python.client import device_lib

from specc.kinds.room import free


def free_memory() -> int:
    """Bytes that are left for training: on the GPU that has least, else in the machine."""
    gpus = [device for device in device_lib.list_local_devices() if device.device_type == "GPU"]
    names = [device.name.replace("/device:", "") for device in gpus]
    held = [tf.config.experimental.get_memory_info(name)["current"] for name in names]
    least: int = min((gpu.memory_limit - taken for gpu, taken in zip(gpus, held, strict=True)), default=free())
    return least


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
