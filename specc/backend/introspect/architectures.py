"""Write what the architectures of `keras.applications` are made of: `specc/catalog/architectures/NAME.json`.

Each is built at one size, and its graph of layers written down with the arguments that differ from their defaults. What
comes first hangs on the channels and `include_preprocessing`, what comes last on `include_top` and `pooling`: it is
built once for each of these, and what all have in common is the body. The MobileNets, of which every layer hangs on
`alpha`, are no single graph; their rules make it.
"""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
from keras.src.applications import imagenet_utils

from specc import catalog

SIDE = 96
"""Height and width at which a graph is read. Any that is not too small would do."""

CLASSES, ACTIVATION = 987, "softsign"
"""Values that stand nowhere in any architecture: where they turn up, an argument of the application goes."""

TAILS: Mapping[str, Mapping[str, Any]] = {
    "top": {"include_top": True, "classes": CLASSES, "classifier_activation": ACTIVATION},
    "none": {"include_top": False},
    "avg": {"include_top": False, "pooling": "avg"},
    "max": {"include_top": False, "pooling": "max"},
}
"""The arguments on which hangs what comes last."""

SHAPELESS = ("initializer", "regularizer", "constraint", "epsilon", "momentum", "seed", "trainable", "dtype", "name")
"""Arguments, or ends of their names, that change neither shape nor weight nor cost."""

Node = tuple[str, tuple[int, ...]]
"""A call as JSON, and how many nodes back each of its inputs was made: 1 is the node before."""


@dataclass(slots=True)
class Noted:
    """What an architecture asks of Keras's own helpers while it is built."""

    minimum: int = 0
    """The least height and width."""
    padded: list[tuple[Any, int, Any]] = field(default_factory=list)
    """Tensors that are padded by their parity: the tensor, the kernel that follows, the padding of this size."""


def names() -> tuple[str, ...]:
    """The architectures that are one graph."""
    return tuple(name for name in catalog.names("applications") if not name.startswith("MobileNet"))


def text(name: str) -> str:
    """The file of an architecture."""
    builder = getattr(keras.applications, name)
    tails = {tail: _graph(builder, 3, arguments) for tail, arguments in TAILS.items()}
    heads = {"rgb": tails["none"]}
    if "include_preprocessing" in inspect.signature(builder).parameters:
        heads["other"] = _graph(builder, 1, TAILS["none"])
        heads["plain"] = _graph(builder, 3, {**TAILS["none"], "include_preprocessing": False})
    behind = _common([nodes[::-1] for nodes, _ in heads.values()])
    before = {head: nodes[: len(nodes) - behind] for head, (nodes, _) in heads.items()}
    end = _common([nodes for nodes, _ in tails.values()])
    after = {tail: nodes[end:] for tail, (nodes, _) in tails.items()}
    whole, minimum = tails["none"]
    return _written(minimum, before, whole[len(before["rgb"]) : end], after)


def _common(several: Sequence[Sequence[Node]]) -> int:
    """With how many nodes all of them begin alike."""
    shortest = min(map(len, several))
    return next((i for i, nodes in enumerate(zip(*several, strict=False)) if len(set(nodes)) > 1), shortest)


def _graph(builder: Callable[..., Any], channels: int, arguments: Mapping[str, Any]) -> tuple[list[Node], int]:
    """The nodes in the order of Keras's `model.layers`, which is that of its weights; and the least size."""
    # Without a state no weight is drawn, which takes longer than all the rest.
    with _noting() as noted, keras.StatelessScope(), warnings.catch_warnings(action="ignore"):
        model = builder(weights=None, input_shape=(SIDE, SIDE, channels), **arguments)
    made = {id(model.inputs[0]): 0}
    nodes: list[Node] = []
    for operation in model.operations:
        if isinstance(operation, keras.layers.InputLayer):
            continue
        (node,) = operation._inbound_nodes
        back = tuple(len(nodes) + 1 - made[id(tensor)] for tensor in node.input_tensors)
        for layer in operation.layers if isinstance(operation, keras.Sequential) else (operation,):
            nodes.append((json.dumps(_call(layer, node.input_tensors[0], noted)), back))
            back = (1,)
        made[id(operation.output)] = len(nodes)
    return nodes, noted.minimum


@contextmanager
def _noting() -> Iterator[Noted]:
    """Within it, Keras's helpers tell what they are asked."""
    noted = Noted()
    shape_of, padding_of = imagenet_utils.obtain_input_shape, imagenet_utils.correct_pad

    def shape(*given: Any, **named: Any) -> Any:
        noted.minimum = named["min_size"]
        return shape_of(*given, **named)

    def padding(tensor: Any, kernel: Any) -> Any:
        found = padding_of(tensor, kernel)
        noted.padded.append((tensor, kernel if isinstance(kernel, int) else kernel[0], found))
        return found

    imagenet_utils.obtain_input_shape, imagenet_utils.correct_pad = shape, padding
    try:
        yield noted
    finally:
        imagenet_utils.obtain_input_shape, imagenet_utils.correct_pad = shape_of, padding_of


def _call(operation: Any, tensor: Any, noted: Noted) -> list[Any]:
    """`[name]`, or `[name, arguments]`: those of the signature that are not the default; all of one that is not public.

    A padding by parity is `{"fit": kernel}`; an argument of the application `{"argument": name}`.
    """
    name = type(operation).__name__
    if not isinstance(operation, keras.Layer):
        return [f"ops.{name.lower()}"]
    takes = catalog.signature("layers", name)
    known = {argument.name: argument.default for argument in takes.arguments} if takes else {}
    given = {
        key: _plain(value)
        for key, value in operation.get_config().items()
        if (key in known or not takes) and not key.endswith(SHAPELESS)
    }
    settled = {"data_format": "channels_last"} | ({} if name == "Activation" else {"activation": "linear"})
    given = {k: v for k, v in given.items() if k not in known or v not in (known[k], settled.get(k, known[k]))}
    for padded, kernel, padding in noted.padded:
        if padded is tensor and given.get("padding") == _plain(padding):
            given["padding"] = {"fit": kernel}
    return [name, given] if given else [name]


def _plain(value: Any) -> Any:
    """An argument as JSON has it, and as a spec would say it: a list of a number repeated is that number."""
    if value == CLASSES:
        return {"argument": "classes"}
    if value == ACTIVATION:
        return {"argument": "classifier_activation"}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value


def _written(minimum: int, before: Mapping[str, list[Node]], body: list[Node], after: Mapping[str, list[Node]]) -> str:
    """The calls, each different one once, and nodes as keys into them: alone where the input is the node before."""
    keys: dict[str, int] = {}

    def line(nodes: list[Node]) -> str:
        found = [(keys.setdefault(call, len(keys)), back) for call, back in nodes]
        return json.dumps([key if back == (1,) else [key, *back] for key, back in found], separators=(",", ":"))

    def variants(several: Mapping[str, list[Node]]) -> str:
        return "{\n" + ",\n".join(f'  "{one}": {line(nodes)}' for one, nodes in several.items()) + "\n}"

    sections = {
        "keras": json.dumps(keras.__version__),
        "minimum": str(minimum),
        "before": variants(before),
        "body": line(body),
        "after": variants(after),
        "calls": "[\n" + ",\n".join(f"  {call}" for call in keys) + "\n]",
    }
    return "{\n" + ",\n".join(f'"{section}": {lines}' for section, lines in sections.items()) + "\n}\n"
