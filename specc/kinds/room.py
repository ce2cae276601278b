"""How much memory there is for data."""

from __future__ import annotations

import os
from pathlib import Path

SHARE = 0.4
"""What data may take of the memory that is free when it is read: the network and its training need the rest."""


def room() -> int:
    """Bytes that data may take: a share of what is free."""
    return int(SHARE * free())


def free() -> int:
    """Bytes that are free, within the limits of this process and its control group."""
    return min([_of_machine(), *_of_group(), *_of_process()])


def _of_machine() -> int:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 4 * 2**30


def _of_group(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> list[int]:
    """What the control groups of this process have left, its own and those around it that have a limit."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        number, kinds, path = line.split(":", 2)
        if number == "0":
            top, names = root, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in kinds.split(","):
            top, names = root / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        group = top / path.lstrip("/")
        # In a container the path is often that outside of it, and what is mounted is its own group.
        around = [group, *group.parents] if group.is_dir() else [top]
        found += [left for each in around if each.is_relative_to(top) for left in _left(each, *names)]
    return found


def _left(group: Path, limit: str, usage: str, cached: str) -> list[int]:
    """What one group has left; files that the kernel keeps in memory and would give up count as nothing."""
    try:
        most = int((group / limit).read_text(encoding="ascii"))  # "max" where there is no limit
        stat = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
        return [max(0, most - int((group / usage).read_text(encoding="ascii")) + int(stat.get(cached, 0)))]
    except (OSError, ValueError):
        return []


def _of_process() -> list[int]:
    """What is left of the limits that were set with `ulimit`."""
    try:
        import resource
    except ImportError:  # not on Windows
        return []
    held = _held()
    limits = {"VmData": resource.RLIMIT_DATA, "VmSize": resource.RLIMIT_AS}
    set_to = {name: resource.getrlimit(kind)[0] for name, kind in limits.items()}
    return [max(0, most - held.get(name, 0)) for name, most in set_to.items() if most != resource.RLIM_INFINITY]


def _held() -> dict[str, int]:
    """What this process has, as the kernel counts it against its limits; nothing where it does not say."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        told = dict(line.split(":", 1) for line in lines)
        return {name: 1024 * int(told[name].split()[0]) for name in ("VmData", "VmSize")}
    except (OSError, ValueError, KeyError, IndexError):
        return {}
