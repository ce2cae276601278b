"""Files that lie elsewhere are fetched once, read like any other, and named by their URLs."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from socket import create_connection, socket

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data_plans import data_plan, everything, feature, reader, told
from PIL import Image
from reading import refused, table

from specc.backend.data import open_data
from specc.diagnostics import Log

MEMORY = fsspec.filesystem("memory")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield tmp_path / "cache" / "specc" / "fetched"
    MEMORY.store.clear()


def test_a_url_is_read_like_a_file(tmp_path):
    MEMORY.pipe("/data/t.csv", b"a,b\n1,x\n2,y\n")
    np.save(tmp_path / "x.npy", np.arange(5))
    MEMORY.pipe("/data/x.npy", (tmp_path / "x.npy").read_bytes())
    assert table("csv", path="memory://data/t.csv", fields=["a"]).columns["a"].tolist() == ["1", "2"]
    assert table("npy", path="memory://data/x.npy", fields=["data"]).columns["data"].tolist() == [0, 1, 2, 3, 4]


def test_a_pattern_names_several_in_the_order_of_their_names(tmp_path):
    for number in (2, 1):
        pq.write_table(pa.table({"a": [number]}), tmp_path / "t.parquet")
        MEMORY.pipe(f"/data/deep/part-{number}.parquet", (tmp_path / "t.parquet").read_bytes())
    for pattern in ("memory://data/deep/*.parquet", "memory://data/**/part-*.parquet"):
        read = table("parquet", path=pattern, fields=["a"])
        assert read.columns["a"].tolist() == [1, 2]
        assert read.origin.where(1) == "memory:///data/deep/part-2.parquet, row 0"


def test_messages_and_the_fingerprint_name_the_url():
    MEMORY.pipe("/t.csv", b"a,b\n1,2\n3\n")
    told = "memory://t.csv:3 cannot be read: expected 2 columns, got 1: 3"
    assert refused("csv", path="memory://t.csv", fields=["a"])[1] == told
    MEMORY.pipe("/good.csv", b"a,b\n" + b"1,2\n" * 20)
    plan = data_plan(reader("csv", path="memory://good.csv"), {"a": feature("number")}, {})
    (file,) = open_data(plan, Log()).fingerprint["files"]
    assert (file["path"], file["bytes"]) == ("memory://good.csv", 84)


def test_a_file_is_fetched_once_and_again_when_it_has_changed(cache):
    MEMORY.pipe("/t.csv", b"a\n1\n")
    for _ in range(3):
        assert table("csv", path="memory://t.csv", fields=["a"]).columns["a"].tolist() == ["1"]
    assert len(list(cache.rglob("t.csv"))) == 1
    MEMORY.pipe("/t.csv", b"a\n2\n")
    assert table("csv", path="memory://t.csv", fields=["a"]).columns["a"].tolist() == ["2"]


def test_what_was_not_used_for_a_week_is_removed(cache):
    MEMORY.pipe("/old.csv", b"a\n1\n")
    MEMORY.pipe("/new.csv", b"a\n1\n")
    (old,) = table("csv", path="memory://old.csv").files
    os.utime(old.parent, (time.time() - 8 * 24 * 3600,) * 2)
    table("csv", path="memory://new.csv")
    assert [path.name for path in cache.rglob("*.csv")] == ["new.csv"]


@pytest.mark.parametrize(
    ("url", "code", "message"),
    [
        ("memory://none.csv", "S501", "there is no file `memory://none.csv`"),
        ("memory://none-*.csv", "S501", "no file matches `memory://none-*.csv`"),
        ("memory://data", "S501", "`memory://data` is a folder, not a file"),
        ("nosuch://x.csv", "S501", "`nosuch://x.csv` cannot be opened: Protocol not known: nosuch"),
    ],
)
def test_what_cannot_be_had_is_told(url, code, message):
    MEMORY.pipe("/data/t.csv", b"a\n1\n")
    assert refused("csv", path=url)[:2] == (code, message)


def test_a_url_whose_package_is_not_installed_says_what_to_type():
    if find_spec("s3fs") is not None:
        pytest.skip("s3fs is installed")
    code, _, help = refused("csv", path="s3://bucket/t.csv")
    assert (code, help) == ("S606", "type `pip install s3fs`")


def test_folders_of_classes_are_fetched(cache):
    for number, name in enumerate(["b/2", "b/10", "a/deep/1", "a/.hidden", "top"]):
        MEMORY.pipe(f"/data/{name}.txt", f"text {number}".encode())
    MEMORY.pipe("/data/a/notes.md", b"no text")
    read = table("text_folder", path="memory://data", fields=["text", "label"])
    assert read.columns["text"].tolist() == ["text 2", "text 1", "text 0"]
    assert read.columns["label"].tolist() == ["a", "b", "b"]
    assert [read.origin.where(row) for row in (0, 1)] == ["memory:///data/a/deep/1.txt", "memory:///data/b/10.txt"]
    MEMORY.pipe("/data/b/2.txt", b"new")
    MEMORY.rm("/data/b/10.txt")
    MEMORY.pipe("/other/c/3.txt", b"\xff")
    assert table("text_folder", path="memory://data/", fields=["text"]).columns["text"].tolist() == ["text 2", "new"]
    assert table("text_folder", path="memory://*", fields=["label"]).columns["label"].tolist() == ["a", "b", "c"]
    told = "memory:///other/c/3.txt is not utf-8 text at byte 0"
    assert refused("text_folder", path="memory://other", fields=["text"])[1] == told


def test_pictures_in_a_folder_elsewhere_are_named_by_their_urls():
    for number in range(6):
        data = io.BytesIO()
        Image.new("RGB", (8, 8), (40 * number,) * 3).save(data, "png")
        MEMORY.pipe(f"/pictures/{'ab'[number % 2]}/{number}.png", data.getvalue()[: -30 if number == 3 else None])
    source = reader("image_folder", path="memory://pictures")
    plan = data_plan(
        source, {"image": feature("image", size=[8, 8])}, {"label": feature("category", vocabulary=["a", "b"])}
    )
    ((code, _, message, _),) = told(open_data, plan)
    assert (code, message) == ("S503", "cannot decode `memory:///pictures/b/3.png`")
    MEMORY.rm("/pictures/b/3.png")
    data = open_data(plan, Log())
    shades = sorted(everything(data.splits["train"], "image")[:, 0, 0, 0].tolist())
    assert shades == [0, 40, 80, 160, 200]
    assert {file["path"] for file in data.fingerprint["files"]} == {
        f"memory:///pictures/{'ab'[number % 2]}/{number}.png" for number in (0, 1, 2, 4, 5)
    }


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memory://none", "there is no folder `memory://none`"),
        ("memory://none-*", "there is no folder `memory://none-*`"),
        ("memory://data", "`memory://data` holds no .txt file"),
        ("memory://flat", "the folders in `memory://flat` hold no texts"),
        ("nosuch://x", "`nosuch://x` cannot be opened: Protocol not known: nosuch"),
    ],
)
def test_folders_that_cannot_be_had_are_told(url, message):
    MEMORY.pipe("/data/a/t.csv", b"a\n1\n")
    MEMORY.pipe("/flat/t.txt", b"a")
    assert refused("text_folder", path=url)[:2] == ("S501", message)


@pytest.fixture
def web(tmp_path):
    """A web server on this machine, and the folder that it serves."""
    (tmp_path / "www").mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "www")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", tmp_path / "www"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_web_is_read(web):
    pytest.importorskip("aiohttp", reason="fsspec reads the web with aiohttp")
    address, folder = web
    (folder / "t.csv").write_text("a\n7\n")
    read = table("csv", path=f"{address}/t.csv?version=2", fields=["a"])
    assert read.columns["a"].tolist() == ["7"]
    assert read.origin.where(0) == f"{address}/t.csv?version=2:2"
    assert refused("csv", path=f"{address}/none.csv")[:2] == ("S501", f"there is no file `{address}/none.csv`")


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """A store that speaks S3, on this machine."""
    for package in ("s3fs", "moto", "flask"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "me",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError), create_connection(("127.0.0.1", port), 1):
            break
        time.sleep(0.2)
    store = fsspec.filesystem("s3", skip_instance_cache=True)
    store.mkdir("shop")
    yield store
    server.terminate()
    server.wait()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:.*boto.*")
def test_a_bucket_is_read(bucket):
    bucket.pipe("s3://shop/2.csv", b"a\n2\n")
    bucket.pipe("s3://shop/1.csv", b"a\n1\n")
    read = table("csv", path="s3://shop/*.csv", fields=["a"])
    assert read.columns["a"].tolist() == ["1", "2"]
    assert read.origin.where(1) == "s3://shop/2.csv:2"
    bucket.pipe("s3://shop/1.csv", b"a\n7\n")
    assert table("csv", path="s3://shop/1.csv", fields=["a"]).columns["a"].tolist() == ["7"]
    assert refused("csv", path="s3://shop/none.csv")[:2] == ("S501", "there is no file `s3://shop/none.csv`")
    code, message, _ = refused("csv", path="s3://no-such-shop/t.csv")
    assert (code, message) == ("S501", "there is no file `s3://no-such-shop/t.csv`")
    for number in range(20):
        bucket.pipe(f"s3://shop/texts/{'ab'[number % 2]}/{number:02}.txt", str(number).encode())
    read = table("text_folder", path="s3://shop/texts", fields=["text", "label"])
    assert read.columns["text"].tolist() == [str(number) for number in (*range(0, 20, 2), *range(1, 20, 2))]
    assert read.columns["label"].tolist() == ["a"] * 10 + ["b"] * 10
    assert read.origin.where(10) == "s3://shop/texts/b/01.txt"
    assert refused("text_folder", path="s3://shop/none")[:2] == ("S501", "there is no folder `s3://shop/none`")
