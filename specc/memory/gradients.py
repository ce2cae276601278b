"""What the gradient of a step needs of what the step was given and gave: it is held until the way back comes by."""

from __future__ import annotations

from specc.calls import Call
from specc.plan import Step
from specc.shapes.costs import APPROXIMATE, HELD

VIEWS = {
    *("ActivityRegularization", "Flatten", "Identity", "InputLayer", "Masking", "Reshape"),
    *("ops.expand_dims", "ops.identity", "ops.ravel", "ops.reshape", "ops.squeeze", "ops.stop_gradient"),
}
"""What they give lies where their input lies."""

LINEAR = {
    *("Add", "Average", "Concatenate", "Subtract", "Permute", "RepeatVector", "Rescaling"),
    *("AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D", "SpatialDropout2D"),
    *("SpatialDropout3D", "Cropping1D", "Cropping2D", "Cropping3D", "UpSampling1D", "UpSampling2D", "UpSampling3D"),
    *("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D"),
    *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"),
    *("ops.add", "ops.append", "ops.average_pool", "ops.broadcast_to", "ops.cast", "ops.concatenate", "ops.copy"),
    *("ops.cumsum", "ops.diff", "ops.flip", "ops.hstack", "ops.mean", "ops.moveaxis", "ops.negative", "ops.pad"),
    *("ops.repeat", "ops.roll", "ops.rot90", "ops.slice", "ops.split", "ops.stack", "ops.subtract", "ops.sum"),
    *("ops.swapaxes", "ops.tile", "ops.transpose", "ops.tril", "ops.triu", "ops.unstack", "ops.vstack"),
}
"""Their gradient needs neither: it goes by shapes, or by a mask of their own."""

BY_OUTPUT = {
    *("ELU", "ReLU", "Softmax", "ops.elu", "ops.exp", "ops.relu", "ops.relu6", "ops.rsqrt"),
    *("ops.selu", "ops.sigmoid", "ops.softmax", "ops.sqrt", "ops.tanh"),
}
"""Their gradient follows from what they gave."""

BY_BOTH = {
    *("MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"),
    *("GlobalMaxPooling3D", "Maximum", "Minimum", "ops.amax", "ops.amin", "ops.logsumexp", "ops.max", "ops.max_pool"),
    *("ops.min", "ops.norm", "ops.prod"),
}

FUNCTIONS_BY_OUTPUT = {"elu", "exponential", "relu", "relu6", "selu", "sigmoid", "softmax", "tanh"}
"""Activations that BY_OUTPUT holds of as well."""

FUNCTIONS = {"PReLU": "prelu", "Softmax": "softmax"}
"""Layers that are a function which is made of several."""

IN_PLACE = {
    *("Activation", "Add", "AlphaDropout", "Average", "Dropout", "ELU", "GaussianDropout", "GaussianNoise"),
    *("LeakyReLU", "Maximum", "Minimum", "Multiply", "PReLU", "ReLU", "Rescaling", "Softmax", "SpatialDropout1D"),
    *("SpatialDropout2D", "SpatialDropout3D", "Subtract"),
}
"""They write over an input that nothing needs any more, and their gradient over the gradient that it is given."""

ELEMENTWISE = {
    *HELD.keys(),
    *("abs", "absolute", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cos", "cosh", "erf", "erfc"),
    *("exp2", "expm1", "fabs", "hard_sigmoid", "leaky_relu", "log", "log10", "log1p", "log2", "log_sigmoid"),
    *("log_softmax", "negative", "reciprocal", "silu", "sin", "sinh", "softplus", "softsign", "square", "swish"),
    *("tan", "tanh_shrink"),
}
"""Ops of one tensor that do so too."""

RECURRENT = {"Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "LSTM", "RNN", "SimpleRNN"}


def needs_input(step: Step) -> bool:
    if is_function(step) and (held := HELD.get(function(step) or "")):
        return held[0] > 0
    if step.label == "Activation":
        return function(step) not in (None, "linear", *FUNCTIONS_BY_OUTPUT)
    return step.label not in LINEAR | VIEWS | BY_OUTPUT


def needs_output(step: Step) -> bool:
    if step.label in BY_OUTPUT | BY_BOTH:
        return True
    return step.label not in LINEAR | VIEWS and function(step) in FUNCTIONS_BY_OUTPUT


def function(step: Step) -> str | None:
    """The activation or the op that a step is or ends in, by its name; None where it has none."""
    if step.call.family == "ops":
        approximate = step.call.name == "gelu" and step.call.arguments.get("approximate") is not False
        return APPROXIMATE if approximate else step.call.name
    if step.label in FUNCTIONS:
        return FUNCTIONS[step.label]
    given = step.call.arguments.get("activation")
    return given.name if isinstance(given, Call) else given


def is_function(step: Step) -> bool:
    """Whether a step is an activation and nothing else."""
    return step.label in ("Activation", *FUNCTIONS) or step.call.family == "ops"


def in_place(step: Step) -> bool:
    family_of_one = step.call.family == "ops" and len(step.inputs) == 1
    return step.label in IN_PLACE or (family_of_one and (step.label in BY_OUTPUT or step.call.name in ELEMENTWISE))
