"""The phases of training: how long each is, its optimizer and callbacks, and which steps it leaves as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from specc import codes
from specc.calls import UNKNOWN_VALUE, Call
from specc.diagnostics import Log, nearest
from specc.passes.bind.calls import bind_call
from specc.passes.bind.values import Values
from specc.plan import Phase, Step
from specc.text.spelling import established, respelt
from specc.tree import Tree


def bind_phases(tree: Tree, steps: Sequence[Step], values: Values, log: Log) -> tuple[Phase, ...]:
    """What `training` says of them. Left out in a phase, its length and calls are those of `training`."""
    calls = _Calls(values, log)
    optimizer = calls.one("optimizers", tree["optimizer"])
    callbacks = calls.several(tree)
    frozen = frozenset(step.name for step in steps if step.frozen)
    if "phases" not in tree:
        return (Phase(*_length(tree, tree, values, log), optimizer, callbacks, frozen, tree.key),)
    found = []
    for phase in tree["phases"].elements:
        frozen = _changed(phase, frozen, steps, log)
        found.append(
            Phase(
                *_length(phase, tree, values, log),
                calls.one("optimizers", phase["optimizer"]) if "optimizer" in phase else optimizer,
                calls.several(phase) if "callbacks" in phase else callbacks,
                frozen,
                phase.span,
            )
        )
    return tuple(found)


class _Calls:
    """Binds the calls that stand in phases, or once for all of them."""

    def __init__(self, values: Values, log: Log) -> None:
        self.values, self.log = values, log

    def one(self, family: str, tree: Tree) -> Call:
        return bind_call(family, tree, self.values.compute(tree), self.log)

    def several(self, tree: Tree) -> tuple[Call, ...]:
        return tuple(self.one("callbacks", item) for item in tree["callbacks"].elements) if "callbacks" in tree else ()


def _length(tree: Tree, training: Tree, values: Values, log: Log) -> tuple[int, int | None]:
    """Epochs, and steps where these are counted: by itself, else as the whole of training says."""
    if "epochs" in tree and "steps" in tree:
        log.report(
            codes.S105,
            tree["steps"].key,
            "`epochs` and `steps` both say how long to train",
            help="leave out one of them; `epochs: null` takes back what is extended",
        )
    if "epochs" not in tree and "steps" not in tree:
        tree = training
    return count(tree, "epochs", values, log) or 1, count(tree, "steps", values, log)


def count(tree: Tree, key: str, values: Values, log: Log) -> int | None:
    """A whole number of at least 1; None where none is given, or it is not known."""
    if key not in tree:
        return None
    number = values.compute(tree[key])
    if isinstance(number.value, int) and not isinstance(number.value, bool) and number.value > 0:
        return number.value
    if number.value is not UNKNOWN_VALUE:
        log.report(codes.S105, number.span, f"`{key}` must be a whole number of at least 1, not {number.plain()!r}")
    return None


def _changed(phase: Tree, frozen: frozenset[str], steps: Sequence[Step], log: Log) -> frozenset[str]:
    """The steps that are frozen in a phase, after those that were before it."""
    for key in ("freeze", "unfreeze"):
        for name in phase[key].elements if key in phase else ():
            meant = [step for step in steps if step.name == name.value or step.name.startswith(f"{name.value}.")]
            if not meant:
                _report_unknown(name, steps, log)
            elif key == "unfreeze" and (fixed := [s for s in meant if s.call.arguments.get("trainable") is False]):
                log.report(
                    codes.S105,
                    name.span,
                    f"`{fixed[0].name}` has `trainable: false`, which no phase changes",
                    help="write `freeze: true` beside its call instead",
                )
            names = {step.name for step in meant}
            frozen = frozen | names if key == "freeze" else frozen - names
    return frozen


def _report_unknown(name: Tree, steps: Sequence[Step], log: Log) -> None:
    known = list(dict.fromkeys(_names(steps)))
    near = nearest(str(name.value), known)
    top = [word for word in known if "." not in word]
    log.report(
        codes.S201,
        name.span,
        f"no step or block is named `{name.plain()}`",
        help=f"did you mean `{near}`?" if near else f"there are: {', '.join(top[:12])}",
        fix=respelt(
            name.span, str(name.value), established(str(name.value), known, log.sources.get(name.span.path, ""))
        ),
    )


def _names(steps: Iterable[Step]) -> Iterable[str]:
    """The names of steps, and of the blocks and chains around them, from the top of the network."""
    for step in steps:
        parts = step.name.split(".")
        yield from (".".join(parts[: i + 1]) for i in range(len(parts)))
