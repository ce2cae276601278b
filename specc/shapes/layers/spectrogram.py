"""Spectrograms: sounds become images of their frequencies over time."""

from __future__ import annotations

from math import ceil, log2

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import channels_first, choice, flag, integer, value, wrong
from specc.shapes.costs import elements, times
from specc.shapes.dimensions import kernels, known, layout, ranked, steps, window
from specc.shapes.dtypes import compute_dtype, fractional, numeric
from specc.tensors import Shape, show

__all__ = ["MelSpectrogram", "STFTSpectrogram"]


def _smoothed(site: Site, length: int) -> None:
    """Refuse a window that does not fit its frame."""
    given = value(site, "window")
    if isinstance(given, tuple) and len(given) != length:
        raise wrong(site, "window", f"{len(given)} numbers", f"{length} numbers, as many as a frame has")


def MelSpectrogram(site: Site) -> Result:
    """(batch, samples) → (batch, num_mel_bins, frames)."""
    size, stride, bins = (
        integer(site, "fft_length", 1),
        integer(site, "sequence_stride", 1),
        value(site, "num_mel_bins"),
    )
    frame = size if value(site, "sequence_length") is None else integer(site, "sequence_length", 1)
    integer(site, "num_mel_bins", 1)
    if frame > size:
        raise wrong(site, "sequence_length", frame, f"at most `fft_length`, {size}")
    _smoothed(site, frame)
    inputs = site.tensor()
    numeric(site, inputs)
    shape = ranked(site, inputs, 2, "sounds of 2 dimensions, (batch, samples)", "bring it to that first with `Reshape`")
    if shape is None:
        return single(None, compute_dtype(site), (), None)
    samples = shape[1]
    if samples is not None and samples <= size // 2:
        raise Refusal(
            codes.S303,
            f"{site.label} mirrors {size // 2} samples at each end, and is given {show(shape)}",
            help=f"make `fft_length` less than {2 * samples}, or the sounds longer",
        )
    frames = None
    # Keras declares one frame more than comes where one sample more would make it.
    if samples is not None and (samples + 1) // stride == samples // stride:
        frames = 1 + samples // stride
    output = (shape[0], bins, frames)
    half = size // 2 + 1
    # A Fourier transform, its magnitude, the bins of the scale, and decibels.
    each = ceil(2.5 * size * log2(size)) + size + 5 * half + 2 * half * bins + 5 * bins
    return single(output, compute_dtype(site), (), times(each, elements((shape[0], frames))))


# What each mode does with the two parts of a spectrum: a root of the sum of their squares, its logarithm, an angle.
_EACH = {"log": 7, "magnitude": 5, "psd": 4, "angle": 1, "real": 0, "imag": 0, "stft": 0}


def STFTSpectrogram(site: Site) -> Result:
    """(batch, samples, channels) → (batch, frames, channels · bins); `expand_dims` keeps bins and channels apart."""
    mode, padding = choice(site, "mode", *_EACH), choice(site, "padding", "valid", "same")
    choice(site, "scaling", "density", "spectrum", None)
    frame, first = integer(site, "frame_length", 2), channels_first(site)
    stride = frame // 2 if value(site, "frame_step") is None else integer(site, "frame_step", 1)
    if stride > frame:
        raise wrong(site, "frame_step", stride, f"at most `frame_length`, {frame}")
    size = 2 ** ceil(log2(frame)) if value(site, "fft_length") is None else integer(site, "fft_length", 1)
    if size < frame:
        raise wrong(site, "fft_length", size, f"at least `frame_length`, {frame}")
    _smoothed(site, frame)
    inputs, dtype, half = site.tensor(), compute_dtype(site), size // 2 + 1
    fractional(site, inputs)
    if dtype == "bfloat16":
        raise wrong(site, "dtype", site.dtype_policy, "`float16`, `float32` or `float64`")
    parts = 1 if mode in ("real", "imag") else 2
    weights = kernels(*[(frame, 1, half)] * parts)
    shape = ranked(site, inputs, 3, f"sounds of 3 dimensions, {layout(1, first)}")
    if shape is None:
        return single(None, dtype, weights, None)
    channels = known(site, shape, 1 if first else -1, "the number of channels")
    samples = shape[2] if first else shape[1]
    frames = steps(samples, frame, stride, valid=padding == "valid")
    window(site, shape, [frames], [frame], "frame")
    bins = half * (2 if mode == "stft" else 1)
    each = 2 * frame * parts + _EACH[mode or "log"]
    flops = times(each, half, channels, elements((shape[0], frames)))
    return single(_image(site, (shape[0], frames), channels, bins, first), dtype, weights, flops)


def _image(site: Site, sounds: Shape, channels: int, bins: int, first: bool) -> Shape:
    batch, frames = sounds
    if flag(site, "expand_dims"):
        return (batch, channels, frames, bins) if first else (batch, frames, bins, channels)
    return (batch, channels * bins, frames) if first else (batch, frames, channels * bins)
