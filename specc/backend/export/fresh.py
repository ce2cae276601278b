"""Run as a program of its own: use each artefact as someone without specc would, and note what it answers.

`fresh.py FOLDER` finds in FOLDER what `compare` left there, and leaves beside it for artefact N its answers in `N.npz`,
or in `N.error` why there are none. It imports nothing of specc, and sees to it that nothing else can.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np


def main(folder: Path) -> None:
    sys.modules["specc"] = None  # type: ignore[assignment]  # from here on, importing it is an ImportError
    artefacts = json.loads((folder / "artefacts.json").read_text(encoding="utf-8"))
    # Written a moment ago by the process that waits for this one, in a folder that only its user can open.
    examples = pickle.loads((folder / "examples.pickle").read_bytes())
    # Once a package was imported it can no longer be kept out, so those that bar most come first.
    for number, artefact in sorted(enumerate(artefacts), key=lambda item: -len(item[1]["barred"])):
        try:
            answers = _ask(artefact, examples["raw" if artefact["raw"] else "prepared"])
        except Exception as error:  # whatever a foreign file can raise is the finding, not a failure of this program
            reason = str(error).strip().splitlines() or [""]
            (folder / f"{number}.error").write_text(f"{type(error).__name__}: {reason[0]}", encoding="utf-8")
        else:
            np.savez(folder / f"{number}.npz", **answers)


def _ask(artefact: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """The answers for the first example alone, then for the others together: the size of a batch must be free."""
    for name in artefact["barred"]:
        sys.modules[name] = None  # type: ignore[assignment]
    scope: dict[str, Any] = {"path": artefact["path"]}
    try:
        exec(artefact["reading"], scope)
        parts = [scope["answer"]({name: values[part] for name, values in fields.items()}) for part in _parts(fields)]
    finally:
        for name in artefact["barred"]:
            del sys.modules[name]
    return {name: np.concatenate([_readable(part[name]) for part in parts]) for name in parts[0]}


def _readable(answer: Any) -> Any:
    """An answer as an array of a dtype of NumPy's own, which bfloat16 is not: a file of arrays would lose it."""
    array = np.asarray(answer)
    return array.astype(np.float32) if array.dtype.name in ("bfloat16", "float16") else array


def _parts(fields: dict[str, Any]) -> list[slice]:
    rows = len(next(iter(fields.values())))
    return [slice(0, 1), slice(1, rows)] if rows > 1 else [slice(0, rows)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
