"""`class_weight`: which examples count for more. It needs one target of classes, and a weight for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from specc import codes
from specc.calls import Call
from specc.diagnostics import Log, nearest
from specc.kinds.features import is_class
from specc.kinds.features.binary import Binary
from specc.kinds.features.category import Category
from specc.passes.judge.case import Case, canonical
from specc.passes.judge.edits import instead
from specc.plan import ClassWeight, Plan, Training

OF_A_BATCH = ("Dice", "Tversky")
"""Losses that make one number of a whole batch, in which no example can be weighed."""


def with_class_weights(plan: Plan, training: Training, cases: Sequence[Case], log: Log) -> Plan:
    """The plan with a weight for the number of each class.

    Reports S105 where the weights do not fit the target, or there is not one target whose classes can be weighed.
    """
    weight = training.class_weight
    if weight is None or not cases:
        return plan
    case, remedy = cases[0], "leave out `class_weight`"
    targets = {one.target.name for one in cases}
    batchwise = next((one.loss for one in cases if one.loss is not None and _of_a_batch(one.loss)), None)
    if len(targets) > 1:
        log.report(
            codes.S105,
            weight.span,
            f"`class_weight` weighs the classes of one target, and here are {len(targets)}",
            help=f"{remedy}, or train one target",
        )
    elif not _one_class(case):
        log.report(
            codes.S105,
            weight.span,
            f"`class_weight` weighs classes, and the target `{case.target.name}` has {_how_many(case)}: it is "
            f"{case.described()}",
            help="it is for `type: category` and `type: binary`",
            related=case.related,
        )
    elif batchwise is not None:
        log.report(
            codes.S105,
            weight.span,
            f"`class_weight` weighs examples, and `{batchwise.name}` makes one number of a whole batch",
            help=f"use another loss, or {remedy}",
        )
    elif weight.by_class is not None and (names := _names(case)) is not None:
        _judge_names(case, weight, names, log)
        # Classes after the named ones are those of unknown values: they weigh 1.
        rest = (1.0,) * max(0, (case.classes or 0) - len(names))
        table = (*(weight.by_class.get(name, 1.0) for name in names), *rest)
        return replace(plan, training=replace(training, class_weight=replace(weight, by_number=table)))
    return plan


def _of_a_batch(loss: Call) -> bool:
    return canonical(loss) in OF_A_BATCH and loss.arguments.get("axis") is None


def _one_class(case: Case) -> bool:
    """Is an example of the target of one class?"""
    match case.target.feature:
        case Category() as one:
            return not one.several
        case Binary():
            return True
        case one:
            return is_class(one) and case.wanted.rank == 1


def _how_many(case: Case) -> str:
    one = case.target.feature
    return "several an example" if is_class(one) or isinstance(one, Category) else "none"


def _names(case: Case) -> list[str] | None:
    """The classes by their numbers, as keys name them: entries of the vocabulary, or the numbers themselves."""
    entries = case.facts.get("vocabulary")
    if entries is not None:
        return [str(entry) for entry in entries]
    if isinstance(case.target.feature, Category) and case.target.feature.classes is not None:
        return [str(number) for number in range(case.target.feature.classes)]
    return None if case.classes is None else [str(number) for number in range(case.classes)]


def _judge_names(case: Case, weight: ClassWeight, names: list[str], log: Log) -> None:
    """Is every key a class, and every class a key?"""
    given = weight.by_class or {}
    for key in given:
        if key not in names:
            near = None if key.isdigit() else nearest(key, [name for name in names if name not in given])
            log.report(
                codes.S105,
                weight.keys.get(key, weight.span),
                f"the target `{case.target.name}` has no class `{key}`",
                help=f"did you mean `{near}`?" if near else f"its classes are {_shown(names)}",
                related=case.related,
                fix=instead(weight.keys.get(key), key, near, log) if near else None,
            )
    missing = [name for name in names if name not in given]
    if missing and all(key in names for key in given):
        log.report(
            codes.S105,
            weight.span,
            f"`class_weight` has no weight for the class{'es' * (len(missing) > 1)} {_shown(missing)} of "
            f"`{case.target.name}`",
            help=f"add `{missing[0]}: 1.0`, or write `class_weight: balanced`",
            related=case.related,
        )


def _shown(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:6]) + (", …" if len(names) > 6 else "")
