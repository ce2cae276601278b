"""A plan's network as plain Keras Python: what one would write by hand, without a trace of specc."""

from __future__ import annotations

import builtins
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Any

from specc import catalog, codes
from specc.calls import UNKNOWN_VALUE, Call, Signature
from specc.diagnostics import Log, Rejected, Span
from specc.plan import Edge, Input, Phase, Plan, Ref, Step, Training
from specc.render.layout import WIDTH, Expression, call, keyword, lines, literal, mapping, sequence

BY_NAME = ("activations", "losses", "metrics", "optimizers")
"""Families whose names in lower case Keras takes as strings, without arguments."""

CLASSES = "state it in the dataset: `classes: N` or `vocabulary: […]`"
"""What to do where a number of classes is not known."""

RESERVED = frozenset({"keras", "model", *catalog.FAMILIES, *dir(builtins)})
"""Names that no variable of the module may take."""


def python(plan: Plan, log: Log) -> str:
    """The network of a plan as a Python module that needs Keras alone, formatted in lines of at most 120 columns.

    Layers bear the names of their steps, and the seed gives the same initial weights as in a run. Where the plan has
    training the model is compiled, and a comment shows how it would be trained.

    Raises:
        Rejected: S006 in `log` where something is known only once the data was read.
    """
    before = log.errors
    writer = _Writer(plan, log)
    body = writer.network()
    if plan.training is not None:
        body += ["", *writer.compiled(plan.training, plan.training.phases[0]), "", *writer.fitted(plan.training)]
    if log.errors > before:
        raise Rejected(log)
    title = f"{plan.name}: {plan.description}" if plan.description else plan.name
    head = textwrap.wrap(" ".join(title.split()), 118, initial_indent="# ", subsequent_indent="# ")
    imports = ["import keras"]
    if writer.modules:
        imports.append(f"from keras import {', '.join(sorted(writer.modules))}")
    settings = [f"keras.utils.set_random_seed({plan.seed})"]
    if plan.runtime.precision != "float32":
        settings.append(f"keras.config.set_dtype_policy({literal(plan.runtime.precision)})")
    return "\n".join([*head, "", *imports, "", *settings, "", *body, ""])


@dataclass(slots=True)
class _Writer:
    """Writes the statements of one plan.

    `variables` name the tensors of inputs and steps, `objects` the layers that are used again; `single` are the steps
    known to have one output.
    """

    plan: Plan
    log: Log
    modules: set[str] = field(default_factory=set)
    variables: dict[str, str] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=lambda: set(RESERVED))
    single: set[str] = field(default_factory=set)
    commented: bool = False
    """In a comment an import would be one that nothing uses."""

    def network(self) -> list[str]:
        """The statements from the inputs to the model."""
        network = self.plan.network
        again = {step.shares for step in network.steps if step.shares is not None}
        self.single = {given.name for given in network.inputs}
        self.single |= {step.name for step in network.steps if step.outputs is not None and len(step.outputs) == 1}
        done = [line for given in network.inputs for line in self._input(given)]
        done.append("")
        for step in network.steps:
            done += self._step(step, step.name in again)
        inputs = mapping((given.name, (self.variables[given.name],)) for given in network.inputs)
        outputs = mapping((output.name, (self._ref(output.ref),)) for output in network.outputs)
        name = (literal(self.plan.name.replace("-", "_")),)
        items = [keyword("inputs", inputs), keyword("outputs", outputs), keyword("name", name)]
        return [*done, "", *lines(call("keras.Model", items), "model = ")]

    def compiled(self, training: Training, phase: Phase, width: int = WIDTH) -> list[str]:
        losses: dict[str, list[Expression]] = {}
        weights: dict[str, list[Expression]] = {}
        for term in training.terms:
            if term.target != training.target_of(term.output):
                self.log.report(
                    codes.S105,
                    term.loss.span or training.span,
                    f"Keras compares an output with one target, and `{term.output}` with two here",
                    help="give the network one more output, of the same step: `outputs: {again: …}`",
                )
            losses.setdefault(term.output, []).append(self._call(term.loss))
            weights.setdefault(term.output, []).append((literal(term.weight),))
        items = [keyword("optimizer", self._call(phase.optimizer)), keyword("loss", _each(losses))]
        if any(term.weight != 1 for term in training.terms):
            items.append(keyword("loss_weights", _each(weights)))
        metrics = [(name, sequence(map(self._call, asked))) for name, asked in training.metrics.items() if asked]
        if metrics:
            items.append(keyword("metrics", mapping(metrics)))
        return lines(call("model.compile", items), width=width)

    def fitted(self, training: Training) -> list[str]:
        """How it would be trained, in a comment: the arrays are the reader's own."""
        self.commented = True
        told = ["# `inputs` and `targets` are arrays by name, prepared as the network takes them."]
        for output in dict.fromkeys(term.output for term in training.terms):
            if (target := training.target_of(output)) != output:
                told.append(f"# What `{output}` is to answer is the target `{target}`.")
        if training.validation_freq > 1:
            told.append(f"# The spec validates now and then: give `validation_freq={training.validation_freq}`.")
        if (weight := training.class_weight) is not None:
            how = "balanced" if weight.by_class is None else literal(dict(weight.by_class))
            told.append(f"# The spec weighs classes, {how}: give `sample_weight` by target and example.")
        if training.start_from is not None:
            told.append("# The spec begins with the weights of another network: see `model.load_weights`.")
        if self.plan.dataset is not None and (by := self.plan.dataset.weight) is not None:
            told.append(f"# The spec weighs examples by `{by.column}`: give `sample_weight`.")
        if self.plan.dataset is not None and self.plan.dataset.augment:
            names = ", ".join(one.name for one in self.plan.dataset.augment)
            told.append(f"# The spec changes pictures at random while training: {names}.")
        begun: int | None = 0
        for before, phase in zip((None, *training.phases), training.phases, strict=False):
            code = [] if before is None else self._turned(before, phase)
            if before is not None:
                told += ["#", "# Then, with another optimizer or other layers to train:"]
                code += self.compiled(training, phase, WIDTH - 2)
            items: list[Expression] = [("inputs",), ("targets",)]
            if self.plan.dataset is not None:
                items.append(keyword("batch_size", (literal(self.plan.dataset.batch_size),)))
            if begun:
                items.append(keyword("initial_epoch", (literal(begun),)))
            if phase.steps is None:
                items.append(keyword("epochs", (literal((begun or 0) + phase.epochs),)))
            else:
                told.append(
                    f"# {phase.steps:,} steps may end inside an epoch: give a `tf.data.Dataset` that repeats, and"
                )
                told.append(f"# `steps_per_epoch={phase.steps}`.")
            begun = None if begun is None or phase.steps is not None else begun + phase.epochs
            if phase.callbacks:
                items.append(keyword("callbacks", sequence(map(self._call, phase.callbacks))))
            code += lines(call("model.fit", items), width=WIDTH - 2)
            told += [f"# {line}" for line in code]
        return told

    def _turned(self, before: Phase, phase: Phase) -> list[str]:
        """Statements that freeze and thaw layers between two phases."""
        done = []
        for names, trained in ((before.frozen - phase.frozen, True), (phase.frozen - before.frozen, False)):
            steps = [step for step in self.plan.network.steps if step.name in names and step.weights != ()]
            if steps:
                every = sequence((literal(step.name),) for step in steps)
                done += lines(("for name in ", *every, ":"), width=WIDTH - 2)
                done.append(f"    model.get_layer(name).trainable = {trained}")
        return done

    def _input(self, given: Input) -> list[str]:
        shape = (None,) if given.tensor.shape is None else given.tensor.shape[1:]
        data = {f.name: f for f in self.plan.dataset.inputs} if self.plan.dataset else {}
        if None in shape and given.name in data:
            known = data[given.name]
            help = "state it in the dataset, as its `size`, its `length` or its `shape`"
            self._open(known.span, f"the shape of `{given.name}`", help)
        items = [keyword("shape", (literal(shape),))]
        if given.tensor.dtype not in (None, "float32"):
            items.append(keyword("dtype", (literal(given.tensor.dtype),)))
        items.append(keyword("name", (literal(given.name),)))
        self.variables[given.name] = self._fresh(given.name)
        return lines(call("keras.Input", items), f"{self.variables[given.name]} = ")

    def _step(self, step: Step, again: bool) -> list[str]:
        """The statement of a step; three where its layer is frozen or used again and so needs a variable of its own."""
        tensors = self._tensors(step)
        variable = self.variables[step.name] = self._fresh(step.name)
        if step.call.family == "ops":
            return lines(self._operation(step), f"{variable} = ")
        if step.shares is not None:
            layer = self.objects[step.name] = self.objects[step.shares]
            return lines(call(layer, tensors), f"{variable} = ")
        named = self._named(step)
        # EfficientNetV2 finds its blocks by the name that it is made with, and so is named afterwards.
        renamed = step.call.name.startswith("EfficientNetV2")
        if not (again or step.frozen or renamed):
            return lines(call(self._builder(step.call), named, tensors), f"{variable} = ")
        layer = self.objects[step.name] = self._fresh(f"{step.name}_layer")
        done = lines(call(self._builder(step.call), named[:-1] if renamed else named), f"{layer} = ")
        if renamed:
            done.append(f"{layer}.name = {literal(step.name)}")
        if step.frozen:
            done.append(f"{layer}.trainable = False")
        return [*done, *lines(call(layer, tensors), f"{variable} = ")]

    def _named(self, step: Step) -> list[Expression]:
        """What the layer of a step is made with."""
        items = self._arguments(step.call)
        if step.call.family == "applications":
            given = next(iter(step.inputs.values()))
            items.append(keyword("input_shape", (f"{self._edge(given)[0]}.shape[1:]",)))
            if "weights" not in step.call.arguments:
                items.append(keyword("weights", ("None",)))
        return [*items, keyword("name", (literal(step.name),))]

    def _tensors(self, step: Step) -> list[Expression]:
        """What the layer of a step is called on: one tensor by its place, several by their names."""
        edges = {name: self._edge(edge) for name, edge in step.inputs.items()}
        options = [keyword(name, self._value(value)) for name, value in step.options.items()]
        if len(edges) == 1:
            return [*edges.values(), *options]
        return [*(keyword(name, edge) for name, edge in edges.items()), *options]

    def _operation(self, step: Step) -> Expression:
        """A function of `keras.ops`: its tensors first, by place while they are its first ones."""
        takes = catalog.signature("ops", step.call.name)
        arguments = dict(step.call.arguments) | dict(step.options)
        items: list[Expression] = []
        variadic = next((t.name for t in takes.tensors if t.variadic), None) if takes else None
        if takes and variadic:
            leading = [a.name for a in takes.arguments if a.required and a.name in arguments]
            items += [self._value(arguments.pop(name)) for name in leading]
            edge = step.inputs[variadic]
            items += [(self._ref(ref),) for ref in (edge if isinstance(edge, tuple) else (edge,))]
        else:
            places = _places(takes) if takes else ()
            for place, (name, edge) in enumerate(step.inputs.items()):
                by_place = places[place : place + 1] == (name,)
                items.append(self._edge(edge) if by_place else keyword(name, self._edge(edge)))
        items += [keyword(name, self._value(value, step.call, name)) for name, value in arguments.items()]
        return call(self._builder(step.call), items)

    def _call(self, made: Call) -> Expression:
        """A call as Keras takes it: an alias alone as the string that it is, else the object."""
        if not made.arguments and made.family in BY_NAME and made.name[0].islower():
            return (literal(made.name),)
        if made.family == "activations":
            # Keras saves an activation with arguments only as the layer that it also is.
            layers = {name.casefold(): name for name in catalog.names("layers")}
            layer = layers.get(made.name.replace("_", "").casefold())
            if layer is None:
                message = f"Keras cannot save `{made.name}` with arguments of its own as an activation"
                help = f"make it a step of its own: `- ops.{made.name}: {{…}}`"
                self.log.report(codes.S105, made.span or self.plan.tree.span, message, help=help)
                return ("...",)
            made = Call("layers", layer, made.arguments, made.span, made.spans)
        return call(self._builder(made), self._arguments(made))

    def _builder(self, made: Call) -> str:
        name = catalog.aliases(made.family).get(made.name, made.name)
        module = "optimizers.schedules" if made.family == "schedules" else made.family
        if self.commented:
            return f"keras.{module}.{name}"
        self.modules.add(module.partition(".")[0])
        return f"{module}.{name}"

    def _arguments(self, made: Call) -> list[Expression]:
        return [keyword(name, self._value(value, made, name)) for name, value in made.arguments.items()]

    def _value(self, value: Any, owner: Call | None = None, name: str = "") -> Expression:
        if value is UNKNOWN_VALUE:
            span = owner.spans.get(name, owner.span) if owner else None
            self._open(span, f"`{name}` of `{owner.name}`" if owner else "an argument")
            return ("...",)
        if isinstance(value, Call):
            return self._call(value)
        if isinstance(value, list | tuple):
            return sequence(self._value(item, owner, name) for item in value)
        if isinstance(value, Mapping):
            return mapping((str(key), self._value(item, owner, name)) for key, item in value.items())
        return (literal(value),)

    def _edge(self, edge: Edge) -> Expression:
        if isinstance(edge, tuple):
            return sequence((self._ref(ref),) for ref in edge)
        return (self._ref(edge),)

    def _ref(self, ref: Ref) -> str:
        """A tensor by its variable; a step known to have one output is that output."""
        variable = self.variables[ref.name]
        return variable if ref.output is None or ref.name in self.single else f"{variable}[{ref.output}]"

    def _fresh(self, name: str) -> str:
        """A name for a variable: the one asked for where Python takes it, else as near to it as can be."""
        stem = re.sub(r"\W", "_", name)
        stem = stem + "_" if stem in RESERVED or iskeyword(stem) else stem
        variable, count = stem, 1
        while variable in self.taken:
            count += 1
            variable = f"{stem}_{count}"
        self.taken.add(variable)
        return variable

    def _open(self, span: Span | None, what: str, help: str = CLASSES) -> None:
        self.log.report(
            codes.S006,
            span or self.plan.tree.span,
            f"{what} is known only once the data was read",
            help=help,
        )


def _each(by_output: Mapping[str, list[Expression]]) -> Expression:
    """Several as the list that they are, one alone by itself."""
    return mapping((name, sequence(many) if len(many) > 1 else many[0]) for name, many in by_output.items())


def _places(takes: Signature) -> tuple[str, ...]:
    """The tensors of an op that may be given by place: up to the first argument that is none, or may be left out."""
    required = tuple(t.name for t in takes.tensors if t.required)
    return required[:1] if any(a.required for a in takes.arguments) else required
