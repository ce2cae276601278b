"""The dataset: readers and features as instances of their kinds, paths made absolute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from specc import codes, kinds
from specc.calls import UNKNOWN_VALUE, Call
from specc.diagnostics import Log, Refusal, Span, nearest
from specc.kinds.features._weight import Weight
from specc.passes.bind.calls import LOST, bind_call
from specc.passes.bind.paths import absolute
from specc.passes.bind.splitting import bind_splitting
from specc.passes.bind.values import Values
from specc.plan import Dataset, Field
from specc.tree import Tree

SPLITS = ("train", "validation", "test")

SKIPPED = 0.2
"""How many of all rows may be passed over where `on_error: skip` does not say it."""


def bind_fields(section: Tree, values: Values, log: Log, inputs: tuple[Field, ...] | None = None) -> tuple[Field, ...]:
    """The features of `dataset.inputs`; or, the inputs being bound, those of `dataset.targets`."""
    fields = []
    for name, written in section.entries.items():
        tree = values.compute(written)
        takes = {a.name: a.schema for a in kinds.signature("features", str(tree["type"].value)).arguments}
        properties = {k: _property(v, takes[k]) for k, v in tree.entries.items() if k not in ("type", "column")}
        column = tree.get("column")
        if tree["type"].value == "same_as":
            fields += _same_as(name, tree, written.key, inputs, log)
            continue
        if any(v is UNKNOWN_VALUE for v in properties.values()):
            continue
        try:
            feature = kinds.made("features", str(tree["type"].value), properties)
        except Refusal as refusal:
            log.refuse(refusal, tree[refusal.argument].span if refusal.argument in tree else written.key)
            continue
        if column is not None and "columns" in properties:
            told = "`column` and `columns` stand side by side, and both say what is read"
            log.report(codes.S105, column.span, told, help="leave one of them out")
        if inputs is None and "ignore_class" in properties:
            told = "`ignore_class` says which pixels of a target do not count, and this is an input"
            log.report(codes.S105, tree["ignore_class"].key, told, help="count them as a class: leave it out")
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


def _same_as(name: str, tree: Tree, place: Span, inputs: tuple[Field, ...] | None, log: Log) -> list[Field]:
    """The field of an input once more, as a target."""
    asked = str(tree["input"].plain())
    same = next((f for f in inputs or () if f.name == asked), None)
    if inputs is None:
        message, help = "`same_as` makes an input a target, and this is an input", "declare it under `targets`"
        log.report(codes.S105, tree["type"].span, message, help=help)
    elif "column" in tree:
        message = f"`same_as` reads what the input `{asked}` reads"
        log.report(codes.S105, tree["column"].key, message, help="leave out `column`")
    elif same is not None:
        return [replace(same, name=name, span=place)]
    else:
        names = [f.name for f in inputs]
        near = nearest(asked, names)
        help = f"did you mean `{near}`?" if near else f"there are: {', '.join(names)}"
        log.report(codes.S201, tree["input"].span, f"the dataset has no input `{asked}`", help=help)
    return []


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
        split=bind_splitting(split, sources, inputs, targets, log),
        batch_size=_whole(tree, "batch_size", 32, values, log),
        shuffle=_shuffle(tree, values, log),
        limit=_whole(tree, "limit", None, values, log),
        span=tree.key,
        cache=str(values.compute(tree["cache"]).value) if "cache" in tree else "auto",
        skip=_skip(values.compute(tree["on_error"])) if "on_error" in tree else None,
        weight=_weight(tree["weight"]) if "weight" in tree else None,
        augment=tuple(bind_call("layers", item, values.compute(item), log) for item in tree["augment"].elements)
        if "augment" in tree
        else (),
    )


def _weight(tree: Tree) -> Field:
    """The column of weights, as a field without a name of its own in the network."""
    return Field("weight", str(tree.plain()), Weight(), tree.key, tree.span)


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
            arguments[name] = absolute(value, call.spans.get(name, tree.span))
    return replace(call, arguments=arguments)


def _property(tree: Tree, schema: Mapping[str, Any]) -> Any:
    """The value of a feature's property; a path is made absolute."""
    value = tree.plain()
    return absolute(value, tree.span) if isinstance(value, str) and kinds.names_file(schema, value) else value


def _names_files(schema: Mapping[str, Any]) -> bool:
    """Does an argument of this schema name files? Readers mark such values with `format: path`."""
    parts = [*schema.get("anyOf", ()), schema.get("additionalProperties"), schema.get("items")]
    return schema.get("format") == "path" or any(_names_files(p) for p in parts if isinstance(p, dict))


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
