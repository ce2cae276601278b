"""The arithmetic of sounds in graph operations: another rate, spectra, mel bands.

Resampling is that of `scipy.signal.resample_poly` with its default window, so that it can be checked; mel bands are
those of librosa's defaults.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from specc.kinds.arrays import Array, np

LOWEST, HIGHEST = 1_000, 768_000
"""Samples a second that a file may have."""

WINDOW, STEP = 0.025, 0.010
"""Seconds: how much sound a frame holds, and from the start of one to the start of the next."""

BANDS = 64
FLOOR = 1e-6
"""What is added to the energy of a band before its logarithm is taken."""


def resampled(tf: ModuleType, sound: Any, there: Any, rate: int, samples: int) -> Any:
    """The first so many samples of a sound [n] at `rate`; `there` is the rate that it has. Silence follows its end."""
    there = tf.cast(there, tf.int64)
    check = tf.debugging.Assert((there >= LOWEST) & (there <= HIGHEST), ["a sound of a rate that is none", there])
    with tf.control_dependencies([] if check is None else [check]):
        there = tf.identity(there)

    def as_it_is() -> Any:
        return tf.pad(sound[:samples], [[0, tf.maximum(0, samples - tf.shape(sound)[0])]])

    return tf.ensure_shape(
        tf.cond(there == rate, as_it_is, lambda: _filtered(tf, sound, there, rate, samples)), (samples,)
    )


def _filtered(tf: ModuleType, sound: Any, there: Any, rate: int, samples: int) -> Any:
    """Through a windowed low-pass filter: sample m is the sum of x[j] h[m * down - j * up] over all j."""
    divisor = _common(tf, there, tf.constant(rate, tf.int64))
    up, down = rate // divisor, there // divisor
    slower = tf.maximum(up, down)
    half = 10 * slower
    at = tf.cast(tf.range(-half, half + 1), tf.float64)
    width, reach = tf.cast(slower, tf.float64), tf.cast(half, tf.float64)
    phase = np.pi * at / width
    sinc = tf.where(at == 0, tf.ones_like(at), tf.sin(phase) / tf.where(at == 0, tf.ones_like(at), phase))
    # Kaiser's window; its constant factor goes with the sum that the filter is divided by.
    weights = sinc * tf.math.bessel_i0(5.0 * tf.sqrt(tf.nn.relu(1.0 - tf.square(at / reach))))
    weights = tf.cast(weights / tf.reduce_sum(weights) * tf.cast(up, tf.float64), tf.float32)
    length = tf.shape(sound, out_type=tf.int64)[0]
    places = tf.range(samples, dtype=tf.int64) * down
    first = -((half - places) // up)  # the least j whose weight is within the filter

    def more(step: Any, _: Any) -> Any:
        return step <= 2 * half // up

    def add(step: Any, total: Any) -> Any:
        j = first + step
        weight = places - j * up + half
        heard = (j >= 0) & (j < length) & (weight >= 0)
        x = tf.gather(sound, tf.clip_by_value(j, 0, length - 1))
        return step + 1, total + tf.where(heard, x * tf.gather(weights, tf.maximum(weight, 0)), 0.0)

    start = (tf.constant(0, tf.int64), tf.zeros([samples], tf.float32))
    total = tf.cond(length > 0, lambda: tf.while_loop(more, add, start)[1], lambda: start[1])
    # What rings on after the last sample is no part of the sound.
    return tf.where(places < length * up, total, 0.0)


def _common(tf: ModuleType, one: Any, other: Any) -> Any:
    """The greatest common divisor."""
    return tf.while_loop(lambda a, b: b > 0, lambda a, b: (b, a % b), (one, other))[0]


def frame(rate: int) -> tuple[int, int, int]:
    """Samples in a frame, from one to the next, and of the Fourier transform: a power of two."""
    length = round(WINDOW * rate)
    return length, round(STEP * rate), 1 << (length - 1).bit_length()


def frames(rate: int, samples: int) -> int:
    """How many whole frames a sound has."""
    length, step, _ = frame(rate)
    return 1 + (samples - length) // step


def spectra(tf: ModuleType, sounds: Any, rate: int) -> Any:
    """Magnitudes [batch, frames, bins] of the short-time Fourier transform, with Hann's window."""
    length, step, size = frame(rate)
    # TensorFlow's own window is another one where the length is odd.
    window = tf.constant(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length), tf.float32)
    return tf.abs(tf.signal.stft(sounds, length, step, size, window_fn=lambda *_, **__: window))


def mels(tf: ModuleType, sounds: Any, rate: int) -> Any:
    """Logarithms [batch, frames, bands] of the energy in mel bands."""
    energy = tf.square(spectra(tf, sounds, rate))
    return tf.math.log(tf.tensordot(energy, tf.constant(bands(rate), tf.float32), 1) + FLOOR)


def bands(rate: int) -> Array:
    """For each bin of the transform its share in each band: triangles of equal area, even on Slaney's mel scale."""
    _, _, size = frame(rate)
    edges = _hertz(np.linspace(0.0, _mel(rate / 2), BANDS + 2))
    bins = np.arange(size // 2 + 1)[:, None] * rate / size
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    triangles: Array = np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (edges[2:] - edges[:-2])
    return triangles


def _mel(hertz: float) -> float:
    """Even up to 1,000 Hz, where mel 15 is; then 27 mels for every factor of 6.4."""
    return hertz * 3 / 200 if hertz < 1000 else 15.0 + 27.0 * float(np.log(hertz / 1000) / np.log(6.4))


def _hertz(mel: Array) -> Array:
    found: Array = np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
    return found
