"""The run directory: claimed once, and every file in it whole or not there."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from specc import codes, kinds
from specc.diagnostics import Refusal
from specc.plan import Plan
from specc.text.scalars import resolve


def refuse_taken(out: Path | None) -> None:
    """See, before any work is done, that a run directory can be `out`.

    Raises:
        Refusal: S105 when `out` is a file or holds something already.
    """
    if out is None or not out.exists():
        return
    if not out.is_dir():
        raise Refusal(codes.S105, f"`{out}` is a file", "choose a directory that is new or empty")
    if any(out.iterdir()):
        raise Refusal(codes.S105, f"`{out}` holds something already", "choose a directory that is new or empty")


def claim(out: Path | None, name: str) -> Path:
    """Make the directory of a run: `out`, or the first free `runs/NAME-N`.

    Raises:
        Refusal: S105 when `out` is a file, holds something already, or cannot be made.
    """
    if out is None:
        Path("runs").mkdir(exist_ok=True)
        return _free(Path("runs") / name)
    refuse_taken(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(
            codes.S105, f"cannot make the run directory `{out}`: {error.strerror}", "choose another"
        ) from error
    return out


def _free(stem: Path) -> Path:
    """The first of `STEM-1`, `STEM-2`, … that nobody has, made in the same step in which it is found to be free."""
    number = 1
    while True:
        found = stem.with_name(f"{stem.name}-{number}")
        with suppress(FileExistsError):
            found.mkdir()
            return found
        number += 1


@contextmanager
def aside(final: Path) -> Iterator[Path]:
    """A path beside a file's final one to write to; it takes the final name, on disk, when nothing went wrong."""
    final.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=f"-{final.name}", dir=final.parent)
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.chmod(0o666 & ~_umask())
        draft.replace(final)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_text(path: Path, text: str) -> None:
    """Write a whole file under its name, or leave what was there."""
    with aside(path) as draft:
        draft.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write plain data as JSON; a number that is not finite becomes null, which JSON has a word for."""
    write_text(path, json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def in_order(names: Iterable[str]) -> list[str]:
    """Keras's log names as one reads them: training before validation, losses before metrics."""
    return sorted(names, key=lambda name: (name.startswith("val_"), "loss" not in name, name))


def write_history(path: Path, history: Mapping[str, Sequence[float]]) -> None:
    """A row an epoch, a column for each of Keras's log names, `loss` first."""
    names = in_order(history)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["epoch", *names])
    epochs = max((len(values) for values in history.values()), default=0)
    for epoch in range(epochs):
        rows.writerow([epoch + 1, *(_cell(history[name], epoch) for name in names)])
    write_text(path, text.getvalue())


def write_spec(path: Path, plan: Plan) -> None:
    """The spec of a run, on its own: nothing extended, nothing overridden any more, paths of data absolute."""
    spec = plan.tree.plain()
    if plan.dataset is not None:
        sources = {name: {call.name: dict(call.arguments)} for name, call in plan.dataset.sources.items()}
        spec["dataset"]["source"] = _plain(sources.get("", sources))
        for side, fields in (("inputs", plan.dataset.inputs), ("targets", plan.dataset.targets)):
            for field in fields:
                spec["dataset"][side][field.name] |= _paths(field.feature)
    spec.setdefault("name", plan.name)
    head = f"# The spec of this run, resolved from {Path(plan.source.path).name}.\n"
    write_text(path, head + yaml.dump(spec, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))


def _paths(feature: Any) -> dict[str, str]:
    """The properties of a feature that name files, absolute as they were bound."""
    properties = {f.name: (f.metadata["schema"], getattr(feature, f.name)) for f in dataclasses.fields(feature)}
    return {n: v for n, (schema, v) in properties.items() if isinstance(v, str) and kinds.names_file(schema, v)}


class _Dumper(yaml.SafeDumper):
    """Writes nothing that YAML 1.2 reads otherwise than PyYAML, of YAML 1.1, does: the strings `1e-3` and `0o17`."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    bare = not text or isinstance(resolve(text), str)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if bare else '"')


_Dumper.add_representer(str, _text)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _cell(values: Sequence[float], epoch: int) -> Any:
    return values[epoch] if epoch < len(values) else ""


def _umask() -> int:
    """What `open` would take from the permissions of a new file; a temporary file is its owner's alone."""
    before = os.umask(0)
    os.umask(before)
    return before
