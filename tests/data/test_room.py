"""What memory there is for data, within the limits of control groups of either version."""

from __future__ import annotations

from pathlib import Path

import pytest

from specc.kinds import room

MB = 2**20
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
V2 = ("memory.max", "memory.current", "inactive_file")


def group(path: Path, names: tuple[str, str, str], limit: str, usage: int, cached: int) -> None:
    path.mkdir(parents=True, exist_ok=True)
    (path / names[0]).write_text(f"{limit}\n")
    (path / names[1]).write_text(f"{usage}\n")
    (path / "memory.stat").write_text(f"anon 1\n{names[2]} {cached}\n")


@pytest.mark.parametrize(
    ("line", "top", "names"), [("0::/a/b", "", V2), ("4:memory:/a/b", "memory", V1)], ids=["v2", "v1"]
)
def test_the_tightest_group_around_a_process_counts(line, top, names, tmp_path):
    root, own = tmp_path / "cgroup", tmp_path / "own"
    own.write_text(f"9:name=systemd:/a\n{line}\n")
    group(root / top / "a" / "b", names, "max", 300 * MB, 0)
    group(root / top / "a", names, str(500 * MB), 400 * MB, 150 * MB)
    group(root / top, names, str(900 * MB), 400 * MB, 0)
    assert min(room._of_group(root, own)) == 250 * MB  # of what is used, 150 MB are files that the kernel would give up


def test_in_a_container_the_group_that_is_mounted_counts(tmp_path):
    root, own = tmp_path / "cgroup", tmp_path / "own"
    own.write_text("0::/docker/0123\n")
    group(root, V2, str(100 * MB), 30 * MB, 0)
    assert room._of_group(root, own) == [70 * MB]


@pytest.mark.parametrize("text", [None, "0::/nowhere\n"])
def test_without_a_limit_there_is_none(text, tmp_path):
    if text is not None:
        (tmp_path / "own").write_text(text)
    assert room._of_group(tmp_path / "cgroup", tmp_path / "own") == []


def test_what_is_free_is_no_more_than_the_machine_has():
    assert 0 < room.free() <= room._of_machine()
