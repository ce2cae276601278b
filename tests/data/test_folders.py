"""Folders of pictures and of texts, as Pillow and Python read them, and what is wrong with their files."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from data_plans import ORIGIN, data_plan, feature, learned, reader, told
from PIL import Image, ImageOps

from specc.backend.data import open_data
from specc.diagnostics import Log, Refusal
from specc.kinds import word

SMOOTH = (np.add.outer(np.arange(24) * 3, np.arange(36) * 4)[..., None] + np.array([0, 20, 40])).astype(np.uint8)


def decoded(path, **properties):
    """A file as the network gets it, by a graph such as is served."""
    kind = feature("image", **properties)
    state = learned(kind, kind.read(np.array([str(path)], object), ORIGIN))
    served = tf.function(lambda raw: kind.prepare(tf, raw, state), autograph=False)
    return served(tf.constant([Path(path).read_bytes()])).numpy()[0]


# --- pictures


@pytest.mark.parametrize("number", range(10))
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_jpeg_is_turned_as_its_exif_says(tmp_path, number, order):
    path = tmp_path / "a.jpg"
    kind = b"II*\0" if order == "<" else b"MM\0*"
    other = struct.pack(order + "HHIHH", 0x0100, 3, 1, 7, 0)
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, number, 0)
    tiff = kind + struct.pack(order + "IH", 8, 2) + other + entry + struct.pack(order + "I", 0)
    Image.fromarray(SMOOTH).save(path, exif=b"Exif\0\0" + tiff, quality=95)
    with Image.open(path) as picture:
        assert picture.getexif()[0x0112] == number
        upright = np.asarray(ImageOps.exif_transpose(picture), np.float32)
    ours = decoded(path, size=upright.shape[:2])
    assert upright.shape == ((36, 24, 3) if 5 <= number <= 8 else (24, 36, 3))
    assert abs(ours - upright).max() <= 4


def test_a_jpeg_without_exif_or_with_a_broken_one_stays_as_it_is(tmp_path):
    Image.fromarray(SMOOTH).save(tmp_path / "a.jpg", quality=95)
    plain = (tmp_path / "a.jpg").read_bytes()
    upright = decoded(tmp_path / "a.jpg", size=[24, 36])
    for said in (
        b"Exif\0\0",
        b"Exif\0\0MM\0*\xff\xff\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01",
        b"http://x",
    ):
        segment = b"\xff\xe1" + struct.pack(">H", len(said) + 2) + said
        (tmp_path / "b.jpg").write_bytes(plain[:2] + segment + plain[2:])
        np.testing.assert_array_equal(decoded(tmp_path / "b.jpg", size=[24, 36]), upright)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp_is_decoded_as_pillow_does(tmp_path, mode, channels):
    picture = Image.fromarray(SMOOTH)
    if mode == "RGBA":
        # Where nothing is seen, a file need not say what color it has.
        picture.putalpha(Image.fromarray(SMOOTH[..., 0] // 2 + 100))
    picture.save(tmp_path / "a.webp", lossless=True, exact=True)
    ours = decoded(tmp_path / "a.webp", size=[24, 36], channels=channels)
    with Image.open(tmp_path / "a.webp") as stored:
        theirs = stored.convert("RGB" if channels < 4 else "RGBA")
        theirs = np.asarray(theirs.convert("L") if channels == 1 else theirs, np.float32)
    assert abs(ours - theirs.reshape(ours.shape)).max() <= (1 if channels == 1 else 0)


@pytest.fixture
def pictures(tmp_path):
    """Twenty pictures of two classes, JPEG and WebP."""
    for number in range(20):
        path = tmp_path / ("odd" if number % 2 else "even") / f"{number:02}.{('jpg', 'webp')[number // 2 % 2]}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(SMOOTH + np.uint8(number)).save(path)
    return tmp_path


FIELDS = ({"image": feature("image", size=[6, 6])}, {"label": feature("category")})

DAMAGE = {
    "even/00.jpg": lambda data: data[:-100],
    "even/02.webp": lambda data: data[:-100],
    "odd/05.jpg": lambda data: b"",
    "odd/07.webp": lambda data: b"",
}


def test_pictures_that_are_cut_off_or_empty_are_named(pictures):
    for name, change in DAMAGE.items():
        (pictures / name).write_bytes(change((pictures / name).read_bytes()))
    plan = data_plan(reader("image_folder", path=str(pictures)), *FIELDS)
    ((code, line, message, help),) = told(open_data, plan)
    assert (code, line) == ("S503", 10)
    assert message == "cannot decode " + ", ".join(f"`{pictures / name}`" for name in DAMAGE)
    assert help == "damaged, or of another format: save as JPEG or PNG, or remove"
    data = open_data(data_plan(reader("image_folder", path=str(pictures)), *FIELDS, skip=0.2), Log())
    assert data.splits["train"].examples == 16
    told_of = {f"cannot decode `{pictures / name}`" for name in DAMAGE}
    assert set(data.fingerprint["skipped"]["all"]["first"]) == told_of


# --- texts


def texts(folder, skip=None, fields=("text", "label"), **arguments):
    table = word("readers", "text_folder")(path=str(folder), **arguments).open(dict.fromkeys(fields), 0, skip)
    chunks = list(table.chunks())
    return table, {name: np.concatenate([chunk[name] for chunk in chunks]).tolist() for name in fields}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252", "UTF8"])
def test_a_text_is_a_whole_file_in_its_encoding(tmp_path, encoding):
    there = {
        "good/a.txt": "Très bien,\n“oui”\r\n" if encoding not in ("latin-1",) else "Très bien\n",
        "bad/b.TXT": "non",
    }
    for name, text in there.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(text.encode(encoding))
    (tmp_path / "good" / "notes.pdf").write_text("no text")
    table, columns = texts(tmp_path, encoding=encoding)
    assert columns == {"text": [there["bad/b.TXT"], there["good/a.txt"]], "label": ["bad", "good"]}
    assert (table.rows, [p.name for p in table.files], table.origin.where(1)) == (2, ["b.TXT", "a.txt"], "good/a.txt")


def test_a_mark_before_utf_8_is_no_part_of_the_text(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.txt").write_bytes(b"\xef\xbb\xbfyes")
    assert texts(tmp_path)[1]["text"] == ["yes"]


def test_many_texts_come_some_at_a_time(tmp_path):
    (tmp_path / "a").mkdir()
    there = [f"{number:03} " * 2**17 for number in range(50)]  # 26 million letters
    for number, text in enumerate(there):
        (tmp_path / "a" / f"{number:03}.txt").write_text(text)
    table, columns = texts(tmp_path)
    assert columns["text"] == there
    assert [len(chunk["text"]) for chunk in table.chunks()] == [17, 17, 16]


def test_a_text_in_another_encoding_is_told_with_its_file_or_passed_over(tmp_path):
    (tmp_path / "a").mkdir()
    for number in range(3):
        (tmp_path / "a" / f"{number}.txt").write_bytes(b"caf\xe9" if number == 1 else b"tea")
    with pytest.raises(Refusal) as refusal:
        texts(tmp_path)
    assert (refusal.value.code.id, refusal.value.message) == ("S503", "a/1.txt is not utf-8 text at byte 3")
    assert "encoding: latin-1" in refusal.value.help
    passed = []
    table, columns = texts(tmp_path, skip=lambda where, what: passed.append(where))
    assert (columns["text"], passed) == (["tea", "tea"], ["a/1.txt"])
    assert (table.rows, table.origin.where(1)) == (None, "a/2.txt")


def test_an_encoding_that_there_is_not_is_refused():
    with pytest.raises(Refusal) as refusal:
        word("readers", "text_folder")(path="x", encoding="utf-9")
    assert (refusal.value.code.id, refusal.value.argument) == ("S105", "encoding")


@pytest.mark.parametrize(
    ("name", "what", "extensions"),
    [
        ("image_folder", "pictures", "jpg, jpeg, png, bmp, gif, webp"),
        ("audio_folder", "sounds", "wav, flac, ogg"),
        ("text_folder", "texts", "txt"),
    ],
)
def test_a_folder_without_files_of_its_kind_is_refused(tmp_path, name, what, extensions):
    (tmp_path / "a").mkdir()
    with pytest.raises(Refusal) as refusal:
        word("readers", name)(path=str(tmp_path)).open({}, 0)
    assert refusal.value.message == f"the folders in `{tmp_path}` hold no {what}"
    assert refusal.value.help == f"a folder a class is needed, with {extensions} files in it; it holds `a`"
