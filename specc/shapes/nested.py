"""Calls that are arguments of a layer, and that Keras cannot make of what a spec may write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from specc import catalog, codes
from specc.calls import Call
from specc.diagnostics import Refusal


def buildable(name: str, arguments: Mapping[str, Any], policy: Any) -> None:
    """Refuse what Keras refuses among the activations and initializers in a layer's arguments, under its dtype policy.

    Raises:
        Refusal: S105.
    """
    for argument, value in arguments.items():
        if isinstance(value, Call) and value.family == "activations":
            _activation(name, argument, value)
        elif policy == "bfloat16" and argument.endswith("initializer") and _is_orthogonal(value):
            raise Refusal(
                codes.S105,
                f"`{name}` draws an orthogonal matrix for its weights, which TensorFlow cannot do in bfloat16",
                help=f"give it `{argument}: glorot_uniform`, or keep weights in float32: `mixed_bfloat16`",
                argument=argument,
            )
        elif argument.endswith("initializer") and value in ("constant", "Constant"):
            # Keras makes an initializer of a bare name from an empty configuration, in which `Constant` alone misses
            # something.
            raise Refusal(
                codes.S105,
                f"`{argument}` of `{name}` is `{value}` without a value, which Keras does not take",
                help=f"give the value: `{{{value}: 0.0}}`; `zeros` and `ones` are names by themselves",
                argument=argument,
            )


def _is_orthogonal(initializer: Any) -> bool:
    name = initializer.name if isinstance(initializer, Call) else initializer
    return isinstance(name, str) and catalog.aliases("initializers").get(name, name) == "Orthogonal"


def _activation(name: str, argument: str, call: Call) -> None:
    """An activation with arguments becomes the layer of its name: as a function, it could not be saved."""
    given = {k: v for k, v in call.arguments.items() if v != _default(call, k)}
    if not given or layer_of(call.name):
        return
    written = ", ".join(f"{key}: {_written(value)}" for key, value in given.items())
    raise Refusal(
        codes.S105,
        f"`{argument}` of `{name}` is `{call.name}` with arguments of its own, which Keras cannot save",
        help=f"leave it out, and make it a step of its own after this one: `- ops.{call.name}: {{{written}}}`",
        argument=argument,
    )


def layer_of(activation: str) -> str | None:
    """The layer that an activation with arguments of its own stands for: `LeakyReLU` of `leaky_relu`."""
    known = {layer.casefold(): layer for layer in catalog.names("layers")}
    return known.get(activation.replace("_", "").casefold())


def _default(call: Call, argument: str) -> Any:
    takes = catalog.signature(call.family, call.name)
    found = takes.argument(argument) if takes else None
    return found.default if found else None


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
