"""Write `specc/catalog/*.json` from the Keras that is installed: `python -m specc.backend.introspect [FOLDER]`.

Names, order, defaults and descriptions are Keras's own, read by `inspect`. What Keras says in prose only stands beside
this file: the types of values in `argument_schemas`, which arguments are tensors in `tensor_arguments`.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from specc.backend.argument_schemas import ARRAY, BOOLEAN, DTYPE, family_of, fragment_of, nullable
from specc.backend.tensor_arguments import OPTIONS, tensors_of, values_of

Entry = dict[str, Any]

BASES = {
    "layers": keras.Layer,
    "initializers": keras.initializers.Initializer,
    "regularizers": keras.regularizers.Regularizer,
    "constraints": keras.constraints.Constraint,
    "losses": keras.losses.Loss,
    "metrics": keras.metrics.Metric,
    "optimizers": keras.optimizers.Optimizer,
    "schedules": keras.optimizers.schedules.LearningRateSchedule,
    "callbacks": keras.callbacks.Callback,
}
"""The classes of a family are what derives from this one; the rest of a namespace is machinery."""

NEEDS_CODE = {
    "layers": "Lambda JaxLayer FlaxLayer TorchModuleWrapper",
    "metrics": "MeanMetricWrapper",
    "optimizers": "MultiOptimizer OptimizerMap",
    "callbacks": "CallbackList LambdaCallback LearningRateScheduler",
    "ops": "associative_scan cond custom_gradient fori_loop jvp map scan switch vectorize vectorized_map while_loop",
}
"""What takes functions or objects of Python: no spec can say it."""

NO_TENSOR = ("convert_to_numpy", "dtype", "is_tensor", "shape")
"""Ops that answer something about a tensor, and give none."""

ABSTRACT = "is a base class: name one that derives from it"
PYTHON = "takes functions or objects of Python, which a spec cannot hold"

LEFT_OUT = ("name", "input_tensor", "input_shape", "quantization_config", "Bidirectional.weights")
"""Arguments of layers and applications that a step says in another way, or that no spec can hold."""

UNSAID = {
    "InputLayer": "An entry point into the network.",
    "training": "Whether the layer behaves as in training; left out, it follows the run.",
    "reverse": "Whether to project back from embeddings to tokens.",
    "return_attention_scores": "Whether to give the attention scores as a second output.",
    "use_causal_mask": "Whether to keep each position from attending to later ones.",
}
"""What layers and call-time options do, where Keras does not say."""

ACCURACY = "The share of right answers: binary, categorical or sparse, as the loss and the output ask for."
"""`accuracy` is no class: Keras chooses one when the model is compiled."""


def main(folder: Path) -> None:
    """Introspect every family and write one file for each."""
    for family in ("layers", "ops", "applications", "activations", *list(BASES)[1:]):
        names, aliases, withheld = _family(family)
        text = _dump(names, aliases, withheld)
        (folder / f"{family}.json").write_text(text, encoding="utf-8")


def _family(family: str) -> tuple[dict[str, Entry], dict[str, str], dict[str, str]]:
    if family == "ops":
        return _ops()
    if family == "activations":
        return _activations()
    if family == "applications":
        found = {n: f for n, f in _public(keras.applications) if inspect.isfunction(f)}
        return {name: _entry(family, name, function) for name, function in found.items()}, {}, {}
    return _classes(family, BASES[family])


def _classes(family: str, base: type) -> tuple[dict[str, Entry], dict[str, str], dict[str, str]]:
    module = keras.optimizers.schedules if family == "schedules" else getattr(keras, family)
    names: dict[str, Entry] = {}
    aliases: dict[str, str] = {}
    withheld: dict[str, str] = {}
    for name, value in _public(module):
        if inspect.isclass(value) and issubclass(value, (base, keras.optimizers.Optimizer)):
            if value.__name__ != name and hasattr(module, value.__name__):
                if family == "layers":
                    aliases[name] = value.__name__
                else:
                    withheld[name] = f"is not a name that Keras resolves: write `{value.__name__}`"
            elif value is base or name in ("Wrapper", "Loss", "Metric"):
                withheld[name] = ABSTRACT
            elif name in NEEDS_CODE.get(family, "").split():
                withheld[name] = PYTHON
            else:
                names[name] = _entry(family, name, value)
    if get := getattr(module, "get", None):
        aliases |= _strings(get, names)
        withheld = {name: reason for name, reason in withheld.items() if name not in aliases}
    if family == "metrics":
        names["accuracy"] = {"doc": ACCURACY, "arguments": []}
        aliases = {alias: name for alias, name in aliases.items() if alias != "accuracy"} | {"acc": "accuracy"}
    for name, value in _public(module):
        if not inspect.ismodule(value) and name not in names | aliases | withheld and not _machinery(name):
            withheld[name] = PYTHON if inspect.isclass(value) else _instead(name, names)
    return names, aliases, withheld


def _strings(get: Callable[[str], Any], names: Mapping[str, Entry]) -> dict[str, str]:
    """The strings that Keras resolves, to the class that it makes of them. Each is asked of Keras."""
    source = sys.modules[get.__module__]
    known = {value: key for key, value in vars(source).get("ALL_OBJECTS_DICT", {}).items() if inspect.isclass(value)}
    found = {}
    for alias in vars(source).get("ALL_OBJECTS_DICT", {}):
        try:
            made = get(alias)
        except (KeyError, TypeError, ValueError):  # a class that cannot be made without arguments
            made = vars(source)["ALL_OBJECTS_DICT"][alias]
        cls = made if inspect.isclass(made) else type(made)
        if inspect.isfunction(made):
            cls = next((c for c in known if _wraps(c, made)), type(None))
        if cls.__name__ in names and alias != cls.__name__:
            found[alias] = cls.__name__
    return found


def _wraps(cls: Any, function: Callable[..., Any]) -> bool:
    """Is this loss class the one whose arithmetic is that function?"""
    try:
        return getattr(cls(), "fn", None) is function
    except TypeError:
        return False


def _activations() -> tuple[dict[str, Entry], dict[str, str], dict[str, str]]:
    found = {n: f for n, f in _public(keras.activations) if not _machinery(n)}
    aliases = {n: f.__name__ for n, f in found.items() if keras.activations.get(n) is f and f.__name__ != n}
    return {n: _entry("activations", n, f) for n, f in found.items() if n not in aliases}, aliases, {}


def _ops() -> tuple[dict[str, Entry], dict[str, str], dict[str, str]]:
    names: dict[str, Entry] = {}
    aliases: dict[str, str] = {}
    withheld: dict[str, str] = {}
    flat = dict(_public(keras.ops))
    for space in ("", "image", "linalg", "nn", "numpy"):
        for short, value in _public(getattr(keras.ops, space) if space else keras.ops):
            name = f"{space}.{short}" if space else short
            if inspect.ismodule(value):
                continue
            if short in NEEDS_CODE["ops"].split():
                withheld[name] = PYTHON
            elif short in NO_TENSOR:
                withheld[name] = "gives no tensor"
            elif space and flat.get(short) is value:
                withheld[name] = f"is `ops.{short}`: write that"
            else:
                names[name] = _entry("ops", name, value)
    return names, aliases, withheld


def _entry(family: str, name: str, value: Any) -> Entry:
    """What one name takes."""
    parameters = [p for p in inspect.signature(value).parameters.values() if p.kind is not p.VAR_KEYWORD]
    said = _described(value)
    tensors = tensors_of(name, [p.name for p in parameters], layer=False) if family == "ops" else {}
    arguments = [
        _argument(family, name, p, said.get(p.name, ""))
        for p in (parameters[1:] if family == "activations" else parameters)
        if p.name not in tensors and not _left_out(family, name, p.name)
    ]
    options: list[Entry] = []
    if family == "layers":
        arguments += _of_every_layer(value, {a["name"] for a in arguments})
        call = [p for p in inspect.signature(value.call).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD][1:]
        tensors = tensors_of(name, [p.name for p in call], layer=True)
        said = _described(value) | _described(value.call)
        options = [_option(p.name, p.default, said.get(p.name, "")) for p in call if p.name in OPTIONS]
        parameters = call
    elif family == "applications":
        tensors, options = {"inputs": {}}, [_option("training", None, "")]
    elif family == "ops":
        values = [_value(tensor, said.get(tensor, "")) for tensor in values_of(value, tensors)]
        arguments = (
            values + arguments
            if len(tensors) == 2 and not any(a.get("required") for a in arguments)
            else arguments + values
        )
    optional = {p.name for p in parameters if p.default is not p.empty}
    entry: Entry = {"doc": _sentence(value.__doc__ or UNSAID.get(name, "")), "arguments": arguments}
    if tensors:
        entry["tensors"] = [
            {"name": t} | extra | ({"required": False} if t in optional else {}) for t, extra in tensors.items()
        ]
    return entry | ({"options": options} if options else {})


def _tensor(name: str, extra: Entry, optional: bool) -> Entry:
    return {"name": name} | extra | ({"required": False} if optional else {})


def _option(name: str, default: Any, doc: str) -> Entry:
    return {"name": name, "schema": nullable(BOOLEAN), "doc": doc or UNSAID.get(name, ""), "default": default}


def _value(name: str, doc: str) -> Entry:
    return {"name": name, "schema": ARRAY, "doc": doc, "default": None}


def _argument(family: str, owner: str, parameter: inspect.Parameter, doc: str) -> Entry:
    required = parameter.default is parameter.empty
    default = None if required else _plain(parameter.default)
    if family == "applications" and parameter.name == "weights":
        default, doc = None, "Path to a file of weights to start from; without it they are drawn at random."
    schema = fragment_of(family, owner, parameter.name, default, required=required)
    argument: Entry = {"name": parameter.name, "schema": schema, "doc": doc}
    if call := family_of(parameter.name):
        argument["family"] = call
    return argument | ({"required": True} if required else {"default": default})


def _of_every_layer(layer: type, named: set[str]) -> list[Entry]:
    takes = inspect.signature(layer).parameters
    every: list[Entry] = [
        {"name": "trainable", "schema": BOOLEAN, "doc": "Whether training changes the weights.", "default": True},
        {"name": "dtype", "schema": nullable(DTYPE), "doc": "The layer's dtype or dtype policy.", "default": None},
    ]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in takes.values())
    return [argument for argument in every if argument["name"] not in named and open_ended]


def _left_out(family: str, owner: str, name: str) -> bool:
    return family in ("layers", "applications") and (name in LEFT_OUT or f"{owner}.{name}" in LEFT_OUT)


def _public(module: Any) -> Iterator[tuple[str, Any]]:
    return ((name, getattr(module, name)) for name in sorted(dir(module)) if not name.startswith("_"))


def _machinery(name: str) -> bool:
    return name in ("get", "serialize", "deserialize", "InputSpec", "Input")


def _instead(name: str, names: Mapping[str, Entry]) -> str:
    near = next((n for n in names if n.casefold() == name.replace("_", "").casefold()), None)
    return f"is a function of Python: write `{near}`" if near else "is a function that Keras does not build by name"


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, (tuple, list)) else value


def _described(value: Any) -> dict[str, str]:
    """The first sentence about each argument in the `Args:` of a docstring."""
    found: dict[str, list[str]] = {}
    _, _, body = inspect.cleandoc(value.__doc__ or "").partition("\nArgs:\n")
    indent, current = None, ""
    for line in body.splitlines():
        depth = len(line) - len(line.lstrip())
        if line.strip() and depth == 0:
            break
        indent = indent or (depth if line.strip() else None)
        if depth == indent and (match := re.match(r"\s*\*{0,2}`?(\w+)`?\s*(?:\([^)]*\))?\s*:\s*(.*)", line)):
            current = match[1]
            found[current] = [match[2]]
        elif current:
            found[current].append(line.strip())
    return {name: _sentence("\n".join(lines)) for name, lines in found.items()}


def _sentence(text: str) -> str:
    """The first sentence of a docstring, on one line."""
    paragraph = " ".join(re.split(r"\n\s*(?:\n|- )", inspect.cleandoc(text).strip(), maxsplit=1)[0].split())
    end = re.search(r"(?<!e\.g)(?<!i\.e)(?<!etc)\.(?=\s|$)", paragraph)
    return paragraph[: end.end()] if end else paragraph


def _dump(names: Mapping[str, Entry], aliases: Mapping[str, str], withheld: Mapping[str, str]) -> str:
    """One line for an argument, and each different argument once: a name's arguments are keys into `arguments`."""
    pool: dict[str, str] = {}
    keys: dict[str, str] = {}

    def pooled(argument: Entry) -> str:
        line = json.dumps(argument, ensure_ascii=False)
        if line not in keys:
            name = argument["name"]
            number = sum(key.partition("~")[0] == name for key in pool) + 1
            keys[line] = name if number == 1 else f"{name}~{number}"
            pool[keys[line]] = line
        return keys[line]

    for entry in names.values():
        for part in ("arguments", "options"):
            if part in entry:
                entry[part] = [pooled(argument) for argument in entry[part]]
    sections = {
        "names": {name: json.dumps(entry, ensure_ascii=False) for name, entry in sorted(names.items())},
        "arguments": dict(sorted(pool.items())),
        "aliases": {k: json.dumps(v) for k, v in sorted(aliases.items())},
        "withheld": {k: json.dumps(v) for k, v in sorted(withheld.items())},
    }
    body = ",\n".join(
        f'"{section}": {{\n' + ",\n".join(f'  "{k}": {line}' for k, line in lines.items()) + "\n}"
        for section, lines in sections.items()
    )
    return f'{{\n"keras": "{keras.__version__}",\n{body}\n}}\n'


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "catalog")
