"""Lowering: a `Call` to the Keras object that it names. Generic, so that what Keras has needs no table here."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import keras

from specc import catalog, codes
from specc.calls import UNKNOWN_VALUE, Call
from specc.catalog.exact import exact
from specc.diagnostics import Refusal

MODULES: dict[str, ModuleType] = {
    "layers": keras.layers,
    "applications": keras.applications,
    "activations": keras.activations,
    "initializers": keras.initializers,
    "regularizers": keras.regularizers,
    "constraints": keras.constraints,
    "losses": keras.losses,
    "metrics": keras.metrics,
    "optimizers": keras.optimizers,
    "schedules": keras.optimizers.schedules,
    "callbacks": keras.callbacks,
}


def lower(call: Call, **extra: Any) -> Any:
    """The object of Keras's that a call names, with `extra` arguments of our own.

    Raises:
        Refusal: S105 with Keras's own reason, when it does not take the arguments.
    """
    if any(value is UNKNOWN_VALUE for value in call.arguments.values()):
        raise Refusal(codes.S105, f"an argument of `{call.name}` is known only once the data was read")
    arguments = {
        name: exact(call.family, call.name, name, value(argument)) for name, argument in call.arguments.items()
    }
    builder = named(call.family, call.name)
    try:
        return builder(**arguments, **extra)
    except (ValueError, TypeError, AttributeError, ImportError, NotImplementedError, OSError) as error:
        raise Refusal(codes.S105, f"Keras does not take these arguments for `{call.name}`: {reason(error)}") from error


def value(argument: Any) -> Any:
    """An argument as Keras takes it: calls lowered, also those in a list."""
    if isinstance(argument, Call):
        if argument.family == "activations":
            return _activation(argument)
        return lower(argument)
    if isinstance(argument, tuple):
        return [value(item) for item in argument]
    return argument


def named(family: str, name: str) -> Any:
    """The class or function of Keras's that a name or one of its aliases stands for."""
    return getattr(MODULES[family], catalog.aliases(family).get(name, name))


def operation(name: str) -> Any:
    """A function of `keras.ops`; `image.resize` reaches into its modules."""
    found: Any = keras.ops
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _activation(call: Call) -> Any:
    """An activation with arguments of its own: the layer of that name, which Keras can save, unlike a closure."""
    if not call.arguments:
        return named("activations", call.name)
    layers = {name.casefold(): name for name in catalog.names("layers")}
    layer = layers.get(call.name.replace("_", "").casefold())
    if layer is None:
        raise Refusal(
            codes.S105,
            f"Keras cannot save `{call.name}` with arguments of its own as an activation",
            f"make it a step of its own: `- ops.{call.name}: {{…}}`",
        )
    return lower(Call("layers", layer, call.arguments, call.span, call.spans))


def reason(error: BaseException) -> str:
    """The first sentence of what Keras says, on one line and without its addresses."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
