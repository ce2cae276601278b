"""A run on a cluster, as its scheduler is to be told of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """What a scheduler needs to know. `cores`, `memory` (as in `16Gi`) and `gpus` are for each worker.

    `overrides` are the words of `-p` and `--set`; `out` is the run's directory, which all must see under this path.
    """

    name: str
    spec: str
    out: str
    workers: int
    servers: int = 0
    cores: int = 4
    memory: str = ""
    gpus: int = 0
    overrides: Sequence[str] = ()

    @property
    def command(self) -> list[str]:
        """What every process of it runs: begun again, it goes on from the last checkpoint."""
        return ["specc", "run", self.spec, *self.overrides, "--out", self.out, "--resume"]


def label(name: str) -> str:
    """A name as Kubernetes takes it, and Slurm: small letters, digits and hyphens, no more than fit beside an index."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return words[:40].rstrip("-") or "run"
