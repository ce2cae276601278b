"""A summary for programs: one JSON document."""

from __future__ import annotations

import json
from typing import Any

from specc.memory import memory
from specc.plan import Edge, Plan
from specc.render.summary.costs import added, flops, parameters, trainable
from specc.tensors import Tensor

VERSION = 1


def as_json(plan: Plan) -> str:
    """`{"version": 1, "steps": […], "params": {…}, …}`.

    A shape is a list with the batch dimension first, and null stands for a dimension, shape, dtype or number that is
    unknown. `phases` are those of training, each with the weights that it trains. `flops` are of a forward pass over
    one example, and so are a step's `kept_bytes`, what training holds of it for the way back. `memory` is in bytes at
    `batch_size`; `exact` is false where something unknown counted as nothing.
    """
    network = plan.network
    found = memory(plan)
    document = {
        "version": VERSION,
        "steps": [
            {
                "name": step.name,
                "call": step.label,
                "inputs": {name: _references(edge) for name, edge in step.inputs.items()},
                "outputs": None if step.outputs is None else [_tensor(t) for t in step.outputs],
                "params": parameters(step),
                "trainable": trainable(step),
                "shares": step.shares,
                "flops": flops(step),
                "kept_bytes": step.kept_bytes,
            }
            for step in network.steps
        ],
        "inputs": [{"name": given.name, **_tensor(given.tensor)} for given in network.inputs],
        "outputs": [{"name": output.name, "from": str(output.ref)} for output in network.outputs],
        "params": {"total": network.weights, "trainable": network.trainable},
        "phases": [
            {
                "epochs": phase.epochs if phase.steps is None else None,
                "steps": phase.steps,
                "optimizer": phase.optimizer.name,
                "trainable": network.during(phase).trainable,
            }
            for phase in (plan.training.phases if plan.training else ())
        ],
        "flops": added(flops(step) for step in network.steps).exactly,
        "memory": {
            "batch_size": found.batch,
            "weights": found.weights,
            "optimizer": found.slots,
            "gradients": found.gradients,
            "activations": found.step,
            "training": found.training,
            "inference": found.inference,
            "exact": found.exact,
        },
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _references(edge: Edge) -> str | list[str]:
    return [str(ref) for ref in edge] if isinstance(edge, tuple) else str(edge)


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {"shape": None if tensor.shape is None else list(tensor.shape), "dtype": tensor.dtype}
