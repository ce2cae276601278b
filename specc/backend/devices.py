"""The devices that TensorFlow sees on this machine."""

from __future__ import annotations

import tensorflow as tf


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
