"""Ops on signals: Fourier transforms of whole ones and of windows of them. A complex tensor is a pair of real ones."""

from __future__ import annotations

from math import log2

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Rule, Site, single
from specc.shapes.arguments import flag, integer, value, wrong
from specc.shapes.costs import elements, per_element, times, total
from specc.shapes.dimensions import alike, listing
from specc.shapes.dtypes import among, one_dtype
from specc.tensors import Shape, Tensor, show

__all__ = [
    "extract_sequences",
    "fft",
    "fft2",
    "ifft2",
    "irfft",
    "istft",
    "rfft",
    "stft",
    "view_as_real",
]

_PRECISE = ("float32", "float64")


def _ranked(site: Site, x: Tensor, rank: int) -> Shape | None:
    if x.shape is not None and len(x.shape) < rank:
        raise Refusal(
            codes.S301,
            f"{site.label} needs at least {rank} dimension{'s' * (rank > 1)}, and is given {show(x.shape)}",
            help="give it more dimensions first, with `Reshape` or `ops.expand_dims`",
        )
    return x.shape


def _pair(site: Site, rank: int) -> tuple[Tensor, Tensor]:
    """The real and the imaginary part, of one shape.

    Raises:
        Refusal: S204 for another number of tensors, S301, S302 or S305 where their shapes are no pair, S304.
    """
    tensors = site.tensors()
    if len(tensors) != 2:
        raise Refusal(
            codes.S204,
            f"{site.label} takes a real and an imaginary part, and is given {len(tensors)} tensors",
            help="name both: `inputs: {x: [real, imaginary]}`",
        )
    one, other = tensors
    one_dtype(site, one, other)
    among(site, _PRECISE, one, other)
    shape, second = _ranked(site, one, rank), _ranked(site, other, rank)
    if shape is not None and second is not None and shape != second:
        unknown = alike(shape, second)
        raise Refusal(
            codes.S305 if unknown else codes.S302,
            f"{site.label} needs a real and an imaginary part of one shape, and is given {listing([shape, second])}",
            help="write the dimensions in `model.inputs`" if unknown else "bring them to one shape first",
        )
    return (one, other) if shape is not None else (other, one)


def _known(site: Site, shape: Shape, axes: int) -> None:
    if None in shape[-axes:]:
        raise Refusal(
            codes.S305,
            f"{site.label} must know the last {'dimension' if axes == 1 else 'two dimensions'}, and is given "
            f"{show(shape)}",
            help="write it in `model.inputs`, or set it with `Reshape` before",
        )


def _butterflies(shape: Shape | None, *lengths: int | None) -> int | None:
    """5 · n · log₂ n operations for each transform of n numbers, as a fast Fourier transform is commonly counted."""
    size = times(*lengths)
    each = None if size is None else round(5 * size * log2(max(size, 1)))
    return times(elements(shape), each)


def transform(axes: int) -> Rule:
    """The rule of a transform along the last axes, all of them known."""

    def apply(site: Site) -> Result:
        real, imaginary = _pair(site, axes)
        shape = real.shape
        if shape is None:
            return Result((real, imaginary), flops=None)
        _known(site, shape, axes)
        ones = (*shape[:-axes], *(1,) * axes)
        return Result((Tensor(shape, real.dtype), Tensor(shape, real.dtype)), flops=_butterflies(ones, *shape[-axes:]))

    return apply


fft = transform(1)
fft2 = ifft2 = transform(2)


def _length(site: Site, name: str = "fft_length") -> int | None:
    return None if value(site, name) is None else integer(site, name, 1)


def rfft(site: Site) -> Result:
    """(…, n) → (…, n/2 + 1), real and imaginary part: a spectrum of real numbers."""
    x, length = site.tensor(), _length(site)
    among(site, _PRECISE, x)
    shape = _ranked(site, x, 1)
    if shape is None:
        return Result((Tensor(None, x.dtype),) * 2, flops=None)
    length = shape[-1] if length is None else length
    one = Tensor((*shape[:-1], None if length is None else length // 2 + 1), x.dtype)
    half = _butterflies((*shape[:-1], 1), length)
    return Result((one, one), flops=None if half is None else half // 2)


def irfft(site: Site) -> Result:
    """(…, n), real and imaginary part → (…, 2·(n - 1)): the real numbers of which that is the spectrum."""
    real, _ = _pair(site, 1)
    length = _length(site)
    if real.shape is None:
        return single(None, real.dtype, flops=None)
    if length is None and real.shape[-1] is not None:
        length = 2 * (real.shape[-1] - 1)
        if length < 1:
            raise Refusal(
                codes.S303,
                f"{site.label} makes 2·(n - 1) numbers of the last dimension, and is given {show(real.shape)}",
                help="write `fft_length`, or give it at least 2",
            )
    half = _butterflies((*real.shape[:-1], 1), length)
    return single((*real.shape[:-1], length), real.dtype, flops=None if half is None else half // 2)


def _frames(site: Site, shape: Shape, length: int | None, covers: int, stride: int) -> int | None:
    """How many windows stand on a signal.

    Raises:
        Refusal: S303 when there is none.
    """
    if length is None:
        return None
    if length < covers:
        raise Refusal(
            codes.S303,
            f"{site.label} has a window of {covers} and is given {show(shape)}: nothing is left",
            help="make it smaller, or the signal longer",
        )
    return 1 + (length - covers) // stride


def _windows(site: Site) -> tuple[int, int, int]:
    """How long a window is, how far apart windows are, and of how many numbers a spectrum is made."""
    length, stride = integer(site, "sequence_length", 1), integer(site, "sequence_stride", 1)
    spectrum = integer(site, "fft_length", 1)
    if spectrum < length:
        raise wrong(site, "fft_length", spectrum, f"at least `sequence_length`, {length}")
    shape = value(site, "window")
    listed = isinstance(shape, tuple) and len(shape) == length
    if shape not in (None, "hann", "hamming") and not listed:
        raise wrong(site, "window", shape, f"`hann`, `hamming`, null or a list of {length} numbers")
    return length, stride, spectrum


def stft(site: Site) -> Result:
    """(…, n) → (…, frames, bins), real and imaginary part: a spectrum for each window of a signal."""
    x, center = site.tensor(), flag(site, "center", True)
    among(site, _PRECISE, x)
    _, stride, spectrum = _windows(site)
    shape = _ranked(site, x, 1)
    if shape is None:
        return Result((Tensor(None, x.dtype),) * 2, flops=None)
    length, added = shape[-1], spectrum // 2 if center else 0
    if length is not None and added and added >= length:
        raise Refusal(
            codes.S303,
            f"{site.label} mirrors {added} numbers before and after the signal, and is given {show(shape)}",
            help="make `fft_length` smaller, or write `center: false`",
        )
    frames = _frames(site, shape, None if length is None else length + 2 * added, spectrum, stride)
    one = Tensor((*shape[:-1], frames, spectrum // 2 + 1), x.dtype)
    each = (*shape[:-1], frames)
    half = _butterflies(each, spectrum)
    return Result((one, one), flops=None if half is None else total(half // 2, times(elements(each), spectrum)))


def istft(site: Site) -> Result:
    """(…, frames, bins), real and imaginary part → (…, n): the signal of which those are the spectra."""
    real, _ = _pair(site, 2)
    _, stride, spectrum = _windows(site)
    length, center = _length(site, "length"), flag(site, "center", True)
    if real.shape is None:
        return single(None, real.dtype, flops=None)
    frames, start = real.shape[-2], spectrum // 2 if center else 0
    whole = None if frames is None else (frames - 1) * stride + spectrum
    end = (None if whole is None else whole - start) if length is None else start + length
    # Keras declares the length that is asked for, also where the signal is shorter, and one of which it cuts off all.
    short = end is None or whole is None or end > whole or (center and not start and length is None)
    made = None if short or end is None else end - start
    half = _butterflies((*real.shape[:-2], frames), spectrum)
    return single((*real.shape[:-2], made), real.dtype, flops=None if half is None else half // 2)


def extract_sequences(site: Site) -> Result:
    """(…, n) → (…, sequences, sequence_length): windows of a signal, which may overlap."""
    x, covers, stride = site.tensor(), integer(site, "sequence_length", 0), integer(site, "sequence_stride", 1)
    shape = _ranked(site, x, 1)
    if shape is None:
        return single(None, x.dtype)
    return single((*shape[:-1], _frames(site, shape, shape[-1], covers, stride), covers), x.dtype)


def view_as_real(site: Site) -> Result:
    """(…) → (…, 2): the real part and the imaginary part. Keras declares `float32` whatever comes."""
    x = site.tensor()
    return single(None if x.shape is None else (*x.shape, 2), "float32", flops=per_element(x.shape, 0))
