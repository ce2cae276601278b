"""Checkpoints: all that a run needs to go on from a step as if it had never stopped, each in a file of its own.

A file is a zip of arrays, as `numpy.savez` writes it, with a checksum for each: damage is found when it is read. It is
written beside its name and renamed when it is on disk, by a thread of its own while training goes on.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import IO, Any

import keras
import numpy as np

from specc.backend.rundir import aside
from specc.plan import Schedule

STATE = "state"
ARRAY = "$array"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run between two steps.

    `phase`, from 0, began with the epoch `began`. `epoch` and `step`, both from 0, are those of the next batch, of the
    next phase where this one is over; `taken` counts the steps of the whole run. `losses` and `examples` are the sums
    of the epoch so far, `history` has a value for each epoch before it. `stopped`: a callback has ended the phase.
    `callbacks` has for each what it has learnt since the phase began; `variables` are the values of `variables_of`, in
    its order.
    """

    phase: int
    began: int
    epoch: int
    step: int
    taken: int
    losses: Sequence[float]
    examples: float
    history: Mapping[str, Sequence[float]]
    stopped: bool
    callbacks: Sequence[Mapping[str, Any]]
    variables: Sequence[np.ndarray[Any, Any]]


class DamagedError(Exception):
    """A checkpoint that cannot be read, or is not of this network; the message says why."""


def variables_of(model: keras.Model, optimizer: Any) -> list[Any]:
    """All that changes while a model is trained: weights, states of layers, seeds, optimizer, metrics. Each once."""
    every = [*model.variables, *optimizer.variables, *model.metrics_variables]
    return list({id(variable): variable for variable in every}.values())


def values_of(variables: Sequence[Any]) -> list[np.ndarray[Any, Any]]:
    """Copies of the values of variables."""
    # Read first: what replicas hold a part of each, like the sums of a metric, is added up by that.
    return [variable.value.read_value().numpy() for variable in variables]


def restore(variables: Sequence[Any], values: Sequence[np.ndarray[Any, Any]]) -> None:
    """Give variables the values that `values_of` took.

    Raises:
        DamagedError: they are not those of these variables.
    """
    found = [tuple(value.shape) for value in values]
    if found != [tuple(variable.shape) for variable in variables]:
        raise DamagedError("it holds other variables than this network and its optimizer have")
    for variable, value in zip(variables, values, strict=True):
        dtype = variable.value.dtype.as_numpy_dtype
        # What numpy has no name for, like bfloat16, comes back as plain bytes.
        variable.assign(value.view(dtype) if value.dtype.kind == "V" else value)


@dataclass(slots=True)
class Memory:
    """What callbacks have learnt since training began: those attributes of theirs that are plain data and have changed.

    Made after `on_train_begin`, which gives callbacks the values to begin with.
    """

    callbacks: Sequence[Any]
    _begun: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._begun = [{name: _print(value) for name, value in _plain(callback)} for callback in self.callbacks]

    def take(self) -> list[dict[str, Any]]:
        """What each has learnt by now."""
        taken = []
        for callback, begun in zip(self.callbacks, self._begun, strict=True):
            learnt = {name: value for name, value in _plain(callback) if begun.get(name) != _print(value)}
            if isinstance(callback, keras.callbacks.CSVLogger) and callback.csv_file:
                callback.csv_file.flush()
                learnt[WRITTEN] = os.path.getsize(callback.filename)
            taken.append(learnt)
        return taken

    def give(self, learnt: Sequence[Mapping[str, Any]]) -> None:
        """Let each know again what it knew."""
        for callback, state in zip(self.callbacks, learnt, strict=True):
            if "min_delta" in state and getattr(callback, "monitor_op", None) is None:
                # It has turned its sign when it found out which way is better, and would do so once more.
                callback._set_monitor_op()
            for name, value in state.items():
                if name != WRITTEN:
                    setattr(callback, name, value)


WRITTEN = "$written"
"""How many bytes of its file a `CSVLogger` had written."""


def flush(callbacks: Sequence[Any]) -> None:
    """Put on disk what callbacks and trackers have written so far; a run that goes on writes what comes after."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.TensorBoard):
            for writer in callback._writers.values():
                writer.flush()


def append(callbacks: Sequence[Any], learnt: Sequence[Mapping[str, Any]] | None = None) -> None:
    """Have those that write a file go on with it, from where a checkpoint was taken; before `on_train_begin`."""
    if learnt is None:
        for callback in callbacks:
            if isinstance(callback, keras.callbacks.CSVLogger):
                callback.append = True
        return
    for callback, state in zip(callbacks, learnt, strict=True):
        if isinstance(callback, keras.callbacks.CSVLogger) and WRITTEN in state and os.path.exists(callback.filename):
            os.truncate(callback.filename, min(state[WRITTEN], os.path.getsize(callback.filename)))
            callback.append = True


class Checkpoints:
    """The checkpoints of a run, in a directory; the last few are kept.

    `writes`: whether this process writes them, as one of several does.
    """

    def __init__(self, folder: Path, schedule: Schedule, *, writes: bool = True) -> None:
        self.folder = folder
        self.schedule = schedule
        self.writes = writes
        self._last = monotonic()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._written: Future[None] | None = None

    @property
    def stride(self) -> int | None:
        """After how many steps one is taken, where steps are counted."""
        return self.schedule.every if self.schedule.unit == "step" else None

    @property
    def timed(self) -> bool:
        """Whether a clock decides when one is taken."""
        return self.schedule.unit == "minute"

    def due(self, *, taken: int, epochs: int | None = None) -> bool:
        """Whether it is time for one, after so many steps; `epochs` is given where an epoch has just ended."""
        match self.schedule.unit:
            case "step":
                return epochs is None and taken % self.schedule.every == 0
            case "epoch":
                return epochs is not None and epochs % self.schedule.every == 0
            case _:
                return monotonic() - self._last >= 60 * self.schedule.every

    def keep(self, checkpoint: Checkpoint) -> None:
        """Write one, in the background.

        Raises:
            OSError: the one before could not be written.
        """
        self._last = monotonic()
        if self.writes:
            self.settle()
            self._written = self._writer.submit(self._write, checkpoint)

    def settle(self) -> None:
        """Wait until what was asked for is on disk.

        Raises:
            OSError: it could not be written.
        """
        if self._written is not None:
            self._written.result()
            self._written = None

    def close(self) -> None:
        """End the thread; whatever it was writing is whole, or not there."""
        self._writer.shutdown()

    def latest(self) -> Iterator[tuple[Path, Checkpoint | DamagedError]]:
        """The checkpoints, last first, each read when it is asked for."""
        for path in reversed(self.files()):
            try:
                yield path, read(path)
            except DamagedError as error:
                yield path, error

    def files(self) -> list[Path]:
        """Those that there are, first to last."""
        # A draft's name begins with a dot, which a pattern does not match.
        return sorted(self.folder.glob("step-*.npz"), key=lambda path: (len(path.name), path.name))

    def _write(self, checkpoint: Checkpoint) -> None:
        with aside(self.folder / f"step-{checkpoint.taken:08}.npz") as draft, draft.open("wb") as file:
            write(file, checkpoint)
        for old in self.files()[: -self.schedule.keep]:
            old.unlink(missing_ok=True)


def write(file: IO[bytes], checkpoint: Checkpoint) -> None:
    """Write a checkpoint to an open file."""
    arrays: dict[str, Any] = {}
    names = [name for name in Checkpoint.__slots__ if name != "variables"]
    state = {name: _packed(getattr(checkpoint, name), arrays) for name in names}
    arrays |= {f"variable-{i}": value for i, value in enumerate(checkpoint.variables)}
    arrays[STATE] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    np.savez(file, **arrays)


def read(file: Path | IO[bytes]) -> Checkpoint:
    """A checkpoint from its file, by the path or open.

    Raises:
        DamagedError: it is not whole.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            held = {name: arrays[name] for name in arrays.files}
        state = json.loads(held.pop(STATE).tobytes())
        variables = [held[f"variable-{i}"] for i in range(sum(name.startswith("variable-") for name in held))]
        return Checkpoint(**_unpacked(state, held), variables=variables)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DamagedError(f"it is damaged: {str(error).strip() or type(error).__name__}") from error


class _NotPlain(Exception):
    """An object that is not plain data."""


def _plain(callback: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of a callback that are plain data; what Keras hangs on it is no part of it."""
    for name, value in vars(callback).items():
        if name not in ("_model", "params", "validation_data"):
            try:
                _packed(value, {})
            except _NotPlain:
                continue
            yield name, value


def _print(value: Any) -> str:
    """A text that is another one for another value."""
    arrays: dict[str, Any] = {}
    packed = _packed(value, arrays)
    return json.dumps([packed, [zlib.crc32(array.tobytes()) for array in arrays.values()]])


def _packed(value: Any, arrays: dict[str, Any]) -> Any:
    """Plain data as JSON has it; arrays in it go to `arrays`, and their names stay in their places."""
    if value is None or (isinstance(value, (bool, int, float, str)) and not isinstance(value, np.generic)):
        return value
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufV":
        name = f"array-{len(arrays)}"
        arrays[name] = np.asarray(value)
        return {ARRAY: name}
    if isinstance(value, (list, tuple)):
        return [_packed(item, arrays) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _packed(item, arrays) for key, item in value.items()}
    raise _NotPlain(type(value))


def _unpacked(value: Any, arrays: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_unpacked(item, arrays) for item in value]
    if isinstance(value, dict):
        if set(value) == {ARRAY}:
            array = arrays[value[ARRAY]]
            return array if array.ndim else array[()]
        return {key: _unpacked(item, arrays) for key, item in value.items()}
    return value
