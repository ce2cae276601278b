"""Sounds, from arrays and from files, as scipy, NumPy and soundfile know them; and served as they were trained on."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import numpy as np
import pytest
import scipy.signal
import soundfile
import tensorflow as tf
from data_plans import ORIGIN, data_plan, feature, learned, reader, told

import specc
import specc.backend
from specc.backend.data import open_data
from specc.backend.data.prepared import raw_fields
from specc.diagnostics import Log, Refusal

RATE = 8000


def tune(seconds=0.5, rate=RATE, channels=1, seed=0):
    """A rising tone with noise, in whole numbers of 16 bits."""
    at = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(0, 0.1, (len(at), channels))
    sound = 0.4 * np.sin(2 * np.pi * (300 + 600 * at) * at)[:, None] + noise
    return np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)


def stored(path, sound, rate=RATE, **form):
    soundfile.write(path, sound, rate, **form)
    return np.array([str(path)], dtype=object)


def prepared(kind, column):
    values = kind.read(column, ORIGIN)
    state = json.loads(json.dumps(learned(kind, values)))
    if state.get("files"):
        values = raw_fields(kind, values)
    tensor = kind.prepare(tf, tf.constant(values, kind.raw(state).dtype), state)
    assert tensor.shape[1:] == kind.tensor(state).shape[1:]
    assert tuple(kind.facts(state)["shape"]) == tensor.shape[1:]
    return tensor.numpy()


def audio(**properties):
    return feature("audio", **{"as_" if name == "form" else name: value for name, value in properties.items()})


def refused(kind, column, state=None):
    with pytest.raises(Refusal) as refusal:
        kind.read(column, ORIGIN, state)
    return refusal.value.code.id, refusal.value.message, refusal.value.help


# --- waves


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("name", "form", "error"),
    [
        ("a.wav", {"subtype": "PCM_16"}, 0),
        ("a.wav", {"subtype": "PCM_24"}, 0),
        ("a.wav", {"subtype": "FLOAT"}, 0),
        ("a.WAV", {"subtype": "PCM_16", "format": "WAVEX"}, 0),
        ("a.flac", {"subtype": "PCM_16"}, 0),
        ("a.ogg", {"subtype": "VORBIS"}, 0.25),
    ],
)
def test_a_file_is_the_mean_of_its_channels_whatever_its_format(tmp_path, name, form, error, channels):
    sound = tune(channels=channels)
    ours = prepared(audio(rate=RATE, seconds=0.5), stored(tmp_path / name, sound / 32768, **form))[0]
    theirs = soundfile.read(tmp_path / name, always_2d=True)[0].mean(axis=1)
    assert np.abs(ours - theirs).max() <= 1 / 32768
    assert np.abs(ours - sound.mean(axis=1) / 32768).max() <= error + 1e-6


@pytest.mark.parametrize("seconds", [0.2, 0.5, 0.9])
def test_what_is_longer_is_cut_and_what_is_shorter_is_followed_by_silence(tmp_path, seconds):
    sound = tune(0.5)
    samples = round(seconds * RATE)
    theirs = np.pad(sound[:samples, 0] / 32768, (0, max(0, samples - len(sound))))
    kind = audio(rate=RATE, seconds=seconds)
    np.testing.assert_allclose(prepared(kind, stored(tmp_path / "a.wav", sound))[0], theirs, atol=1e-7)
    np.testing.assert_allclose(prepared(kind, sound.reshape(1, -1))[0], theirs, atol=1e-7)


@pytest.mark.parametrize("there", [8000, 11025, 16000, 22050, 44100, 48000, 4001])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_file_of_another_rate_is_resampled_as_scipy_does(tmp_path, there, rate):
    sound = tune(0.3, there)
    ours = prepared(audio(rate=rate, seconds=0.4), stored(tmp_path / "a.wav", sound, there))[0]
    theirs = scipy.signal.resample_poly(sound[:, 0] / 32768, rate, there)
    theirs = np.pad(theirs, (0, len(ours) - len(theirs)))
    assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()


def test_a_file_without_a_sample_is_silence(tmp_path):
    for there in (8000, 16000):
        column = stored(tmp_path / f"{there}.wav", np.zeros((0, 1), np.int16), there)
        assert (prepared(audio(rate=RATE, seconds=0.1), column) == np.zeros((1, 800))).all()


@pytest.mark.parametrize("dtype", ["int16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(4000,), (4000, 1), (4000, 2)])
def test_arrays_are_taken_to_have_the_rate_and_keep_their_values(dtype, shape):
    column = np.stack(
        [tune(channels=max(1, len(shape) and (*shape, 1)[1]), seed=seed).reshape(shape) for seed in (1, 2)]
    )
    values = column / 32768
    column = column if dtype == "int16" else values.astype(dtype)
    ours = prepared(audio(rate=RATE), column)
    np.testing.assert_allclose(ours, values if len(shape) == 1 else values.mean(axis=2), atol=1e-7)


# --- spectra


@pytest.mark.parametrize("rate", [8000, 16000, 22050])
def test_a_spectrogram_is_that_of_scipy_in_frames_of_25_ms_every_10_ms(rate):
    sound = tune(0.5, rate).reshape(1, -1) / 32768
    ours = prepared(audio(rate=rate, form="spectrogram"), sound)[0]
    length, step = round(0.025 * rate), round(0.010 * rate)
    size = 2 ** int(np.ceil(np.log2(length)))
    window = scipy.signal.get_window("hann", length)
    _, _, theirs = scipy.signal.stft(
        sound[0], rate, window, length, length - step, size, boundary=None, padded=False, scaling="spectrum"
    )
    theirs = np.abs(theirs.T) * window.sum()
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1e-4 * theirs.max()
    np.testing.assert_allclose(ours[theirs > 0.01], theirs[theirs > 0.01], rtol=1e-4)


def librosa_mel(rate, size, bands):
    """`librosa.filters.mel` with its defaults, from its documentation: a band at a time, in plain Python."""

    def hertz(mel):
        return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

    top = rate / 2
    highest = top * 3 / 200 if top < 1000 else 15 + 27 * np.log(top / 1000) / np.log(6.4)
    edges = [hertz(highest * i / (bands + 1)) for i in range(bands + 2)]
    weights = np.zeros((bands, size // 2 + 1))
    for band in range(bands):
        left, middle, right = edges[band : band + 3]
        for number in range(size // 2 + 1):
            f = number * rate / size
            inside = (f - left) / (middle - left) if f <= middle else (right - f) / (right - middle)
            weights[band, number] = max(0.0, inside) * 2 / (right - left)
    return weights


@pytest.mark.parametrize("rate", [4000, 8000, 16000, 44100])
def test_mel_bands_are_those_of_librosa_over_the_energy_of_the_spectrum(rate):
    sound = tune(0.5, rate).reshape(1, -1) / 32768
    ours = prepared(audio(rate=rate, form="mel"), sound)[0]
    spectrum = prepared(audio(rate=rate, form="spectrogram"), sound)[0].astype(np.float64)
    weights = librosa_mel(rate, 2 * (spectrum.shape[1] - 1), 64)
    assert (weights.sum(axis=1) > 0).all()
    np.testing.assert_allclose(ours, np.log(spectrum**2 @ weights.T + 1e-6), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("form", "shape"), [("waveform", (8000,)), ("spectrogram", (98, 129)), ("mel", (98, 64))])
def test_the_shape_is_known_before_any_data_is(form, shape):
    kind = audio(rate=RATE, seconds=1, form=form)
    assert kind.tensor().shape == (None, *shape)
    assert kind.facts() == {"shape": list(shape)}


# --- what is refused


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"rate": 2000, "form": "mel"}, "a `rate` of 2,000 is too low for mel bands"),
        ({"rate": 8000, "seconds": 0.01, "form": "spectrogram"}, "80 samples are less than one frame"),
        ({"rate": 1000, "seconds": 0.0001}, "0 samples are less than one"),
    ],
)
def test_properties_that_leave_nothing_are_refused(properties, message):
    with pytest.raises(Refusal) as refusal:
        audio(**properties)
    assert (refusal.value.code.id, refusal.value.message) == ("S105", message)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (np.zeros((2, 4, 4, 2)), "an example of shape [4, 4, 2] is not a sound"),
        (np.zeros((2, 2, 4000)), "an example of shape [2, 4000] is not a sound"),
        (np.zeros(2), "an example of shape [] is not a sound"),
        (np.zeros((2, 400), np.uint8), "samples of the NumPy dtype uint8 do not say what is loudest"),
    ],
)
def test_arrays_that_are_no_sounds_are_refused(column, message):
    assert refused(audio(rate=RATE), column)[:2] == ("S503", message)


def test_a_sample_that_is_no_number_is_told_with_its_row():
    column = np.zeros((3, 400))
    column[1, 7] = np.inf
    assert refused(audio(rate=RATE), column)[:2] == ("S503", "the sound in table.csv:3 holds NaN or an infinity")


def test_files_without_a_length_are_refused():
    assert refused(audio(rate=RATE), np.array(["a.wav"], object))[0] == "S104"


def test_sounds_of_another_form_than_in_training_are_refused():
    kind = audio(rate=RATE)
    state = learned(kind, np.zeros((2, 400), np.int16))
    told = "these sounds are arrays of shape [500], and those of the training rows are arrays of shape [400]"
    assert refused(kind, np.zeros((2, 500), np.int16), state)[1] == told


# --- folders of sounds

FIELDS = ({"audio": feature("audio", rate=RATE, seconds=0.25, as_="mel")}, {"label": feature("category")})


@pytest.fixture
def folder(tmp_path):
    """Thirty sounds of three formats in two classes, low and high, and of two rates."""
    for number in range(30):
        rate = (8000, 16000)[number % 4 // 2]
        at = np.arange(rate // 4) / rate
        sound = 0.3 * np.sin(2 * np.pi * (300 if number % 2 else 1500) * at + number)
        path = tmp_path / ("low" if number % 2 else "high") / f"{number:02}.{('wav', 'flac', 'ogg')[number % 3]}"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, sound, rate)
    return tmp_path


DAMAGE = {
    "high/00.wav": lambda data: data[:-100],
    "high/04.flac": lambda data: data[:-100],
    "high/08.ogg": lambda data: data[:-1],
    "low/03.wav": lambda data: b"",
    "low/07.flac": lambda data: b"no sound",
    "low/09.wav": lambda data: data[:24] + (7).to_bytes(4, "little") + data[28:],
}


def spoil(folder):
    for name, change in DAMAGE.items():
        (folder / name).write_bytes(change((folder / name).read_bytes()))


def test_sounds_that_cannot_be_decoded_are_named_all_at_once(folder):
    spoil(folder)
    plan = data_plan(reader("audio_folder", path=str(folder)), *FIELDS)
    ((code, line, message, help),) = told(open_data, plan)
    assert (code, line) == ("S503", 10)
    assert message.startswith(f"cannot decode `{folder / 'high/00.wav'}`, `{folder / 'high/04.flac'}`, ")
    assert message.endswith(" and 1 more")
    assert "WAV of 16 bits" in help


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_sounds_that_cannot_be_decoded_are_passed_over_where_that_is_asked_for(folder, cache):
    spoil(folder)
    data = open_data(data_plan(reader("audio_folder", path=str(folder)), *FIELDS, skip=0.5, cache=cache), Log())
    assert data.splits["train"].examples == 30 - len(DAMAGE)
    skipped = data.fingerprint["skipped"]["all"]
    assert skipped["count"] == len(DAMAGE)
    assert set(skipped["first"]) == {f"cannot decode `{folder / name}`" for name in DAMAGE}


def test_sounds_that_are_not_kept_are_decoded_batch_by_batch_to_the_same(folder):
    kept, read = (
        open_data(data_plan(reader("audio_folder", path=str(folder)), *FIELDS, cache=cache), Log()).splits["train"]
        for cache in ("memory", "none")
    )
    assert (kept.inputs["audio"].ready, read.inputs["audio"].ready) == (True, False)
    for (one, _), (other, _) in zip(kept.batches(7), read.batches(7), strict=True):
        np.testing.assert_allclose(one["audio"], other["audio"], atol=1e-5)


SPEC = """\
specc: 1
dataset:
  source: {audio_folder: sounds}
  inputs: {sound: {type: audio, column: audio, rate: 8000, seconds: 0.25, as: mel}}
  targets: {height: {type: category, column: label}}
  split: {validation: 0.2, stratify: height}
  batch_size: 4
model:
  layers:
    - GlobalAveragePooling1D
    - Dense: {units: 2, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: {Adam: 0.05}, metrics: [accuracy], epochs: 10}
export: [saved_model]
"""


def test_the_served_network_takes_wav_and_answers_as_in_training(folder, tmp_path_factory):
    place = tmp_path_factory.mktemp("spec")
    (place / "sounds").symlink_to(folder)
    (place / "s.yaml").write_text(SPEC)
    run = specc.run(place / "s.yaml", out=place / "run")
    assert run.metrics["validation"]["accuracy"] == 1
    served = tf.saved_model.load(str(place / "run/export/saved_model")).signatures["serving_default"]
    split = open_data(specc.plan(place / "s.yaml"), Log()).splits["validation"]
    raw = split.raw(slice(0, 6))["sound"]
    for data in raw:
        assert soundfile.info(io.BytesIO(data)).format == "WAV"
    (inputs, _), *_ = split.batches(6)
    theirs = run.model(inputs, training=False)["height"]
    answers = served(sound=tf.constant(raw))
    np.testing.assert_allclose(answers["height"], theirs, atol=1e-6)
    # Files that are no WAV are asked about by their names all the same.
    lines = run_specc("predict", str(place / "run"), str(folder / "low")).splitlines()
    assert lines[0] == "audio,height,height_probability"
    assert len(lines) == 16
    assert all(line.split(",")[1] == "low" for line in lines[1:])


def run_specc(*arguments):
    command = [sys.executable, "-m", "specc", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
