"""Functions that an emitted script is given where it needs them, each as the text that it is written as.

They do what specc does with the same field, in NumPy: what one trained with, the other can be asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from specc.emit.recipes.columns import COLUMNS, HASHING
from specc.emit.recipes.files import FILES
from specc.emit.recipes.rounding import ROUNDING
from specc.emit.recipes.rows import ROWS

__all__ = ["HASHING", "IMPORTS", "NEEDS", "RECIPES", "STANDARD", "imported", "needed"]

RECIPES: Mapping[str, str] = {**COLUMNS, **FILES, **ROUNDING, **ROWS}
"""By the name of the function."""

PLAIN = ("datasets", "glob", "gzip", "h5py", "io", "json", "math", "soundfile", "sqlalchemy", "zlib")
"""What is imported by its own name."""

NEEDS = {
    **{f"{name}.": name for name in PLAIN},
    **{"np.": "numpy", "pd.": "pandas", "tf.": "tensorflow", "tfds.": "tfds"},
    **{"Counter(": "Counter", "Image.": "Image", "Path(": "Path", "datetime.": "datetime", "partial(": "partial"},
    **{name + "(": name for name in ("AutocastScope", "count", "reduce")},
}
"""What a text that has the key in it, not as a part of a longer name, imports."""

IMPORTS = {
    **{name: f"import {name}" for name in PLAIN},
    "numpy": "import numpy as np",
    "pandas": "import pandas as pd",
    "tensorflow": "import tensorflow as tf",
    "tfds": "import tensorflow_datasets as tfds",
    "Counter": "from collections import Counter",
    "Image": "from PIL import Image",
    "Path": "from pathlib import Path",
    "datetime": "from datetime import datetime",
    "partial": "from functools import partial",
    "count": "from itertools import count",
    "reduce": "from functools import reduce",
    "AutocastScope": "from keras.src.backend import AutocastScope",
}
STANDARD = ("Counter", "Path", "count", "datetime", "glob", "gzip", "io", "json", "math", "partial", "reduce", "zlib")
"""Those of Python's own library."""


def imported(said: str) -> set[str]:
    """The keys of `IMPORTS` that a text needs."""
    return {name for key, name in NEEDS.items() if re.search(rf"(?<![\w.]){re.escape(key)}", said)}


def needed(said: str, recipes: Mapping[str, str] = RECIPES) -> list[str]:
    """The recipes that a text uses, and those that they use, each after what it needs."""
    found: dict[str, None] = {}
    for name in _used(said):
        found.update(dict.fromkeys([*needed(recipes[name].partition(":")[2], recipes), name]))
    return list(found)


def _used(said: str) -> Iterator[str]:
    for name in RECIPES:
        start = said.find(f"{name}(")
        while start >= 0:
            if start == 0 or not (said[start - 1].isalnum() or said[start - 1] in "_."):
                yield name
                break
            start = said.find(f"{name}(", start + 1)
