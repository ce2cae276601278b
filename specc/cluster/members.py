"""The processes of a run on this machine: their part, their address, their cores and GPUs."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from specc.kinds.strategies import COMMAND

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Member:
    """One process: `role` is TensorFlow's word for its part, `chief`, `worker` or `ps`.

    `cores` are those it may use, none for all; `environment` is what it gets beside what is there.
    """

    role: str
    number: int
    leads: bool
    environment: Mapping[str, str]
    cores: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """What people call it: `worker 1`, `server 0`, `chief`."""
        return self.role if self.role == "chief" else f"{'server' if self.role == 'ps' else self.role} {self.number}"


def members(workers: int, servers: int, gpus: Sequence[str] = (), command: str = "") -> list[Member]:
    """So many workers and servers on free ports of this machine, the one that leads first.

    Without servers the first worker leads; with servers there is a chief beside the workers. Cores and GPUs are shared
    out among the workers. `command` is what starts them all, for the manifest of the run.
    """
    cluster = {"worker": workers} if not servers else {"chief": 1, "worker": workers, "ps": servers}
    ports = iter(_free_ports(sum(cluster.values())))
    addresses = {role: [f"127.0.0.1:{next(ports)}" for _ in range(count)] for role, count in cluster.items()}
    cores = shares(_cores(), workers)
    made = []
    for role, count in cluster.items():
        for number in range(count):
            told = {"cluster": addresses, "task": {"type": role, "index": number}}
            environment = {"TF_CONFIG": json.dumps(told), COMMAND: command}
            if gpus:
                own = shares(gpus, workers)[number] if role == "worker" else ()
                environment["CUDA_VISIBLE_DEVICES"] = ",".join(own)
            leads = (role, number) == (next(iter(cluster)), 0)
            made.append(Member(role, number, leads, environment, cores[number] if role == "worker" else ()))
    return made


def shares(items: Sequence[Item], count: int) -> list[tuple[Item, ...]]:
    """Neighbouring items for each of `count`, as many to each as can be; where they are too few, one to several."""
    if len(items) < count:
        return [(items[i % len(items)],) if items else () for i in range(count)]
    return [tuple(items[i * len(items) // count : (i + 1) * len(items) // count]) for i in range(count)]


def gpus() -> list[str]:
    """The GPUs that processes started here would see, as `CUDA_VISIBLE_DEVICES` names them; none if none is known."""
    if (named := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in named.split(",") if name]
    return [str(number) for number, _ in enumerate(Path("/proc/driver/nvidia/gpus").glob("*"))]


def _cores() -> list[int]:
    """The cores of this process, in order; none where the system does not bind processes to them."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
