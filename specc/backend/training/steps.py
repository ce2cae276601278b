"""The compiled heart of training: functions that take many steps a call, under any synchronous strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import keras
import tensorflow as tf
from tensorflow.python.framework.config import is_op_determinism_enabled

from specc import codes
from specc.backend.data.cut import Cut
from specc.backend.data.inline import Inline
from specc.backend.objective import Objective, Term
from specc.backend.training.faults import blamed, loss_scope, metric_scope
from specc.backend.training.gradients import SUM, added, told
from specc.backend.training.reduction import counted, first, mask_of, of_classes, summed, update
from specc.backend.training.together import Together
from specc.diagnostics import Log

TICKS = 100_000.0
"""In which steps that wait are measured, to the second: six hours are an int32, which a GPU leaves on the host."""


class Tally(NamedTuple):
    """The sums of a pass so far, which a call of many steps adds to one step after another.

    `losses` is float64 `[1 + outputs]`: the total loss and that of each output, each summed over examples. `examples`
    counts them. `bad` is the first step of the last call whose loss was not finite, or -1; no loss after it counts.
    `waited` is how many seconds, float64, the steps stood still until their batch was there, or NaN.
    """

    losses: Any
    examples: Any
    bad: Any
    waited: Any


class _SoFar(NamedTuple):
    """What a call of many steps carries from one to the next, each where it is made, so that nothing is copied.

    `losses` and `examples` are those of `Tally`. `finite` says whether every loss of the call is, and `good`, float64,
    how many are up to the first that is not; `waited`, int32 and on the host, counts `TICKS`.
    """

    losses: Any
    examples: Any
    finite: Any
    good: Any
    waited: Any


class Share(NamedTuple):
    """What one replica has of a global batch; of `inputs` those that the model takes, and `size` examples that count.

    A replica without an example of its own has borrowed one: its `size` is 0.
    """

    inputs: dict[str, Any]
    targets: Mapping[str, Any]
    weights: Any
    size: Any

    @property
    def examples(self) -> Any:
        return tf.cast(self.size, tf.float32)


class Steps:
    """Training and evaluation of one compiled model, traced when first called."""

    here = True
    """Whether the variables are in this process."""

    def __init__(
        self,
        strategy: Any,
        model: keras.Model,
        objective: Objective,
        log: Log,
        class_weights: tuple[float, ...] | None = None,
        batch_size: int = 0,
        *,
        xla: bool = False,
    ) -> None:
        self.strategy = strategy
        self.model = model
        self.objective = objective
        self.log = log
        self.class_weights = class_weights
        self.batch_size = batch_size
        self.xla = xla
        """Whether XLA compiles what `train` does next; may change between two calls."""
        self._trains: dict[bool, Callable[[Any, Any, Tally], Tally]] = {}
        self.replicas: int = strategy.num_replicas_in_sync
        self.together = Together(strategy)
        self.variables: list[Any] = model.trainable_variables
        # Under `mixed_float16` Keras has wrapped the optimizer in one that scales the loss.
        self.scaled = isinstance(objective.optimizer, keras.optimizers.LossScaleOptimizer)
        optimizer = objective.optimizer.inner_optimizer if self.scaled else objective.optimizer
        # Keras clips, accumulates and averages what one replica holds, or cannot do it inside one at all, and it cannot
        # tell other processes of several dtypes; then gradients are summed first and applied from outside the replicas.
        self.across = self.replicas > 1 and any(
            (
                len({variable.dtype for variable in self.variables}) > 1,
                self.scaled,
                optimizer.clipnorm,
                optimizer.clipvalue,
                optimizer.global_clipnorm,
                optimizer.use_ema,
                optimizer.gradient_accumulation_steps,
            )
        )

    @property
    def parts(self) -> int:
        """How many parts of a batch lie in memory of their own: those of GPUs, or of processes that share it."""
        return self.replicas // len(self._here) if self.replicas > 1 and self.on_cpus else self.replicas

    @property
    def on_cpus(self) -> bool:
        """Whether every step is taken by CPUs, and in the memory of this process."""
        return all(":CPU:" in device for device in self.strategy.extended.worker_devices)

    def feed(self, batches: Callable[[Cut | None], Any]) -> Any:
        """An iterator for `train` and `evaluate`; `batches(cut)` makes endless global batches, whole without `cut`."""
        if self.replicas == 1:
            return iter(batches(None))
        if self.on_cpus:
            # TensorFlow's iterators for several devices bring batches to their memory, which is where they are, by
            # threads that are tuned whatever a dataset says, and whoever ends one waits for them: see `Split`.
            return iter(batches(Cut(self.replicas, self._here)))

        def own(context: Any) -> tf.data.Dataset:
            here = self.replicas // context.num_input_pipelines
            first = context.input_pipeline_id * here
            return batches(Cut(self.replicas, range(first, first + here)))

        return iter(self.strategy.distribute_datasets_from_function(own))

    @cached_property
    def _here(self) -> range:
        """The replicas of this process, by their numbers."""
        numbers = self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(context.replica_id_in_sync_group)
        )
        first, *others = (int(number) for number in self.strategy.experimental_local_results(numbers))
        return range(first, first + 1 + len(others))

    def _next(self, iterator: Any) -> Any:
        """The next batch of an iterator that `feed` made."""
        if self.replicas == 1 or not self.on_cpus:
            return iterator.get_next()
        part = iter(iterator.get_next()).__next__ if isinstance(iterator, Inline) else iterator.get_next
        return self.strategy.experimental_distribute_values_from_function(lambda _: part())

    def _timed(self, iterator: Any) -> tuple[Any, Any]:
        """The next batch, and the ticks until it was there, int32: a step begins when the one before it has ended.

        None are counted where the loop gathers batches itself, which is work like all else in a step, nor where
        operations are deterministic, as no clock is.
        """
        if isinstance(iterator, Inline) or is_op_determinism_enabled():
            return self._next(iterator), tf.constant(0)
        with tf.device("CPU:0"):
            began = tf.timestamp()
        with tf.control_dependencies([began]):
            batch = self._next(iterator)
        with tf.device("CPU:0"), tf.control_dependencies(tf.nest.flatten(batch, expand_composites=True)):
            waited = tf.cast(tf.round((tf.timestamp() - began) * TICKS), tf.int32)
        if any(isinstance(part, tf.distribute.DistributedValues) for part in tf.nest.flatten(batch)):
            # Else a replica that has its part already would begin, and keep the clock from being asked.
            with tf.control_dependencies([waited]):
                batch = tf.nest.map_structure(tf.identity, batch, expand_composites=True)
        return batch, waited

    def build(self) -> None:
        """Make the optimizer's variables, so that all there is can be read and set."""
        optimizer = self.objective.optimizer
        if optimizer.built:
            return  # The optimizer that scales the loss would make its variables once more.
        with self.strategy.scope():
            optimizer.build(self.variables)

    def nothing(self) -> Tally:
        """The sums of a pass before its first step."""
        return self.sums([0.0] * (1 + len(self.objective.terms)), 0.0)

    def sums(self, losses: Sequence[float], examples: float) -> Tally:
        """The sums of a pass that has come so far."""
        losses, examples = tf.constant(losses, tf.float64), tf.constant(examples, tf.float64)
        return Tally(losses, examples, tf.constant(-1), tf.zeros([], tf.float64))

    @property
    def train(self) -> Callable[[Any, Any, Tally], Tally]:
        """`train(iterator, steps, tally)`: that many optimizer steps."""
        if self.xla not in self._trains:
            self.build()
            self._trains[self.xla] = self._many(self._train_step, watch=True)
        return self._trains[self.xla]

    @cached_property
    def evaluate(self) -> Callable[[Any, Any, Tally], Tally]:
        """`evaluate(iterator, steps, tally)`: losses and metrics of that many batches, nothing learnt."""
        return self._many(self._evaluate_step, watch=False)

    def results(self) -> Mapping[str, Any]:
        """Metrics so far, by Keras's names."""
        found: Mapping[str, Any] = self.model.get_metrics_result() if self.together.alone else self._results()
        return found

    @cached_property
    def _results(self) -> Callable[[], Mapping[str, Any]]:
        # What processes hold a part of each is added up when it is read: in one call, and not in one for each variable.
        read: Callable[[], Mapping[str, Any]] = tf.function(self.model.get_metrics_result, autograph=False)
        return read

    @cached_property
    def once(self) -> Callable[[Any, Any], Any]:
        """`once(inputs, targets)`: one optimizer step on the batch of one replica, to be compiled by whoever asks."""
        self.build()
        return self._replica_train

    def _many(self, step: Callable[[Any], tuple[Any, Any]], *, watch: bool) -> Callable[[Any, Any, Tally], Tally]:
        """Many steps in one call; with `watch`, the first loss that is not finite is the last one that counts.

        In one process on CPUs, it is the last step too. Elsewhere the rest of the call is taken as well: a GPU that is
        asked after every step whether to go on waits for a seventh of its time, and all processes take the same steps,
        whatever devices each has.

        The sums are carried from call to call in double precision, so that how many steps a call takes, which depends
        on the clock, makes no difference to them.
        """
        kinds = {device.device_type for device in tf.config.list_logical_devices()}
        stops = watch and kinds == {"CPU"} and self.together.alone

        def many(iterator: Any, steps: Any, start: Tally) -> Tally:
            def go_on(i: Any, so_far: _SoFar) -> Any:
                return (i < steps) & so_far.finite if stops else i < steps

            def body(i: Any, so_far: _SoFar) -> tuple[Any, _SoFar]:
                batch, waited = self._timed(iterator)
                losses, examples = (tf.cast(sums, tf.float64) for sums in step(batch))
                sums, finite, good = losses * examples, so_far.finite, so_far.good
                if watch:
                    sums = tf.where(finite, sums, tf.zeros_like(sums))
                    finite &= tf.math.is_finite(losses[0])
                    good += tf.cast(finite, tf.float64)
                waited += so_far.waited
                return i + 1, _SoFar(so_far.losses + sums, so_far.examples + examples, finite, good, waited)

            begun = _SoFar(start.losses, start.examples, tf.constant(True), tf.zeros([], tf.float64), tf.constant(0))
            found: _SoFar = tf.while_loop(go_on, body, (tf.constant(0), begun))[1]
            waited = float("nan") if is_op_determinism_enabled() else tf.cast(found.waited, tf.float64) / TICKS
            bad = tf.where(found.finite, -1, tf.cast(found.good, tf.int32))
            return Tally(found.losses, found.examples, bad, start.waited + waited)

        # Autograph has nothing to rewrite here, and its pass over the model would cost tracing time.
        compiled: Callable[[Any, Any, Tally], Tally] = tf.function(many, autograph=False, reduce_retracing=True)
        return compiled

    def _train_step(self, batch: Any) -> tuple[Any, Any]:
        gradients, *sums = self.strategy.run(self._replica_train, args=(batch,))
        losses, examples = map(self._any, sums)
        if gradients:
            whole = tf.equal(tf.cast(examples, tf.int32), self.batch_size)
            self._apply(added(self.strategy, gradients, whole))
        return losses, examples

    def _evaluate_step(self, batch: Any) -> tuple[Any, Any]:
        losses, examples = map(self._any, self.strategy.run(self._replica_evaluate, args=(batch,)))
        return losses, examples

    def _any(self, value: Any) -> Any:
        """What all replicas have alike."""
        return self.strategy.experimental_local_results(value)[0]

    def _replica_train(self, *batch: Any) -> tuple[Any, Any, Any]:
        share = self._share(batch)
        gradients, losses, examples, predictions = self._passes(share, training=True)
        if gradients:
            # An embedding's gradient has as many rows as this replica has words, and a collective wants equal shapes.
            sparse = self.replicas > 1 and any(isinstance(g, tf.IndexedSlices) for g in gradients)
            if not (self.across or sparse):
                self._apply(gradients)
                gradients = []
            elif not self.together.alone:
                gradients = [told(gradient) for gradient in gradients]
        self._measure(share, predictions)
        return gradients, losses, examples

    def _replica_evaluate(self, *batch: Any) -> tuple[Any, Any]:
        share = self._share(batch)
        _, losses, examples, predictions = self._passes(share, training=False)
        self._measure(share, predictions)
        return losses, examples

    def _share(self, batch: tuple[Any, ...]) -> Share:
        inputs, targets, *rest = batch[0] if len(batch) == 1 else batch
        weights = rest[0] if len(rest) == (1 if self.replicas == 1 else 2) else None
        size = rest[-1] if self.replicas > 1 else tf.shape(tf.nest.flatten(inputs)[0])[0]
        return Share({name: inputs[name] for name in self.model.input}, targets, weights, size)

    def _passes(self, share: Share, *, training: bool) -> tuple[list[Any], Any, Any, dict[str, Any]]:
        """The gradients, none where nothing is trained, losses and examples of the global batch, and the predictions,
        with their masks.
        """
        if not self.xla:
            gradients, losses, examples, predictions, _ = self._computed(share, None, training)
            return gradients, losses, examples, predictions
        divisors = None
        if self.replicas > 1:
            # There is no collective within XLA's program: what it divides by, all replicas agree on before. Only
            # masks are asked for here, and what else the model does is left out of the graph.
            divisors = self._over_all(self._sums(share, self.model(share.inputs, training=False), training)[1])
        gradients, losses, examples, predictions, masks = self._compiled(share, divisors, training)
        for name, mask in masks.items():
            predictions[name]._keras_mask = mask
        return gradients, losses if divisors is None else self._over_all(losses), examples, predictions

    @cached_property
    def _compiled(self) -> Callable[..., Any]:
        """`_computed` as one program of XLA's."""
        compiled: Callable[..., Any] = tf.function(
            self._computed, autograph=False, jit_compile=True, reduce_retracing=True
        )
        return compiled

    def _computed(self, share: Share, divisors: Any, training: bool) -> tuple[list[Any], Any, Any, dict[str, Any], Any]:
        """Gradients that are yet to be applied, losses, examples, predictions and the masks of those that have one.

        Losses and examples are those of the global batch. Where its `divisors` are given, nothing is exchanged, and
        losses are this replica's share.
        """
        with tf.GradientTape() as tape:
            predictions = self.model(share.inputs, training=training)
            # Read at once: at the next collective another replica calls the model, and Keras keeps one list for all.
            penalties = [tf.cast(tf.reduce_sum(term), tf.float32) for term in self.model.losses]
            sums, own = self._sums(share, predictions, training)
            whole = None
            if self.replicas == 1:
                divisors = own
            elif divisors is None:
                # In one exchange: of a small network's step, each takes as long as all the rest.
                weighed = share.examples * tf.add_n(penalties) if penalties else tf.zeros([])
                parts = tf.stop_gradient(tf.stack([tf.concat([sums, weighed[None]], 0), own]))
                whole, divisors = tf.unstack(self._over_all(parts))
            if self.replicas > 1:
                # Weights are the same on every replica and activities are means over a batch: both count by examples.
                penalties = [penalty * share.examples / divisors[-1] for penalty in penalties]
            losses = self._losses(sums, divisors, penalties)
            scaled = self.objective.optimizer.scale_loss(losses[0]) if training else None
        gradients: list[Any] = []
        if training and self.variables:
            gradients = tape.gradient(scaled, [v.value for v in self.variables])
        if whole is not None:
            losses = self._losses(whole[:-1], divisors, [whole[-1] / divisors[-1]] if penalties else [])
        masks = {name: mask for name, answer in predictions.items() if (mask := mask_of(answer)) is not None}
        if gradients and self.xla and isinstance(self.strategy, tf.distribute.OneDeviceStrategy):
            # Nothing is exchanged between gradients and weights: the optimizer's step is in XLA's program as well.
            self._apply(gradients)
            gradients = []
        return gradients, losses, divisors[-1], predictions, masks

    def _sums(self, share: Share, predictions: Mapping[str, Any], training: bool) -> tuple[Any, Any]:
        """This replica's sum of each loss, and its share of what each is divided by, the last of it its examples."""
        parts = []
        for number, term in enumerate(self.objective.terms):
            scope = tf.name_scope(loss_scope(number))
            with blamed(self.log, codes.S401, term.span, f"`{term.loss.name}`"), scope:
                given, answer, weights = share.targets[term.target], predictions[term.output], share.weights
                if self.replicas > 1:
                    given, answer, weights = (self._counted(share, tensor) for tensor in (given, answer, weights))
                target, answer, there = counted(given, answer, term.ignored)
                own = self._weights(weights, target, training)
                part = summed(term.loss, target, answer, self.replicas, own, there)
                parts.append(self._if_any(share, term, part))
        sums = tf.stack([tf.cast(part[0], tf.float32) for part in parts])
        return sums, tf.stack([*(tf.cast(part[1], tf.float32) for part in parts), share.examples])

    def _counted(self, share: Share, tensor: Any) -> Any:
        """A tensor without the example that a replica which has none has borrowed."""
        # A program of XLA's has fixed shapes; there what is borrowed counts nothing (`_if_any`).
        return tensor if tensor is None or self.xla else first(tensor, share.size)

    def _if_any(self, share: Share, term: Term, part: tuple[Any, Any]) -> tuple[Any, Any]:
        """A sum and its divisor, which are nothing where the replica has no example of its own."""
        if not self.xla or self.replicas == 1:
            return part
        there = tf.cast(share.size > 0, part[0].dtype)
        fixed = term.loss.reduction in ("sum", "none", None)
        return part[0] * there, part[1] if fixed else part[1] * tf.cast(there, part[1].dtype)

    def _over_all(self, sums: Any) -> Any:
        return sums if self.replicas == 1 else tf.distribute.get_replica_context().all_reduce(SUM, sums)

    def _losses(self, sums: Any, divisors: Any, penalties: list[Any]) -> Any:
        """The total loss and that of each output, from sums; `penalties` count in the total only."""
        shares = tf.math.divide_no_nan(sums, divisors[:-1])
        counts = [term.weight for term in self.objective.terms]
        total = tf.reduce_sum(shares if set(counts) == {1.0} else shares * tf.constant(counts))
        if penalties:
            total = tf.reduce_sum([total, *penalties])
        return tf.concat([total[None], shares], 0)

    def _weights(self, weights: Any, targets: Any, training: bool) -> Any:
        """How much each example counts in the loss: by itself, and while training by its class as well."""
        if self.class_weights is None or not training:
            return weights
        classes = of_classes(self.class_weights, targets)
        return classes if weights is None else classes * weights

    def _apply(self, gradients: list[Any]) -> None:
        with blamed(self.log, codes.S105, self.objective.span, "the optimizer's step"):
            if self.across and self.scaled:
                # Keras asks for a replica here and believes the first one; these gradients are the sum over all.
                self.objective.optimizer._common_apply(gradients, self.variables)
            else:
                self.objective.optimizer.apply(gradients, self.variables)

    def _measure(self, share: Share, predictions: Mapping[str, Any]) -> None:
        for number, measure in enumerate(self.objective.measures):
            scope = tf.name_scope(metric_scope(number))
            with blamed(self.log, codes.S404, measure.span, f"`{measure.metric.name}`"), scope:
                target, answer, weights = share.targets[measure.target], predictions[measure.output], share.weights
                if self.replicas > 1:
                    target, answer = first(target, share.size), first(answer, share.size)
                    weights = weights if weights is None else first(weights, share.size)
                update(measure.metric, target, answer, weights, measure.ignored)

    def average_state(self) -> None:
        """Make the replicas agree on state that has no gradient, like moving averages of batch normalization."""
        if self.replicas > 1 and self._state:
            self._average()

    @cached_property
    def _state(self) -> list[Any]:
        return [v.value for v in self.model.non_trainable_variables if v.dtype.startswith(("float", "bfloat"))]

    @cached_property
    def _average(self) -> Callable[[], None]:
        def replica() -> None:
            context = tf.distribute.get_replica_context()
            means = [context.all_reduce("MEAN", tf.identity(v)) for v in self._state]
            for variable, mean in zip(self._state, means, strict=True):
                variable.assign(mean)

        average: Callable[[], None] = tf.function(lambda: self.strategy.run(replica), autograph=False)
        return average

    def finish(self) -> None:
        """What an optimizer does to the weights when training ends: `use_ema` puts the averages in their place."""
        if self.variables:
            with self.strategy.scope():
                self.objective.optimizer.finalize_variable_values(self.model.trainable_variables)
