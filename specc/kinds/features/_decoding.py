"""Files of pictures to bytes of red, green and blue, in graph operations."""

from __future__ import annotations

from types import ModuleType
from typing import Any

GREYS = b"".join(bytes((value, value, value, 0)) for value in range(256))
"""The palette of a grey BMP file. TensorFlow takes any other for it and would give wrong colors without a word."""

ENOUGH = 2
"""A picture is decoded at a size that is so many times the one that it is brought to: smoothing does the rest."""


def colors(tf: ModuleType, data: Any, reduced_to: int | None) -> Any:
    """The bytes of a file as uint8 [height, width, 3].

    A JPEG that is far larger than needed is decoded at a half, a quarter or an eighth of its size, which skips most of
    the work: its shorter side stays `ENOUGH` times as long as `reduced_to`, the longer one of what it is brought to.
    Without `reduced_to`, every picture is decoded as it is.
    """

    def whole() -> Any:
        # TensorFlow takes WebP with opacity for what it is, and for nothing else.
        is_webp = tf.equal(tf.strings.substr(data, 8, 4), b"WEBP") & (tf.strings.length(data) > 12)
        return tf.cond(is_webp, lambda: decoded(0)[..., :3], lambda: decoded(3))

    def decoded(channels: int) -> Any:
        picture = tf.io.decode_image(data, channels=channels, expand_animations=False)
        return tf.ensure_shape(picture, (None, None, None))

    def jpeg() -> Any:
        shorter = tf.reduce_min(tf.io.extract_jpeg_shape(data)[:2])
        # Whole numbers of 1, 2, 4, 8: the number of the branch is how often the size is halved.
        halved = tf.reduce_sum(tf.cast(shorter >= tf.constant([2, 4, 8]) * ENOUGH * reduced_to, tf.int32))
        return tf.switch_case(halved, [lambda ratio=ratio: tf.io.decode_jpeg(data, 3, ratio) for ratio in (1, 2, 4, 8)])

    if reduced_to is None:
        picture = whole()
    else:
        picture = tf.cond(tf.equal(tf.strings.substr(data, 0, 3), b"\xff\xd8\xff"), jpeg, whole)
    return tf.ensure_shape(picture, (None, None, 3))


def has_true_colors(tf: ModuleType, data: Any) -> Any:
    """False for a BMP file of eight bits a pixel whose palette is not that of greys."""

    def bmp() -> Any:
        is_paletted = tf.equal(tf.strings.substr(data, 28, 1), b"\x08")
        return tf.logical_or(~is_paletted, tf.equal(tf.strings.substr(data, 54, len(GREYS)), GREYS))

    is_bmp = tf.strings.regex_full_match(tf.strings.substr(data, 0, 2), "BM") & (tf.strings.length(data) > 54)
    return tf.cond(is_bmp, bmp, lambda: tf.constant(True))
