"""Write `specc/catalog/*.json` from the Keras that is installed: `python -m specc.backend.introspect [FOLDER]`.

Names, order, defaults and descriptions are Keras's own, read by `inspect`. What Keras says in prose only stands beside
this file: the types of values in `argument_schemas`, which arguments are tensors in `tensor_arguments`.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from specc.backend.introspect.argument_schemas import ARRAY, BOOLEAN, DTYPE, family_of, fragment_of, nullable
from specc.backend.introspect.docstrings import described, sentence
from specc.backend.introspect.tensor_arguments import OPTIONS, tensors_of, values_of

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

NO_NETWORK = {
    "conv_transpose": "fails in every network, whatever it is given: use a layer, like `Conv2DTranspose`",
    "kron": "fails in every network, whatever it is given: use `ops.einsum` and `ops.reshape`",
    "view_as_complex": "fails in every network, whatever it is given: keep both parts apart, as `ops.fft` does",
}
"""Ops that Keras declares, and that fail in a network under TensorFlow; a test says when they no longer do."""

MACHINERY = ("get", "serialize", "deserialize", "InputSpec", "Input")
"""Public names that are no words."""

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


@dataclass(slots=True)
class Family:
    """The names of a family with what they take, other names for them, and why some of Keras's are not offered."""

    names: dict[str, Entry] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    withheld: dict[str, str] = field(default_factory=dict)


def main(folder: Path) -> None:
    """Introspect every family and write one file for each."""
    families = {"activations": _activations(), "applications": _applications(), "ops": _ops()}
    families |= {family: _classes(family, base) for family, base in BASES.items()}
    for name, family in families.items():
        (folder / f"{name}.json").write_text(_text(family), encoding="utf-8")


def _classes(name: str, base: type) -> Family:
    """A family of classes: what derives from `base`."""
    module = keras.optimizers.schedules if name == "schedules" else getattr(keras, name)
    family = Family()
    for word, value in _public(module):
        if inspect.isclass(value) and issubclass(value, base):
            if value.__name__ != word and hasattr(module, value.__name__):
                family.aliases[word] = value.__name__
            elif value is base or value is keras.layers.Wrapper:
                family.withheld[word] = ABSTRACT
            elif word in NEEDS_CODE.get(name, "").split():
                family.withheld[word] = PYTHON
            else:
                family.names[word] = _entry(name, word, value)
    if name != "layers":
        attributes, family.aliases = family.aliases, _strings(module, family.names)
        for word in attributes.keys() - family.aliases.keys():
            family.withheld[word] = f"is not a name that Keras resolves: write `{attributes[word]}`"
    if name == "metrics":
        family.aliases.pop("accuracy")
        family.aliases["acc"] = "accuracy"
        family.names["accuracy"] = {"doc": ACCURACY, "arguments": []}
    known = {*family.names, *family.aliases, *family.withheld, *MACHINERY}
    for word, value in _public(module):
        if not inspect.ismodule(value) and word not in known:
            family.withheld[word] = PYTHON if inspect.isclass(value) else _instead(word, family.names)
    return family


def _strings(module: Any, names: Mapping[str, Entry]) -> dict[str, str]:
    """The strings that Keras resolves, to the class that it makes of them. Each is asked of Keras."""
    if not hasattr(module, "get"):
        return {}
    objects = vars(sys.modules[module.get.__module__])["ALL_OBJECTS_DICT"]
    found = {}
    for alias in objects:
        try:
            made = module.get(alias)
        except (KeyError, TypeError, ValueError):  # a class that cannot be made without arguments
            made = objects[alias]
        if inspect.isfunction(made):
            made = next((cls for cls in objects.values() if inspect.isclass(cls) and _wraps(cls, made)), None)
        name = (made if inspect.isclass(made) else type(made)).__name__
        if name in names and alias != name:
            found[alias] = name
    return found


def _wraps(cls: Any, function: Callable[..., Any]) -> bool:
    """Is this loss class the one whose arithmetic is that function?"""
    try:
        return getattr(cls(), "fn", None) is function
    except TypeError:
        return False


def _instead(name: str, names: Mapping[str, Entry]) -> str:
    near = next((n for n in names if n.casefold() == name.replace("_", "").casefold()), None)
    return f"is a function of Python: write `{near}`" if near else "is a function that Keras does not build by name"


def _activations() -> Family:
    found = {name: value for name, value in _public(keras.activations) if name not in MACHINERY}
    aliases = {name: value.__name__ for name, value in found.items() if value.__name__ != name}
    names = {name: _entry("activations", name, value) for name, value in found.items() if name not in aliases}
    return Family(names, aliases)


def _applications() -> Family:
    found = {name: value for name, value in _public(keras.applications) if inspect.isfunction(value)}
    return Family({name: _entry("applications", name, value) for name, value in found.items()})


def _ops() -> Family:
    """The functions of `keras.ops`, and of the namespaces within it what it does not have itself: `image.resize`."""
    family, flat = Family(), dict(_public(keras.ops))
    for space in ("", "image", "linalg", "nn", "numpy"):
        for short, value in _public(getattr(keras.ops, space) if space else keras.ops):
            name = f"{space}.{short}" if space else short
            if inspect.ismodule(value):
                continue
            if short in NEEDS_CODE["ops"].split():
                family.withheld[name] = PYTHON
            elif short in NO_TENSOR:
                family.withheld[name] = "gives no tensor"
            elif name in NO_NETWORK:
                family.withheld[name] = NO_NETWORK[name]
            elif space and flat.get(short) is value:
                family.withheld[name] = f"is `ops.{short}`: write that"
            else:
                family.names[name] = _entry("ops", name, value)
    return family


def _entry(family: str, name: str, value: Any) -> Entry:
    """What one name takes."""
    parameters = [p for p in inspect.signature(value).parameters.values() if p.kind is not p.VAR_KEYWORD]
    said = described(value)
    tensors: dict[str, Entry] = {}
    options: list[Entry] = []
    if family == "activations":
        parameters = parameters[1:]
    elif family == "applications":
        tensors, options = {"inputs": {}}, [_option("training", None, "")]
    elif family == "ops":
        tensors = tensors_of(name, parameters, layer=False)
    arguments = [
        _argument(family, name, parameter, said.get(parameter.name, ""))
        for parameter in parameters
        if parameter.name not in tensors and not _left_out(family, name, parameter.name)
    ]
    if family == "ops":
        values = [_value(tensor, said.get(tensor, "")) for tensor in values_of(value, tensors)]
        first = not any(argument.get("required") for argument in arguments)
        arguments = values + arguments if first else arguments + values
    elif family == "layers":
        arguments += _of_every_layer(value, {argument["name"] for argument in arguments})
        call = [p for p in inspect.signature(value.call).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD][1:]
        said |= described(value.call)
        tensors = tensors_of(name, call, layer=True)
        options = [_option(p.name, p.default, said.get(p.name, "")) for p in call if p.name in OPTIONS]
    entry: Entry = {"doc": sentence(value.__doc__ or UNSAID.get(name)), "arguments": arguments}
    if tensors:
        entry["tensors"] = [{"name": tensor, **extra} for tensor, extra in tensors.items()]
    return entry | ({"options": options} if options else {})


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
    """The arguments that a layer takes as `**kwargs`."""
    takes = inspect.signature(layer).parameters
    every: list[Entry] = [
        {"name": "trainable", "schema": BOOLEAN, "doc": "Whether training changes the weights.", "default": True},
        {"name": "dtype", "schema": nullable(DTYPE), "doc": "The layer's dtype or dtype policy.", "default": None},
    ]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in takes.values())
    return [argument for argument in every if argument["name"] not in named and open_ended]


def _option(name: str, default: Any, doc: str) -> Entry:
    return {"name": name, "schema": nullable(BOOLEAN), "doc": doc or UNSAID.get(name, ""), "default": default}


def _value(name: str, doc: str) -> Entry:
    return {"name": name, "schema": ARRAY, "doc": doc, "default": None}


def _left_out(family: str, owner: str, name: str) -> bool:
    return family in ("layers", "applications") and (name in LEFT_OUT or f"{owner}.{name}" in LEFT_OUT)


def _public(module: Any) -> Iterator[tuple[str, Any]]:
    return ((name, getattr(module, name)) for name in sorted(dir(module)) if not name.startswith("_"))


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, (tuple, list)) else value


def _text(family: Family) -> str:
    """One line for an argument, and each different argument once: a name's arguments are keys into `arguments`."""
    keys: dict[str, str] = {}
    count: Counter[str] = Counter()

    def pooled(argument: Entry) -> str:
        line = json.dumps(argument, ensure_ascii=False)
        if line not in keys:
            name = argument["name"]
            count[name] += 1
            keys[line] = name if count[name] == 1 else f"{name}~{count[name]}"
        return keys[line]

    def pointing(entry: Entry) -> Entry:
        return {k: [pooled(a) for a in v] if k in ("arguments", "options") else v for k, v in entry.items()}

    names = {name: pointing(entry) for name, entry in sorted(family.names.items())}
    sections = {
        "names": {name: json.dumps(entry, ensure_ascii=False) for name, entry in names.items()},
        "arguments": dict(sorted((key, line) for line, key in keys.items())),
        "aliases": {alias: json.dumps(name) for alias, name in sorted(family.aliases.items())},
        "withheld": {name: json.dumps(reason) for name, reason in sorted(family.withheld.items())},
    }
    body = ",\n".join(
        f'"{section}": {{\n' + ",\n".join(f'  "{k}": {line}' for k, line in lines.items()) + "\n}"
        for section, lines in sections.items()
    )
    return f'{{\n"keras": "{keras.__version__}",\n{body}\n}}\n'
