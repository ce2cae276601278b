"""Pictures and sounds that lie in a table as bytes: read as files are, each named by its row where it is at fault."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import tensorflow as tf
from data_plans import data_plan, everything, feature, reader, told
from PIL import Image

import specc
from specc.backend.data import open_data
from specc.data.opening import open_sources
from specc.diagnostics import Log

RANDOM = np.random.default_rng(8)
PICTURE, SOUND = {"size": [6, 8], "channels": 3}, {"rate": 8000, "seconds": 0.25}
KINDS = [("image", PICTURE), ("audio", SOUND)]
FORMS = ["bytes", "struct", "part"]


def picture(number, form="png"):
    """Pictures of several sizes, one shade for each number."""
    data = io.BytesIO()
    Image.fromarray(np.full((9 + number % 3, 12, 3), 20 * number, np.uint8)).save(data, form)
    return data.getvalue()


def sound(number, form="wav"):
    data = io.BytesIO()
    at = np.arange(2000 + 100 * number) / 8000
    soundfile.write(data, 0.4 * np.sin(2 * np.pi * 200 * (1 + number) * at), 8000, format=form)
    return data.getvalue()


MADE = {"image": picture, "audio": sound}


@pytest.fixture(params=FORMS)
def stored(request, tmp_path):
    """`stored(kind, files)`: a reader of a Parquet file in which they lie, and the column."""

    def write(kind, files, labels=None):
        column = files
        if request.param != "bytes":
            column = [None if data is None else {"bytes": data, "path": f"{n}.x"} for n, data in enumerate(files)]
        labels = labels or [number % 2 for number in range(len(files))]
        table = {"x": pa.array(column, None if request.param != "bytes" else pa.binary()), "y": labels}
        pq.write_table(pa.table(table), tmp_path / "t.parquet", row_group_size=5)
        return reader("parquet", path=str(tmp_path / "t.parquet")), "x.bytes" if request.param == "part" else "x"

    return write


def packed(stored, kind, properties, files, **more):
    source, column = stored(kind, files)
    return data_plan(source, {"x": (column, feature(kind, **properties))}, {"y": feature("binary")}, **more)


def in_a_folder(folder, kind, properties, files):
    """The same files, each by its name."""
    ending = {"image": "png", "audio": "wav"}[kind]
    for number, data in enumerate(files):
        (folder / f"{number}.{ending}").write_bytes(data)
    lines = [f"{number}.{ending},{number % 2}\n" for number in range(len(files))]
    (folder / "t.csv").write_text("x,y\n" + "".join(lines))
    source = reader("csv", path=str(folder / "t.csv"))
    return data_plan(source, {"x": feature(kind, **properties)}, {"y": feature("binary")})


@pytest.mark.parametrize(("kind", "properties"), KINDS)
@pytest.mark.parametrize("cache", ["memory", "disk"])
def test_bytes_in_a_table_are_what_files_are(tmp_path, stored, kind, properties, cache):
    files = [MADE[kind](number) for number in range(12)]
    data = open_data(packed(stored, kind, properties, files, cache=cache), Log())
    expected = open_data(in_a_folder(tmp_path, kind, properties, files), Log())
    np.testing.assert_array_equal(everything(data.splits["train"], "x"), everything(expected.splits["train"], "x"))
    assert data.splits["train"].raw(slice(0, 3))["x"].tolist() == files[:3]


FOUL = {2: lambda data: data[: len(data) // 2], 3: lambda data: b"", 7: lambda data: b"nothing of this kind"}


@pytest.mark.parametrize(("kind", "properties"), KINDS)
def test_what_cannot_be_decoded_is_named_by_its_row(stored, kind, properties):
    files = [FOUL.get(number, bytes)(MADE[kind](number)) for number in range(12)]
    plan = packed(stored, kind, properties, files)
    column = plan.dataset.inputs[0].column
    ((code, line, message, help),) = told(open_data, plan)
    rows = [f"the {kind} in t.parquet, row {row} (column `{column}`)" for row in FOUL]
    assert (code, line, message) == ("S503", 10, f"cannot decode {', '.join(rows)}")
    assert help.startswith("damaged, or of another format: save as ")
    data = open_data(packed(stored, kind, properties, files, skip=0.3), Log())
    assert data.splits["train"].rows.tolist() == [row for row in range(12) if row not in FOUL]
    skipped = data.described["skipped"]["all"]
    assert skipped == {"count": 3, "of": 12, "first": [f"cannot decode {row}" for row in rows]}


@pytest.mark.parametrize(("kind", "what"), [("image", "picture"), ("audio", "sound")])
def test_a_row_without_a_file_is_missing(stored, kind, what):
    files = [MADE[kind](number) if number != 4 else None for number in range(12)]
    plan = packed(stored, kind, dict(KINDS)[kind], files)
    ((code, _, message, _),) = told(open_data, plan)
    column = plan.dataset.inputs[0].column
    assert (code, message) == ("S503", f"the {what} in t.parquet, row 4 (column `{column}`) is missing")


def test_sounds_of_other_formats_become_wav(tmp_path):
    files = [sound(number, form) for number, form in enumerate(["wav", "flac", "ogg", "wav"])]
    pq.write_table(pa.table({"x": files, "y": [0, 1, 0, 1]}), tmp_path / "t.parquet")
    source = reader("parquet", path=str(tmp_path / "t.parquet"))
    plan = data_plan(source, {"x": feature("audio", **SOUND)}, {"y": feature("binary")})
    heard = everything(open_data(plan, Log()).splits["train"], "x")
    for number, data in enumerate(files):
        theirs = soundfile.read(io.BytesIO(data))[0][:2000]
        np.testing.assert_allclose(heard[number], theirs, atol=2 / 32768)


def test_a_struct_without_bytes_names_a_file(tmp_path):
    (tmp_path / "a.png").write_bytes(picture(3))
    rows = [{"bytes": None, "path": "a.png"}, {"bytes": picture(3), "path": "b.png"}]
    pq.write_table(pa.table({"x": rows, "y": [0, 1]}), tmp_path / "t.parquet")
    source = reader("parquet", path=str(tmp_path / "t.parquet"))
    plan = data_plan(source, {"x": feature("image", **PICTURE)}, {"y": feature("binary")})
    first, second = everything(open_data(plan, Log()).splits["train"], "x")
    np.testing.assert_array_equal(first, second)


def test_where_training_has_names_bytes_are_told(tmp_path):
    (tmp_path / "a.png").write_bytes(picture(3))
    (tmp_path / "t.csv").write_text("x,y\na.png,0\na.png,1\n")
    pq.write_table(pa.table({"x": [picture(1)], "y": [0]}), tmp_path / "t.parquet")
    sources = {"train": reader("csv", path=str(tmp_path / "t.csv"))}
    sources["test"] = reader("parquet", path=str(tmp_path / "t.parquet"))
    fields = {"x": feature("image", **PICTURE)}, {"y": feature("binary")}
    ((code, line, message, _),) = told(open_data, data_plan(sources, *fields))
    assert (code, line) == ("S503", 10)
    assert message.startswith("t.parquet, row 0 (column `x`) holds the contents of a picture, and every training row")
    # The other way round: each file is what it is.
    swapped = {"train": sources["test"], "test": sources["train"]}
    assert open_data(data_plan(swapped, *fields), Log()).splits["test"].examples == 2


def test_bytes_of_records_and_of_lines(tmp_path):
    files = [picture(number, form) for number, form in enumerate(["png", "bmp", "gif", "jpeg"])]
    with tf.io.TFRecordWriter(str(tmp_path / "t.tfrecord")) as writer:
        for number, data in enumerate(files):
            features = {
                "x": tf.train.Feature(bytes_list=tf.train.BytesList(value=[data])),
                "y": tf.train.Feature(int64_list=tf.train.Int64List(value=[number % 2])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    fields = {"x": feature("image", **PICTURE)}, {"y": feature("binary")}
    split = open_data(data_plan(reader("tfrecord", path=str(tmp_path / "t.tfrecord")), *fields), Log()).splits["train"]
    assert split.raw(slice(0, 4))["x"].tolist() == files
    np.testing.assert_allclose(everything(split, "x")[:, 0, 0, 0], [0, 20, 40, 60], atol=1)


def test_bytes_that_are_no_text_are_no_class(tmp_path):
    pq.write_table(pa.table({"x": [b"a", b"b", b"\xff"], "y": [0, 1, 0]}), tmp_path / "t.parquet")
    source = reader("parquet", path=str(tmp_path / "t.parquet"))
    ((code, _, message, _),) = told(open_sources, data_plan(source, {"x": feature("category")}, {}))
    assert (code, message) == ("S503", "the bytes of this column are not UTF-8 text")
    pq.write_table(pa.table({"x": [b"a", b"b", b"a"]}), tmp_path / "t.parquet")
    opened = open_sources(data_plan(source, {"x": feature("category")}, {}), Log())
    assert opened.states["inputs.x"]["vocabulary"] == ["a", "b"]


def test_pictures_of_hugging_face_may_have_several_sizes(tmp_path):
    datasets = pytest.importorskip("datasets", reason="the extra `huggingface` is not installed")
    files = [picture(number) for number in range(6)]
    files[4] = files[4][:-40]
    features = datasets.Features({"x": datasets.Image(), "y": datasets.Value("int64")})
    rows = {"x": [{"bytes": data, "path": None} for data in files], "y": [0, 1] * 3}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "pictures")
    source = reader("huggingface", path=str(tmp_path / "pictures"))
    fields = {"x": feature("image", **PICTURE)}, {"y": feature("binary")}
    ((code, _, message, _),) = told(open_data, data_plan(source, *fields))
    assert (code, message) == ("S503", "cannot decode the image in pictures train, row 4 (column `x`)")
    split = open_data(data_plan(source, *fields, skip=0.2), Log()).splits["train"]
    np.testing.assert_allclose(everything(split, "x")[:, 0, 0, 0], [0, 20, 40, 60, 100])


def test_sounds_of_hugging_face_need_no_decoder_of_its(tmp_path):
    datasets = pytest.importorskip("datasets", reason="the extra `huggingface` is not installed")
    rows = {"x": [{"bytes": sound(number), "path": f"{number}.wav"} for number in range(4)], "y": [0, 1] * 2}
    stored = datasets.Dataset.from_dict(rows).cast_column("x", datasets.Audio())
    stored.save_to_disk(tmp_path / "sounds")
    source = reader("huggingface", path=str(tmp_path / "sounds"))
    data = open_data(data_plan(source, {"x": feature("audio", **SOUND)}, {"y": feature("binary")}), Log())
    assert data.splits["train"].raw(slice(0, 4))["x"].tolist() == [sound(number) for number in range(4)]


SPEC = """
specc: 1
dataset:
  source: {parquet: t.parquet}
  inputs: {photo: {type: image, size: [6, 8], column: x}}
  targets: {y: {type: binary}}
  split: {test: 0.25}
  on_error: ON_ERROR
model: {layers: [{Rescaling: 0.004}, Flatten, {Dense: {units: 1, activation: sigmoid}}]}
training: {loss: binary_crossentropy, optimizer: adam, epochs: 1}
export: [saved_model]
"""


@pytest.mark.slow
def test_a_run_serves_bytes_and_foretells_files(tmp_path, cli, write):
    files = [picture(number % 12) for number in range(20)]
    files[5] = files[5][:-40]
    rows = [{"bytes": data, "path": None} for data in files]
    pq.write_table(pa.table({"x": rows, "y": [0, 1] * 10}), tmp_path / "t.parquet")
    bad = "cannot decode the image in t.parquet, row 5 (column `x`)"
    spec = write("spec.yaml", SPEC.replace("ON_ERROR", "fail"))
    for options in ((), ("--full",)):
        checked = cli("validate", "--data", *options, spec)
        assert checked.status == 1
        assert bad in " ".join((checked.out + checked.err).split())
    spec = write("spec.yaml", SPEC.replace("ON_ERROR", "skip"))
    checked = cli("validate", "--data", spec)
    assert (checked.status, bad in " ".join(checked.out.split())) == (0, True)
    specc.run(spec, out=tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["data"]["skipped"]["all"]["first"] == [bad]
    served = tf.saved_model.load(str(tmp_path / "run" / "export" / "saved_model")).signatures["serving_default"]
    answers = next(iter(served(photo=tf.constant([files[0], files[3]])).values())).numpy().ravel()
    for name, number in (("a.png", 0), ("b.png", 3)):
        (tmp_path / name).write_bytes(files[number])
    asked = cli("predict", tmp_path / "run", tmp_path / "a.png", tmp_path / "b.png")
    assert asked.status == 0, asked.err
    found = [float(line.split(",")[-1]) for line in asked.out.splitlines()[1:]]
    np.testing.assert_allclose(found, answers, atol=1e-5)
