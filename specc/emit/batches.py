"""The training examples of a script as a `tf.data.Dataset`, where arrays will not do."""

from __future__ import annotations

from specc.emit.calls import Calls
from specc.emit.layout import call, lines, literal, sequence
from specc.emit.script import Script
from specc.emit.training import weighs
from specc.kinds.features import ignored
from specc.kinds.features.image import Image
from specc.plan import MOVING, Training


def batches(made: Script, training: Training, calls: Calls) -> list[str]:
    """Statements that make `train`: pictures are changed at random, or so many steps are taken."""
    data = made.dataset
    if not (data.augment or any(phase.steps is not None for phase in training.phases)):
        return []
    done = ['    train = tf.data.Dataset.from_tensor_slices(data["train"])']
    if data.shuffle is not False:
        size = "len(train)" if data.shuffle is True else str(data.shuffle)
        done.append(f"    train = train.shuffle({size})")
    done.append(f"    train = train.batch({data.batch_size})")
    if data.augment:
        changed = "changed" if _followers(made) else "lambda inputs, *rest: (changed(inputs), *rest)"
        done.append(f"    train = train.map({changed})")
    return [*done, "    train = train.prefetch(tf.data.AUTOTUNE)"]


def changes(made: Script, calls: Calls) -> list[list[str]]:
    """The layers that change pictures at random, and the function that does it; none where nothing does."""
    if not made.dataset.augment or made.training is None:
        return []
    more = {} if made.plan.runtime.precision == "float32" else {"dtype": "float32"}
    layers = sequence(calls.made(one, more=more) for one in made.dataset.augment)
    pictures = [one.field.name for one in made.inputs if isinstance(one.field.feature, Image)]
    if not _followers(made):
        entries = ", ".join(f'"{name}": augment(inputs["{name}"], training=True)' for name in pictures)
        return [
            lines(call("keras.Sequential", [layers]), "augment = "),
            [
                "def changed(inputs):",
                '    """Inputs with pictures that are changed at random."""',
                f"    return inputs | {{{entries}}}",
            ],
        ]
    return [lines(layers, "augment = "), _moved(made, pictures)]


def _followers(made: Script) -> list[tuple[str, str | None]]:
    """Outputs whose targets are moved with the pictures: masks, and boxes with how they are written."""
    if made.training is None:
        return []
    targets = {one.field.name: one.field.feature for one in made.targets}
    moving = any(one.name in MOVING for one in made.dataset.augment)
    found: list[tuple[str, str | None]] = []
    for output in made.plan.network.outputs:
        feature = targets.get(made.training.target_of(output.name))
        if isinstance(feature, Image):
            found.append((output.name, None))
        elif moving and (form := getattr(feature, "boxes", None)) is not None:
            found.append((output.name, form))
    return found


def _moved(made: Script, pictures: list[str]) -> list[str]:
    """A function that moves what lies on pictures with them: the same draw for all of an example."""
    assert made.training is not None
    weighed = weighs(made.plan, made.training)
    targets = {one.field.name: one.field.feature for one in made.targets}
    arguments = "inputs, targets, weights" if weighed else "inputs, targets"
    first = f'inputs["{pictures[0]}"]'
    done = [
        f"def changed({arguments}):",
        '    """Pictures changed at random, and what lies on them with them."""',
        "    inputs, targets = dict(inputs), dict(targets)",
        *(["    weights = dict(weights)"] if weighed else []),
        "    for layer in augment:",
        f"        move = layer.get_random_transformation({first}, training=True)",
    ]
    for output, form in _followers(made):
        if form is None:
            moved = [f'targets["{output}"]']
            if ignored(targets[made.training.target_of(output)]) is not None:
                moved.append(f'weights["{output}"]')  # what does not count goes with the mask
            for one in moved:
                done.append(f"        {one} = moved_mask(layer, move, {one})")
        else:
            done.append(
                f'        targets["{output}"] = moved_boxes(layer, move, targets["{output}"], {literal(form)}, {first})'
            )
    for name in pictures:
        done.append(f'        inputs["{name}"] = layer.transform_images(inputs["{name}"], move, training=True)')
    return [*done, f"    return {arguments}"]
