"""The run directory: claimed once, and every file in it whole or not there."""

from __future__ import annotations

import csv
import dataclasses
import fcntl
import io
import json
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from specc import codes, kinds
from specc.diagnostics import Refusal
from specc.plan import Plan
from specc.tensors import PRECISIONS
from specc.text.scalars import resolve

SPEC = "spec.yaml"
"""The spec of a run; a directory that has none is no run's."""

ELSEWHERE = ("description", "runtime", "export")
"""Sections that have no say in what is learnt: a run may be gone on with under others."""

TOLD = 8
"""At how many places two specs are told to differ."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run is kept. `resumed`: there is a run in it, which is to be gone on with."""

    path: Path
    resumed: bool


def find(out: Path | None, plan: Plan, *, resume: bool) -> Path | None:
    """See, before any work is done, where a run can be: `out`, or the last run of this name that is not finished.

    Returns:
        None where a new directory is to be made.

    Raises:
        Refusal: S105 when `out` is a file, or holds something and is not to be resumed; S608 when what is to be resumed
            is no run, or the run of another spec.
    """
    if out is None:
        out = _unfinished(plan.name) if resume else None
        if out is None:
            return None
    elif not out.exists():
        return out
    if not out.is_dir():
        raise Refusal(codes.S105, f"`{out}` is a file", "choose a directory that is new or empty")
    if not any(out.iterdir()):
        return out
    if not resume:
        runs = (out / SPEC).is_file()
        help = "choose a directory that is new or empty"
        raise Refusal(
            codes.S105,
            f"`{out}` holds {'a run' if runs else 'something'} already",
            f"{help}, or go on with that run: `--resume`" if runs else help,
        )
    if not (out / SPEC).is_file():
        raise Refusal(codes.S608, f"`{out}` is not a run: it has no {SPEC}", "choose the directory of a run")
    if differences := _differences(out / SPEC, plan):
        more = [f"and at {len(differences) - TOLD:,} more places"] if len(differences) > TOLD else []
        raise Refusal(
            codes.S608,
            f"the run in `{out}` began with another spec",
            "\n".join(
                [
                    "go on with the spec that it began with, or begin a new run: another `--out`",
                    *differences[:TOLD],
                    *more,
                ]
            ),
        )
    return out


@contextmanager
def claim(out: Path | None, name: str) -> Iterator[Place]:
    """Make the directory of a run, or take it over: `out`, or the first free `runs/NAME-N`.

    No other process claims it meanwhile. The system lets go of it when this process ends, however it does.

    Raises:
        Refusal: S608 when another process is at work in it, S609 when it cannot be made.
    """
    try:
        if out is None:
            Path("runs").mkdir(exist_ok=True)
            out = _free(Path("runs") / name)
        out.mkdir(parents=True, exist_ok=True)
        handle = os.open(out, os.O_RDONLY)
    except OSError as error:
        raise Refusal(
            codes.S609, f"cannot make the run directory `{out or 'runs'}`: {error.strerror}", "choose another: `--out`"
        ) from error
    try:
        _lock(handle, out)
        yield Place(out, (out / SPEC).is_file())
    finally:
        os.close(handle)


def _lock(handle: int, directory: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = f"another process is at work in `{directory}`"
        raise Refusal(codes.S608, message, "wait until it has ended, or end it") from error
    except OSError:
        pass  # a file system without locks


def _unfinished(name: str) -> Path | None:
    """The last of the runs of a name that is not finished."""
    runs = sorted(
        (path.parent for path in Path("runs").glob(f"{name}-*/manifest.json")),
        key=lambda path: (len(path.name), path.name),
    )
    for path in reversed(runs):
        with suppress(OSError, ValueError):
            if json.loads((path / "manifest.json").read_text(encoding="utf-8")).get("status") != "finished":
                return path
    return None


def _differences(path: Path, plan: Plan) -> list[str]:
    """Where the spec of a run and another one differ in what is learnt, a line for each place."""
    try:
        before, after = (yaml.safe_load(text) for text in (path.read_text(encoding="utf-8"), spec_text(plan)))
    except (yaml.YAMLError, ValueError):
        return [f"{path.name} cannot be read"]
    if not isinstance(before, dict):
        return [f"{path.name} holds no spec"]
    for spec in (before, after):
        runtime = spec.get("runtime")
        for section in ELSEWHERE:
            spec.pop(section, None)
        # Of `runtime`, the arithmetic alone decides what is learnt, and what weights there are.
        spec["runtime"] = {"precision": (runtime or {}).get("precision", PRECISIONS[0])}
    return list(_unlike(before, after, ""))


def _unlike(before: Any, after: Any, place: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            yield from _unlike(before.get(key), after.get(key), f"{place}.{key}" if place else str(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, pair in enumerate(zip(before, after, strict=True)):
            yield from _unlike(*pair, f"{place}.{i}")
    elif before != after or type(before) is not type(after):
        yield f"{place}: {_short(before)} there, {_short(after)} here"


def _short(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 50 else f"{text[:49]}…"


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
    """Write plain data as JSON."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Plain data as JSON; a number that is not finite becomes null, which JSON has a word for."""
    return json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def in_order(names: Iterable[str]) -> list[str]:
    """Keras's log names as one reads them: training before validation, losses before metrics."""
    return sorted(names, key=lambda name: (name.startswith("val_"), "loss" not in name, name))


def write_history(path: Path, history: Mapping[str, Sequence[float]], validation_freq: int = 1) -> None:
    """A row an epoch, a column for each of Keras's log names, `loss` first; empty where nothing was validated."""
    names = in_order(history)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["epoch", *names])
    epochs = max((len(values) for values in history.values()), default=0)
    for epoch in range(epochs):
        rows.writerow([epoch + 1, *(_cell(history, name, epoch, validation_freq) for name in names)])
    write_text(path, text.getvalue())


def spec_text(plan: Plan) -> str:
    """The spec of a run, on its own: nothing extended, nothing overridden any more, paths of data absolute."""
    spec = plan.tree.plain()
    if plan.dataset is not None:
        sources = {name: {call.name: dict(call.arguments)} for name, call in plan.dataset.sources.items()}
        spec["dataset"]["source"] = _plain(sources.get("", sources))
        for side, fields in (("inputs", plan.dataset.inputs), ("targets", plan.dataset.targets)):
            for field in fields:
                spec["dataset"][side][field.name] |= _paths(field.feature)
    if plan.training is not None and plan.training.start_from is not None:
        spec["training"]["start_from"] = plan.training.start_from[0]
    spec.setdefault("name", plan.name)
    head = f"# The spec of this run, resolved from {Path(plan.source.path).name}.\n"
    return head + yaml.dump(spec, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


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


def _cell(history: Mapping[str, Sequence[float]], name: str, epoch: int, validation_freq: int) -> Any:
    values, place = history[name], epoch
    if name.startswith("val_"):
        validations, rest = divmod(epoch + 1, validation_freq)
        place = len(values) if rest else validations - 1
    return values[place] if place < len(values) else ""


def _umask() -> int:
    """What `open` would take from the permissions of a new file; a temporary file is its owner's alone."""
    before = os.umask(0)
    os.umask(before)
    return before
