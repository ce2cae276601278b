"""A row that can be asked about without knowing anything, and the line of a shell that asks about it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from math import prod
from typing import Any

from specc.backend.serving.fields import Field
from specc.tensors import Tensor

SHORT = 16
"""More numbers than this are not written one by one."""

FILE = {"image/*": "photo.jpg", "audio/*": "sound.wav"}
"""What a file of the user's may be called."""


def typical(field: Field) -> Any:
    """A value that the field takes; for a file, the empty text."""
    sense = field.sense
    one: Any = 0
    if sense.choices:
        one = sense.choices[0]
    elif sense.word == "datetime":
        one = "2026-01-31T12:00:00"
    elif field.text:
        one = "" if sense.media else "some text"
    elif field.tensor.dtype == "bool":
        one = True
    elif sense.typical is not None:
        one = sense.typical
    for size in reversed(field.inner or ()):
        one = [one] * (1 if size is None else size)
    return one


def curl(url: str, fields: Sequence[Field]) -> str:
    """A command that asks `url` about one row; it reads a file where the model takes one."""
    if any(field.sense.media for field in fields):
        return _of_files(url, fields)
    row = typical(fields[0]) if len(fields) == 1 else {field.name: typical(field) for field in fields}
    if sum(prod(size or 1 for size in field.inner or ()) for field in fields) > SHORT:
        named = ", ".join(f"{field.name!r}: {_repeated(field)}" for field in fields)
        program = f"import json; print(json.dumps({{'instances': [{{{named}}}]}}))"
        return f'python3 -c "{program}" |\n  curl -s -d @- {url}'
    return f"curl -s {url} \\\n  -d {shlex.quote(json.dumps({'instances': [row]}, ensure_ascii=False))}"


def _of_files(url: str, fields: Sequence[Field]) -> str:
    """Files come through a pipe: an argument of a command cannot be as long as a photograph."""
    steps, before = [], '{"instances": [{'
    for number, field in enumerate(fields):
        before += (", " if number else "") + f"{json.dumps(field.name, ensure_ascii=False)}: "
        if field.sense.media:
            opened = before + '{"b64": "'
            steps += [f"printf %s {shlex.quote(opened)}", f"base64 < {FILE[field.sense.media]} | tr -d '\\n'"]
            before = '"}'
        else:
            before += json.dumps(typical(field), ensure_ascii=False)
    steps.append("printf %s " + shlex.quote(before + "}]}"))
    return f"({'; '.join(steps)}) |\n  curl -s -d @- {url}"


def _repeated(field: Field) -> str:
    """A value as Python makes it of one number: `[[0] * 28] * 28`."""
    one = repr(typical(Field(field.name, Tensor((None,), field.tensor.dtype), field.sense)))
    for size in reversed(field.inner or ()):
        one = f"[{one}] * {size or 1}"
    return one
