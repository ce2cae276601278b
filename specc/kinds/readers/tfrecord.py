"""`tfrecord`: TensorFlow's files of `Example` messages, read without TensorFlow."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from specc.codes import S503, S606
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.features import Feature
from specc.kinds.readers import PATH, Column, Skip, Table, found
from specc.kinds.readers._files import told_of, unpacked
from specc.kinds.readers._records import Record, table
from specc.kinds.readers._urls import called
from specc.kinds.readers._values import column


@dataclass(frozen=True, slots=True)
class Tfrecord:
    """TensorFlow's records of `tf.train.Example`, plain or gzipped: their features are the fields."""

    path: str = argument("the file, or a pattern that names several, read one after the other", PATH)

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        checksum, example = _checksum(), _example()

        def records(path: Path, asked: frozenset[str] | None) -> Iterator[Record]:
            with told_of(path), _opened(path, checksum) as file:
                number = 0
                while (data := _next(file, path, number, checksum)) is not None:
                    yield Record(f"{called(path)}, record {number}", len(data[0]), _values(*data, example, asked))
                    number += 1

        remedy = "each record is a `tf.train.Example`; write it again"
        return table(found(self.path), records, fields, skip, remedy, _column)


def _opened(path: Path, checksum: Callable[[bytes], int]) -> Any:
    """The file unpacked: TensorFlow's own name for a gzipped one need not end in `.gz`."""
    with unpacked(path) as file:
        head = file.read(12)
    gzipped = head[:2] == b"\x1f\x8b" and checksum(head[:8]) != int.from_bytes(head[8:], "little")
    return gzip.open(path) if gzipped else unpacked(path)


def _next(file: IO[bytes], path: Path, number: int, checksum: Callable[[bytes], int]) -> tuple[bytes, bool] | None:
    """The next record and whether it is as it was written; None at the end."""
    head = file.read(12)
    if not head:
        return None
    if len(head) == 12 and checksum(head[:8]) == int.from_bytes(head[8:], "little"):
        (length,) = struct.unpack("<Q", head[:8])
        data, foot = file.read(length), file.read(4)
        if len(data) == length and len(foot) == 4:
            return data, checksum(data) == int.from_bytes(foot, "little")
    told = (
        f"{called(path)} was cut off or is damaged at record {number}"
        if number
        else (f"{called(path)} is no file of TensorFlow's records, or is damaged")
    )
    raise Refusal(S503, told, "write it with `tf.io.TFRecordWriter`, or copy it again", "path")


def _values(data: bytes, sound: bool, example: Any, asked: frozenset[str] | None) -> Mapping[str, Any] | str:
    if not sound:
        return "its checksum is wrong"
    try:
        features = example.FromString(data).features.feature
    except Exception as error:  # google.protobuf.message.DecodeError, loaded only with the package
        return f"it is not an Example: {error}"
    return {name: _value(features[name]) for name in features if asked is None or name in asked}


def _value(feature: Any) -> Any:
    """The list of its values; None where there is no list."""
    match feature.WhichOneof("kind"):
        case "bytes_list":
            return [_text(value) for value in feature.bytes_list.value]
        case "float_list":
            return list(feature.float_list.value)
        case "int64_list":
            return list(feature.int64_list.value)
        case _:
            return None


def _column(lists: Sequence[Sequence[Any] | None]) -> Column:
    """A value a row where no list holds more; else a list a row."""
    if all(values is None or len(values) < 2 for values in lists):
        return column([values[0] if values else None for values in lists])
    return column([values or [] for values in lists])


def _text(value: bytes) -> str | bytes:
    """Bytes that are text as text: `Example` has one kind for both. The zeros of a file's header are no text."""
    if b"\0" in value:
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


@cache
def _checksum() -> Callable[[bytes], int]:
    """The masked CRC-32C that stands behind the length of a record and behind its data."""
    try:
        import google_crc32c
    except ImportError as error:
        told = "reading TensorFlow's records needs the package google-crc32c"
        raise Refusal(S606, told, "type `pip install 'specc[data]'`") from error

    def masked(data: bytes) -> int:
        crc: int = google_crc32c.value(data)
        return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF

    return masked


@cache
def _example() -> Any:
    """The class of the message `tensorflow.Example`, in a pool of its own: TensorFlow registers it too."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError as error:
        told = "reading TensorFlow's records needs the package protobuf"
        raise Refusal(S606, told, "type `pip install 'specc[data]'`") from error
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="specc/example.proto", package="tensorflow", syntax="proto3")
    for name, kind in (
        ("BytesList", kinds.TYPE_BYTES),
        ("FloatList", kinds.TYPE_FLOAT),
        ("Int64List", kinds.TYPE_INT64),
    ):
        message = file.message_type.add(name=name)
        message.field.add(name="value", number=1, label=kinds.LABEL_REPEATED, type=kind)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate(("bytes_list", "float_list", "int64_list"), start=1):
        of = "".join(part.capitalize() for part in name.split("_"))
        _message(feature, name, number, of, kinds).oneof_index = 0
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=kinds.LABEL_OPTIONAL, type=kinds.TYPE_STRING)
    _message(entry, "value", 2, "Feature", kinds)
    _message(features, "feature", 1, "Features.FeatureEntry", kinds).label = kinds.LABEL_REPEATED
    _message(file.message_type.add(name="Example"), "features", 1, "Features", kinds)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))


def _message(within: Any, name: str, number: int, of: str, kinds: Any) -> Any:
    """A field that holds another message."""
    field = within.field.add(name=name, number=number, label=kinds.LABEL_OPTIONAL, type=kinds.TYPE_MESSAGE)
    field.type_name = f".tensorflow.{of}"
    return field
