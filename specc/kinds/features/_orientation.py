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

EXIF = b"\xff\xe1\0\0Exif\0\0"
"""The first bytes of the segment that says it, but for the two that are its length."""


def upright(tf: ModuleType, data: Any, picture: Any) -> Any:
    """A picture [height, width, channels] decoded from the bytes of a file, turned as EXIF says in a JPEG."""
    is_jpeg = tf.equal(tf.strings.substr(data, 0, 2), b"\xff\xd8")
    held = tf.cond(is_jpeg, lambda: _orientation(tf, data), lambda: tf.constant(1))
    channels = picture.shape[2]
    turned = tf.cond(held == 1, lambda: picture, lambda: _turned(tf, picture, held))
    return tf.ensure_shape(turned, (None, None, channels))


def _turned(tf: ModuleType, picture: Any, held: Any) -> Any:
    """1 is upright; from 5 on rows are columns; what then is on the wrong side is reversed."""
    # As float32: of whole numbers TensorFlow would say on standard error that oneDNN does not turn them everywhere.
    values = tf.cast(picture, tf.float32)
    values = tf.cond(held >= 5, lambda: tf.transpose(values, [1, 0, 2]), lambda: values)
    picture = tf.cast(values, picture.dtype)
    for axis, numbers in ((1, (2, 3, 6, 7)), (0, (3, 4, 7, 8))):
        turn = tf.reduce_any(held == tf.constant(numbers))
        picture = _reversed(tf, picture, axis, turn)
    return picture


def _reversed(tf: ModuleType, picture: Any, axis: int, turn: Any) -> Any:
    return tf.cond(turn, lambda: tf.reverse(picture, [axis]), lambda: picture)


def _orientation(tf: ModuleType, data: Any) -> Any:
    """The number that a JPEG file has for it; 1 where it has none, or none that means anything."""
    # What lies beyond the end is zero.
    stored = tf.io.decode_raw(tf.strings.join([tf.strings.substr(data, 0, SEARCHED), b"\0"]), tf.uint8)
    end = tf.size(stored, out_type=tf.int64) - 1

    def some(at: Any, count: int) -> Any:
        """So many bytes from each of some places on, int64 [..., count]."""
        places = tf.expand_dims(at, -1) + tf.range(count, dtype=tf.int64)
        return tf.cast(tf.gather(stored, tf.minimum(places, end)), tf.int64)

    def is_exif(head: Any) -> Any:
        return tf.reduce_all((head == list(EXIF)) | [place in (2, 3) for place in range(len(EXIF))])

    def goes_on(_: Any, head: Any) -> Any:
        # Segments of applications (0xE0 to 0xEF), comments (0xFE) and what fills up (0xFF) stand before all others.
        kind = head[1]
        return (head[0] == 0xFF) & ((kind >= 0xFE) | (kind >= 0xE0) & (kind <= 0xEF)) & ~is_exif(head)

    def following(at: Any, head: Any) -> Any:
        length = tf.maximum(256 * head[2] + head[3], 2)
        at = tf.where(head[1] == 0xFF, at + 1, at + 2 + length)
        return at, some(at, len(EXIF))

    first = tf.constant(2, tf.int64)
    segment, head = tf.while_loop(goes_on, following, (first, some(first, len(EXIF))))
    start = segment + 10
    little = some(start, 1)[0] == ord("I")

    def number(at: Any, size: int) -> Any:
        """A whole number at each of some places, its lowest byte first or last, as the header says."""
        low = [256**place for place in range(size)]
        worth = tf.where(little, tf.constant(low, tf.int64), tf.constant(low[::-1], tf.int64))
        return tf.reduce_sum(some(at, size) * worth, axis=-1)

    def found() -> Any:
        directory = start + number(start + 4, 4)
        entries = directory + 2 + 12 * tf.range(tf.minimum(number(directory, 2), MOST))
        values = tf.where(number(entries, 2) == ORIENTATION, number(entries + 8, 2), 0)
        said = tf.reduce_max(tf.concat([values, tf.constant([0], tf.int64)], axis=0))
        return tf.where((said >= 1) & (said <= 8), said, 1)

    return tf.cast(tf.cond(is_exif(head), found, lambda: tf.constant(1, tf.int64)), tf.int32)
