"""How a script reads a source of data: its function `read`, and how that is called."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from specc.calls import Call
from specc.emit.fields import UnsayableError
from specc.emit.layout import Expression, Group, call, keyword, lines, literal, mapping, plain, sequence
from specc.emit.script import Script
from specc.kinds.features.image import Image
from specc.kinds.readers.csv import MISSING, WHITESPACE
from specc.plan import Plan

TABLES = {"csv": "pd.read_csv", "parquet": "pd.read_parquet", "jsonl": "pd.read_json"}


def packages(plan: Plan) -> tuple[str, ...]:
    """What the script of a plan imports beside Keras and NumPy, and not every machine has that trains."""
    read = plan.dataset.sources.values() if plan.dataset else ()
    return ("pandas",) if any(one.name in TABLES for one in read) else ()


ARRAYS = ("npz", "npy", "hdf5", "idx", "keras", "image_folder")


def read(made: Script) -> list[str]:
    """`read(…)`: the fields of a source by their names."""
    one = next(iter(made.dataset.sources.values()))
    if one.name in TABLES:
        return _table(made, one)
    head, table = {
        "npz": (["def read(path):"], "table = np.load(path)"),
        "npy": (["def read(paths):"], ""),
        "hdf5": (["def read(path):"], "table = h5py.File(path)"),
        "idx": (["def read(images, labels):"], ""),
        "keras": (["def read(name, part):"], ""),
        "image_folder": (["def read(path):"], ""),
    }[one.name]
    done = [*head, '    """The fields of the data, by name."""']
    form = '"{}"'
    match one.name:
        case "npz" | "hdf5":
            done.append(f"    {table}")
            form = 'table["{}"]' + ("[:]" if one.name == "hdf5" else "")
        case "npy":
            form = 'np.load(paths["{}"])'
        case "idx":
            done.append('    table = {"image": read_idx(images), "label": read_idx(labels)}')
            form = 'table["{}"]'
        case "keras":
            done.append("    parts = getattr(keras.datasets, name).load_data()")
            done.append('    x, y = parts[0] if part == "train" else parts[1]')
            done.append('    table = {"x": x, "y": np.ravel(y)}')
            form = 'table["{}"]'
        case "image_folder":
            done += _pictures(made)
            form = 'table["{}"]'
    limit = f"[:{made.dataset.limit}]" if made.dataset.limit is not None else ""
    entries = []
    for name, column, several in _columns(made):
        if several is not None:
            items = sequence((form.format(part),) for part in several)
            entries.append((name, call("np.stack", [items, keyword("axis", ("1",))])))
        else:
            entries.append((name, (form.format(column) + limit,)))
    return [*done, *lines(mapping(entries), "return ", depth=1)]


def _columns(made: Script) -> list[tuple[str, str, Sequence[str] | None]]:
    """For each field its name, its column, and its columns where there are several."""
    found: list[tuple[str, str, Sequence[str] | None]] = []
    for one in made.fields:
        several = getattr(one.feature, "columns", None)
        found.append((one.name, one.column, None if several is None else one.columns))
    return [*found, *((name, name, None) for name in made.beside)]


def _pictures(made: Script) -> list[str]:
    pictures = [one for one in made.inputs if isinstance(one.field.feature, Image)]
    if len(pictures) != 1 or pictures[0].field.column != "image":
        raise UnsayableError("more than one picture of a file")
    feature = pictures[0].field.feature
    assert isinstance(feature, Image)
    if feature.resize == "pad" or feature.size is None:
        raise UnsayableError(f"pictures that are brought to a size by `{feature.resize}`")
    mode = {1: "grayscale", 4: "rgba"}.get(feature.channels or 3, "rgb")
    items: list[Expression] = [("path",), (literal(tuple(feature.size)),), (literal(mode),)]
    items += [keyword("crop", ("True",))] if feature.resize == "crop" else []
    return [
        *lines(call("read_pictures", items), "image, label = ", depth=1),
        '    table = {"image": image, "label": label}',
    ]


def _table(made: Script, one: Call) -> list[str]:
    headed = one.arguments.get("header", True)
    items: list[Expression] = [("path",)]
    texts = [f for f in made.fields if not f.feature.numeric and not isinstance(f.feature, Image)]

    def column(name: str) -> str:
        return literal(name) if headed else name

    if one.name == "csv":
        if "delimiter" in one.arguments:
            delimiter = one.arguments["delimiter"]
            items.append(keyword("sep", ('r"\\s+"' if delimiter == WHITESPACE else literal(delimiter),)))
        items += [] if headed else [keyword("header", ("None",))]
        if "encoding" in one.arguments:
            items.append(keyword("encoding", (literal(one.arguments["encoding"]),)))
        items.append(keyword("skipinitialspace", ("True",)))
        items.append(keyword("keep_default_na", ("False",)))
        items.append(keyword("na_values", plain(list(one.arguments.get("missing", MISSING)))))
        if texts:
            named = dict.fromkeys(column(f.column) for f in texts)
            items.append(keyword("dtype", (Group("{}", tuple((f"{name}: str",) for name in named)),)))
    if one.name == "jsonl":
        items.append(keyword("lines", ("True",)))
    path = str(one.arguments["path"])
    done = ["def read(path):", '    """The fields of a table, by name."""']
    if any(mark in path for mark in "*?["):
        frames = call(
            "pd.concat", [(*call(TABLES[one.name], items), " for path in sorted(glob.glob(path, recursive=True))")]
        )
        done += lines(frames, "table = ", depth=1)
    else:
        done += lines(call(TABLES[one.name], items), "table = ", depth=1)
    if made.dataset.limit is not None:
        done.append(f"    table = table.head({made.dataset.limit})")
    entries: list[tuple[str, Expression]] = []
    for name, own, several in _columns(made):
        if several is not None and not headed and _in_a_row(several):
            entries.append((name, (f'table.loc[:, {several[0]}:{several[-1]}].to_numpy("float32")',)))
        elif several is not None:
            chosen = sequence((column(part),) for part in several)
            entries.append((name, ("table", *_indexed(chosen), '.to_numpy("float32")')))
        elif any(f.name == name for f in texts):
            entries.append((name, (f'table[{column(own)}].fillna("").to_numpy(object)',)))
        elif name in made.beside:
            entries.append((name, (f"table[{column(own)}].to_numpy()",)))
        else:
            entries.append((name, (f'table[{column(own)}].to_numpy("float32")',)))
    return [*done, *lines(mapping(entries), "return ", depth=1)]


def _in_a_row(columns: Sequence[str]) -> bool:
    return all(int(after) == int(before) + 1 for before, after in pairwise(columns))


def _indexed(chosen: Expression) -> Expression:
    return (Group("[]", (chosen,)),)


def source(one: Call) -> Expression:
    """How `read` is called for a source."""
    here = {name: relative(value) for name, value in one.arguments.items()}
    match one.name:
        case "idx":
            return call("read", [(literal(here["images"]),), (literal(here.get("labels")),)])
        case "keras":
            return call("read", [(literal(here["name"]),), (literal(here.get("part", "train")),)])
        case "npy":
            paths = here["path"] if isinstance(here["path"], dict) else {"data": here["path"]}
            return call("read", [mapping((name, (literal(path),)) for name, path in paths.items())])
    return call("read", [(literal(here["path"]),)])


def relative(value: Any) -> Any:
    """A path as from where one stands, where it lies below."""
    if isinstance(value, dict):
        return {name: relative(path) for name, path in value.items()}
    if isinstance(value, str) and os.path.isabs(value):
        near = os.path.relpath(value)
        return value if near.startswith("..") else near
    return value
