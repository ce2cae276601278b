"""Run as a program of its own, in every process of a cluster: train each spec and leave the network's weights.

`on_workers.py FOLDER` trains every `FOLDER/NAME.yaml` under the strategy that its environment asks for and writes
`FOLDER/NAME-worker-I.npz` with weights and history; only the first makes run directories.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

from specc.backend.run import run
from specc.diagnostics import Log
from tests.training.conftest import planned
from tests.training.parity import kept, plain_iterators_only


def main(folder: Path) -> None:
    plain_iterators_only()
    number = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    for path in sorted(folder.glob("*.yaml")):
        made = run(planned(path, runtime__strategy="multi_worker"), folder / f"{path.stem}-run", Log())
        assert (made.path is None) == (number > 0)
        found = {f"weights-{i:02}": kept(weights) for i, weights in enumerate(made.model.get_weights())}
        found |= {f"log {key}": values for key, values in made.history.items()}
        found |= {
            f"metric {split} {name}": value for split, logs in made.metrics.items() for name, value in logs.items()
        }
        np.savez(folder / f"{path.stem}-worker-{number}.npz", **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
