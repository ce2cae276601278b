"""What is typed wrongly is answered in words, with the status that LANGUAGE gives it, and never with a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPECC = [sys.executable, "-m", "specc"]


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (["valdate", "x.yaml"], "`valdate` is no command; did you mean `validate`?"),
        (["model.yaml"], "to train it: specc run model.yaml"),
        (["validate"], "missing argument 'PATH...'"),
        (["validate", "--strickt", "x.yaml"], "--strict"),
        (["validate", "--format", "xml", "x.yaml"], "'xml' is not one of 'text', 'json'"),
        (["summary", "x.yaml", "y.yaml"], "y.yaml"),
        (["summary", "x.yaml", "-p", "width"], "width"),
        (["summary", "x.yaml", "--set", "=3"], "=3"),
        (["explain", "S320"], "there is no code `S320`"),
        (["run"], "missing argument 'SPEC'"),
        (["run", "x.yaml", "--find-lr", "--resume"], "--find-lr trains on a trial"),
        (["--frobnicate"], "--frobnicate"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_wrong_usage_ends_with_2_and_says_what_was_meant(cli, typed: list[str], answer: str):
    ended = cli(*typed)
    assert ended.status == 2
    assert ended.out == ""
    assert answer in ended.err
    assert "Traceback" not in ended.err
    assert "--help" in ended.err


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "S501"),
        (b"", "S001"),
        (b"specc: 1\nmodel: {layers: [\n", "S001"),
        (b"\xff\xfe\x00s", "S001"),
        (b"\x00\x01\x02", "S001"),
        (b"- a\n- list\n", "S001"),
        (b"specc: 1\nspecc: 1\n", "S002"),
        (b"specc: 9\nmodel: {layers: [ReLU]}\n", "S107"),
        (b"specc: 1\nmodle: {}\n", "S101"),
        (b"specc: 1\nextends: gone.yaml\n", "S004"),
    ],
    ids=[
        "missing",
        "empty",
        "unclosed",
        "not UTF-8",
        "binary",
        "a list",
        "twice",
        "version 9",
        "misspelt",
        "base gone",
    ],
)
@pytest.mark.parametrize("command", [["validate"], ["summary"], ["emit"], ["run"]], ids=lambda c: c[0])
def test_a_bad_spec_ends_with_1_and_its_code_whatever_the_command(
    cli, tmp_path: Path, command: list[str], content: bytes | None, code: str
):
    path = tmp_path / "spec.yaml"
    if content is not None:
        path.write_bytes(content)
    ended = cli(*command, path)
    assert ended.status == 1
    assert ended.out == ""
    assert f"{code} error: " in ended.err
    assert "Traceback" not in ended.err


def test_an_output_that_cannot_be_written_is_named(cli, write, tmp_path: Path):
    spec = write("good.yaml", "specc: 1\nmodel:\n  inputs: {x: {shape: [4]}}\n  layers: [Dense: 3]\n")
    ended = cli("emit", spec, "--output", tmp_path / "no" / "such" / "file.py")
    assert ended.status == 1
    assert ended.err == f"error: `{tmp_path / 'no' / 'such' / 'file.py'}`: no such file or directory\n"


def test_a_reader_that_goes_away_is_no_error():
    done = subprocess.run(
        f"'{sys.executable}' -m specc schema | head -c 10", shell=True, cwd=ROOT, capture_output=True, timeout=60
    )
    assert done.stdout == b'{\n  "$sche'
    assert done.stderr == b""


def test_ctrl_c_is_quiet(tmp_path: Path):
    # A named pipe keeps the command waiting for its spec until the signal comes.
    pipe = tmp_path / "spec.yaml"
    os.mkfifo(pipe)
    # What a shell runs in the background ignores SIGINT, and so would all that it starts.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen([*SPECC, "validate", str(pipe)], cwd=ROOT, stdout=-1, stderr=-1, preexec_fn=heeding)
    writer = os.open(pipe, os.O_WRONLY)  # Returns once the command has opened the other end.
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    os.close(writer)
    assert (process.returncode, out, err) == (130, b"", b"\n")  # Below the ^C that a terminal shows.


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
    ids=["a pipe", "forced", "refused"],
)
@pytest.mark.parametrize(
    "typed", [["validate", "gone.yaml"], ["explain", "S302"], []], ids=["validate", "explain", "alone"]
)
def test_colour_is_for_terminals_and_who_asks(typed: list[str], variables: dict[str, str], coloured: bool):
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    done = subprocess.run(
        [*SPECC, *typed], cwd=ROOT, capture_output=True, text=True, env=environment | variables, timeout=60
    )
    assert ("\x1b[" in done.stdout + done.stderr) == coloured
