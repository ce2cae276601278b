"""A SavedModel asked without its run: all that is known of its inputs is what its signature says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from specc import codes
from specc.backend.data.prepared import UNREADABLE, UnreadableError
from specc.backend.inference.answers import Columns, plainly
from specc.backend.inference.asking import Asked, Files, Passed, Taken
from specc.diagnostics import Log, Refusal, Rejected, Span
from specc.kinds.arrays import Array
from specc.kinds.features import BadRows, Origin, missing
from specc.kinds.features._columns import numbers, scalars
from specc.kinds.readers import listed
from specc.tensors import Tensor, show

SIGNATURE = "serving_default"

TEXT = Tensor((None,), "string")

FAILURES = (OSError, ValueError, KeyError, TypeError, RuntimeError, tf.errors.OpError)
"""What TensorFlow raises where a SavedModel cannot be loaded."""


def open_saved_model(path: Path, log: Log, passed: Passed | None = None, *, files: bool = False) -> Asked:
    """A SavedModel ready to be asked by its `serving_default`; by `files` where it takes one text, which they are then.

    Raises:
        Rejected: S503 when it cannot be loaded or has no such signature.
    """
    span = Span(str(path), 1, 1, 1, 1)
    try:
        loaded = tf.saved_model.load(str(path))
    except FAILURES as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        log.report(codes.S503, span, f"the SavedModel `{path}` cannot be loaded: {reason}")
        raise Rejected(log) from error
    if SIGNATURE not in loaded.signatures:
        there = ", ".join(f"`{name}`" for name in loaded.signatures) or "none"
        help = f"export it with one; there is {there}"
        log.report(codes.S503, span, f"the SavedModel `{path}` has no signature `{SIGNATURE}`", help=help)
        raise Rejected(log)
    serve = loaded.signatures[SIGNATURE]
    specs = serve.structured_input_signature[1]
    raw = {name: Tensor(tuple(spec.shape.as_list()), spec.dtype.name) for name, spec in specs.items()}

    def respond(given: Mapping[str, Any], owner: Any = loaded) -> Mapping[str, Any]:
        # What was loaded owns the variables, and has to live as long as its signatures are called.
        answers: Mapping[str, Any] = serve(**given)
        return answers

    fields = tuple(
        Taken(name, (name,), tensor, partial(_read, tensor), files=_files(name, respond) if files else None)
        if tensor == TEXT
        else Taken(name, (name,), tensor, partial(_read, tensor))
        for name, tensor in raw.items()
    )
    return Asked(fields, respond, _told, log, {}, passed)


def _read(tensor: Tensor, column: Array, origin: Origin) -> Array:
    """Values of an input in the dtype that the signature has, or refused."""
    dtype, shape = str(tensor.dtype), (tensor.shape or (None,))[1:]
    if shape:
        fits = column.ndim == len(shape) + 1 and all(
            size in (None, there) for size, there in zip(shape, column.shape[1:], strict=True)
        )
        if not fits:
            told = f"the value in {origin.where(0)} has shape {list(column.shape[1:])}, not {show(shape)}"
            raise Refusal(codes.S503, told, "in JSON lines an array is a list of lists")
        return column.astype(dtype) if np.dtype(dtype).kind == "f" else column
    if dtype == "string":
        values = scalars(column, "text")
        return values if values.dtype.kind == "O" else values.astype(str).astype(object)
    found = numbers(scalars(column, "number"), origin)
    if np.dtype(dtype).kind == "f":
        return found.astype(dtype)
    if (absent := missing(found)).any():
        raise BadRows(codes.S503, f"the number in {{rows}} is missing, and {dtype} has no such", absent, origin)
    return found


def _files(name: str, respond: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Files:
    """An input that is asked by files: taken as they lie. Which cannot be decoded only the network itself can say."""

    def contents(names: Array) -> Array:
        try:
            return np.array([Path(file).read_bytes() for file in names], dtype=object)
        except OSError as error:
            raise UnreadableError(str(error)) from error

    def broken(names: Array) -> list[int]:
        bad = []
        for number in range(len(names)):
            try:
                respond({name: tf.constant(contents(names[number : number + 1]), tf.string)})
            except UNREADABLE:
                bad.append(number)
        return bad

    def undecodable(names: list[str]) -> Refusal:
        return Refusal(codes.S503, f"cannot decode {listed(names, 5)}", "damaged, or of another format: save it again")

    return Files(contents, broken, undecodable)


def _told(answers: Mapping[str, Array]) -> Columns:
    """Every output as a column: numbers, texts, or lists of them."""
    return {name: plainly(answer) for name, answer in answers.items()}
