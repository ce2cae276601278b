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


def part(values: Any, rows: slice) -> Any:
    return {name: value[rows] for name, value in values.items()} if isinstance(values, dict) else values[rows]


def main(folder: Path) -> None:
    given = dict(np.load(folder / "given.npz"))
    told = json.loads((folder / "told.json").read_text())
    module = loaded(folder / "module.py")
    made = (told["learnt"],) if told["open"] else ()
    model = module.build_model(*made)
    found: dict[str, Any] = {f"seeded.{i}": weight for i, weight in enumerate(model.get_weights())}
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
        losses = []
        for step in range(told["steps"]):
            rows = slice(step * told["batch"], (step + 1) * told["batch"])
            more = {"sample_weight": part(weights, rows)} if weights else {}
            logs = model.train_on_batch(part(inputs, rows), part(targets, rows), return_dict=True, **more)
            losses.append(float(logs["loss"]))
        found["loss"] = np.array(losses)
        found |= {f"trained.{i}": weight for i, weight in enumerate(model.get_weights())}
    np.savez(folder / "found.npz", **found)


if __name__ == "__main__":
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        try:
            main(folder)
        except Exception:
            (folder / "failed.txt").write_text(traceback.format_exc(), encoding="utf-8")
        keras.backend.clear_session()
