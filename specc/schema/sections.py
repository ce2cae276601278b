"""What the sections of a spec hold: the part of the schema that is specc's own."""

from __future__ import annotations

from typing import Any

from specc import kinds
from specc.tensors import PRECISIONS

Schema = dict[str, Any]

COMPUTED: Schema = {"$ref": "#/$defs/computed"}
NAME = "a word of lower-case letters, digits, `-` and `_`"
WORD = r"^[a-z][a-z0-9_]*$"
FORMS = ("layers", "branches", "residual", "apply")
"""Keys of a step that are its call, beside the names of layers, ops, applications and blocks."""


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def keys(properties: Schema, *required: str, doc: str = "") -> Schema:
    """A mapping with these keys and no others."""
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {}) | ({"description": doc} if doc else {})


def named(value: Schema, doc: str, names: str | None = None) -> Schema:
    """A mapping from names of the author's own."""
    schema: Schema = {"type": "object", "additionalProperties": value, "description": doc}
    return schema | ({"propertyNames": {"pattern": names}} if names else {})


def listed(item: Schema, doc: str, least: int = 0) -> Schema:
    return {"type": "array", "items": item, "description": doc} | ({"minItems": least} if least else {})


def computed(schema: Schema, doc: str, **more: Any) -> Schema:
    """This value, or an expression for it."""
    return {"anyOf": [schema, COMPUTED], "description": doc, **more}


STRING: Schema = {"type": "string"}
COLUMN: Schema = {"type": ["string", "integer"]}
BOOLEAN: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 1}
SHARE: Schema = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}
REF: Schema = {"type": "string", "description": "A step or an input by its name, `prev`, or `name[0]`."}
REFS: Schema = {"anyOf": [REF, {"type": "array", "items": REF, "minItems": 1}]}
BRANCH = listed(ref("step"), "Steps, each from the one before; none passes its input on.")
CHAIN = listed(ref("step"), "Steps, each from the one before.", least=1)


def step_keys() -> Schema:
    """The keys that stand beside a step's call, and the calls that are forms of our own."""
    chains: Schema = {
        "if": {"type": "object"},
        "then": named(BRANCH, "Chains by name."),
        "else": listed(BRANCH, "Chains.", least=1),
    }
    return {
        "name": {
            **STRING,
            "pattern": r"^[A-Za-z_][A-Za-z0-9_-]*$",
            "x-needs": "a word of letters from a to z, digits, `-` and `_`",
            "description": "The step's name, unique in its scope.",
        },
        "inputs": {
            "if": {"type": "object"},
            "then": named(REFS, "References by the names of call arguments."),
            "else": REFS,
            "description": "What goes in: a reference, a list of them, or a mapping from call arguments to them.",
        },
        "call": named({}, "Call-time arguments that are not tensors."),
        "repeat": computed({"type": "integer", "minimum": 0}, "How many times in a row, each with its own weights."),
        "when": computed(BOOLEAN, "The step is there only if this is true."),
        "freeze": computed(BOOLEAN, "true: its weights are not trained."),
        "layers": {**CHAIN, "description": "A chain of steps, a scope of its own."},
        "branches": {**chains, "description": "Chains that each start from the step's input."},
        "residual": {**CHAIN, "description": "A chain whose output is added to its input."},
        "shortcut": {**CHAIN, "description": "Beside `residual`: what the input passes on its way to the sum."},
        "apply": {**STRING, "description": "A step by its name, once more with the same weights."},
    }


def sections() -> Schema:
    """The whole spec, from the top."""
    strategies = ref("strategies")
    runtime = {
        "strategy": {**strategies, "description": "The devices that train.", "default": "auto"},
        "precision": computed(
            {"enum": list(PRECISIONS)}, "The dtype policy of layers that do not name their own.", default="float32"
        ),
        "xla": computed(
            {"anyOf": [{"enum": ["auto"]}, BOOLEAN]},
            "Whether XLA compiles the steps of training; auto: where it is faster, which is tried while training.",
            default="auto",
        ),
        "steps_per_call": computed(
            {"anyOf": [{"enum": ["auto"]}, COUNT]}, "Training steps in one call of the compiled loop.", default="auto"
        ),
        "checkpoint": {
            **keys(
                {
                    "every": computed(
                        {"type": "string", "pattern": r"^[1-9]\d* (epoch|step|minute)s?$"},
                        "When one is taken.",
                        default="10 minutes",
                        **{"x-needs": "a number of epochs, steps or minutes: `1 epoch`, `500 steps`, `10 minutes`"},
                    ),
                    "keep": computed(COUNT, "How many are kept, the last ones.", default=2),
                }
            ),
            "description": "What a run can go on from after it was stopped.",
        },
        "tracking": listed(ref("trackers"), "Where training is followed: TensorBoard, MLflow."),
        "deterministic": computed(BOOLEAN, "The same spec, data and machine give the same bits.", default=False),
    }
    return keys(
        {
            "specc": {"const": 1, "description": "The version of the language."},
            "name": {
                **STRING,
                "pattern": r"^[a-z0-9][a-z0-9_-]*$",
                "x-needs": NAME,
                "description": "The spec's name; else its file's.",
            },
            "description": {**STRING, "description": "What it is, in words."},
            "seed": computed(
                {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
                "For initial weights, shuffling, dropout and splits.",
                default=0,
            ),
            "extends": {
                "anyOf": [STRING, {"type": "array", "items": STRING}],
                "description": "A spec or several to start from, relative to this file.",
            },
            "params": named(
                {"anyOf": [SCALAR, {"type": "array"}]},
                "The spec's knobs with their defaults; null: must be set.",
                r"^[A-Za-z_][A-Za-z0-9_]*$",
            ),
            "blocks": named(_block(), "Sub-networks with parameters, by name.", WORD),
            "dataset": _dataset(),
            "model": _model(),
            "training": _training(),
            "runtime": keys(runtime, doc="Where it runs."),
            "export": listed(ref("exporters"), "What a run leaves behind for serving."),
        },
    ) | {"if": {"not": {"required": ["extends"]}}, "then": {"required": ["specc", "model"]}}


def _block() -> Schema:
    return keys(
        {
            "description": {**STRING, "description": "What the block is."},
            "params": named(
                {}, "Its parameters with their defaults; null: the caller must give it.", r"^[A-Za-z_]\w*$"
            ),
            "inputs": listed(STRING, "The names of its inputs; left out, one, which the first step takes.", least=1),
            "layers": CHAIN,
            "outputs": {**REFS, "description": "What comes out; left out, the last step."},
        },
        "layers",
    )


def _dataset() -> Schema:
    splits = ("train", "validation", "test")
    source: Schema = {
        "if": {"anyOf": [{"type": "object", "required": [split]} for split in splits]},
        "then": keys({split: ref("readers") for split in splits}, "train"),
        "else": ref("readers"),
        "description": "One reader, or one for each split.",
    }
    return keys(
        {
            "source": source,
            "inputs": named(_feature(), "What goes into the network."),
            "targets": named(_feature(), "What comes out of it."),
            "weight": {**COLUMN, "description": "A column that says how much an example counts in loss and metrics."},
            "split": keys(
                {
                    "validation": computed(SHARE, "The share of the examples to validate on.", default=0),
                    "test": computed(SHARE, "The share of the examples to test on.", default=0),
                    "stratify": {**STRING, "description": "A feature whose classes are kept in proportion."},
                    "group": {**COLUMN, "description": "A column whose equal values stay together."},
                    "order": {
                        **COLUMN,
                        "description": "A column whose highest values are tested on, as the last days.",
                    },
                },
                doc="How the examples are divided.",
            ),
            "batch_size": computed(COUNT, "Examples in a step, over all devices.", default=32),
            "shuffle": computed(
                {"if": {"type": "boolean"}, "then": BOOLEAN, "else": COUNT},
                "Whether training sees the examples in a new order each epoch; or how far an example moves, at most.",
                default=True,
            ),
            "cache": computed(
                {"enum": ["auto", "memory", "disk", "none"]},
                "Where prepared examples are kept; none: files are decoded whenever a batch needs them.",
                default="auto",
            ),
            "augment": listed(ref("layers"), "Random layers that change the pictures of a batch while training."),
            "on_error": {
                "if": {"type": "object"},
                "then": keys({"skip": computed(SHARE, "The share of rows that may be.")}, "skip"),
                "else": {"enum": ["fail", "skip"]},
                "description": "Whether a row that cannot be read ends the run, or is passed over and counted.",
                "default": "fail",
            },
            "limit": computed(COUNT, "Only the first so many examples, for trying a spec."),
        },
        "source",
        "inputs",
        doc="Where examples come from, and what each field is.",
    )


def _feature() -> Schema:
    words = kinds.words("features")
    cases = [
        {
            "if": {"type": "object", "required": ["type"], "properties": {"type": {"const": word}}},
            "then": {"$ref": f"#/$defs/features/$defs/{word}"},
        }
        for word in words
    ]
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": list(words), "x-names": "features", "description": "What the field is."}},
        "allOf": cases,
    }


def _model() -> Schema:
    tensor = keys(
        {
            "shape": listed({"anyOf": [{"type": ["integer", "null"], "minimum": 1}, COMPUTED]}, "Without the batch."),
            "dtype": {**ref("dtype"), "default": "float32"},
        },
        "shape",
    )
    tensor["properties"]["shape"] = computed(tensor["properties"]["shape"], "The shape, without the batch.")
    outputs: Schema = {
        "if": {"type": "object"},
        "then": named(REF, "References by the targets that they answer."),
        "else": {
            **listed(REF, "References.", least=1),
            "x-needs": "a list of references, or a mapping from targets to them",
        },
        "description": "What comes out; left out, the last step.",
    }
    return keys(
        {
            "inputs": named(tensor, "The network's inputs; left out, those of the dataset."),
            "layers": CHAIN,
            "outputs": outputs,
        },
        "layers",
        doc="The network.",
    )


def _training() -> Schema:
    term = keys(
        {
            "loss": {**ref("losses"), "description": "What is made small."},
            "output": {**REF, "description": "The output that it judges: by its name, or the step that it comes from."},
            "target": {**STRING, "description": "The target that the output is to answer."},
            "weight": computed({"type": "number", "minimum": 0}, "How much it counts in the sum.", default=1),
        },
        "loss",
    )
    losses: Schema = {
        "if": {"type": "array"},
        "then": listed(term, "Terms whose weighted sum is the loss.", least=1),
        "else": {"anyOf": [ref("losses"), named(ref("losses"), "Losses by target.")], "x-by": "target"},
    }
    callbacks = listed(ref("callbacks"), "What Keras calls while training.")
    names = listed(STRING, "Steps and blocks by their names.", least=1)
    phase = {
        "epochs": computed(COUNT, "Passes over the training examples."),
        "steps": computed(COUNT, "Optimizer steps, in place of `epochs`."),
        "optimizer": {**ref("optimizers"), "description": "Another one, which begins afresh."},
        "freeze": {**names, "description": "Steps and blocks that are not trained from here on."},
        "unfreeze": {**names, "description": "Steps and blocks that are trained from here on."},
        "callbacks": {**callbacks, "description": "In place of those of `training`."},
    }
    metrics: Schema = {
        "if": {"type": "object"},
        "then": named(listed(ref("metrics"), "Metrics of this target."), "Metrics by target."),
        "else": listed(ref("metrics"), "Metrics."),
    }
    return keys(
        {
            "loss": {
                **losses,
                "description": "What training makes small: for all targets, by target, or a list of terms.",
            },
            "optimizer": {**ref("optimizers"), "description": "How weights follow the gradient."},
            "metrics": {**metrics, "description": "What is measured beside the loss."},
            "epochs": computed(COUNT, "Passes over the training examples.", default=1),
            "steps": computed(COUNT, "Optimizer steps, in place of `epochs`; the last epoch may end early."),
            "validation_freq": computed(COUNT, "After how many epochs each validation comes.", default=1),
            "class_weight": {
                "if": {"type": "object"},
                "then": named(
                    computed({"type": "number", "minimum": 0}, "The weight of this class."), "Weights by class."
                ),
                "else": {"anyOf": [{"enum": ["balanced"]}, COMPUTED], "x-needs": "`balanced`, or weights by class"},
                "description": "How much an example counts by its class; balanced: every class as much as any other.",
            },
            "callbacks": callbacks,
            "start_from": {
                **STRING,
                "description": "A run, a `.keras` file or one of weights, with which layers of the same name begin.",
            },
            "phases": listed(
                keys(phase), "Parts of training, one after the other; each overrides what it names.", least=1
            ),
        },
        "loss",
        "optimizer",
        doc="Loss, optimizer, metrics, how long.",
    )
