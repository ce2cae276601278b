"""The dataset: readers and features as instances of their kinds, paths made absolute."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from specc import codes, kinds
from specc.calls import UNKNOWN_VALUE, Call
from specc.diagnostics import Log, Refusal, nearest
from specc.passes.bind.calls import LOST, bind_call
from specc.passes.bind.values import Values
from specc.plan import Dataset, Field, Splitting
from specc.tree import Tree

SPLITS = ("train", "validation", "test")

SKIPPED = 0.2
"""How many of all rows may be passed over where `on_error: skip` does not say it."""


def bind_fields(section: Tree, values: Values, log: Log) -> tuple[Field, ...]:
    """The features of `dataset.inputs` or `dataset.targets`."""
    fields = []
    for name, written in section.entries.items():
        tree = values.compute(written)
        properties = {k: v.plain() for k, v in tree.entries.items() if k not in ("type", "column")}
        column = tree.get("column")
        if any(v is UNKNOWN_VALUE for v in properties.values()):
            continue
        try:
            feature = kinds.made("features", str(tree["type"].value), properties)
        except Refusal as refusal:
            log.refuse(refusal, tree[refusal.argument].span if refusal.argument in tree else written.key)
            continue
        fields.append(
            Field(
                name=name,
                column=str(column.plain()) if column else name,
                feature=feature,
                span=written.key,
                column_span=column.span if column else written.key,
            )
        )
    return tuple(fields)


def bind_dataset(
    tree: Tree, inputs: tuple[Field, ...], targets: tuple[Field, ...], values: Values, log: Log
) -> Dataset:
    """The `dataset` section, its fields bound already."""
    split = values.compute(tree["split"]) if "split" in tree else None
    sources = _sources(tree["source"], values, log)
    return Dataset(
        sources=sources,
        inputs=inputs,
        targets=targets,
        split=_splitting(split, sources, inputs, targets, log),
        batch_size=_whole(tree, "batch_size", 32, values, log),
        shuffle=_shuffle(tree, values, log),
        limit=_whole(tree, "limit", None, values, log),
        span=tree.key,
        cache=str(values.compute(tree["cache"]).value) if "cache" in tree else "auto",
        skip=_skip(values.compute(tree["on_error"])) if "on_error" in tree else None,
    )


def _shuffle(tree: Tree, values: Values, log: Log) -> bool | int:
    """Whether, or within what window."""
    if "shuffle" not in tree:
        return True
    value = values.compute(tree["shuffle"]).value
    return value if isinstance(value, bool) else int(_whole(tree, "shuffle", 1, values, log))


def _skip(tree: Tree) -> float | None:
    """The share of rows that may be passed over."""
    if tree.entries:
        return float(tree["skip"].plain())
    return SKIPPED if tree.value == "skip" else None


def _sources(tree: Tree, values: Values, log: Log) -> dict[str, Call]:
    if tree.entries and set(tree.entries) <= set(SPLITS):
        return {name: _reader(part, values, log) for name, part in tree.entries.items()}
    return {"": _reader(tree, values, log)}


def _reader(tree: Tree, values: Values, log: Log) -> Call:
    computed = values.compute(tree)
    call = bind_call("readers", tree, computed, log)
    takes = {a.name: a for a in kinds.signature("readers", call.name).arguments} if call.name != LOST else {}
    arguments = dict(call.arguments)
    for name, value in arguments.items():
        if name in takes and _names_files(takes[name].schema):
            span = call.spans.get(name, tree.span)
            # Relative to the file the path is written in; what the command line gives is relative to where one stands.
            base = Path() if span.path.startswith("-") else Path(span.path).parent
            arguments[name] = _absolute(value, base)
    return replace(call, arguments=arguments)


def _names_files(schema: Mapping[str, Any]) -> bool:
    """Does an argument of this schema name files? Readers mark such values with `format: path`."""
    parts = [*schema.get("anyOf", ()), schema.get("additionalProperties"), schema.get("items")]
    return schema.get("format") == "path" or any(_names_files(p) for p in parts if isinstance(p, dict))


def _absolute(value: Any, base: Path) -> Any:
    if isinstance(value, str):
        return value if "://" in value else str((base / Path(value).expanduser()).absolute())
    if isinstance(value, list):
        return [_absolute(item, base) for item in value]
    return {key: _absolute(item, base) for key, item in value.items()} if isinstance(value, dict) else value


def _splitting(
    tree: Tree | None, sources: Collection[str], inputs: tuple[Field, ...], targets: tuple[Field, ...], log: Log
) -> Splitting:
    if tree is None:
        return Splitting()
    fractions = {name: float(tree[name].plain()) for name in ("validation", "test") if name in tree}
    if sum(fractions.values()) >= 1:
        log.report(
            codes.S505,
            tree.key,
            f"validation and test take {sum(fractions.values()):g} of the examples: nothing is left to train on",
            help="let the two add up to less than 1",
        )
    stratify = str(tree["stratify"].plain()) if "stratify" in tree else None
    names = [f.name for f in (*targets, *inputs)]
    if stratify is not None and stratify not in names:
        near = nearest(stratify, names)
        log.report(
            codes.S201,
            tree["stratify"].span,
            f"the dataset has no feature `{stratify}`",
            help=f"did you mean `{near}`?" if near else f"there are: {', '.join(names)}",
        )
    if stratify is not None and "group" in tree:
        log.report(
            codes.S105,
            tree["group"].key,
            "`group` and `stratify` stand side by side: groups that stay whole cannot be dealt out by class",
            help="leave one of them out",
        )
    if "order" in tree:
        for other in ("stratify", "group"):
            if other in tree:
                log.report(
                    codes.S105,
                    tree[other].key,
                    f"`order` and `{other}` stand side by side: what comes last in order is what is held out",
                    help="leave one of them out",
                )
    for name, fraction in fractions.items():
        if fraction and name in sources:
            log.report(
                codes.S105,
                tree[name].span,
                f"`{name}` has a source of its own, and a share of the training examples is asked for as well",
                help=f"leave out one of the two: this share, or `source: {{{name}: …}}`",
            )
    return Splitting(
        validation=fractions.get("validation", 0.0),
        test=fractions.get("test", 0.0),
        stratify=stratify,
        group=str(tree["group"].plain()) if "group" in tree else None,
        order=str(tree["order"].plain()) if "order" in tree else None,
        span=tree.key,
    )


def _whole(tree: Tree, key: str, default: Any, values: Values, log: Log) -> Any:
    """A whole number of at least 1, written or computed."""
    if key not in tree:
        return default
    value = values.compute(tree[key])
    if isinstance(value.value, int) and not isinstance(value.value, bool) and value.value >= 1:
        return value.value
    if value.value is not UNKNOWN_VALUE:
        log.report(codes.S105, value.span, f"`{key}` must be a whole number of at least 1, not {value.plain()!r}")
    return default
