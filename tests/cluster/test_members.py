"""Processes of one machine: each its part, its port, its share of what there is."""

from __future__ import annotations

import json
import os
import socket

import pytest

from specc.cluster.members import gpus, members, shares


def test_the_first_worker_leads_where_there_are_no_servers() -> None:
    made = members(3, 0)
    assert [(m.name, m.leads) for m in made] == [("worker 0", True), ("worker 1", False), ("worker 2", False)]
    told = [json.loads(m.environment["TF_CONFIG"]) for m in made]
    assert [t["task"] for t in told] == [{"type": "worker", "index": i} for i in range(3)]
    assert all(t["cluster"] == told[0]["cluster"] for t in told)


def test_a_chief_leads_workers_and_servers() -> None:
    made = members(2, 2)
    assert [m.name for m in made if m.leads] == ["chief"]
    assert [m.name for m in made] == ["chief", "worker 0", "worker 1", "server 0", "server 1"]
    cluster = json.loads(made[0].environment["TF_CONFIG"])["cluster"]
    assert {role: len(addresses) for role, addresses in cluster.items()} == {"chief": 1, "worker": 2, "ps": 2}


def test_ports_are_free_and_all_different() -> None:
    (addresses,) = json.loads(members(8, 0)[0].environment["TF_CONFIG"])["cluster"].values()
    ports = [int(address.rpartition(":")[2]) for address in addresses]
    assert len(set(ports)) == 8
    for port in ports:
        with socket.socket() as one:
            one.bind(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("items", "count", "expected"),
    [
        ([0, 1, 2, 3], 2, [(0, 1), (2, 3)]),
        ([0, 1, 2, 3, 4], 2, [(0, 1), (2, 3, 4)]),
        ([4, 7], 3, [(4,), (7,), (4,)]),
        ([], 2, [(), ()]),
    ],
)
def test_shares_are_neighbours_and_as_equal_as_can_be(
    items: list[int], count: int, expected: list[tuple[int, ...]]
) -> None:
    assert shares(items, count) == expected


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not bind processes to cores")
def test_workers_share_the_cores_and_servers_have_them_all() -> None:
    there = sorted(os.sched_getaffinity(0))
    made = members(2, 1)
    assert [m.cores for m in made if m.role == "worker"] == shares(there, 2)
    assert all(m.cores == () for m in made if m.role != "worker")


def test_workers_share_the_gpus_and_the_others_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5,6,7")
    seen = {m.name: m.environment["CUDA_VISIBLE_DEVICES"] for m in members(2, 1, gpus())}
    assert seen == {"chief": "", "worker 0": "3,5", "worker 1": "6,7", "server 0": ""}


def test_no_gpu_is_shared_out_where_none_is_to_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpus() == []
    assert all("CUDA_VISIBLE_DEVICES" not in m.environment for m in members(2, 0, gpus()))
