"""What `validate` takes for specs: files, directories, patterns, standard input; and which warnings it keeps quiet."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from pathlib import Path

import pytest

GOOD = "specc: 1\nmodel:\n  inputs: {x: {shape: [4]}}\n  layers: [Dense: 3]\n"
BAD = GOOD.replace("Dense", "Dens")
UNUSED = "specc: 1\nmodel:\n  inputs: {x: {shape: [4]}}\n  layers:\n    - Dense: 2\n    - Dense: 3\n      inputs: x\n"


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "\ufeff" + GOOD,
        "# a comment\n\n" + GOOD,
        "%YAML 1.2\n---\n" + GOOD,
        "--- # a document\n" + GOOD,
        "model: {}\nspecc: 1\n",
        '"specc": 1\n',
        "'specc' : 1\n",
        "{specc: 1, model: {}}",
        '{"model": {"a": "}"}, "specc": 1}\n',
        "# flow\n--- {model: {layers: []}, specc: 1}\n",
        "  specc: 1\n  model: {}\n",
        "  model: {}\n  specc: 1\n",
        "specc:1\nmodel: {}\n",
        " specc: 1\nmodel: {}\n",
        "specc: 1\r\nmodel: {}\r\n",
    ],
)
def test_a_file_with_specc_at_its_top_is_a_spec(cli, write, tmp_path: Path, text: str):
    (tmp_path / "model.yaml").write_bytes(text.encode())
    assert "passed over" not in cli("validate", tmp_path).err


@pytest.mark.parametrize(
    "text",
    [
        "",
        "services:\n  specc: 1\n",
        "- specc: 1\n",
        "{a: {specc: 1}}\n",
        "# specc: 1\na: 1\n",
        "specc\n",
        "speccs: 1\n",
        "description: |\n  specc: 1\n",
        '{a: "specc: 1"}\n',
        "{a: 1}\n",
        "\0\1\2",
    ],
)
def test_another_yaml_file_is_passed_over(cli, write, tmp_path: Path, text: str):
    write("other.yaml", text)
    ended = cli("validate", tmp_path)
    assert ended.status == 0
    assert ended.err == "1 YAML file without `specc:` at the top passed over\n"


def test_a_spec_in_another_encoding_is_found_and_told(cli, tmp_path: Path):
    (tmp_path / "model.yaml").write_bytes(GOOD.encode("utf-16"))
    ended = cli("validate", tmp_path)
    assert ended.status == 1
    assert "UTF-16" in ended.err


def test_what_others_wrote_is_not_looked_at(cli, write, tmp_path: Path):
    write("mine.yaml", GOOD)
    for folder in (".git", "node_modules/x", "env/lib/site-packages", "a/__pycache__"):
        write(f"{folder}/bad.yaml", BAD)
    write("env/pyvenv.cfg", "")
    write("env/share/bad.yaml", BAD)
    assert cli("validate", tmp_path).out == "1 spec checked, nothing to report\n"
    assert cli("validate", tmp_path / "env").status == 1, "who names it means it"


def test_links_lead_nowhere_twice(cli, write, tmp_path: Path):
    spec = write("a/model.yaml", GOOD)
    (tmp_path / "a/again").symlink_to(tmp_path)
    (tmp_path / "b.yaml").symlink_to(spec)
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    ended = cli("validate", tmp_path, spec, tmp_path / "a" / ".." / "a" / "model.yaml")
    assert ended.out == "1 spec checked, nothing to report\n"
    assert ended.err == f"1 YAML file that cannot be read passed over: {tmp_path / 'gone.yaml'}\n"


def test_a_pipe_in_a_directory_is_not_waited_for(cli, write, tmp_path: Path):
    write("model.yaml", GOOD)
    os.mkfifo(tmp_path / "pipe.yaml")
    assert cli("validate", tmp_path).out == "1 spec checked, nothing to report\n"


def test_a_path_and_a_pattern_that_mean_nothing_are_told(cli, write, tmp_path: Path):
    write("model.yaml", GOOD)
    ended = cli("validate", tmp_path / "modle.yaml")
    assert ended.status == 1
    assert "S501 error: there is no file" in ended.err
    assert "did you mean" in ended.err
    ended = cli("validate", "--format", "json", tmp_path / "*.yml", tmp_path / "model.yaml")
    (found,) = json.loads(ended.out)["diagnostics"]
    assert (ended.status, found["code"]) == (1, "S501")
    assert found["message"] == f"no file matches the pattern `{tmp_path / '*.yml'}`"


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(cli, write):
    assert cli("validate", write("model[1].yaml", GOOD)).status == 0


def test_ten_thousand_files_are_looked_through_in_seconds(cli, tmp_path: Path):
    for i in range(100):
        folder = tmp_path / f"d{i}"
        folder.mkdir()
        for j in range(100):
            (folder / f"{j}.yaml").write_text("services:\n  web: {image: specc}\n", encoding="utf-8")
    (tmp_path / "d50" / "model.yaml").write_text(GOOD, encoding="utf-8")
    began = time.perf_counter()
    ended = cli("validate", tmp_path)
    assert ended.out == "1 spec checked, nothing to report\n"
    assert ended.err == "10,000 YAML files without `specc:` at the top passed over\n"
    assert time.perf_counter() - began < 10


def test_a_spec_comes_from_standard_input(cli, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + BAD.encode())))
    ended = cli("validate", "--format", "json", "-")
    (found,) = json.loads(ended.out)["diagnostics"]
    assert (ended.status, found["path"], found["code"], found["line"]) == (1, "<stdin>", "S102", 4)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    assert cli("validate", "-").out == "1 spec checked, nothing to report\n"


BASE = "specc: 1\nparams: {width: null}\ntraining: {optimizer: adam, loss: mse}\n"


def test_a_spec_that_only_others_make_whole_is_checked_as_part_of_them(cli, write, tmp_path: Path):
    base = write("base.yaml", BASE)
    write("model.yaml", GOOD.replace("specc: 1\n", "specc: 1\nextends: base.yaml\nparams: {width: 3}\n"))
    assert cli("validate", tmp_path).status == 0
    assert cli("validate", base).status == 1, "who names it asks for it alone"
    base.write_text(BASE.replace("optimizer", "optimzer"), encoding="utf-8")
    ended = cli("validate", "--format", "json", tmp_path)
    assert [(d["path"], d["code"]) for d in json.loads(ended.out)["diagnostics"]] == [(str(base), "S101")]


def test_a_spec_without_a_model_that_nobody_extends_is_told(cli, write, tmp_path: Path):
    write("base.yaml", BASE)
    ended = cli("validate", tmp_path)
    assert ended.status == 1
    assert "S104" in ended.err


def test_a_warning_can_be_allowed(cli, write):
    path = write("unused.yaml", UNUSED)
    assert "S206" in cli("validate", path).err
    for allowed in (["--allow", "S206"], ["--allow", "s206,S206"], ["--allow", " S206 ", "--strict"]):
        ended = cli("validate", *allowed, path)
        assert (ended.status, ended.err) == (0, "")
    path.write_text(UNUSED.replace("- Dense: 2", "- Dense: 2  # specc: allow S206"), encoding="utf-8")
    assert cli("validate", "--strict", path).status == 0


@pytest.mark.parametrize(
    ("allowed", "answer"),
    [
        ("S999", "there is no warning `S999`"),
        ("S207", "there is no warning `S207`; did you mean `S206`?"),
        ("S103", "S103 (unknown argument) is an error, and only warnings can be allowed"),
        ("S206,X", "there is no warning `X`"),
    ],
)
def test_only_a_warning_that_exists_can_be_allowed(cli, write, allowed: str, answer: str):
    ended = cli("validate", "--allow", allowed, write("unused.yaml", UNUSED))
    assert ended.status == 2
    assert answer in ended.err
