"""A loss against its output and target: S401 where shapes disagree, S402 activations, S403 kinds, S405 classes."""

from __future__ import annotations

from specc import catalog, codes
from specc.calls import Call
from specc.kinds.features.number import Number
from specc.passes.judge.activations import SIGMOID_LOSSES, fits_activation
from specc.passes.judge.case import Case, canonical
from specc.passes.judge.comparing import BY_CLASS, COUNTERPARTS, by_class, several_values, spelt, value_by_value
from specc.passes.judge.edits import another_name
from specc.tensors import show

WANT_ABOVE_0 = {
    **dict.fromkeys(SIGMOID_LOSSES, "wants values from 0 to 1"),
    "MeanAbsolutePercentageError": "divides by the target",
    "MeanSquaredLogarithmicError": "takes the logarithm of the target",
    "Poisson": "wants counts",
}
"""Losses of a target that is not below 0, and why."""


def judge_loss(case: Case, loss: Call) -> None:
    """Report why a loss cannot train this output towards this target."""
    name = canonical(loss)
    if name not in catalog.names("losses"):
        return
    if name == "CTC":
        help = "give every class a score, and the blank"
        fits = _ctc(case, loss) and several_values(case, loss, name, codes.S401, help)
    elif name == "Circle":
        fits = _circle(case, loss)
    elif name in BY_CLASS:
        fits = by_class(case, loss, name, codes.S403, codes.S401, _better_loss(case)) and several_values(
            case, loss, name, codes.S401, _better_loss(case)
        )
    else:
        fits = (
            _means_values(case, loss, name)
            and value_by_value(case, loss, name, codes.S401)
            and several_values(case, loss, name, codes.S401, _better_loss(case))
        )
    if fits:
        fits_activation(case, loss, codes.S402)


def _means_values(case: Case, loss: Call, name: str) -> bool:
    """May the target's values themselves be compared? Not the number of a class, nor what the loss divides by."""
    if case.kind == "class number":
        sparse = COUNTERPARTS.get(name)
        case.log.report(
            codes.S403,
            case.place(loss),
            f"`{loss.name}` compares value by value, and the target `{case.target.name}` is a class number",
            help="use `sparse_categorical_crossentropy`, or give the target `encode: one_hot`",
            related=case.related,
            fix=another_name(loss, spelt(sparse, loss), case.log) if sparse and not case.gives_one_value else None,
        )
        return False
    if name == "MeanAbsolutePercentageError" and case.kind in ("one-hot", "binary"):
        case.log.report(
            codes.S403,
            case.place(loss),
            f"`{loss.name}` divides by the target, and the target `{case.target.name}` is {case.described()}: mostly 0",
            help=_better_loss(case),
            related=case.related,
        )
        return False
    standard = isinstance(case.target.feature, Number) and case.target.feature.scale == "standard"
    if standard and (why := WANT_ABOVE_0.get(name)):
        yes_or_no = name in SIGMOID_LOSSES
        case.log.report(
            codes.S403,
            case.place(loss),
            f"`{loss.name}` {why}, and `scale: standard` brings the target `{case.target.name}` to both sides of 0",
            help="use `mean_squared_error`, or "
            + ("let the target be `type: binary`" if yes_or_no else "leave out `scale: standard`"),
            related=case.related,
        )
        return False
    return True


def _ctc(case: Case, loss: Call) -> bool:
    """Class numbers in a row, `(batch, length)`, against scores at every step, `(batch, steps, classes)`."""
    if case.kind not in ("whole numbers", "unknown"):
        return _refuse_kind(
            case, loss, "a row of class numbers", "give the target `type: tensor` and an integer `dtype`"
        )
    answer, wanted = case.answer.shape, case.wanted.shape
    if (answer is None or len(answer) == 3) and (wanted is None or len(wanted) == 2):
        return True
    case.log.report(
        codes.S401,
        case.place(loss),
        f"`{loss.name}` wants scores of (batch, steps, classes) and a target of (batch, length): the output is "
        f"{show(answer)} and the target `{case.target.name}` is {show(wanted)}",
        help="give a score for each class at every step: `return_sequences: true`, then `Dense: CLASSES`",
        related=case.related,
    )
    return False


def _circle(case: Case, loss: Call) -> bool:
    """Class numbers against one embedding for each example, of length 1."""
    if case.kind not in ("class number", "whole numbers", "binary", "unknown"):
        return _refuse_kind(case, loss, "class numbers", "leave out `encode: one_hot`, or use another loss")
    answer, wanted = case.answer.shape, case.wanted.shape
    one_number = wanted is None or len(wanted) == 1 or (len(wanted) == 2 and wanted[1] in (1, None))
    if (answer is not None and len(answer) != 2) or not one_number:
        case.log.report(
            codes.S401,
            case.place(loss),
            f"`{loss.name}` wants one embedding of (batch, size) and one class number for each example: the output is "
            f"{show(answer)} and the target `{case.target.name}` is {show(wanted)}",
            help="flatten or pool the output first",
            related=case.related,
        )
        return False
    if case.ending is not None and case.step is case.ending.step:
        case.log.report(
            codes.S402,
            case.place(loss),
            f"`{loss.name}` wants embeddings of length 1, and nothing makes those of `{case.step.label}` so long",
            help="end with `UnitNormalization`",
            related=case.related,
        )
        return False
    return True


def _refuse_kind(case: Case, loss: Call, needed: str, help: str) -> bool:
    case.log.report(
        codes.S403,
        case.place(loss),
        f"`{loss.name}` wants {needed}, and the target `{case.target.name}` is {case.described()}",
        help=help,
        related=case.related,
    )
    return False


def _better_loss(case: Case) -> str:
    match case.kind:
        case "one-hot":
            return "use `categorical_crossentropy`, or leave out `encode: one_hot`"
        case "binary":
            return "use `binary_crossentropy` on `Dense: {units: 1, activation: sigmoid}`"
        case "number":
            return "use `mean_squared_error`"
        case "numbers" if case.gives_one_value:
            return "use `mean_squared_error`, or `binary_crossentropy` for yes or no"
    return "give the target an integer dtype, or use another loss"
