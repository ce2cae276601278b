"""A metric against its output and target: S404 where it would judge something else than it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from specc import catalog, codes
from specc.calls import Call
from specc.passes.judge.activations import (
    CROSSENTROPIES,
    CURVES,
    SIGMOID_LOSSES,
    THRESHOLDS,
    fits_activation,
    is_score,
    said_to_be_logits,
    takes_from_logits,
    takes_probabilities,
)
from specc.passes.judge.case import Case, alike
from specc.passes.judge.comparing import by_class, same_classes, several_values, value_by_value
from specc.passes.judge.edits import another_name, with_argument
from specc.tensors import show

SPARSE = ("SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "SparseCategoricalCrossentropy")
STRICT = (
    *("Hinge", "SquaredHinge", "CategoricalHinge", "KLDivergence", "Poisson", "BinaryCrossentropy"),
    *("CategoricalCrossentropy", "F1Score", "FBetaScore", "CategoricalAccuracy", "TopKCategoricalAccuracy"),
)
"""Metrics that add and drop no last dimension of 1: `(batch,)` against `(batch, 1)` would be spread out."""
FLAT = ("F1Score", "FBetaScore", "R2Score")
"""Metrics of `(batch, values)` and nothing else."""
OVERLAPS = ("IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU")
STREAMS = ("Mean", "Sum")
COUNTING = (
    *("Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "TopKCategoricalAccuracy", "F1Score", "FBetaScore"),
    *("BinaryIoU", *THRESHOLDS, *CURVES, *OVERLAPS),
)
"""Metrics that count right answers, for which a quantity is never right."""


def judge_metric(case: Case, metric: Call) -> None:
    """Report why a metric says nothing of this output and this target."""
    name = case.measured_by(metric)
    if name not in catalog.names("metrics") or not _counts_classes(case, metric, name):
        return
    if name in STREAMS:
        _report(
            case,
            metric,
            f"`{metric.name}` runs over values, and compares no output with a target",
            f"use a metric that compares, like `{'mean_absolute_error' if case.kind == 'number' else 'accuracy'}`",
        )
    elif name in OVERLAPS:
        _overlap(case, metric, name)
    elif name in SPARSE:
        help = "use `accuracy`, which finds the fitting one"
        if by_class(case, metric, name, codes.S404, codes.S404, help) and several_values(
            case, metric, name, codes.S404, "use `accuracy`, which finds the fitting one"
        ):
            _further(case, metric, name)
    elif name == "accuracy":
        pass  # Which it is hangs on a shape that is not known.
    elif _compares_values(case, metric, name) and several_values(case, metric, name, codes.S404, _for_one(case, name)):
        _further(case, metric, name)


def _counts_classes(case: Case, metric: Call, name: str) -> bool:
    """Is a quantity spared what counts right answers?"""
    if case.kind != "number" or not (name in COUNTING or name == "accuracy"):
        return True
    if case.loss_name in SIGMOID_LOSSES:
        help = f"if `{case.target.name}` is 0 or 1, let it be `type: binary`"
    else:
        help = "use `mean_absolute_error` or `RootMeanSquaredError`"
    return _report(
        case, metric, f"`{metric.name}` counts right classes, and the target `{case.target.name}` is a number", help
    )


def _compares_values(case: Case, metric: Call, name: str) -> bool:
    answer, wanted = case.answer.shape, case.wanted.shape
    if alike(answer, wanted, squeeze=name not in STRICT) or case.kind not in ("class number", "whole numbers"):
        return value_by_value(case, metric, name, codes.S404, squeeze=name not in STRICT)
    several = answer is not None and wanted is not None and len(answer) > len(wanted) and answer[-1] not in (1, None)
    if not several:
        return value_by_value(case, metric, name, codes.S404, squeeze=name not in STRICT)
    multi = ", and write `AUC: {multi_label: true}`" if name == "AUC" else ""
    one_hot = f"give the target `encode: one_hot`{multi}" if case.kind == "class number" else "make it one-hot"
    sparse = {"CategoricalAccuracy": "SparseCategoricalAccuracy", "Accuracy": "accuracy"}.get(name)
    sparse = {"TopKCategoricalAccuracy": "SparseTopKCategoricalAccuracy"}.get(name, sparse)
    return _report(
        case,
        metric,
        f"`{metric.name}` compares value by value: the output is {show(answer)} and the target `{case.target.name}` is "
        f"{show(wanted)}",
        f"use `accuracy` or a `Sparse…` metric, or {one_hot}",
        another_name(metric, sparse, case.log) if sparse and not metric.name.islower() else None,
    )


def _for_one(case: Case, name: str) -> str:
    """What to use where each answer is one value."""
    if name in ("PearsonCorrelation", "ConcordanceCorrelation"):
        return f"correlate over the examples: `{name}: {{axis: 0}}`"
    return "use `accuracy`, which finds the fitting one" if "Accuracy" in name else "use another metric"


def _further(case: Case, metric: Call, name: str) -> None:
    """What is left to ask once shapes agree: the first thing that is wrong is told."""
    for question in (_equality, _rank, _top_k, _class_id, _labels, _one_score, _logits):
        if not question(case, metric, name):
            return
    if name in CROSSENTROPIES or name in ("KLDivergence", "Poisson", "Hinge", "SquaredHinge"):
        fits_activation(case, metric, codes.S404)


def _equality(case: Case, metric: Call, name: str) -> bool:
    """`Accuracy` asks whether values are equal, which probabilities never are."""
    if name != "Accuracy" or case.ending is None:
        return True
    return _report(
        case,
        metric,
        "`Accuracy` counts values that are exactly equal, and an output of floats hardly ever is",
        "`accuracy`, in small letters, counts right classes",
        another_name(metric, "accuracy", case.log),
    )


def _rank(case: Case, metric: Call, name: str) -> bool:
    """Are output and target `(batch, values)` where they must be?"""
    answer = case.answer.shape
    labels = name == "AUC" and metric.arguments.get("multi_label") is True
    if answer is None or len(answer) == 2 or not (name in FLAT or labels):
        return True
    if name == "R2Score" and case.wanted.rank == 2:
        return True  # Keras adds the dimension that is missing, or drops one of 1.
    what = f"`{metric.name}` with `multi_label: true`" if labels else f"`{metric.name}`"
    return _report(
        case,
        metric,
        f"{what} wants an output of (batch, values), and it is {show(answer)}",
        "`Flatten` the output first",
    )


def _top_k(case: Case, metric: Call, name: str) -> bool:
    """Are there more scores than the best `k` of them?"""
    in_top = name in ("TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy")
    k = metric.arguments.get("k", 5) if in_top else metric.arguments.get("top_k")
    if not isinstance(k, int) or case.width is None or k < case.width or (k == case.width and not in_top):
        return True
    what = f"the best {k} of {case.width} score{'s' * (case.width != 1)}"
    if in_top:
        return _report(
            case, metric, f"`{metric.name}` looks for the class among {what}, where it always is", "give a smaller `k`"
        )
    return _report(case, metric, f"`{metric.name}` cannot take {what}", "give a smaller `top_k`")


def _class_id(case: Case, metric: Call, name: str) -> bool:
    """Is there a value of the number `class_id`?"""
    chosen, width = metric.arguments.get("class_id"), case.width
    if not isinstance(chosen, int) or width is None or -width <= chosen < width:
        return True
    return _report(
        case,
        metric,
        f"`class_id: {chosen}` asks for a class that the output {show(case.answer.shape)} does not have",
        f"classes count from 0: the last is {width - 1}",
    )


def _labels(case: Case, metric: Call, name: str) -> bool:
    """Does a count of labels or classes that the metric is given agree with the output?"""
    width = case.width
    if name != "AUC" or width is None:
        return True
    labels, weights = metric.arguments.get("num_labels"), metric.arguments.get("label_weights")
    if isinstance(labels, int) and labels != width:
        return _report(case, metric, f"`num_labels` is {labels}, and the output has {width} values", "leave it out")
    if isinstance(weights, list) and len(weights) != width:
        return _report(
            case,
            metric,
            f"`label_weights` has {len(weights)} weights, and the output has {width} values",
            "give one weight for each value",
        )
    return True


def _one_score(case: Case, metric: Call, name: str) -> bool:
    """Without a threshold the F-scores take the largest value for the yes, and of one value that is always it."""
    if name not in ("F1Score", "FBetaScore") or metric.arguments.get("threshold") is not None:
        return True
    if not case.gives_one_value:
        return True
    return _report(
        case,
        metric,
        f"`{metric.name}` without a threshold takes the largest value of an answer for a yes: of one value that is "
        "always a yes",
        f"say from where on it is one: `{name}: {{threshold: 0.5}}`",
        with_argument(metric, f"{{{name}: {{threshold: 0.5}}}}", case.log),
    )


def _logits(case: Case, metric: Call, name: str) -> bool:
    """Does a metric of probabilities get them?"""
    if takes_from_logits(name) and name not in CROSSENTROPIES and said_to_be_logits(case, metric):
        return False
    if not is_score(case) or not takes_probabilities(case, metric):
        return True
    binary = case.loss_name not in CROSSENTROPIES or case.loss_name in SIGMOID_LOSSES
    last = f"let the last layer have `activation: {'sigmoid' if binary else 'softmax'}`, and the loss no `from_logits`"
    help, fix = last, None
    if name in THRESHOLDS and binary:
        kept = ", name: " + metric.name if metric.name in ("accuracy", "acc") else ""
        new = f"{name}: {{{THRESHOLDS[name]}: 0{kept}}}"
        help, fix = f"write `{new}`, or {last}", with_argument(metric, f"{{{new}}}", case.log)
    elif takes_from_logits(name) and binary:
        help = f"write `{name}: {{from_logits: true}}`"
        fix = with_argument(metric, f"{{{name}: {{from_logits: true}}}}", case.log)
    what = "a yes from 0.5 on" if name in THRESHOLDS else "a probability"
    return _report(
        case, metric, f"`{metric.name}` takes an output for {what}, and the loss takes it for a raw score", help, fix
    )


def _overlap(case: Case, metric: Call, name: str) -> None:
    """`MeanIoU` and its kin count pixels, or examples, by two class numbers; vectors are told to be such."""
    given: Callable[[str, Any], Any] = metric.arguments.get
    sparse_true = not name.startswith("OneHot") and given("sparse_y_true", True) is not False
    sparse_pred = given("sparse_y_pred", not name.startswith("OneHot")) is not False
    answer, wanted = case.answer.shape, case.wanted.shape
    if given("axis", -1) != -1 or answer is None or wanted is None:
        return
    if sparse_pred and case.ending is not None and answer[-1:] != (1,):
        known = ", ".join(f"{key}: {value}" for key, value in metric.arguments.items() if isinstance(value, int))
        _report(
            case,
            metric,
            f"`{metric.name}` takes the output for class numbers, and it is {show(answer)} of scores",
            f"write `{name}: {{{known}{', ' * bool(known)}sparse_y_pred: false}}`",
        )
        return
    if sparse_pred and case.ending is not None:
        _report(
            case,
            metric,
            f"`{metric.name}` takes the output for class numbers, and {case.ending}",
            "use `BinaryIoU`, which has a threshold",
        )
        return
    lead = answer if sparse_pred else answer[:-1]
    fits = (
        alike(lead, wanted)
        if sparse_true
        else alike(lead, wanted[:-1], squeeze=False) and (sparse_pred or alike(answer[-1:], wanted[-1:]))
    )
    if not fits:
        one_hot = ", or `sparse_y_true: false` for a one-hot target" if sparse_true else ""
        _report(
            case,
            metric,
            f"`{metric.name}` compares class by class: the output is {show(answer)} and the target "
            f"`{case.target.name}` is {show(wanted)}",
            f"use `accuracy`{one_hot}",
        )
        return
    if sparse_true and not sparse_pred and not same_classes(case):
        return
    count, scores = given("num_classes", None), None if sparse_pred else answer[-1]
    if isinstance(count, int) and scores is not None and count != scores:
        _report(
            case,
            metric,
            f"`num_classes` is {count}, and the output has {scores} scores",
            f"write `num_classes: {scores}`",
        )


def _report(case: Case, metric: Call, message: str, help: str, fix: Any = None) -> bool:
    """Say what is wrong with a metric. Always false."""
    case.log.report(codes.S404, case.place(metric), message, help=help, related=case.related, fix=fix)
    return False
