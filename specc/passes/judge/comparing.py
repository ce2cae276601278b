"""How an output is compared with its target: by the number of a class, or value by value. Do their shapes allow it?

Losses and metrics compare alike: a loss that cannot is S401 or S403, a metric S404. Numbers of classes that disagree
are S405 in both.
"""

from __future__ import annotations

from specc import codes
from specc.calls import Call
from specc.diagnostics import Code
from specc.passes.judge.case import Case, alike
from specc.passes.judge.edits import another_name, instead
from specc.tensors import Tensor, show

ACROSS = (
    *("CategoricalCrossentropy", "CategoricalFocalCrossentropy", "SparseCategoricalCrossentropy"),
    *("CategoricalGeneralizedCrossEntropy", "KLDivergence", "CosineSimilarity", "CTC"),
    *("CategoricalAccuracy", "SparseCategoricalAccuracy", "TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy"),
    *("PearsonCorrelation", "ConcordanceCorrelation"),
)
"""What weighs the values of one answer against each other: of a single value it says always the same."""

BY_CLASS = (
    *("SparseCategoricalCrossentropy", "CategoricalGeneralizedCrossEntropy", "CTC"),
    *("SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy"),
)
"""What looks the number of a class up among the scores of an answer."""

COUNTERPARTS = {
    "CategoricalCrossentropy": "SparseCategoricalCrossentropy",
    "CategoricalAccuracy": "SparseCategoricalAccuracy",
    "TopKCategoricalAccuracy": "SparseTopKCategoricalAccuracy",
}
SPELT = {
    "CategoricalCrossentropy": "categorical_crossentropy",
    "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
    "CategoricalAccuracy": "categorical_accuracy",
    "SparseCategoricalAccuracy": "sparse_categorical_accuracy",
    "TopKCategoricalAccuracy": "top_k_categorical_accuracy",
    "SparseTopKCategoricalAccuracy": "sparse_top_k_categorical_accuracy",
}


def by_class(case: Case, call: Call, name: str, type_code: Code, shape_code: Code, instead_of: str) -> bool:
    """May an output of one score a class be compared with the number of a class? What not is reported."""
    sparse_binary = case.kind == "binary" and case.width != 1 and not case.gives_one_value
    if case.kind not in ("class number", "whole numbers", "unknown") and not sparse_binary:
        new = next((dense for dense, sparse in COUNTERPARTS.items() if sparse == name), None)
        case.log.report(
            type_code,
            case.place(call),
            f"`{call.name}` wants class numbers, and the target `{case.target.name}` is {case.described()}",
            help=instead_of,
            related=case.related,
            fix=another_name(call, spelt(new, call), case.log) if new and case.kind == "one-hot" else None,
        )
        return False
    answer, wanted = case.answer.shape, case.wanted.shape
    if answer is None or wanted is None:
        return True
    drops = len(wanted) == len(answer) and wanted[-1] in (1, None) and name != "CategoricalGeneralizedCrossEntropy"
    if not answer or not alike(answer[:-1], wanted[:-1] if drops else wanted, squeeze=False):
        case.log.report(
            shape_code,
            case.place(call),
            f"`{call.name}` wants one score for each class at the end of the output: the output is {show(answer)} and "
            f"the target `{case.target.name}` is {show(wanted)}",
            help="flatten or pool the output first, and end with `Dense: {units: CLASSES, activation: softmax}`"
            if len(answer) > len(wanted)
            else f"let the output be {show((*(wanted[:-1] if wanted[-1] == 1 else wanted), None))}, "
            "with one score for each class",
            related=case.related,
        )
        return False
    return same_classes(case)


def same_classes(case: Case) -> bool:
    """Has the output as many scores as the target has classes? S405 at the step that gives them, if not.

    More scores than classes are a slip only where the spec gives the number itself.
    """
    step = (case.ending.maker if case.ending else None) or case.step
    scores, classes = case.width, case.classes
    counted = step is not None and "units" in step.call.arguments
    if scores is None or classes is None or scores == classes or (scores > classes and not counted):
        return True
    right = f"${{targets.{case.target.name}.classes}}"
    place = step.span if step else case.output.span
    units = step.call.spans.get("units") if step and not step.callers else None
    known = step is not None and isinstance(step.call.arguments.get("units"), int) and case.target.feature.facts()
    case.log.report(
        codes.S405,
        place,
        f"the output has {scores} score{'s' * (scores != 1)}, and the target `{case.target.name}` has "
        f"{classes} classes",
        help=f"let the last layer have {classes} units: `{right}`",
        related=(*case.related, *(step.callers if step else ())),
        fix=instead(units, str(scores), f'"{right}"', case.log) if known and "classes" in known else None,
    )
    return False


def value_by_value(case: Case, call: Call, name: str, code: Code, *, squeeze: bool = True) -> bool:
    """Have output and target the same shape? What has not is reported: S405 where one-hot classes differ."""
    answer, wanted = case.answer.shape, case.wanted.shape
    if alike(answer, wanted, squeeze=squeeze):
        return True
    if case.kind == "one-hot" and answer and wanted and alike(answer[:-1], wanted[:-1], squeeze=False):
        return same_classes(case)
    case.log.report(
        code,
        case.place(call),
        f"`{call.name}` compares value by value: the output is {show(answer)} and the target `{case.target.name}` is "
        f"{show(wanted)}",
        help=fitting_output(case, name),
        related=case.related,
    )
    return False


def several_values(case: Case, call: Call, name: str, code: Code, instead_of: str) -> bool:
    """Has each answer several values to weigh against each other? Along another axis than the last all is well."""
    if name not in ACROSS or call.arguments.get("axis", -1) != -1:
        return True
    answer, wanted = case.answer.shape, case.wanted.shape
    squeezed = answer is not None and wanted is not None and 1 < len(wanted) < len(answer)
    if not case.gives_one_value and (case.width != 1 or (squeezed and name not in BY_CLASS)):
        return True
    case.log.report(
        code,
        case.place(call),
        f"`{call.name}` weighs the values of an answer against each other, and the output {shown(case.answer)} has one",
        help=instead_of,
        related=case.related,
    )
    return False


def fitting_output(case: Case, name: str) -> str:
    """What the output should be instead."""
    wanted = case.wanted.shape
    if wanted is None:
        return ""
    if case.kind == "whole numbers" and case.answer.shape and len(case.answer.shape) > len(wanted):
        return (
            "if they are class numbers, use `sparse_categorical_crossentropy`"
            if case.answer.shape[-1] != 1
            else f"give the target `{case.target.name}` a last dimension of 1, or `Reshape` the output"
        )
    if len(wanted) == 2 and wanted[1] is not None:
        return f"let the output have {wanted[1]} value{'s' * (wanted[1] != 1)}: `Dense: {wanted[1]}` at the end"
    return f"let the output be {show(wanted)}"


def spelt(name: str, call: Call) -> str:
    """A class's name in the notation that a call was written in: `MeanSquaredError` or `mean_squared_error`."""
    return SPELT[name] if call.name.islower() else name


def shown(tensor: Tensor) -> str:
    return show(tensor.shape)
