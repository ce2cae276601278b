"""What trains a network, as Keras's own `compile` and `fit`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from specc import catalog, codes
from specc.calls import Call
from specc.emit.calls import Calls
from specc.emit.formulas import Names
from specc.emit.layout import Expression, Given, call, keyword, lines, literal, mapping, sequence
from specc.kinds.features import ignored
from specc.plan import Dataset, Phase, Plan, Step, Training

WEIGHED = "mean_with_sample_weight"
"""The reduction of a loss in which what has no weight does not count."""


def compiled(calls: Calls, training: Training, phase: Phase, depth: int = 1) -> list[str]:
    """`model.compile(…)` for a phase."""
    passed_over = _passed_over(calls.plan)
    losses: dict[str, list[Expression]] = {}
    weights: dict[str, list[Expression]] = {}
    for term in training.terms:
        if term.target != training.target_of(term.output):
            calls.log.report(
                codes.S105,
                term.loss.span or training.span,
                f"Keras compares an output with one target, and `{term.output}` with two here",
                help="give the network one more output, of the same step: `outputs: {again: …}`",
            )
        counted = passed_over.get(term.target) is not None and "reduction" not in term.loss.arguments
        more = {"reduction": WEIGHED} if counted else {}
        losses.setdefault(term.output, []).append(calls.made(term.loss, more=more))
        weights.setdefault(term.output, []).append((Given(term.weight),))
    items = [keyword("optimizer", _optimizer(calls, phase)), keyword("loss", _each(losses))]
    if any(term.weight != 1 for term in training.terms):
        items.append(keyword("loss_weights", _each(weights)))
    measured = Counter(_class(one) for several in training.metrics.values() for one in several)
    metrics = [
        (name, sequence(_metric(calls, one, measured) for one in asked))
        for name, asked in training.metrics.items()
        if asked
    ]
    if metrics:
        # Where examples have weights, what is measured counts them as the loss does.
        data = calls.plan.dataset
        weighed = (data is not None and data.weight is not None) or any(n is not None for n in passed_over.values())
        items.append(keyword("weighted_metrics" if weighed else "metrics", mapping(metrics)))
    return lines(call("model.compile", items), depth=depth)


def _optimizer(calls: Calls, phase: Phase) -> Expression:
    """The optimizer of a phase, told to round by chance where weights are bfloat16, as specc's does."""
    plan = calls.plan
    if not any(step.keeps("bfloat16", plan.runtime.precision) for step in plan.network.steps):
        return calls.made(phase.optimizer)
    made = call(calls.builder(phase.optimizer), calls.arguments(phase.optimizer, calls.formulas.top))
    return call("rounded", [made, keyword("seed", (literal(plan.seed),))])


def _class(one: Call) -> str:
    return catalog.aliases("metrics").get(one.name, one.name)


def _metric(calls: Calls, one: Call, measured: Mapping[str, int]) -> Expression:
    """A metric; one that is there twice is told its name, which Keras would number."""
    made = calls.made(one)
    if len(made) == 1 or "name" in one.arguments or measured[_class(one)] == 1:
        return made
    return calls.made(one, more={"name": _snake(_class(one))})


def _snake(word: str) -> str:
    done = ""
    for place, letter in enumerate(word):
        after = word[place + 1 : place + 2]
        if letter.isupper() and place and (after.islower() or word[place - 1].islower()):
            done += "_"
        done += letter.lower()
    return done


def _passed_over(plan: Plan) -> Mapping[str, int | None]:
    return {field.name: ignored(field.feature) for field in plan.dataset.targets} if plan.dataset else {}


def fitted(calls: Calls, training: Training, phase: Phase, begun: int, names: Names, data: Dataset) -> list[str]:
    """`model.fit(…)` for a phase that begins at an epoch; so many steps are one epoch."""
    weighed = weighs(calls.plan, training)
    items: list[Expression] = []
    if data.augment or phase.steps is not None:
        items.append(("train.repeat()" if phase.steps is not None else "train",))
    else:
        items += [('*data["train"][:2]',)] if weighed else [('*data["train"]',)]
        items += [keyword("sample_weight", ('data["train"][2]',))] if weighed else []
        items.append(keyword("batch_size", (literal(data.batch_size),)))
    if data.augment or phase.steps is not None or data.shuffle is False:
        items.append(keyword("shuffle", ("False",)))  # a `tf.data.Dataset` shuffles by itself
    if begun:
        items.append(keyword("initial_epoch", (literal(begun),)))
    if phase.steps is not None:
        items.append(keyword("steps_per_epoch", (literal(phase.steps),)))
        items += [keyword("epochs", (literal(begun + 1),))] if begun else []
    else:
        tree = calls.plan.tree["training"].get("epochs") if "training" in calls.plan.tree else None
        said = calls.formulas.formula(tree.span, phase.epochs, names) if tree is not None and not begun else ""
        items.append(keyword("epochs", (Given(begun + phase.epochs, said),)))
    if "validation" in splits(data):
        items.append(keyword("validation_data", ('data["validation"]',)))
        if training.validation_freq > 1:
            items.append(keyword("validation_freq", (literal(training.validation_freq),)))
    if phase.callbacks:
        items.append(keyword("callbacks", sequence(calls.made(one) for one in phase.callbacks)))
    return lines(call("model.fit", items), depth=1)


def splits(data: Dataset) -> tuple[str, ...]:
    """The names of the splits that there are, training first."""
    parts = {"validation": data.split.validation, "test": data.split.test}
    return ("train", *(name for name, part in parts.items() if part or name in data.sources))


def weighs(plan: Plan, training: Training) -> bool:
    """Do examples, or parts of them, count differently in the loss?"""
    by_row = plan.dataset is not None and plan.dataset.weight is not None
    return by_row or training.class_weight is not None or any(n is not None for n in _passed_over(plan).values())


def turned(steps: Iterable[Step], names: Iterable[str], trained: bool, depth: int = 1) -> list[str]:
    """Statements that freeze layers of a model or thaw them, by what their names begin with where that says it."""
    layers = [step for step in steps if step.call.family != "ops" and step.shares is None]
    wanted = set(names) & {step.name for step in layers}
    weighty = {step.name for step in layers if step.weights != ()}
    margin = "    " * depth
    starts: list[str] = []
    alone: list[str] = []
    for step in layers:
        if step.name not in wanted or any(step.name.startswith(start) for start in starts):
            continue
        parts = step.name.split(".")
        for end in range(1, len(parts)):
            start = ".".join(parts[:end]) + "."
            inside = {name for name in weighty if name.startswith(start)}
            if len(inside) > 1 and inside <= wanted:
                starts.append(start)
                break
        else:
            if step.name in weighty:
                alone.append(step.name)
    done: list[str] = []
    if starts:
        given = literal(starts[0]) if len(starts) == 1 else literal_tuple(starts)
        done.append(f"{margin}for layer in model.layers:")
        done.append(f"{margin}    if layer.name.startswith({given}):")
        done.append(f"{margin}        layer.trainable = {trained}")
    if len(alone) == 1:
        done.append(f"{margin}model.get_layer({literal(alone[0])}).trainable = {trained}")
    elif alone:
        done += lines(("for name in ", *sequence((literal(name),) for name in alone), ":"), depth=depth)
        done.append(f"{margin}    model.get_layer(name).trainable = {trained}")
    return done


def literal_tuple(words: Iterable[str]) -> str:
    return f"({', '.join(map(literal, words))})"


def _each(by_output: Mapping[str, list[Expression]]) -> Expression:
    """Several as the list that they are, one alone by itself."""
    return mapping((name, sequence(many) if len(many) > 1 else many[0]) for name, many in by_output.items())
