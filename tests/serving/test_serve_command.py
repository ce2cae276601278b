"""`specc serve` as a process: what it shows, what it refuses, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from models_to_serve import Running, running
from prometheus_client.parser import text_string_to_metric_families

from specc import driver

pytestmark = pytest.mark.xdist_group("serving")

LIMITS = ("--queue", "3", "--timeout", "1.5", "--max-body", "0.1", "--batch", "1", "--name", "odd")


@pytest.fixture(scope="module")
def server(odd: Path) -> Iterator[Running]:
    """The odd model, with little patience."""
    with running(odd, *LIMITS) as there:
        yield there


def ask(server: Running, body: Any, verb: str = "predict") -> tuple[int, dict[str, Any], Any]:
    """The status, the content and the headers of an answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}/v1/models/odd:{verb}", data)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, json.load(error), error.headers


def slow(turns: int) -> dict[str, Any]:
    return {"signature_name": "slow", "instances": [turns]}


def get(server: Running, path: str) -> str:
    with urllib.request.urlopen(server.url + path, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def test_the_command_that_it_shows_works(people: Path, photos: Path, tmp_path: Path) -> None:
    with running(people) as there:
        assert f"model     {there.url}/v1/models/people  (version 1)" in there.said
        assert "age    float32, may be null" in there.said
        assert "work   text, one of 3 or another, may be null" in there.said
        done = subprocess.run(["sh", "-c", there.curl], capture_output=True, text=True, timeout=60)
        assert sum(json.loads(done.stdout)["predictions"][0]) == pytest.approx(1)
    (tmp_path / "photo.jpg").write_bytes(next((photos.parent / "photos").rglob("*.jpg")).read_bytes())
    with running(photos / "export" / "saved_model", "--name", "p") as there:
        assert f"{there.url}/v1/models/p" in there.said
    with running(photos) as there:
        done = subprocess.run(["sh", "-c", there.curl], capture_output=True, text=True, timeout=60, cwd=tmp_path)
        assert sum(json.loads(done.stdout)["predictions"][0]) == pytest.approx(1)


def test_health_readiness_and_metrics(server: Running) -> None:
    assert json.loads(get(server, "/healthz")) == {"status": "alive"}
    assert json.loads(get(server, "/readyz")) == {"status": "ready", "versions": [1]}
    before = figures(server)
    assert ask(server, {"instances": [1, 2, 3]})[0] == 200
    assert ask(server, {"instances": ["x"]})[0] == 400
    after = figures(server)
    for name, more in {
        ("specc_requests_total", "predict", "200"): 1,
        ("specc_requests_total", "predict", "400"): 1,
        ("specc_request_seconds_count", "predict"): 2,
        ("specc_batch_examples_sum",): 3,
    }.items():
        assert after[name] - before.get(name, 0) == more, name
    assert after["specc_queue_requests",] == 0
    assert after["specc_model_version", "odd"] == 1


def figures(server: Running) -> dict[tuple[str, ...], float]:
    """All figures by their names and labels."""
    families = text_string_to_metric_families(get(server, "/metrics"))
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_a_body_that_is_too_long_is_413(server: Running) -> None:
    status, told, _ = ask(server, {"instances": [1.5] * 40_000})
    assert (status, list(told)) == (413, ["error"])
    parts = urlsplit(server.url)
    with closing(HTTPConnection(parts.hostname or "", parts.port, timeout=30)) as connection:
        connection.putrequest("POST", "/v1/models/odd:predict")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        for _ in range(2):  # of a length that is told nowhere, and more to come
            connection.send(b"EA60\r\n" + b" " * 60_000 + b"\r\n")
        assert connection.getresponse().status == 413


def test_a_body_that_does_not_come_is_408(server: Running) -> None:
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as line:
        line.sendall(b"POST /v1/models/odd:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n{")
        assert line.recv(100).startswith(b"HTTP/1.1 408 ")


def test_an_answer_that_is_late_is_504_and_a_full_queue_429(server: Running) -> None:
    answers: list[tuple[int, dict[str, Any], Any]] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(server, slow(4_000_000)))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_status = {status: (told, headers) for status, told, headers in answers}
    assert {429, 504} <= by_status.keys() <= {200, 429, 504}
    assert all(list(told) == ["error"] for told, _ in (by_status[429], by_status[504]))
    assert by_status[429][1]["Retry-After"] == "1"
    deadline = time.monotonic() + 60
    while ask(server, {"instances": [1]})[0] != 200:  # it is all there again once that is over
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.parametrize("ends", [signal.SIGTERM, signal.SIGINT])
def test_what_is_in_flight_is_answered_before_it_ends(odd: Path, ends: signal.Signals) -> None:
    with running(odd, "--name", "odd") as there:
        answers: list[Any] = []
        asking = threading.Thread(target=lambda: answers.append(ask(there, slow(700_000))))
        asking.start()
        deadline = time.monotonic() + 30
        while figures(there).get(("specc_queue_requests",)) != 0 or not _computing(there):
            assert time.monotonic() < deadline
        there.process.send_signal(ends)
        time.sleep(0.4)
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            get(there, "/readyz")
        asking.join()
        assert answers[0][:2] == (200, {"predictions": [700_000]})
        assert there.process.wait(30) == 0
        assert "all that was asked is answered" in (there.process.stderr.read() if there.process.stderr else "")


def _computing(server: Running) -> bool:
    """Whether a processor is at work for it."""

    def ticks() -> int:
        fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    time.sleep(0.15)
    return ticks() - before > 5


def test_a_taken_port_is_told(cli: Callable[..., Any], odd: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = cli("serve", odd, "--port", str(port))
    assert ended.status == 1
    assert ended.err.endswith(
        f"error: port {port} of 127.0.0.1 is taken: choose another with `--port`, or 0 for a free one\n"
    )


def test_what_cannot_be_served_is_told(cli: Callable[..., Any], tmp_path: Path, people: Path) -> None:
    ended = cli("serve", tmp_path / "nothing", "--port", "0")
    assert (ended.status, "S501" in ended.err, "there is no run" in ended.err) == (1, True, True)
    ended = cli("serve", f"{people}s", "--port", "0")
    assert (ended.status, f"did you mean `{people}`?" in ended.err) == (1, True)
    ended = cli("serve", tmp_path, "--port", "0")
    assert (ended.status, "has no spec.yaml" in ended.err) == (1, True)
    (tmp_path / "versions" / "1").mkdir(parents=True)
    ended = cli("serve", tmp_path / "versions", "--port", "0")
    assert (ended.status, "no directory of versions" in ended.err) == (1, True)
    (tmp_path / "run").mkdir()
    for name in ("spec.yaml", "manifest.json"):
        (tmp_path / "run" / name).write_bytes((people / name).read_bytes())
    ended = cli("serve", tmp_path / "run", "--port", "0")
    assert (ended.status, "`specc export" in ended.err, "--format saved_model`" in ended.err) == (1, True, True)
    (tmp_path / "saved_model.pb").write_bytes(b"none")
    ended = cli("serve", tmp_path, "--port", "0")
    assert (ended.status, "S503" in ended.err) == (1, True)


@pytest.mark.parametrize("wrong", [("--port", "-1"), ("--batch", "0"), ("--name", "a/b"), ("--timeout", "0")])
def test_wrong_usage_is_told(cli: Callable[..., Any], odd: Path, wrong: tuple[str, str]) -> None:
    ended = cli("serve", odd, *wrong)
    assert (ended.status, wrong[0] in ended.err) == (2, True)


def test_without_the_extra_it_is_told_what_to_install(
    cli: Callable[..., Any], odd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = driver.find_spec
    monkeypatch.setattr(driver, "find_spec", lambda name: None if name in ("uvicorn", "orjson") else there(name))
    ended = cli("serve", odd)
    assert ended.status == 1
    assert "S606" in ended.err
    assert "`uvicorn`, `orjson`, which are not installed" in ended.err
    assert "pip install 'specc[serve]'" in ended.err


LOAD = """
import asyncio, sys, aiohttp
async def main(url, many):
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(600)) as client:
        async def one(number):
            async with client.post(url, json={"instances": [number]}) as answer:
                assert answer.status == 200, await answer.text()
                assert await answer.json() == {"predictions": [2.0 * number]}
                return 1
        print(sum(await asyncio.gather(*(one(number) for number in range(many)))))
asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def all_answered(server: Running, many: int) -> int:
    """So many requests at once, from a process of their own; how many were answered, and rightly."""
    command = [sys.executable, "-c", LOAD, f"{server.url}/v1/models/odd:predict", str(many)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout)


def test_of_many_requests_in_flight_none_is_lost(odd: Path) -> None:
    with running(odd, "--name", "odd", "--queue", "10000", "--timeout", "600") as there:
        assert all_answered(there, 300) == 300


@pytest.mark.slow
def test_of_ten_thousand_requests_in_flight_none_is_lost(odd: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in (resource.RLIM_INFINITY,) and hard < 11_000:
        pytest.skip(f"a process may have {hard} files open here, and 10,000 connections need more")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000) if hard > 0 else 20_000, hard))
    try:
        with running(odd, "--name", "odd", "--queue", "10000", "--timeout", "600") as there:
            assert all_answered(there, 10_000) == 10_000
            assert os.path.exists(f"/proc/{there.process.pid}")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
