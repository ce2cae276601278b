"""Requests that come at the same time are answered together, and none suffers for another."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from models_to_serve import jpeg
from starlette.exceptions import HTTPException

from specc.backend.serving.batching import Batcher
from specc.backend.serving.metrics import Metrics
from specc.backend.serving.rest import read
from specc.backend.serving.signatures import Version, load

pytestmark = pytest.mark.xdist_group("serving")


def asked(version: Version, bodies: list[bytes], **options: Any) -> tuple[list[Any], str]:
    """The answers to requests of the same moment, and what was measured."""
    metrics = Metrics("m")
    batcher = Batcher(metrics, **({"batch": 8, "wait": 0.05, "queue": 100, "timeout": 30} | options))

    async def together() -> list[Any]:
        batcher.start()
        questions = [batcher.ask(read(body, "predict", version)) for body in bodies]
        answers = await asyncio.gather(*questions, return_exceptions=True)
        await batcher.close()
        return answers

    return asyncio.run(together()), metrics.text().decode()


def body(file: bytes) -> bytes:
    return b'{"instances": [{"b64": "' + base64.b64encode(file) + b'"}]}'


def test_a_damaged_file_spoils_no_other_answer(photos: Path) -> None:
    version = load(photos / "export/saved_model", 1)
    files = [jpeg(20 * number) for number in range(12)]
    files[5] = files[5][:40]
    answers, measured = asked(version, [body(file) for file in files])
    assert [n for n, one in enumerate(answers) if isinstance(one, HTTPException)] == [5]
    assert answers[5].status_code == 400
    signature = tf.saved_model.load(str(photos / "export/saved_model")).signatures["serving_default"]
    for number in (0, 4, 6, 11):
        expected = signature(picture=tf.constant([files[number]]))["label"].numpy()[0]
        found = answers[number].decode()
        assert found.startswith('{"predictions":[[')
        assert [float(one) for one in found[17:-3].split(",")] == pytest.approx(expected.tolist(), abs=1e-6)
    assert 'specc_batch_examples_bucket{le="4.0"}' in measured


def test_batches_hold_what_came_at_the_same_time_and_no_more_than_they_may(odd: Path) -> None:
    version = load(odd / "1", 1)
    bodies = [f'{{"instances": [{number}, {number + 1}]}}'.encode() for number in range(20)]
    answers, measured = asked(version, bodies, batch=8, wait=0.2)
    assert answers == [f'{{"predictions":[{2.0 * n},{2.0 * n + 2}]}}'.encode() for n in range(20)]
    assert "specc_batch_examples_count 5.0" in measured
    assert "specc_batch_examples_sum 40.0" in measured


def test_signatures_and_shapes_that_differ_do_not_share_a_batch(odd: Path) -> None:
    version = load(odd / "1", 1)
    bodies = [
        b'{"instances": [1]}',
        b'{"signature_name": "echo", "instances": ["abc"]}',
        b'{"instances": [2]}',
        b'{"signature_name": "mixed", "inputs": {"a": 2, "b": [[1]]}}',
        b'{"signature_name": "mixed", "inputs": {"a": 2, "b": [[1, 2]]}}',
    ]
    answers, _ = asked(version, bodies)
    assert [one.decode() for one in answers] == [
        '{"predictions":[2.0]}',
        '{"predictions":[{"length":3,"same_bytes":{"b64":"YWJj"}}]}',
        '{"predictions":[4.0]}',
        '{"outputs":{"rows":1,"scaled":[[2.0]]}}',
        '{"outputs":{"rows":1,"scaled":[[2.0,4.0]]}}',
    ]


def test_who_gave_up_is_not_computed_for(odd: Path) -> None:
    version = load(odd / "1", 1)
    slow = b'{"signature_name": "slow", "instances": [300000]}'
    answers, measured = asked(version, [slow] * 40, batch=1, wait=0, timeout=0.3)
    late = [one for one in answers if isinstance(one, HTTPException)]
    assert late
    assert all(one.status_code == 504 for one in late)
    computed = int(float(measured.split("specc_batch_examples_count ")[1].split()[0]))
    assert computed < 40
