"""Weights in bfloat16: an optimizer's step in float32, and what it comes to rounded up or down by chance.

The function below is also written into scripts that `specc emit` makes, as it is: it imports nothing of specc, and what
overrides Keras has no more hints than Keras has.
"""
# mypy: ignore-errors

from functools import reduce
from itertools import count

import keras
import tensorflow as tf
from keras.src.backend import AutocastScope

__all__ = ["rounded"]


def rounded(optimizer: keras.Optimizer, seed: int) -> keras.Optimizer:
    """Have an optimizer reckon in float32 for variables of bfloat16, and round what it writes there stochastically.

    Between a weight of bfloat16 and the next one lies a 128th of it, and rounded to the nearest, smaller steps are
    lost. Rounded up the more often the nearer they come to the upper one, they are there in the mean. What is drawn
    depends on the seed, the variable and the step alone. Whoever saves the optimizer finds the class that it had.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    kind = type(inner)
    before = {}

    class Rounded(kind):
        _chance = None

        def apply(self, grads, trainable_variables=None):
            if not self.built:
                with keras.name_scope(self.name):
                    self.build(list(trainable_variables))
            # The gradients of the last layers are there first.
            super().apply(grads[::-1], (trainable_variables or self._trainable_variables)[::-1])

        def update_step(self, gradient, variable, learning_rate):
            index = self._get_variable_index(variable)
            weight = self._trainable_variables[index]
            if not is_half(weight):
                super().update_step(gradient, variable, learning_rate)
                return
            weight._autocast = True  # False for normalization, which computes in bfloat16 as well where its weights are
            # One weight after the other on each device: there are several arrays of float32 for each of its elements.
            here = tf.compat.v1.get_default_graph(), variable.device
            with tf.control_dependencies([gradient, *before.get(here, [])]), AutocastScope("float32"):
                values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
                self._chance = self._draws(index, tf.math.is_finite(tf.reduce_sum(values)))
                decay = self.weight_decay
                if hasattr(self, "_should_use_adamw") and self._should_use_adamw(weight):  # of Muon
                    decay = self.adam_weight_decay
                if decay and self._use_weight_decay(weight):
                    self.assign_sub(weight, weight * decay * keras.ops.cast(learning_rate, "float32"))
                super().update_step(gradient, weight, learning_rate)
                before[here] = [self._last]
                self._chance = None

        def _draws(self, number, finite=True):
            """A function of shapes: for each element 16 bits, other ones each time; 0 where something is not finite."""
            streams = count()
            left = {}

            def draws(shape):
                sizes = shape or (1,)
                if not left.get(shape):
                    # For each place along each axis: of two elements, neither one's hang on the other's.
                    bits = tf.random.stateless_uniform(
                        [sum(sizes)],
                        [(number << 40) + (next(streams) << 32) + seed, self._iterations.value],
                        minval=None,
                        maxval=None,
                        dtype=tf.uint32,
                    )
                    bits = tf.where(finite, bits, tf.zeros_like(bits))
                    left[shape] = [tf.bitwise.right_shift(bits, 16), tf.bitwise.bitwise_and(bits, 0xFFFF)]
                bits = left[shape].pop()
                along = []
                for axis, size in enumerate(sizes[:-1], 1):
                    along.append(tf.reshape(bits[:size], [-1] + [1] * (len(sizes) - axis)))
                    bits = bits[size:]  # no split, which GPUs lack for such numbers
                bits = reduce(tf.bitwise.bitwise_xor, along, bits)
                return bits if shape else bits[0]

            return draws

        def _apply_weight_decay(self, variables):
            super()._apply_weight_decay([variable for variable in variables if not is_half(variable)])

        def _update_model_variables_moving_average(self, trainable_variables):
            if not self.use_ema:
                return
            for number, (variable, average) in enumerate(
                zip(trainable_variables, self._model_variables_moving_average, strict=True), 1
            ):
                with AutocastScope("float32" if is_half(variable) else None):
                    self._chance = self._draws(-number)
                    momentum = tf.cast(self.iterations != 0, variable.value.dtype) * self.ema_momentum
                    self.assign(average, momentum * average + (1 - momentum) * variable)
                    self._chance = None

        def assign(self, variable, value):
            if self._chance and is_half(variable):
                value = tf.cast(value, tf.float32)
                # What bfloat16 leaves out of a float32 are its last 16 bits.
                near = tf.bitcast(value, tf.uint32) + self._chance(tuple(value.shape))
                near = tf.bitcast(tf.bitwise.bitwise_and(near, tf.constant(0xFFFF0000, tf.uint32)), tf.float32)
                value = self._last = tf.cast(near, tf.bfloat16)
            with AutocastScope(None):
                super().assign(variable, value)

        def assign_add(self, variable, value):
            if self._chance and is_half(variable):
                self.assign(variable, keras.ops.add(variable, value))
            else:
                super().assign_add(variable, value)

        def assign_sub(self, variable, value):
            if self._chance and is_half(variable):
                self.assign(variable, keras.ops.subtract(variable, value))
            else:
                super().assign_sub(variable, value)

        def _var_key(self, variable):
            with AutocastScope(None):
                return super()._var_key(variable)

    def is_half(variable):
        with AutocastScope(None):
            return isinstance(variable, keras.Variable) and variable.value.dtype == tf.bfloat16

    Rounded.__name__, Rounded.__module__ = kind.__name__, kind.__module__
    inner.__class__ = Rounded
    return optimizer
