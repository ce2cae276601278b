"""A loss that is not finite, told: at which step, on which examples, and where it began when somebody looked."""

from __future__ import annotations

import os
from collections.abc import Sequence

from specc import codes
from specc.backend.data import Data
from specc.backend.training.loop import Diverged
from specc.diagnostics import Log
from specc.plan import Dataset, Phase, Plan

NAMED = 8
"""So many examples are named in a message; a run that is kept has all of them in its manifest."""


def examples(plan: Plan, dataset: Dataset, data: Data, epoch: int, step: int) -> list[str]:
    """Where the examples of a batch came from: `flowers.csv:7`. `epoch` and `step` count from 1."""
    train, shuffle = data.splits["train"], dataset.shuffle
    batch = train.batch(dataset.batch_size, seed=plan.seed, shuffle=shuffle, epoch=epoch - 1, step=step - 1)
    return data.where("train", batch)


def report(diverged: Diverged, plan: Plan, dataset: Dataset, phase: Phase, data: Data, kept: str, log: Log) -> None:
    """Report S605, with what usually helps; `kept` is what is left of the run."""
    place = f"step {diverged.step} of epoch {diverged.epoch}"
    outputs = ", ".join(f"`{name}`" for name in diverged.outputs)
    message = f"the loss{f' of {outputs}' if outputs else ''} became NaN or infinite at {place}"
    span = phase.optimizer.span or phase.span
    batch = examples(plan, dataset, data, diverged.epoch, diverged.step)
    helps = [*_too_narrow(plan), _remedy(phase), f"the examples of this step: {named(batch)}"]
    if (begun := diverged.begun) is None:
        helps.append("`specc run --debug` takes the last steps again and says in which layer it begins")
    else:
        span = begun.span or span
        then = "" if (begun.epoch, begun.step) == (diverged.epoch, diverged.step) else _earlier(begun.epoch, begun.step)
        there = examples(plan, dataset, data, begun.epoch, begun.step)
        only = [there[number] for number in begun.examples]
        message += f"; it began{then} with {begun.what}{f' for {named(only)}' if only else ''}"
    log.report(codes.S605, span, message + kept, help="\n".join(helps))


def named(places: Sequence[str]) -> str:
    """Examples, the first few by name: `flowers.csv:7, 12 and 30 more`."""
    most = NAMED if len(places) > NAMED + 1 else len(places)
    more = f" and {len(places) - most:,} more" if len(places) > most else ""
    # Not of paths: a row stands behind the file.
    file = os.path.commonprefix(places[:most]).rstrip("0123456789")  # noqa: RUF071
    rows = [place.removeprefix(file) for place in places[:most]]
    # Rows of one file; files of a folder are named in full.
    return (file + ", ".join(rows) if all(row.isdecimal() for row in rows) else ", ".join(places[:most])) + more


def _earlier(epoch: int, step: int) -> str:
    return f" at step {step} of epoch {epoch}"


def _too_narrow(plan: Plan) -> list[str]:
    if not any(tensor.dtype == "float16" for step in plan.network.steps for tensor in step.outputs or ()):
        return []
    return [
        "float16 ends at 65,504, and what is larger is infinite: `dtype: float32` for the layers that are given "
        "or make it, or `precision: mixed_bfloat16`"
    ]


def _remedy(phase: Phase) -> str:
    rate = phase.optimizer.arguments.get("learning_rate")
    lower = f"a lower `learning_rate` than {rate:g}" if isinstance(rate, (int, float)) else "a lower `learning_rate`"
    return f"{lower}, scaled inputs (`scale: standard`, `Rescaling`) or `clipnorm: 1.0` usually help"
