"""Run as a program of its own, without specc: take emitted modules, and say what they come to.

On the command line stands a folder; each folder in it has `module.py` and `given.npz`, and gets `found.npz`, or
`failed.txt`. What is given: `in.NAME` and `out.NAME`, the raw rows, `weight.0`, `weight.1`, … to begin with, `batch`,
the size of a batch, and how many `steps` to take.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import traceback
from pathlib import Path
from typing import Any

sys.modules["specc"] = None  # type: ignore[assignment]  # from here on, importing it is an ImportError

import keras  # noqa: E402
import numpy as np  # noqa: E402


def loaded(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"emitted_{path.parent.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def kept(model: Any) -> list[Any]:
    """Its weights; those of bfloat16, which NumPy's files do not know, as the same numbers of float32."""
    return [np.float32(one) if one.dtype.name == "bfloat16" else one for one in model.get_weights()]


class Losses(keras.callbacks.Callback):
    """The loss of each step by itself: `fit` tells of the mean since the metrics were reset."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.model.reset_metrics()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.found.append(float(logs["loss"]))


def main(folder: Path) -> None:
    given = dict(np.load(folder / "given.npz"))
    told = json.loads((folder / "told.json").read_text())
    module = loaded(folder / "module.py")
    made = (told["learnt"],) if told["open"] else ()
    model = module.build_model(*made)
    found: dict[str, Any] = {f"seeded.{i}": weight for i, weight in enumerate(kept(model))}
    found["trainable"] = np.array([w.path for w in model.trainable_weights])
    found["layers"] = np.array([layer.name for layer in model.layers])
    model.set_weights([given[f"weight.{i}"] for i in range(len(found) - 2)])
    inputs = {name.removeprefix("in."): value for name, value in given.items() if name.startswith("in.")}
    found |= {f"answer.{name}": np.asarray(value) for name, value in model(inputs).items()}
    if told["steps"]:
        targets = {name.removeprefix("out."): value for name, value in given.items() if name.startswith("out.")}
        weights = {name.removeprefix("count."): value for name, value in given.items() if name.startswith("count.")}
        module.compile_model(model)
        model.jit_compile = False  # XLA rounds otherwise, and specc does without it on a CPU
        losses, more = Losses(), {"sample_weight": weights} if weights else {}
        options = {"batch_size": told["batch"], "shuffle": False, "callbacks": [losses], "verbose": 0}
        model.fit(inputs, targets, **options, **more)
        found["loss"] = np.array(losses.found, np.float32)
        found |= {f"trained.{i}": weight for i, weight in enumerate(kept(model))}
    np.savez(folder / "found.npz", **found)


if __name__ == "__main__":
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        try:
            main(folder)
        except Exception:
            (folder / "failed.txt").write_text(traceback.format_exc(), encoding="utf-8")
        keras.backend.clear_session()
