"""`mirrored`: one replica on each of several devices of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from specc.codes import S601
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.strategies._devices import gpus, mirrored, missing, split_cpu


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A replica on each of several devices; every batch is divided among them, and the result is that of one device."""

    devices: tuple[str, ...] | None = argument(
        "the devices, as in `[gpu:0, gpu:1]`; left out: every GPU. `[cpu:0, cpu:1]` divides the CPU, to try it out",
        {
            "type": "array",
            "items": {"type": "string", "pattern": "^(cpu|gpu):[0-9]+$", "x-needs": "a device like `gpu:0` or `cpu:1`"},
            "minItems": 1,
            "uniqueItems": True,
        },
        default=None,
    )

    def create(self, tf: ModuleType) -> Any:
        devices = gpus(tf) if self.devices is None else list(self.devices)
        if not devices:
            refusal = missing(tf, "GPU")
            raise Refusal(refusal.code, refusal.message, "`{mirrored: {devices: [cpu:0, cpu:1]}}` divides the CPU")
        kinds = {name.partition(":")[0] for name in devices}
        if len(kinds) > 1:
            raise Refusal(
                S601, "replicas cannot be divided between CPU and GPU", "name CPUs only, or GPUs only", "devices"
            )
        if kinds == {"cpu"}:
            split_cpu(tf, 1 + max(int(name.partition(":")[2]) for name in devices))
        for name in devices:
            if kinds == {"gpu"} and name not in gpus(tf):
                raise missing(tf, f"GPU `{name}`")
        return mirrored(tf, tuple(devices))
