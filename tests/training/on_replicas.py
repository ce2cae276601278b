"""Run as a program of its own: train each spec on one device and on several, and leave both networks' weights.

`on_replicas.py FOLDER` trains every `FOLDER/NAME.yaml` and writes `FOLDER/NAME.npz` with the weights `one-I` and
`several-I`, the replicas' own copies `copy-I-R` of what is trained and `replica-I-R` of what is not, the histories, and
the share of time that several were `waiting` for data. Logical devices must be set before TensorFlow starts, so this
cannot be the process of the tests.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from specc.backend.run import run
from specc.diagnostics import Log
from tests.training.conftest import planned
from tests.training.parity import kept, plain_iterators_only


def main(folder: Path) -> None:
    plain_iterators_only()
    # Most devices first: TensorFlow starts with as many as the first one asks for.
    for path in sorted(folder.glob("*.yaml"), key=lambda p: (-p.read_text().count("cpu:"), p)):
        found: dict[str, object] = {}
        # The spec names its devices; afterwards the same on one of them.
        several = run(planned(path), folder / f"{path.stem}-several", Log())
        one = run(planned(path, runtime__strategy="cpu"), folder / f"{path.stem}-one", Log())
        for name, made in (("one", one), ("several", several)):
            found |= {f"{name}-{i:02}": kept(weights) for i, weights in enumerate(made.model.get_weights())}
            found |= {f"{name} {key}": values for key, values in made.history.items()}
        kinds = {"copy": several.model.trainable_variables, "replica": several.model.non_trainable_variables}
        for kind, variables in kinds.items():
            for i, variable in enumerate(variables):
                for r, copy in enumerate(variable.value.values):
                    found[f"{kind}-{i:02}-{r}"] = kept(copy.numpy())
        np.savez(folder / f"{path.stem}.npz", waiting=several.waiting, **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
