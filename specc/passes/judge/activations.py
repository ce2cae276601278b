"""Losses and metrics against the last activation: probabilities, raw scores, or what may not be negative."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from specc import catalog, codes
from specc.calls import Call
from specc.diagnostics import Code, Edit, Related
from specc.passes.judge.case import Case, canonical
from specc.passes.judge.edits import instead, with_argument
from specc.passes.judge.endings import NONNEGATIVE, PROBABILITIES, Ending
from specc.tensors import show

SOFTMAX_LOSSES = ("SparseCategoricalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy")
SIGMOID_LOSSES = ("BinaryCrossentropy", "BinaryFocalCrossentropy")
CROSSENTROPIES = (*SOFTMAX_LOSSES, *SIGMOID_LOSSES)
"""They take `from_logits`, and are losses and metrics."""

MARGINS = ("Hinge", "SquaredHinge")


class Want(NamedTuple):
    """Which activations a name takes or refuses, why, and what to write instead."""

    takes: tuple[str, ...]
    refuses: tuple[str, ...]
    words: str
    help: str


WANTS: Mapping[str, Want] = {
    "KLDivergence": Want(PROBABILITIES, (), "wants probabilities", "give the last layer `activation: softmax`"),
    "Dice": Want(PROBABILITIES, (), "wants probabilities", "give the last layer `activation: sigmoid`"),
    "Tversky": Want(PROBABILITIES, (), "wants probabilities", "give the last layer `activation: sigmoid`"),
    "CategoricalGeneralizedCrossEntropy": Want(
        PROBABILITIES, (), "wants probabilities", "give the last layer `activation: softmax`"
    ),
    "Poisson": Want(
        NONNEGATIVE, (), "takes the logarithm of the output", "give the last layer `activation: exponential`"
    ),
    "CTC": Want((), PROBABILITIES, "applies softmax itself", "leave out the activation of the last layer"),
    **{
        name: Want(
            (),
            NONNEGATIVE,
            "wants scores on both sides of 0",
            "give the last layer `activation: tanh`, or none",
        )
        for name in MARGINS
    },
}


def fits_activation(case: Case, call: Call, code: Code) -> bool:
    """May what the output ends with go into this loss or metric? What may not is reported."""
    name, ending = canonical(call), case.ending
    if ending is None:
        return True
    if ending.activation == "softmax" and _one_unit(case) and code is codes.S402:
        unit = ending.step.call.spans.get("activation")
        return _report(
            case,
            call,
            code,
            "softmax over one unit is always 1, so nothing can be learnt",
            "give the last layer `activation: sigmoid`",
            instead(unit, "softmax", "sigmoid", case.log) if not ending.step.callers else None,
        )
    if name in CROSSENTROPIES:
        return _fits_crossentropy(case, call, name, code)
    want = WANTS.get(name)
    if want is None or (ending.activation in want.takes if want.takes else ending.activation not in want.refuses):
        return True
    return _report(case, call, code, f"`{call.name}` {want.words}, and {ending}", want.help)


def _fits_crossentropy(case: Case, call: Call, name: str, code: Code) -> bool:
    ending, logits = case.ending, call.arguments.get("from_logits", False)
    if ending is None or not isinstance(logits, bool):
        return True
    binary = name in SIGMOID_LOSSES
    fitting = "sigmoid" if binary else "softmax"
    if logits and ending.is_probability:
        return _report(
            case,
            call,
            code,
            f"`from_logits: true` applies {fitting} to an output that `{ending.activation}` has made into "
            "probabilities",
            "leave out `from_logits`, or leave out the activation",
            instead(call.spans.get("from_logits"), "true", "false", case.log),
        )
    if logits and binary and ending.activation in NONNEGATIVE:
        return _report(
            case,
            call,
            code,
            f"`from_logits: true` applies sigmoid to the output, and of what `{ending.activation}` gives that is never "
            "below 0.5",
            "leave out the activation of the last layer",
        )
    if ending.activation == "softmax" and not binary and not _over_the_classes(case, call, ending, code):
        return False
    if logits or ending.is_probability:
        return True
    return _report(
        case,
        call,
        code,
        f"`{call.name}` wants probabilities, and {ending}",
        f"give the last layer `activation: {fitting}`, or write `{name}: {{from_logits: true}}`",
        logits_said(case, call, name) if ending.is_linear else None,
    )


def _over_the_classes(case: Case, call: Call, ending: Ending, code: Code) -> bool:
    """Does a softmax of its own step go over the axis that the loss takes for the classes?"""
    made = ending.step.call
    takes = catalog.signature(made.family, made.name)
    if case.step is not ending.step or takes is None or takes.argument("axis") is None:
        return True
    rank, over, wanted = case.answer.rank, made.arguments.get("axis", -1), call.arguments.get("axis", -1)
    if rank is None or not isinstance(over, int) or not isinstance(wanted, int) or over % rank == wanted % rank:
        return True
    what = "the examples of a batch" if over % rank == 0 else f"axis {over} of {show(case.answer.shape)}"
    return _report(
        case,
        call,
        code,
        f"`{call.name}` takes axis {wanted} for the classes, and the last `softmax` goes over {what}",
        "leave out its `axis`",
    )


def logits_said(case: Case, call: Call, name: str) -> Edit | None:
    """`from_logits: true` as an edit, where no metric takes the output for probabilities."""
    if call.family == "losses" and any(takes_probabilities(case, metric) for metric in case.metrics):
        return None
    if "from_logits" in call.arguments:
        return instead(call.spans.get("from_logits"), "false", "true", case.log)
    return with_argument(call, f"{{{name}: {{from_logits: true}}}}", case.log)


THRESHOLDS = {
    **dict.fromkeys(("BinaryAccuracy", "BinaryIoU"), "threshold"),
    **dict.fromkeys(("Precision", "Recall"), "thresholds"),
    **dict.fromkeys(("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives"), "thresholds"),
}
"""Metrics that call an answer a yes from a threshold on, 0.5 where it is left out; the argument that sets it."""

CURVES = (
    *("AUC", "PrecisionAtRecall", "RecallAtPrecision"),
    *("SensitivityAtSpecificity", "SpecificityAtSensitivity"),
)
"""Metrics that try thresholds from 0 to 1."""


def takes_probabilities(case: Case, metric: Call) -> bool:
    """Does a metric, as it is written, take what it is given for probabilities?"""
    name = case.measured_by(metric)
    if name in THRESHOLDS:
        return metric.arguments.get(THRESHOLDS[name]) is None and metric.arguments.get("top_k") is None
    if name in ("F1Score", "FBetaScore"):
        return metric.arguments.get("threshold") is not None
    return name in CURVES and not metric.arguments.get("from_logits", False)


def is_score(case: Case) -> bool:
    """Is the output a raw score, of which 0 is the middle? The loss and the last activation say it together."""
    if case.loss is None or case.ending is None or case.ending.is_probability:
        return False
    logits = case.loss_name in CROSSENTROPIES and case.loss.arguments.get("from_logits") is True
    return logits or case.loss_name in MARGINS


def said_to_be_logits(case: Case, metric: Call) -> bool:
    """Is a metric told `from_logits: true` of an output that is probabilities already? Reported, if so."""
    ending = case.ending
    if ending is None or not ending.is_probability or metric.arguments.get("from_logits") is not True:
        return False
    _report(
        case,
        metric,
        codes.S404,
        f"`from_logits: true` applies sigmoid to an output that `{ending.activation}` has made into probabilities",
        "leave out `from_logits`",
        instead(metric.spans.get("from_logits"), "true", "false", case.log),
    )
    return True


def _one_unit(case: Case) -> bool:
    """Does the last softmax go over one unit?"""
    step = case.ending.step if case.ending else None
    shape = step.outputs[0].shape if step and step.outputs else None
    return (
        step is not None and bool(shape) and shape is not None and shape[-1] == 1 and "axis" not in step.call.arguments
    )


def _report(case: Case, call: Call, code: Code, message: str, help: str, fix: Edit | None = None) -> bool:
    """Say what is wrong between a call and the last activation. Always false."""
    related: tuple[Related, ...] = ()
    if case.ending is not None:
        name = case.ending.activation
        words = "the last layer" if case.ending.is_linear else f"the last activation, `{name}`"
        related = (Related(words, case.ending.step.span),)
    case.log.report(code, case.place(call), message, help=help, related=related, fix=fix)
    return False


def takes_from_logits(name: str) -> bool:
    """May a metric be told `from_logits`?"""
    takes = catalog.signature("metrics", name)
    return takes is not None and takes.argument("from_logits") is not None
