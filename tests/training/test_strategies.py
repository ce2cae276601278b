"""Strategies are what the machine has, or a refusal that says what it has."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import tensorflow as tf

from specc import kinds
from specc.diagnostics import Refusal
from specc.kinds.strategies import Strategy

NO_GPU = not tf.config.list_physical_devices("GPU")


def strategy(name: str, **arguments: Any) -> Strategy:
    made: Strategy = kinds.word("strategies", name)(**arguments)
    return made


def test_the_words_are_those_that_work() -> None:
    words = ("auto", "cpu", "gpu", "mirrored", "multi_worker", "parameter_server", "tpu")
    assert kinds.words("strategies") == words


@pytest.mark.parametrize("name", ["cpu", *(["auto"] if NO_GPU else [])])
def test_the_cpu_is_one_device(name: str) -> None:
    made = strategy(name).create(tf)
    assert made.num_replicas_in_sync == 1
    assert [device.rpartition("/")[2] for device in made.extended.worker_devices] == ["device:CPU:0"]


@pytest.mark.skipif(not NO_GPU, reason="this machine has a GPU")
@pytest.mark.parametrize(
    ("name", "arguments"), [("gpu", {}), ("mirrored", {}), ("mirrored", {"devices": ["gpu:0", "gpu:1"]})]
)
def test_a_gpu_that_is_not_there_is_refused(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        strategy(name, **arguments).create(tf)
    assert refused.value.code.id == "S601"
    assert "TensorFlow finds none" in refused.value.message
    assert "runtime: {strategy: auto}" in refused.value.help or "cpu:1" in refused.value.help


def test_replicas_on_cpu_and_gpu_together_are_refused() -> None:
    with pytest.raises(Refusal, match="between CPU and GPU"):
        strategy("mirrored", devices=["cpu:0", "gpu:0"]).create(tf)


def test_the_cpu_cannot_be_divided_once_tensorflow_has_started() -> None:
    tf.constant(1.0)
    with pytest.raises(Refusal, match="already started with 1"):
        strategy("mirrored", devices=["cpu:0", "cpu:1"]).create(tf)


@pytest.mark.parametrize("devices", [[], ["cpu"], ["tpu:0"], ["gpu:0", "gpu:0"], "gpu:0"])
def test_devices_that_are_no_devices_do_not_fit_the_schema(devices: Any) -> None:
    (argument,) = kinds.signature("strategies", "mirrored").arguments
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(devices, argument.schema)
    jsonschema.validate(["cpu:0", "cpu:1"], argument.schema)
