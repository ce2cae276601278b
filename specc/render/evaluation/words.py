"""An evaluation in words, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from specc.render.metrics import figure, metrics, table

WIDEST = 12
"""Of no more classes the whole confusion is shown; else the pairs that are confused most."""

LISTED = 50
"""Of no more classes each has its line; else those that are told worst."""

RATES = ("precision", "recall", "f1", "support", "roc_auc", "average_precision")


def in_words(report: Mapping[str, Any]) -> str:
    """All of a report (see `specc.backend.inference.examine`) but its curves and points."""
    parts = [metrics({str(report["data"]): report["metrics"]})]
    for name, found in report["outputs"].items():
        parts += _output(name, found)
    return "\n\n".join(parts)


def _output(name: str, found: Mapping[str, Any]) -> Iterator[str]:
    match found["kind"]:
        case "classes" | "labels":
            what = "accuracy" if found["kind"] == "classes" else "whole sets right"
            yield f"{name}: {found['count']:,} answers, {what} {_cell(found['accuracy'])}"
            if len(found["per_class"]) > LISTED:
                yield f"the {LISTED // 2} classes of {len(found['per_class'])} with the lowest F1"
            yield table(rates(found))
            if found.get("confusion"):
                yield _confusion(found)
            if found["calibration"]:
                yield _calibration(found["calibration"])
            if found.get("curves_left_out"):
                yield f"no curves: {found['curves_left_out']}"
        case "numbers" if found["count"]:
            yield f"{name}: {found['count']:,} numbers"
            yield table([["MAE", "RMSE", "R²"], [_cell(found[key]) for key in ("mae", "rmse", "r2")]])
            if found["residuals"]:
                heads = [f"{100 * float(part):g}%" for part in found["residuals"]]
                yield "target less answer, quantiles\n" + table(
                    [heads, [_cell(v) for v in found["residuals"].values()]]
                )
        case "numbers":
            yield f"{name}: nothing to hold it against"
        case _:
            yield f"{name}: left out, {found['why']}"
    if found.get("worst"):
        head = "farthest off" if found["kind"] == "numbers" else "surest mistakes"
        yield f"{head}\n" + table(worst(found))


def rates(found: Mapping[str, Any]) -> list[list[str]]:
    """Precision, recall and the others of each class, and their means, as cells."""
    classes = found["per_class"]
    if len(classes) > LISTED:
        classes = sorted((one for one in classes if one["support"]), key=lambda one: one["f1"])[: LISTED // 2]
    shown = [rate for rate in RATES if any(one.get(rate) is not None for one in classes)]
    rows = [["", *shown]]
    rows += [[str(one["class"]), *(_cell(one.get(rate)) for rate in shown)] for one in classes]
    return [*rows, ["mean", *("" if rate == "support" else _cell(found["macro"].get(rate)) for rate in shown)]]


def worst(found: Mapping[str, Any]) -> list[list[str]]:
    """The worst examples as cells: where they stand, what they are, what was answered."""
    last = "off" if found["kind"] == "numbers" else "score"
    rows = [["", "target", "answer", last]]
    return rows + [
        [one["where"], _value(one["target"]), _value(one["answer"]), _cell(one[last])] for one in found["worst"]
    ]


def confused(found: Mapping[str, Any], most: int = WIDEST) -> list[list[str]]:
    """The pairs of classes that are confused most, as cells."""
    names = [str(one["class"]) for one in found["per_class"]]
    pairs = [
        (count, names[true], names[answer])
        for true, row in enumerate(found["confusion"])
        for answer, count in enumerate(row)
        if count and true != answer
    ]
    pairs.sort(key=lambda pair: -pair[0])
    return [["", "answered", "times"], *([true, answer, f"{count:,}"] for count, true, answer in pairs[:most])]


def _confusion(found: Mapping[str, Any]) -> str:
    names = [str(one["class"]) for one in found["per_class"]]
    if len(names) > WIDEST:
        return "confused most: what it is, what was answered\n" + table(confused(found))
    rows = [["", *names], *([name, *map(_cell, row)] for name, row in zip(names, found["confusion"], strict=True))]
    return "confusion: a row for what it is, a column for what was answered\n" + table(rows)


def _calibration(found: Mapping[str, Any]) -> str:
    rows = [["held to be so likely", "on average", "is so", "answers"]]
    for one in found["bins"]:
        span = f"{one['from']:.1f} to {one['to']:.1f}"
        rows.append([span, _cell(one["confidence"]), _cell(one["accuracy"]), _cell(one["count"])])
    return f"calibration: expected error {_cell(found['ece'])}\n" + table(rows)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else figure(value)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(figure(one) for one in value)
    return figure(value) if isinstance(value, float) else str(value)
