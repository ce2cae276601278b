"""`audio`: a sound, from arrays or from files, as its wave or as what it is made of from moment to moment."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from specc.codes import S104, S105, S503, S606
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Learning, Origin, State
from specc.kinds.features._columns import arrays, unbounded
from specc.kinds.features._files import form, given
from specc.kinds.features._sound import BANDS, frame, frames, mels, resampled, spectra
from specc.tensors import Tensor

CHANNELS = 8
"""So many at most; an array with more in its last dimension is not a sound with its channels last."""

SLOWEST_MEL = 4_000
"""Below, the lowest mel bands are narrower than the bins of the transform."""

FULL = 32_768
"""What stands for 1 in whole numbers of 16 bits."""


@dataclass(frozen=True, slots=True)
class Audio:
    """A sound in one channel: float [samples], or [frames, bins] of its spectrum."""

    numeric: ClassVar[bool] = False
    formats: ClassVar[str] = "save as WAV of 16 bits"

    rate: int = argument(
        "samples a second that the network gets: files of another rate are resampled, arrays are taken to have it",
        {"type": "integer", "minimum": 1000, "maximum": 192000},
    )
    seconds: float | None = argument(
        "how long: what is longer is cut, what is shorter is followed by silence; left out: as the arrays are",
        {"type": "number", "exclusiveMinimum": 0},
        default=None,
    )
    # `as` is a word of Python.
    as_: str = argument(
        "waveform: values from -1 to 1; spectrogram: magnitudes of frequencies, a frame every 10 ms; mel: "
        "logarithms of the energy in 64 bands",
        {"enum": ["waveform", "spectrogram", "mel"]},
        default="waveform",
    )

    def __post_init__(self) -> None:
        if self.as_ == "mel" and self.rate < SLOWEST_MEL:
            told = f"a `rate` of {self.rate:,} is too low for mel bands"
            raise Refusal(S105, told, f"a rate of at least {SLOWEST_MEL:,}, or `as: spectrogram`", "rate")
        if self.seconds is not None:
            self._long_enough(round(self.rate * self.seconds))

    def _long_enough(self, samples: int) -> None:
        least = frame(self.rate)[0] if self.as_ != "waveform" else 1
        if samples < least:
            told = f"{samples} samples are less than {'one frame' if least > 1 else 'one'}"
            raise Refusal(S105, told, f"`seconds: {least / self.rate:g}` or more", "seconds")

    def _samples(self, state: State | None) -> int | None:
        if self.seconds is not None:
            return round(self.rate * self.seconds)
        return None if state is None else int(state["shape"][0])

    @property
    def takes_files(self) -> bool:
        """Files differ in length: it must be known what they are brought to."""
        return self.seconds is not None

    def tensor(self, state: State | None = None) -> Tensor:
        samples = self._samples(state)
        if self.as_ == "waveform":
            return Tensor((None, samples), "float32")
        bins = BANDS if self.as_ == "mel" else frame(self.rate)[2] // 2 + 1
        return Tensor((None, None if samples is None else frames(self.rate, samples), bins), "float32")

    def facts(self, state: State | None = None) -> Mapping[str, Any]:
        shape = self.tensor(state).shape
        return {"shape": list(shape[1:])} if shape is not None and None not in shape[1:] else {}

    def read(self, column: Array, origin: Origin, state: State | None = None) -> Array:
        column = arrays(column, origin, None if state is None or "shape" not in state else tuple(state["shape"]))
        here = "files" if column.dtype.kind in "OUT" else f"arrays of shape {list(column.shape[1:])}"
        there = here if state is None else "files" if "files" in state else f"arrays of shape {state['shape']}"
        if here != there:
            told = f"these sounds are {here}, and those of the training rows are {there}"
            raise Refusal(S503, told, "give every source the same form of sounds")
        if here == "files":
            return self._files(column, origin, state)
        return self._arrays(column, origin)

    def _files(self, column: Array, origin: Origin, state: State | None) -> Array:
        if self.seconds is None:
            told = "sounds in files differ in length, and no `seconds` is given"
            raise Refusal(S104, told, "add `seconds`: what is longer is cut, what is shorter followed by silence")
        files = given(column, origin, "sound", state)
        for number, one in enumerate(files):
            if isinstance(one, bytes):
                if one[:4] in _OTHERS:
                    _soundfile(f"the sound in {origin.row(number)}")
            elif Path(one).suffix.lower() != ".wav":
                _soundfile(f"`{Path(one).name}`")
        return files

    def _arrays(self, column: Array, origin: Origin) -> Array:
        shape = column.shape[1:]
        if len(shape) not in (1, 2) or shape[1:] > (CHANNELS,) or 0 in shape:
            told = f"an example of shape {list(shape)} is not a sound"
            raise Refusal(S503, told, "a sound is [samples], or [samples, channels]; else use `type: tensor`")
        if self.seconds is None:
            self._long_enough(shape[0])
        if column.dtype == np.int16:
            return column
        if column.dtype.kind != "f":
            told = f"samples of the NumPy dtype {column.dtype} do not say what is loudest"
            raise Refusal(S503, told, "store 16-bit whole numbers, or floats from -1 to 1")
        values = column.astype(np.float32, copy=False)
        if (bad := unbounded(values)).any():
            told = "the sound in {rows} holds NaN or an infinity"
            raise BadRows(S503, told, bad, origin, "correct these samples")
        return values

    def contents(self, data: bytes) -> bytes:
        """The bytes of a file as the served network takes them: WAV of 16 bits. What is of another form is decoded and
        written anew.

        Raises:
            ValueError: when it cannot be decoded.
        """
        if data[:4] == b"RIFF" and data[12:16] == b"fmt " and data[16:22] in _PLAIN and data[34:36] == b"\x10\0":
            if not _whole(data):
                raise ValueError("a WAV file that was cut off")
            return data
        if data[:4] == b"OggS" and not _ended(data):
            raise ValueError("an OGG file that was cut off")
        package = _soundfile("a sound")
        try:
            sound, rate = package.read(io.BytesIO(data), dtype="float32", always_2d=True)
        except package.SoundFileError as error:
            raise ValueError(str(error)) from error
        written = io.BytesIO()
        package.write(written, sound, rate, format="WAV", subtype="PCM_16")
        return written.getvalue()

    def learn(self) -> Learning:
        state: State = {}
        while (sent := (yield)) is not None:
            values = sent[0]
            if values.dtype.kind == "O":
                state = {"raw": "string", "files": form(values, state)}
            elif not state:
                state = {"raw": values.dtype.name, "shape": list(values.shape[1:])}
        return state

    def raw(self, state: State) -> Tensor:
        return Tensor((None, *state.get("shape", ())), state["raw"])

    def kept(self, state: State) -> str:
        return "float32"

    def prepare(self, tf: ModuleType, values: Any, state: State) -> Any:
        samples = self._samples(state)
        assert samples is not None, "`read` has asked for `seconds` where the data does not say"
        if state["raw"] == "string":
            one = tf.TensorSpec((samples,), tf.float32)
            sounds = tf.map_fn(lambda data: self._decoded(tf, data, samples), values, fn_output_signature=one)
        else:
            sounds = tf.cast(values, tf.float32) / (FULL if state["raw"] == "int16" else 1)
            sounds = sounds if len(state["shape"]) == 1 else tf.reduce_mean(sounds, axis=2)
            sounds = tf.pad(sounds[:, :samples], [[0, 0], [0, max(0, samples - state["shape"][0])]])
        match self.as_:
            case "spectrogram":
                return spectra(tf, sounds, self.rate)
            case "mel":
                return mels(tf, sounds, self.rate)
        return sounds

    def _decoded(self, tf: ModuleType, data: Any, samples: int) -> Any:
        sound, rate = tf.audio.decode_wav(data)
        return resampled(tf, tf.reduce_mean(sound, axis=1), rate, self.rate, samples)

    def restore(self, tf: ModuleType, output: Any, state: State) -> Any:
        return output

    def sample(self, generator: np.random.Generator, rows: int) -> Array:
        if self.seconds is None:
            raise Refusal(S104, "made-up sounds need to know their length", "add `seconds`", "seconds")
        return generator.uniform(-1, 1, (rows, round(self.rate * self.seconds))).astype(np.float32)


_OTHERS = (b"fLaC", b"OggS")
"""How files begin that are no WAV."""

_PLAIN = (b"\x10\0\0\0\x01\0", b"\x12\0\0\0\x01\0")
"""The forms of a header that TensorFlow reads: 16 or 18 bytes long, of plain numbers."""


def _whole(data: bytes) -> bool:
    """Whether a WAV file has all samples that it says it has."""
    at = 12
    while at + 8 <= len(data) and data[at : at + 4] != b"data":
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
    return at + 8 + int.from_bytes(data[at + 4 : at + 8], "little") <= len(data)


def _ended(data: bytes) -> bool:
    """Whether the last page of an OGG file is whole, and marked as the last; decoders pass over the lack of it."""
    page = data[data.rfind(b"OggS") :]
    lengths = page[27 : 27 + page[26]] if len(page) > 26 else b""
    return len(page) >= 27 + len(lengths) + sum(lengths) and len(lengths) > 0 and bool(page[5] & 4)


def _soundfile(what: str) -> Any:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: its C library is not there
        told = f"{what} is not WAV of 16 bits, and reading others needs the package soundfile"
        raise Refusal(S606, told, "type `pip install 'specc[audio]'`") from error
    return soundfile
