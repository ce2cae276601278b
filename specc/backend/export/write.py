"""Leave artefacts behind: written aside, checked, and only then given their names."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from specc import codes, kinds
from specc.backend.data import Split
from specc.backend.data.split import SAMPLE
from specc.backend.export.compare import Candidate, Examples, Finding, ask, compare
from specc.backend.export.figures import Exam, Figures
from specc.backend.export.serving import in_float32, portable, serve
from specc.backend.kernels import Operation
from specc.backend.quiet import hushed
from specc.backend.xla import step_with
from specc.calls import Call
from specc.diagnostics import Log, Rejected
from specc.emit.reading import packages
from specc.kinds.arrays import Array
from specc.kinds.exporters import Exporter, Form, Inconvertible, Served
from specc.kinds.features import State
from specc.plan import Plan, Step

EXAMPLES = SAMPLE
"""How many examples an artefact is asked about, at most."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """What an exporter left behind, and what its check found.

    `takes` are the forms in which it can be asked. `examples` is how many it was asked about, `difference` the largest
    difference of an answer from the trained network's, relative beyond 1, `bound` the largest that is expected,
    `beyond` of how many examples the answers are farther off all the same. `seconds` is the time of writing it and of
    the check, which all artefacts share.
    """

    path: Path
    takes: tuple[Form, ...]
    examples: int
    difference: float
    bound: float
    beyond: int
    seconds: float
    figures: Figures = field(default_factory=Figures)

    def described(self, run: Path) -> dict[str, Any]:
        """For the manifest of a run: the path is from there where it leads into the run."""
        path = self.path.relative_to(run) if self.path.is_relative_to(run) else self.path.absolute()
        known: dict[str, Any] = {
            "path": str(path),
            "takes": list(self.takes),
            "examples_compared": self.examples,
            "largest_difference": self.difference,
            "bound": self.bound,
            "examples_beyond": self.beyond,
        }
        if (figures := self.figures).examples:
            known["metrics"] = {
                "split": figures.split,
                "examples": figures.examples,
                "artefact": dict(figures.artefact),
                "trained": dict(figures.trained),
            }
        return known


def demand(plan: Plan, log: Log) -> None:
    """See, before any work is done, that there is what the exporters of a plan need.

    Raises:
        Rejected: S606 is in `log` at each exporter that lacks a package.
    """
    before = log.errors
    for call in plan.exports:
        exporter = exporter_of(call)
        needed = (*exporter.packages, *(packages(plan) if exporter.reads else ()))
        lacking = [name for name in needed if find_spec(name) is None]
        if lacking:
            what = ", ".join(f"`{name}`" for name in lacking)
            message = f"`{call.name}` needs {what}, which {'is' if len(lacking) == 1 else 'are'} not installed"
            log.report(codes.S606, call.span or plan.tree.span, message, help=f"pip install 'specc[{call.name}]'")
    if log.errors > before:
        raise Rejected(log)


def export(
    plan: Plan,
    model: keras.Model,
    states: Mapping[str, State],
    names: Collection[str],
    split: Callable[[str], Split],
    directory: Path,
    log: Log,
) -> dict[str, Artefact]:
    """Write the artefacts of a plan into a directory, checked on examples that the model was not trained on, if any.

    `names` are the splits that there are, and `split` gives one. The artefacts come by what they are, `onnx` or
    `litert int8`; what failed is missing, and S607 or S612 in the log.
    """
    if not plan.exports:
        return {}
    name = next(name for name in ("test", "validation", "train") if name in names)
    examined = split(name)
    needed = [given.name for given in plan.network.inputs]
    raw, prepared = _first(examined, needed)
    exam = Exam(plan, model, states, name, examined, raw)
    left: dict[str, Artefact] = {}
    for float32 in (False, True):
        exports = tuple(call for call in plan.exports if exporter_of(call).float32 == float32)
        if exports:
            exact = in_float32(model) if float32 else model
            examples = ask(plan, exact, states, raw, prepared)
            served = serve(plan, exact, states, lambda: _first(split("train"), needed)[1])
            left |= leave(replace(plan, exports=exports), served, examples, directory, log, exam)
    return {label: left[label] for call in plan.exports if (label := _label(call)) in left}


def _first(split: Split, needed: Iterable[str]) -> tuple[dict[str, Array], dict[str, Array]]:
    """The first examples of a split: raw fields, and prepared tensors, by input name."""
    inputs = next(iter(split.batches(EXAMPLES)))[0]
    raw = split.raw(slice(EXAMPLES))
    return (
        {name: raw[name] for name in needed},
        {name: np.asarray(inputs[name])[: len(raw[name])] for name in needed},
    )


def leave(
    plan: Plan, served: Served, examples: Examples, directory: Path, log: Log, exam: Exam | None = None
) -> dict[str, Artefact]:
    """Write the artefacts of a plan, use each in a fresh process, and keep those that agree with the examples.

    What cannot be written or answers otherwise is S607 at the exporter's place in the spec, what a format cannot hold
    S612 at the step, and leaves nothing behind: an artefact has its name only once it was checked. One that was there
    before is replaced.
    """
    directory.mkdir(parents=True, exist_ok=True)
    # On the same file system as the artefacts' names, so that giving a name is one step.
    aside = Path(tempfile.mkdtemp(prefix=".unchecked-", dir=directory))
    kept: dict[int, Artefact] = {}
    todo, choice = dict(enumerate(plan.exports)), 0
    try:
        while todo:
            drafts = _written(plan, todo, choice, served, aside, log)
            started = time.perf_counter()
            found = compare([draft.candidate for draft in drafts.values()], examples, exam)
            checking = time.perf_counter() - started
            for (number, draft), finding in zip(drafts.items(), found, strict=True):
                one = draft.candidate
                if isinstance(finding, Finding):
                    path = _name(one.path, directory / one.exporter.artefact)
                    kept[number] = _kept(path, one, finding, examples.count, draft.seconds + checking)
                elif choice + 1 == len(one.exporter.forms):
                    log.refuse(finding, todo[number].span or plan.tree.span)
            choice += 1
            todo = {n: call for n, call in todo.items() if n not in kept and choice < len(exporter_of(call).forms)}
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return {_label(plan.exports[number]): kept[number] for number in sorted(kept)}


def _label(call: Call) -> str:
    """An exporter and what is said of it: `litert int8`."""
    defaults = {argument.name: argument.default for argument in kinds.signature("exporters", call.name).arguments}
    return " ".join([call.name, *(str(v) for name, v in call.arguments.items() if v != defaults[name])])


def _kept(path: Path, one: Candidate, finding: Finding, examples: int, seconds: float) -> Artefact:
    difference, beyond, figures = finding.difference, finding.beyond, finding.figures
    return Artefact(path, one.forms, examples, difference, one.exporter.bound, beyond, seconds, figures)


@dataclass(frozen=True, slots=True)
class _Draft:
    """An artefact that was written and has no name yet."""

    candidate: Candidate
    seconds: float


def exporter_of(call: Call) -> Exporter:
    """The exporter that a call names, with its arguments."""
    exporter: Exporter = kinds.made("exporters", call.name, call.arguments)
    return exporter


def _written(
    plan: Plan, calls: Mapping[int, Call], choice: int, served: Served, aside: Path, log: Log
) -> dict[int, _Draft]:
    """The artefacts that could be written, each in the forms of this choice; of the last one it is told why not."""
    drafts = {}
    for number, call in calls.items():
        exporter = exporter_of(call)
        forms = exporter.forms[choice]
        path = aside / f"{number}-{choice}" / exporter.artefact
        path.parent.mkdir()
        started = time.perf_counter()
        last = choice + 1 == len(exporter.forms)
        try:
            with portable(served.model), hushed():
                exporter.write(tf, served if forms[0] == "raw" else served.prepared(), path)
        except Rejected:
            raise
        except Inconvertible as lacking:
            if last:
                report(lacking, exporter, call, plan, log)
        except Exception as error:  # converters have no class in common for what they raise
            if last:
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                span = call.span or plan.tree.span
                log.report(codes.S607, span, f"the artefact `{exporter.artefact}` cannot be written: {reason}")
        else:
            drafts[number] = _Draft(Candidate(exporter, path, forms), time.perf_counter() - started)
    return drafts


def report(lacking: Inconvertible, exporter: Exporter, call: Call, plan: Plan, log: Log) -> None:
    """Say what a format cannot hold, at each step that has it; at the exporter where no step is known to."""
    found: dict[str, tuple[Step, dict[str, None]]] = {}
    for kind, name in lacking.operations:
        if (step := step_with(Operation(kind, name), plan)) is not None:
            found.setdefault(step.name, (step, {}))[1][kind] = None
    if not found:
        span = call.span or plan.tree.span
        log.report(codes.S612, span, f"the artefact `{exporter.artefact}` cannot hold this network: {lacking}")
    for step, kinds_lacking in found.values():
        told = ", ".join(f"`{kind}`" for kind in kinds_lacking)
        log.report(
            codes.S612,
            step.span,
            f"the artefact `{exporter.artefact}` cannot hold `{step.label}`: it has nothing like TensorFlow's {told}",
            help=f"put another step in its place, or leave `{call.name}` out of `export`",
            related=step.callers,
        )


def _name(path: Path, final: Path) -> Path:
    """Give what was checked its name; what had it before makes way, and is gone once the new one is there."""
    if final.exists():
        final.rename(path.with_name(f"{path.name}.before"))
    return path.rename(final)
