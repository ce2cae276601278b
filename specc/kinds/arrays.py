"""NumPy, for the arithmetic of kinds: loaded when it is first used, so that a spec is checked without it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

__all__ = ["Array", "np"]

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


class _Later:
    """A module that is imported when something of it is asked for, and then asked for each thing once."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(import_module(self._name), attribute)
        setattr(self, attribute, found)
        return found


if TYPE_CHECKING:
    import numpy as np
else:
    np = _Later("numpy")
