"""Training whose steps workers take, each at its own time, on variables that servers hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np
import tensorflow as tf

from specc.backend.data.cut import Cut
from specc.backend.training.steps import Steps, Tally


class Coordinated(Steps):
    """Steps of a `ParameterServerStrategy`, in its chief.

    The chief hands out batches, in the order that one device would take them; each becomes one optimizer step, with the
    variables as the worker finds them. A worker that is lost has its batch taken by another. Evaluation is the chief's,
    exact and alone.
    """

    here = False

    @property
    def on_cpus(self) -> bool:
        return False  # the chief hands out batches, and takes no step itself

    def feed(self, batches: Callable[[Cut | None], Any]) -> Any:
        return iter(batches(None))

    @cached_property
    def train(self) -> Callable[[Any, Any, Tally], Tally]:
        self.build()
        _count_together([*(v for m in self.objective.measures for v in m.metric.variables)])
        _count_together([self.objective.optimizer.iterations])
        coordinator = tf.distribute.coordinator.ClusterCoordinator(self.strategy)
        step = tf.function(self._train_step, autograph=False, reduce_retracing=True)

        def many(iterator: Any, steps: Any, start: Tally) -> Tally:
            taken, waited = [], 0.0
            for _ in range(int(steps)):
                began = perf_counter()
                batch = next(iterator)
                waited += perf_counter() - began
                taken.append(coordinator.schedule(step, args=(batch,)))
            coordinator.join()
            found = coordinator.fetch(taken)
            finite = [bool(tf.math.is_finite(losses[0])) for losses, _ in found]
            losses = sum(np.float64(losses) * examples for losses, examples in found)
            examples = sum(np.float64(examples) for _, examples in found)
            bad = tf.constant(-1 if all(finite) else finite.index(False))
            return Tally(start.losses + losses, start.examples + examples, bad, start.waited + waited)

        return many

    def _evaluate_step(self, batch: Any) -> tuple[Any, Any]:
        return self._replica_evaluate(batch)


def _count_together(variables: list[Any]) -> None:
    """Have workers add to variables at once: Keras reads, adds and writes, and loses what another added between."""
    for variable in variables:
        variable.assign_add = _adding(variable)


def _adding(variable: Any) -> Callable[[Any], Any]:
    return lambda value: variable.value.assign_add(tf.cast(value, variable.dtype))
