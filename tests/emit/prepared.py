"""What specc's pipeline makes of data, and what the script that is emitted of the spec makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from specc.backend.data import open_data
from specc.diagnostics import Log
from specc.driver import check, open_spec
from specc.emit import python
from specc.plan import Plan

CLOSE = 1e-6


def scope_of(plan: Plan) -> dict[str, Any]:
    """The names of the script of a plan, once it was run; it has no main program here."""
    scope: dict[str, Any] = {"__name__": "emitted"}
    exec(compile(python(plan, Log()), "emitted.py", "exec"), scope)
    return scope


def expect_the_same_examples(path: Path) -> dict[str, Any]:
    """The scope of the script of a spec, after `load_data` was seen to give the examples that specc trains with: the
    same rows in each split, in the same order, and the same values."""
    plan = check(open_spec(path, Log()), Log())
    assert plan.training is not None
    scope = scope_of(plan)
    loaded = scope["load_data"]()
    splits = loaded[0] if isinstance(loaded, tuple) else loaded
    data = open_data(plan, Log())
    assert splits.keys() == data.splits.keys()
    for name, split in data.splits.items():
        wanted = list(split.batches(1024))
        inputs, targets, *_ = splits[name]
        for field, found in inputs.items():
            _equal(found, [batch[0][field] for batch in wanted], f"{name}: {field}")
        for output, found in targets.items():
            target = plan.training.target_of(output)
            _equal(found, [batch[1][target] for batch in wanted], f"{name}: {target}")
        assert len(wanted[0]) == 2 or len(splits[name]) == 3, "weights are given where the spec has some"
    return scope


def _equal(found: Any, wanted: list[Any], what: str) -> None:
    whole = np.concatenate([np.asarray(part) for part in wanted])
    assert np.asarray(found).shape == whole.shape, what
    assert np.asarray(found).dtype == whole.dtype, what
    np.testing.assert_allclose(np.asarray(found), whole, rtol=CLOSE, atol=CLOSE, err_msg=what)
