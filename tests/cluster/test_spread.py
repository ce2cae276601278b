"""A spec is spread over processes by the strategy that goes with them, or it is said why it cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from specc import driver
from specc.cluster.spread import spread
from specc.diagnostics import Log, Rejected
from specc.tree import Source

SPEC = """specc: 1
dataset:
  source: {random: 64}
  inputs: {x: {type: tensor, shape: [4]}}
  targets: {y: {type: number}}
  batch_size: 4
model: {layers: [{Dense: 1}]}
training: {loss: mse, optimizer: sgd, epochs: 1}
"""


def laid(strategy: Any, workers: int, servers: int) -> tuple[dict[str, Any] | None, list[str]]:
    log = Log()
    plan = driver.check(Source("m.yaml", SPEC, sets={"runtime.strategy": strategy} if strategy else {}), log)
    try:
        return spread(plan, workers, servers, log), []
    except Rejected:
        return None, [f"{d.code.id} {d.message}" for d in log.sorted()]


@pytest.mark.parametrize(
    ("strategy", "servers", "expected"),
    [
        (None, 0, {"runtime.strategy": "multi_worker"}),
        (None, 1, {"runtime.strategy": "parameter_server"}),
        (None, 2, {"runtime.strategy": {"parameter_server": {"servers": 2}}}),
        ("multi_worker", 0, {}),
        ({"multi_worker": {"communication": "ring"}}, 0, {}),
        ({"parameter_server": {"servers": 2}}, 2, {}),
        ("parameter_server", 2, {"runtime.strategy": {"parameter_server": {"servers": 2}}}),
    ],
)
def test_what_is_laid_over_a_spec(strategy: Any, servers: int, expected: dict[str, Any]) -> None:
    assert laid(strategy, 2, servers) == (expected, [])


@pytest.mark.parametrize(
    ("strategy", "workers", "servers", "message"),
    [
        ("cpu", 2, 0, "S601 the spec asks for `cpu`, which is of one process"),
        ("multi_worker", 2, 1, "S601 the spec asks for `multi_worker`, and there is to be a server"),
        ("parameter_server", 2, 0, "S601 the spec asks for `parameter_server`, and there is to be no server"),
        (None, 5, 0, "S602 a batch of 4 cannot be shared by 5 workers"),
    ],
)
def test_what_cannot_be_spread_is_refused(strategy: Any, workers: int, servers: int, message: str) -> None:
    assert laid(strategy, workers, servers) == (None, [message])


def test_workers_with_servers_do_not_share_a_batch() -> None:
    assert laid(None, 5, 1)[1] == []
