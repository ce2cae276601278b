"""Which way up a picture is: a camera stores what it sees and says in EXIF how it was held. In graph operations.

TensorFlow decodes what is stored. Turned here, a picture is the same to the network as to whoever looks at it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

SEARCHED = 2**18
"""So many first bytes of a file are searched: its segments stand there, before the picture itself."""

ORIENTATION = 0x0112
"""The number of the entry that says it."""

MOST = 512
"""Entries that are looked at."""


def upright(tf: ModuleType, data: Any, picture: Any) -> Any:
    """A picture [height, width, channels] decoded from the bytes of a file, turned as EXIF says in a JPEG."""
    is_jpeg = tf.equal(tf.strings.substr(data, 0, 2), b"\xff\xd8")
    held = tf.cond(is_jpeg, lambda: _orientation(tf, data), lambda: tf.constant(1))
    channels = picture.shape[2]
    turned = tf.cond(held == 1, lambda: picture, lambda: _turned(tf, picture, held))
    return tf.ensure_shape(turned, (None, None, channels))


def _turned(tf: ModuleType, picture: Any, held: Any) -> Any:
    """1 is upright; from 5 on rows are columns; what then is on the wrong side is reversed."""
    picture = tf.cond(held >= 5, lambda: tf.transpose(picture, [1, 0, 2]), lambda: picture)
    for axis, numbers in ((1, (2, 3, 6, 7)), (0, (3, 4, 7, 8))):
        turn = tf.reduce_any(held == tf.constant(numbers))
        picture = _reversed(tf, picture, axis, turn)
    return picture


def _reversed(tf: ModuleType, picture: Any, axis: int, turn: Any) -> Any:
    return tf.cond(turn, lambda: tf.reverse(picture, [axis]), lambda: picture)


def _orientation(tf: ModuleType, data: Any) -> Any:
    """The number that a JPEG file has for it; 1 where it has none, or none that means anything."""
    stored = tf.io.decode_raw(tf.strings.substr(data, 0, SEARCHED), tf.uint8)
    end = tf.shape(stored, out_type=tf.int64)[0]

    def byte(at: Any) -> Any:
        inside = (at >= 0) & (at < end)
        return tf.where(inside, tf.cast(tf.gather(stored, tf.clip_by_value(at, 0, end - 1)), tf.int64), 0)

    def is_exif(at: Any) -> Any:
        name = tf.constant([0xFF, 0xE1, *b"Exif\0\0"], tf.int64)
        return tf.reduce_all(byte(at + tf.constant([0, 1, 4, 5, 6, 7, 8, 9], tf.int64)) == name)

    def goes_on(at: Any) -> Any:
        # Segments of applications (0xE0 to 0xEF), comments (0xFE) and what fills up (0xFF) stand before all others.
        kind = byte(at + 1)
        return (at + 4 < end) & (byte(at) == 0xFF) & ((kind >= 0xFE) | (kind >= 0xE0) & (kind <= 0xEF)) & ~is_exif(at)

    def following(at: Any) -> Any:
        length = 256 * byte(at + 2) + byte(at + 3)
        return (tf.where(byte(at + 1) == 0xFF, at + 1, at + 2 + tf.maximum(length, 2)),)

    (segment,) = tf.while_loop(goes_on, following, (tf.constant(2, tf.int64),))
    start = segment + 10
    little = byte(start) == ord("I")

    def number(at: Any, size: int) -> Any:
        """A whole number, its lowest byte first or last, as the header says."""
        low = sum(byte(at + place) * 256**place for place in range(size))
        high = sum(byte(at + place) * 256 ** (size - 1 - place) for place in range(size))
        return tf.where(little, low, high)

    directory = start + number(start + 4, 4)
    entries = directory + 2 + 12 * tf.range(tf.minimum(number(directory, 2), MOST))
    values = tf.where(number(entries, 2) == ORIENTATION, number(entries + 8, 2), 0)
    found = tf.reduce_max(tf.concat([values, tf.constant([0], tf.int64)], axis=0))
    known = is_exif(segment) & (found >= 1) & (found <= 8)
    return tf.cast(tf.where(known, found, 1), tf.int32)
