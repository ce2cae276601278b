"""`validate --fix`: which files it writes, what it says, and what it leaves as it was."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

HEAD = "specc: 1\nmodel:\n  inputs: {x: {shape: [4]}}\n  layers:\n"


def test_a_file_that_is_for_reading_only_is_left_as_it_is(cli, write):
    path = write("model.yaml", HEAD + "    - Dens: 10\n")
    path.chmod(0o444)
    ended = cli("validate", "--fix", path)
    assert path.read_text(encoding="utf-8") == HEAD + "    - Dens: 10\n"
    assert (ended.status, "is read-only" in ended.err) == (1, True)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("    - Dense: {units: 3, activation: Relu}\n", "    - Dense: {units: 3, activation: relu}\n"),
        ("    - Dens: 10\n", "    - Dense: 10\n"),
        ("    - {Dense: {'unit': 3}}\n", "    - {Dense: {'units': 3}}\n"),
        ('    - "dense": {units: 3}\n', '    - "Dense": {units: 3}\n'),
        ("    - Conv2d: {filters: 3, kernel_size: 2}\n", "    - Conv2D: {filters: 3, kernel_size: 2}\n"),
        ("    - Dense:10\n", "    - Dense: 10\n"),
        ("    - Dense: {units:10}  # ten\n", "    - Dense: {units: 10}  # ten\n"),
        ("    - Add\n      inputs: [x, x]\n", "    - Add:\n      inputs: [x, x]\n"),
        ("    - Dense:\n      units: 3\n      name: a\n", "    - Dense:\n        units: 3\n      name: a\n"),
        ("    - Dropout: '0.5'\n", "    - Dropout: 0.5\n"),
        ("    - Dense: {units: 3, use_bias: off}\n", "    - Dense: {units: 3, use_bias: false}\n"),
        ("    - Dense: {units: 3, use_bias: 'true'}\n", "    - Dense: {units: 3, use_bias: true}\n"),
        ("    - Dense: {units: 3 activation: relu}\n", "    - Dense: {units: 3, activation: relu}\n"),
        ("    - Dense: {units: 3.0}\n", "    - Dense: {units: 3}\n"),
        ("    - matmul:\n      inputs: [x, x]\n", "    - ops.matmul:\n      inputs: [x, x]\n"),
        ("    - Dense: {units: ${2 * 3}, use_bias: on}\n", '    - Dense: {units: "${2 * 3}", use_bias: true}\n'),
    ],
    ids=lambda text: text.strip().split("\n")[0],
)
def test_a_remedy_that_is_certain_is_applied(cli, write, wrong: str, right: str):
    path = write("model.yaml", HEAD + wrong)
    ended = cli("validate", "--fix", path)
    assert path.read_text(encoding="utf-8") == HEAD + right
    assert "fixed in" in ended.out


@pytest.mark.parametrize(
    "line",
    [
        "    - Conv4D: {filters: 3, kernel_size: 2}\n",  # Conv1D, Conv2D and Conv3D are equally near
        "    - Dense: {units: 3, activation: rlu}\n",  # relu or elu
        "    - Dense: {units: ten}\n",
        "    - Flatten: {data_fromat: channels_last, dataformat: x}\n",  # both would be `data_format`
        "    - Dense: 3\n      name: one\n    - Dense: 3\n      inputs: ane\n",  # or is the name misspelt?
        "    - Dens\n",  # `Dense` alone lacks its `units`: an error for another
        "\t- Dense: 3\n",
    ],
)
def test_what_is_not_certain_is_left_as_it_is(cli, write, line: str):
    path = write("model.yaml", HEAD + line)
    ended = cli("validate", "--fix", path)
    assert ended.status == 1
    assert path.read_text(encoding="utf-8") == HEAD + line
    assert "fixed in" not in ended.out


NAMED = "    - Dense: 4\n      name: encoder\n    - Dense: 4\n    - Add:\n      inputs: [prev, encoder]\n"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (NAMED + "    - Add:\n      inputs: [prev, encodr]\n", NAMED + "    - Add:\n      inputs: [prev, encoder]\n"),
        (
            NAMED + "    - Add:\n      inputs: [prev, 'encodr[0]']\n",
            NAMED + "    - Add:\n      inputs: [prev, 'encoder[0]']\n",
        ),
        (NAMED + "    - apply: encodre\n", NAMED + "    - apply: encoder\n"),
        ("    - dense_block: 3\n    - dens_block: 3\n", "    - dense_block: 3\n    - dense_block: 3\n"),
        ("    - dense_block: {wdith: 3}\n", "    - dense_block: {width: 3}\n"),
    ],
    ids=["in a list", "of several outputs", "apply", "a block", "a parameter"],
)
def test_a_name_of_the_spec_is_certain_where_it_is_used_elsewhere_too(cli, write, wrong: str, right: str):
    block = "blocks:\n  dense_block:\n    params: {width: null}\n    layers: [Dense: '${width}']\n"
    path = write("model.yaml", HEAD + wrong + block)
    assert cli("validate", "--fix", path).status == 0
    assert path.read_text(encoding="utf-8") == HEAD + right + block


@pytest.mark.parametrize(
    "text",
    [
        NAMED.replace("name: encoder", "name: encodr"),
        NAMED.replace("name: encoder", "name: encodr") + "    - Add:\n      inputs: [prev, encoder]\n",
        NAMED.replace("inputs: [prev, encoder]", "inputs: [prev, encodr]  # of encoder"),
    ],
    ids=["declared", "declared, used twice", "used once"],
)
def test_a_name_that_may_be_misspelt_where_it_is_declared_is_left(cli, write, text: str):
    path = write("model.yaml", HEAD + text)
    ended = cli("validate", "--fix", path)
    assert "did you mean" in ended.err
    assert path.read_text(encoding="utf-8") == HEAD + text


def test_where_a_section_is_misspelt_no_name_of_a_block_is_taken_for_a_misspelt_layer(cli, write):
    path = write("model.yaml", HEAD + "    - dense: 3\nblcks:\n  dense: {params: {n: 1}, layers: [Dense: 3]}\n")
    assert cli("validate", "--fix", path).status == 0
    assert (
        path.read_text(encoding="utf-8")
        == HEAD + "    - dense: 3\nblocks:\n  dense: {params: {n: 1}, layers: [Dense: 3]}\n"
    )


def test_it_says_what_was_fixed_and_then_what_remains(cli, write):
    path = write("model.yaml", HEAD + "    - Dens: {unit: 3, activation: relu}\n    - Dense: {units: ten}\n")
    ended = cli("validate", "--fix", path)
    assert ended.status == 1
    assert ended.out == f"2 fixed in {path}\n"
    assert "S105 error: `units` must be" in ended.err
    assert ended.err.endswith(f"\n1 error in {path}\n")


def test_when_nothing_remains_the_spec_is_good(cli, write):
    path = write("model.yaml", HEAD + "    - Dens: 3\n")
    ended = cli("validate", "--fix", path)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == f"1 fixed in {path}\n1 spec checked, nothing to report\n"
    assert cli("validate", "--fix", path).out == "1 spec checked, nothing to report\n"


def test_an_error_that_was_hidden_by_the_order_of_passes_is_told_and_the_remedy_kept(cli, write):
    path = write("model.yaml", HEAD + "    - Dens: 3\n    - Conv2D: {filters: 3, kernel_size: 2}\n")
    ended = cli("validate", "--fix", path)
    assert "Dense: 3" in path.read_text(encoding="utf-8")
    assert "S301" in ended.err


def test_byte_order_mark_line_endings_layout_and_comments_stay(cli, tmp_path: Path):
    path = tmp_path / "model.yaml"
    lines = [
        "\ufeffspecc: 1  # é☃",
        "model:",
        "  inputs:   {x: {shape: [4]}}",
        "  layers:",
        "    - Dens:   3",
        "",
        "# end",
    ]
    path.write_bytes("\r\n".join(lines).encode("utf-8"))
    assert cli("validate", "--fix", path).status == 0
    assert path.read_bytes() == "\r\n".join(lines).replace("Dens:", "Dense:").encode("utf-8")


def test_mixed_line_endings_stay_mixed(cli, tmp_path: Path):
    path = tmp_path / "model.yaml"
    path.write_bytes((HEAD + "    - Dens: 3\r\n    - Dens: 4\r    - Dens: 5\n").replace("1\n", "1\r", 1).encode())
    assert cli("validate", "--fix", path).status == 0
    assert path.read_bytes().endswith(b"    - Dense: 3\r\n    - Dense: 4\r    - Dense: 5\n")
    assert path.read_bytes().startswith(b"specc: 1\rmodel:\n")


def test_a_link_is_followed_and_the_mode_kept(cli, write, tmp_path: Path):
    path = write("real/model.yaml", HEAD + "    - Dens: 3\n")
    path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    assert cli("validate", "--fix", link).status == 0
    assert link.is_symlink()
    assert path.read_text(encoding="utf-8") == HEAD + "    - Dense: 3\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(path.parent) == ["model.yaml"]


def test_a_good_file_is_not_touched(cli, write):
    path = write("model.yaml", HEAD + "    - Dense: 3\n")
    before = path.stat()
    assert cli("validate", "--fix", path).status == 0
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_a_file_that_a_spec_extends_is_mended_where_it_lies_beside_it(cli, write):
    base = write("base.yaml", HEAD.replace("specc: 1\n", "") + "    - Dens: 3\n")
    path = write("model.yaml", "specc: 1\nextends: base.yaml\n")
    ended = cli("validate", "--fix", path)
    assert ended.status == 0
    assert "Dense: 3" in base.read_text(encoding="utf-8")
    assert f"1 fixed in {base}\n" in ended.out


def test_a_file_elsewhere_is_left_to_its_owners_unless_it_is_given(cli, write, tmp_path: Path):
    base = write("shared/base.yaml", HEAD.replace("specc: 1\n", "") + "    - Dens: 3\n")
    path = write("mine/model.yaml", "specc: 1\nextends: ../shared/base.yaml\n")
    before = base.read_bytes()
    ended = cli("validate", "--fix", path)
    assert ended.status == 1
    assert base.read_bytes() == before
    assert f"1 can be fixed in {base}, which lies elsewhere" in ended.out
    assert cli("validate", "--fix", tmp_path).status == 0
    assert b"Dense: 3" in base.read_bytes()


def test_what_mends_one_spec_must_not_harm_another_that_extends_the_same_file(cli, write, tmp_path: Path):
    # The second spec has got used to the misspelt key, and takes it away.
    base = write("base.part", "training: {optimizer: adam, loss: mse, metrcs: [mae]}\n" + HEAD.split("\n", 1)[1])
    text = base.read_text(encoding="utf-8") + "    - Dense: 3\n"
    base.write_text(text, encoding="utf-8")
    write("one.yaml", "specc: 1\nextends: base.part\n")
    write("two.yaml", "specc: 1\nextends: base.part\ntraining: {metrcs: null}\n")
    assert cli("validate", tmp_path / "two.yaml").status == 0
    ended = cli("validate", "--fix", tmp_path)
    assert ended.status == 1
    assert base.read_text(encoding="utf-8") == text
    assert "S101" in ended.err


def test_programs_get_what_remains_and_people_what_was_fixed(cli, write):
    path = write("model.yaml", HEAD + "    - Dens: 3\n    - Dropout: 2\n")
    ended = cli("validate", "--fix", "--format", "json", path)
    assert [d["code"] for d in json.loads(ended.out)["diagnostics"]] == ["S105"]
    assert ended.err == f"1 fixed in {path}\n"


def test_standard_input_cannot_be_fixed(cli):
    ended = cli("validate", "--fix", "-")
    assert ended.status == 2
    assert "--fix writes to files" in ended.err


def test_a_file_that_may_not_be_written_is_named_and_stays(cli, write, monkeypatch: pytest.MonkeyPatch):
    path = write("model.yaml", HEAD + "    - Dens: 3\n")

    def refuse(old: str, new: str) -> None:
        raise PermissionError(13, "Permission denied", new)

    monkeypatch.setattr(os, "replace", refuse)  # root may write everywhere
    ended = cli("validate", "--fix", path)
    assert ended.status == 1
    assert f"`{path}`: permission denied" in ended.err
    assert path.read_text(encoding="utf-8") == HEAD + "    - Dens: 3\n"
    assert os.listdir(path.parent) == ["model.yaml"]
