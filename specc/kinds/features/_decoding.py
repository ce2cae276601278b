"""Files of pictures to bytes of red, green and blue, or to places in a palette, in graph operations."""

from __future__ import annotations

import zlib
from types import ModuleType
from typing import Any

GREYS = b"".join(bytes((value, value, value, 0)) for value in range(256))
"""The palette of a grey BMP file. TensorFlow takes any other for it and would give wrong colors without a word."""

TYPE, PALETTE = 25, 3
"""Where a PNG file says what its values are, and that they are places in a palette. 0 there is grey."""

HEAD = 33
"""So many first bytes of it are its mark and its header, whose last four are the checksum of the 17 before them."""

REPAINTED = bytes(TYPE) + bytes([PALETTE]) + bytes(HEAD - 4 - TYPE - 1)
REPAINTED += (zlib.crc32(REPAINTED[12:]) ^ zlib.crc32(bytes(17))).to_bytes(4, "big")
"""The bits that differ between the head of a file with a palette and one of the same values as grey: a checksum is
linear, so that its own bits do not depend on the others."""

BYTES = [bytes([value]) for value in range(256)]

ENOUGH = 2
"""A picture is decoded at a size that is so many times the one that it is brought to: smoothing does the rest."""


LUMINANCE = [[0.2989], [0.5870], [0.1140]]
"""What red, green and blue add to the brightness of a pixel, as TensorFlow has it (ITU-R BT.601)."""


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


def grey(tf: ModuleType, picture: Any) -> Any:
    """A picture [height, width, 3] as float [height, width, 1]: what `tf.image.rgb_to_grayscale` gives, to the bit.

    That transposes, if to no effect, and TensorFlow says of it on standard error that oneDNN may not help.
    """
    pixels = tf.reshape(tf.cast(picture, tf.float32), (-1, 3))
    return tf.reshape(tf.matmul(pixels, tf.constant(LUMINANCE)), tf.concat([tf.shape(picture)[:2], [1]], axis=0))


def stored(tf: ModuleType, data: Any) -> Any:
    """The bytes of a file as uint8 [height, width, channels], with the channels that it has."""
    return tf.io.decode_image(data, channels=0, expand_animations=False)


def has_palette(tf: ModuleType, data: Any) -> Any:
    """True for a PNG file whose values are places in a palette."""
    is_png = tf.equal(tf.strings.substr(data, 0, 4), b"\x89PNG") & (tf.strings.length(data) > HEAD)
    return is_png & tf.equal(tf.strings.substr(data, TYPE, 1), bytes([PALETTE]))


def places(tf: ModuleType, data: Any) -> Any:
    """A PNG file with a palette as uint8 [height, width, 1]: the places in it, not its colors.

    TensorFlow gives colors. So its head is made that of a grey one, whose decoder passes over the palette.
    """
    head = tf.io.decode_raw(tf.strings.substr(data, 0, HEAD), tf.uint8)
    head = tf.bitwise.bitwise_xor(head, tf.constant(list(REPAINTED), tf.uint8))
    head = tf.strings.reduce_join(tf.gather(tf.constant(BYTES), tf.cast(head, tf.int32)))
    grey = tf.io.decode_png(
        tf.strings.join([head, tf.strings.substr(data, HEAD, tf.strings.length(data) - HEAD)]), channels=1
    )
    # Values of fewer than eight bits come spread over 0…255.
    bits = tf.io.decode_raw(tf.strings.substr(data, TYPE - 1, 1), tf.uint8)[0]
    most = tf.bitwise.left_shift(tf.constant(1, tf.int32), tf.cast(bits, tf.int32)) - 1
    return tf.cast(tf.cast(grey, tf.int32) * most // 255, tf.uint8)


def has_true_colors(tf: ModuleType, data: Any) -> Any:
    """False for a BMP file of eight bits a pixel whose palette is not that of greys."""

    def bmp() -> Any:
        is_paletted = tf.equal(tf.strings.substr(data, 28, 1), b"\x08")
        return tf.logical_or(~is_paletted, tf.equal(tf.strings.substr(data, 54, len(GREYS)), GREYS))

    is_bmp = tf.strings.regex_full_match(tf.strings.substr(data, 0, 2), "BM") & (tf.strings.length(data) > 54)
    return tf.cond(is_bmp, bmp, lambda: tf.constant(True))
