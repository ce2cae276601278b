"""The part of a script that reads the data and makes of it what the network takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from specc.emit.calls import Calls
from specc.emit.fields import Prepared, UnsayableError, prepared, restores, uncounted
from specc.emit.formulas import Names
from specc.emit.layout import Expression, call, keyword, lines, literal, mapping, plain
from specc.emit.reading import read, source
from specc.emit.script import Script
from specc.emit.training import splits, weighs
from specc.kinds.features import State
from specc.kinds.features.category import Category
from specc.kinds.features.text import Text
from specc.kinds.features.window import Window
from specc.plan import Field, Plan

SHORT = 500
"""So many learnt values stand in the script itself; more in a file beside it."""


def script(plan: Plan, states: Mapping[str, State] | None) -> Script | None:
    """What a script can do with the data of a plan; None where it has none."""
    dataset = plan.dataset
    if dataset is None:
        return None
    made = Script(plan, dataset, plan.training, states)
    needed = {given.name for given in plan.network.inputs}
    readers = {one.name for one in dataset.sources.values()}
    reader = readers.pop() if len(readers) == 1 else ""
    known = {one.name: one for one in (*dataset.targets, *dataset.inputs)}
    try:
        for one in dataset.targets:
            if (one.columns, one.feature) != (known[one.name].columns, known[one.name].feature):
                raise UnsayableError(f"an input and a target that are both `{one.name}`")
        for several, section, fields in (
            (made.inputs, "inputs", [one for one in dataset.inputs if one.name in needed]),
            (made.targets, "targets", dataset.targets),
        ):
            for one in fields:
                several.append(prepared(one, None if states is None else states[f"{section}.{one.name}"], reader))
        made.reads = "\n".join(read(made))
    except UnsayableError as error:
        made.lacking = str(error)
    return made


def written(made: Script, calls: Calls) -> list[list[str]]:
    """The functions that read and prepare, each as its lines."""
    if made.lacking:
        return [_unread(made)]
    done = [made.reads.splitlines()]
    windows = [one.field for one in (*made.inputs, *made.targets) if isinstance(one.field.feature, Window)]
    if windows:
        done.append(_windowed(made, windows))
    done += prepares(made, calls)
    done.append(_load(made, bool(windows)))
    return done


def prepares(made: Script, calls: Calls) -> list[list[str]]:
    """The functions from rows to what the network takes, and back."""
    done: list[list[str]] = []
    known = "" if made.states is None else "=LEARNT"
    learnt = f", learnt{known}" if any(one.learns is not None for one in made.inputs) else ""
    if made.is_learning and made.states is None:
        done.append(_learn(made))
    entries = [(one.field.name, one.tensor) for one in made.inputs]
    done.append(
        [
            f"def prepare(rows{learnt}):",
            '    """The inputs of the network, of rows."""',
            *lines(mapping(entries), "return ", depth=1),
        ]
    )
    if made.training is not None:
        done.append(_examples(made, calls))
    return done


def _learn(made: Script) -> list[str]:
    entries = list({one.field.name: (one.field.name, one.learns) for one in made.learns if one.learns}.values())
    return ["def learn(rows):", '    """What the training rows teach."""', *lines(mapping(entries), "return ", depth=1)]


def _answered(made: Script) -> dict[str, Prepared]:
    """The target of each output that has one."""
    assert made.training is not None
    by_name = {one.field.name: one for one in made.targets}
    found = {}
    for output in made.plan.network.outputs:
        target = made.training.target_of(output.name)
        if target in by_name:
            found[output.name] = by_name[target]
    return found


def _examples(made: Script, calls: Calls) -> list[str]:
    """`examples(rows)`: inputs and targets, and weights where there are any."""
    assert made.training is not None
    answered = _answered(made)
    known = "" if made.states is None else "=LEARNT"
    arguments = "rows" + (f", learnt{known}" if made.learns else "")
    given = "prepare(rows, learnt)" if any(one.learns is not None for one in made.inputs) else "prepare(rows)"
    weighed = weighs(made.plan, made.training)
    classes = made.training.class_weight is not None
    done = [
        f"def examples({arguments}{', training=False' if classes else ''}):",
        '    """Inputs and targets of rows' + (", and how much each counts." if weighed else ".") + '"""',
    ]
    entries = [(name, one.tensor) for name, one in answered.items()]
    if not weighed:
        return [*done, *lines((given, ", ", *mapping(entries)), "return ", depth=1)]
    done += lines(mapping(entries), "targets = ", depth=1)
    by_row = made.dataset.weight
    base = f'np.asarray(rows["{by_row.name}"], "float32")' if by_row else 'np.ones(len(values), "float32")'
    done += lines((f"{{name: {base} for name, values in targets.items()}}",), "weights = ", depth=1)
    for name, one in answered.items():
        if (value := uncounted(one.field)) is not None:
            done.append(f'    weights["{name}"] = np.float32(targets["{name}"] != {value})')
            done.append(f'    targets["{name}"] = np.where(targets["{name}"] == {value}, 0, targets["{name}"])')
            if _one_value(made.plan, name, one.field):
                done.append(f'    targets["{name}"] = targets["{name}"][..., None]')
    if classes:
        done += _by_class(made, answered)
    return [*done, f"    return {given}, targets, weights"]


def _one_value(plan: Plan, output: str, target: Field) -> bool:
    """Has an output one value a pixel in a dimension of its own, that the target has not?"""
    made = next(one for one in plan.network.outputs if one.name == output)
    tensor, wanted = plan.network.tensor(made.ref), target.feature.tensor()
    if tensor is None or tensor.shape is None or wanted.shape is None:
        return False
    return len(tensor.shape) == len(wanted.shape) + 1 and tensor.shape[-1] == 1


def _by_class(made: Script, answered: Mapping[str, Prepared]) -> list[str]:
    assert made.training is not None
    assert made.training.class_weight is not None
    name, one = next(iter(answered.items()))
    several = isinstance(one.field.feature, Category) and one.field.feature.encode == "one_hot"
    numbers = f'np.argmax(targets["{name}"], axis=-1)' if several else f'np.ravel(targets["{name}"]).astype("int32")'
    weight = made.training.class_weight
    done = ["    if training:", f"        classes = {numbers}"]
    if weight.by_number is None and weight.by_class is not None:
        # Which number a class has, the training rows say; what the spec does not weigh weighs 1.
        entries = f'learnt["{one.field.name}"]["vocabulary"]'
        entries = f"[*{entries}{', None' * _unknown(one.field)}]" if _unknown(one.field) else entries
        done += lines(plain(dict(weight.by_class)), "by_class = ", depth=2)
        done.append(f"        shares = [by_class.get(name, 1.0) for name in {entries}]")
        done.append(f'        weights["{name}"] *= np.float32(shares)[classes]')
    elif weight.by_number is None:
        done.append("        counts = np.bincount(classes)")
        done.append("        shares = len(classes) / (np.count_nonzero(counts) * np.maximum(counts, 1))")
        done.append(f'        weights["{name}"] *= np.float32(shares)[classes]')
    else:
        given = ("np.float32(", *plain(list(weight.by_number)), ")[classes]")
        done += lines(given, f'weights["{name}"] *= ', depth=2)
    return done


def _unknown(field: Field) -> int:
    """How many indices unknown values of a category share."""
    return field.feature.oov if isinstance(field.feature, Category) else 0


def _windowed(made: Script, windows: Sequence[Field]) -> list[str]:
    features = {one.name: one.feature for one in windows if isinstance(one.feature, Window)}
    before = -min(feature.offsets[0] for feature in features.values())
    after = max(feature.offsets[-1] for feature in features.values())
    strides = max(feature.stride or 1 for feature in features.values())
    entries = []
    for one in made.fields:
        if one.name in features:
            offsets = features[one.name].offsets
            places = [literal(offsets[0]), literal(len(offsets)), literal(before), literal(after)]
            series = f'rows["{one.name}"]'
            if features[one.name].columns is None:
                series += "[:, None]"
            entries.append((one.name, call("windows", [(series,), *((place,) for place in places)])))
        else:
            entries.append((one.name, (f'rows["{one.name}"][{before} : len(rows["{one.name}"]) - {after}]',)))
    done = ["def windowed(rows):", '    """Rows of a series that stand one after the other, as examples."""']
    done += lines(mapping(entries), "found = ", depth=1)
    names = literal_list(list(features))
    if strides > 1:
        done.append(f"    found = {{name: values[::{strides}] for name, values in found.items()}}")
    if made.dataset.skip is not None:
        done.append("    # Windows with a gap are left out.")
        return [*done, f"    return whole(found, {names})"]
    return [*done, "    return found"]


def literal_list(words: Sequence[str]) -> str:
    return f"[{', '.join(map(literal, words))}]"


def _load(made: Script, windowed: bool) -> list[str]:
    """`load_data()`: the examples of each split, and what was learnt."""
    dataset, split = made.dataset, made.dataset.split
    done = [
        "def load_data():",
        '    """The examples of each split'
        + (", and what the training rows teach." if made.learns and made.states is None else ".")
        + '"""',
    ]
    own = {name: one for name, one in dataset.sources.items() if name}
    parts = {"test": split.test, "validation": split.validation}
    parts = {name: part for name, part in parts.items() if part and name not in own}
    if not own:
        done += lines(source(dataset.sources[""]), "rows = ", depth=1)
        training = "rows"
    else:
        entries = [(name, source(own[name])) for name in ("train", "validation", "test") if name in own]
        done += lines(mapping(entries), "data = ", depth=1)
        training = 'data["train"]'
    first = next(iter(made.fields)).name
    if own and split.order is not None:
        in_order = f'chosen(rows, np.argsort(rows["{split.order}"], kind="stable"))'
        done.append(f"    data = {{name: {in_order} for name, rows in data.items()}}")
    if parts:
        done += _division(split, parts, training, first, made.plan.seed, made)
        divided = f"{{name: chosen({training}, places) for name, places in parts.items()}}"
        done.append(f"    data {'|=' if own else '='} {divided}")
    elif not own:
        done.append('    data = {"train": rows}')
    learnt = bool(made.learns) and made.states is None
    if learnt:
        gaps = [one.field.name for one in made.learns if isinstance(one.field.feature, Window)]
        taught = f'whole(data["train"], {literal_list(gaps)})' if gaps and dataset.skip is not None else 'data["train"]'
        done.append(f"    learnt = learn({taught})")
    if windowed:
        done.append("    data = {name: windowed(rows) for name, rows in data.items()}")
    if made.training is None:
        return [*done, "    return data, learnt" if learnt else "    return data"]
    given = "rows, learnt" if learnt else "rows"
    more = ', training=name == "train"' if made.training.class_weight is not None else ""
    ready = f"{{name: examples({given}{more}) for name, rows in data.items()}}"
    return [*done, f"    return {ready}, learnt" if learnt else f"    return {ready}"]


def _division(split: Any, parts: Mapping[str, float], rows: str, first: str, seed: int, made: Script) -> list[str]:
    shares = mapping((name, (literal(part),)) for name, part in parts.items())
    if split.order is not None:
        made_by = call("divided_in_order", [(f'{rows}["{split.order}"]',), shares])
    elif split.group is not None:
        made_by = call("divided_by_group", [(f'{rows}["{split.group}"]',), shares, keyword("seed", (literal(seed),))])
    elif split.stratify is not None:
        by = f'{rows}["{split.stratify}"]'
        made_by = call("divided_by_class", [(by,), shares, keyword("seed", (literal(seed),))])
    else:
        made_by = call("divided", [(f'len({rows}["{first}"])',), shares, keyword("seed", (literal(seed),))])
    return lines(made_by, "parts = ", depth=1)


def _unread(made: Script) -> list[str]:
    """Where the data cannot be read in a few lines, the place to do it, and what is to come of it."""
    names = ", ".join(f"`{name}`" for name in splits(made.dataset))
    fields = ", ".join(f"`{one.name}`" for one in made.plan.network.inputs)
    outputs = ", ".join(f"`{one.name}`" for one in made.plan.network.outputs)
    weighed = made.training is not None and weighs(made.plan, made.training)
    return [
        "def load_data():",
        f'    """The examples of each split: {names}.',
        "",
        f"    Each is a pair of the inputs by name ({fields}) and the targets by the name of",
        f"    their output ({outputs}), as arrays that the network takes"
        + ("; a third has the weights, by output." if weighed else "."),
        '    """',
        f'    raise NotImplementedError("load the data here: this script has nothing for {_words(made.lacking)}")',
    ]


def _words(text: str) -> str:
    return text.replace("`", "").replace('"', "'")


def facts(made: Script | None, calls: Calls, names: Names) -> tuple[Names, list[str], dict[str, Expression]]:
    """What expressions may ask of the data before it was read: as variables of `build_model`, the statements that make
    them, and the shapes of the inputs that are open."""
    if made is None or made.lacking or made.states is not None:
        return names, [], {}
    called: dict[str, str] = {}
    done: list[str] = []
    shapes: dict[str, Expression] = {}
    for section, several in (("inputs", made.inputs), ("targets", made.targets)):
        for one in several:
            feature = one.field.feature
            if isinstance(feature, Text) and feature.length is None and one.learns is not None and section == "inputs":
                variable = f"{one.field.name}_length"
                done.append(f'    {variable} = learnt["{one.field.name}"]["length"]')
                called[f"inputs.{one.field.name}.shape[0]"] = variable
                shapes[one.field.name] = (f"({variable},)",)
                continue
            if not isinstance(feature, Category) or one.learns is None or feature.classes is not None:
                continue
            variable = f"{one.field.name}_classes"
            beyond = feature.oov + (feature.length is not None)
            more = f" + {beyond}" if beyond else ""
            needs_shape = section == "inputs" and feature.encode != "index"
            asked = f"{section}.{one.field.name}.classes" in made.plan.open_facts
            if not (asked or needs_shape):
                continue
            done.append(f'    {variable} = len(learnt["{one.field.name}"]["vocabulary"]){more}')
            called[f"{section}.{one.field.name}.classes"] = variable
            if needs_shape:
                shapes[one.field.name] = (f"({variable},)",)
    return Names(names.values, {**names.called, **called}), done, shapes


def restored(made: Script) -> list[str]:
    """`restore(outputs)`: what the network answers in the units of the raw targets."""
    back = restores(one.field for one in made.targets)
    done = ["def restore(outputs):", '    """What the network answers, in the units of the data."""']
    if not back:
        return []
    entries = []
    for output in made.plan.network.outputs:
        if output.name in back:
            known = f'LEARNT["{output.name}"]'
            value = f'outputs["{output.name}"] * np.float32({known}["spread"]) + np.float32({known}["center"])'
            entries.append((output.name, (value,)))
        else:
            entries.append((output.name, (f'outputs["{output.name}"]',)))
    return [*done, *lines(mapping(entries), "return ", depth=1)]
