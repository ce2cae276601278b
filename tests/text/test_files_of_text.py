"""A file that cannot be read is reported, with what to do about it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from specc.diagnostics import Diagnostic, Log
from specc.passes.read import load


def refused(path: Path | str) -> Diagnostic:
    log = Log()
    assert load(str(path), log) is None
    (found,) = log.diagnostics
    assert found.span.path == str(path)
    return found


def test_a_file_gives_its_text(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("\ufeffname: é☃😀\r\n".encode())
    log = Log()
    assert load(str(path), log) == "name: é☃😀\r\n"
    assert log.diagnostics == []


def test_a_file_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "digits.yaml").touch()
    found = refused(tmp_path / "digit.yaml")
    assert found.code.id == "S501"
    assert f"`{tmp_path / 'digits.yaml'}`" in found.help


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    found = refused(tmp_path / "nowhere" / "digits.yaml")
    assert (found.code.id, found.help) == ("S501", f"there is no directory `{tmp_path / 'nowhere'}` either")


def test_a_directory_names_a_spec_in_it(tmp_path: Path) -> None:
    (tmp_path / "digits.yaml").touch()
    found = refused(tmp_path)
    assert (found.code.id, found.help) == ("S501", f"name a spec in it: `{tmp_path / 'digits.yaml'}`")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.touch(mode=0o200)
    assert refused(path).code.id == "S501"


@pytest.mark.parametrize("path", ["a\x00b.yaml", "x" * 5000 + ".yaml"])
def test_what_is_no_path_is_not_found(path: str) -> None:
    assert refused(path).code.id == "S501"


@pytest.mark.parametrize(
    ("data", "line", "column", "byte"),
    [
        (b"name: caf\xe9\n", 1, 10, "offset 9 "),
        ("a: é\r\nname: ".encode() + b"\xff\n", 2, 7, "offset 13 "),
        (b"\xef\xbb\xbfname: \xe9", 1, 7, "offset 9 "),
        (b"name: \xc3", 1, 7, "offset 6 "),
    ],
)
def test_a_byte_that_is_not_utf_8_is_shown_where_it_stands(
    tmp_path: Path, data: bytes, line: int, column: int, byte: str
) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(data)
    found = refused(path)
    assert (found.code.id, found.span.line, found.span.column) == ("S001", line, column)
    assert byte in found.message
    assert "UTF-8" in found.help


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_another_unicode_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("\ufeffname: x\n".encode(encoding) if encoding.endswith("be") else "name: x\n".encode(encoding))
    found = refused(path)
    assert found.code.id == "S001"
    assert encoding[:6].upper() in found.message


def test_a_file_of_ten_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "data.yaml"
    path.write_bytes(b"x: " + b"a" * 10 * 1024**2)
    assert refused(path).code.id == "S003"


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there is no endless file here")
def test_an_endless_file_is_not_read_to_its_end() -> None:
    assert refused("/dev/zero").code.id == "S003"
