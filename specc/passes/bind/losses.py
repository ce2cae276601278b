"""What training makes small: one loss, losses by output, or a list of terms, each of an output and a target."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from specc import catalog, codes, schema
from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import Log, nearest
from specc.passes.bind.calls import LOST, bind_call, signature
from specc.passes.bind.scope import LOST as NOWHERE
from specc.passes.bind.scope import Scope, refs_of, resolve
from specc.passes.bind.values import Values
from specc.plan import Edge, LossTerm, Network, Output
from specc.text.spelling import established, respelt
from specc.tree import Tree


def with_judged(
    network: Network, terms: Sequence[Tree], scope: Scope, end: Edge | None, log: Log
) -> tuple[Network, dict[str, str]]:
    """The network with an output more for each step that a term of the loss names and that is none yet.

    Returns:
        The network, and the name of the output that each `output` of a term stands for.
    """
    outputs, meant = list(network.outputs), {output.name: output.name for output in network.outputs}
    for term in terms:
        written = term.get("output")
        if written is None or written.value in meant:
            continue
        refs = refs_of(resolve(written, scope, end, log))
        if len(refs) != 1:
            log.report(
                codes.S204,
                written.span,
                f"a loss judges one tensor, and `{written.plain()}` stands for {len(refs)}",
                help=f"take one, `{written.plain()}[0]`, or merge them first",
            )
        elif refs[0] != NOWHERE:
            known = next((output.name for output in outputs if output.ref == refs[0]), None)
            name = known or str(written.value).replace("[", "_").rstrip("]")
            meant[str(written.value)] = name
            if known is None:
                outputs.append(Output(name, refs[0], written.span))
    return replace(network, outputs=tuple(outputs)), meant


def bind_losses(
    tree: Tree, meant: Mapping[str, str], targets: Collection[str], values: Values, log: Log
) -> tuple[LossTerm, ...]:
    """The terms of `training.loss`; `meant` has the outputs' names, and what else stands for them."""
    if tree.is_list:
        found = [_term(item, meant, targets, values, log) for item in tree.elements]
        return tuple(term for term in found if term is not None)
    names = list(dict.fromkeys(meant.values()))
    if by_output(tree, {*names, *targets}):
        return tuple(
            LossTerm(bind_call("losses", item, values.compute(item), log), name, name)
            for name, item in tree.entries.items()
            if known_output(name, item, names, targets, log)
        )
    computed = values.compute(tree)
    call = bind_call("losses", tree, computed, log)
    # The schema lets a mapping pass that is right as one by target: `{Huber: mse}`.
    for complaint in schema.complaints(computed, "losses") if call.name != LOST else ():
        log.report(complaint.code, complaint.span, complaint.message, help=complaint.help)
    return tuple(LossTerm(call, name, name) for name in names)


def _term(tree: Tree, meant: Mapping[str, str], targets: Collection[str], values: Values, log: Log) -> LossTerm | None:
    """One term of a list. The output left out is the target's; the target is the output's, or the only one."""
    call = bind_call("losses", tree["loss"], values.compute(tree["loss"]), log)
    weight = _weight(tree, values, log)
    names = list(dict.fromkeys(meant.values()))
    target = str(tree["target"].value) if "target" in tree else None
    if target is not None and targets and target not in targets:
        near = nearest(target, targets)
        log.report(
            codes.S201,
            tree["target"].span,
            f"the dataset has no target `{target}`",
            help=f"did you mean `{near}`?" if near else f"there are: {', '.join(targets)}",
        )
        return None
    only = next(iter(targets)) if len(targets) == 1 else None
    if "output" in tree:
        output = meant.get(str(tree["output"].value))
        if output is None:
            return None  # it has been told
    else:
        wanted = target or only
        output = wanted if wanted in names else names[0] if len(names) == 1 else None
    if target is None and output is not None:
        target = output if output in targets or not targets else only
    if output is None or target is None:
        missing, there = ("output", names) if output is None else ("target", list(targets))
        log.report(
            codes.S104,
            tree["loss"].key,
            f"this term of the loss does not say which {missing} it judges",
            help=f"name one: `{missing}: {there[0] if there else '…'}`",
        )
        return None
    return LossTerm(call, output, target, weight)


def _weight(tree: Tree, values: Values, log: Log) -> float:
    if "weight" not in tree:
        return 1.0
    weight = values.compute(tree["weight"])
    if isinstance(weight.value, (int, float)) and not isinstance(weight.value, bool) and weight.value >= 0:
        return float(weight.value)
    if weight.value is not UNKNOWN_VALUE:
        log.report(codes.S105, weight.span, f"`weight` must be a number of at least 0, not {weight.plain()!r}")
    return 1.0


def by_output(tree: Tree, names: Collection[str]) -> bool:
    """Is this mapping from outputs, rather than one call? A call has one key: a loss, and no output's name."""
    keys = list(tree.entries)
    return bool(keys) and (len(keys) != 1 or keys[0] in names or not _is_loss(keys[0]))


def _is_loss(name: str) -> bool:
    return signature("losses", catalog.aliases("losses").get(name, name)) is not None


def known_output(name: str, item: Tree, names: list[str], targets: Collection[str], log: Log) -> bool:
    """Is there an output for this name? A target that has none is told where the outputs are."""
    if name in names or name in targets:
        return name in names
    near = nearest(name, names)
    log.report(
        codes.S205,
        item.key,
        f"the network has no output for `{name}`",
        help=f"did you mean `{near}`?" if near else f"its outputs are: {', '.join(names)}",
        fix=respelt(item.key, name, established(name, names, log.sources.get(item.key.path, ""))),
    )
    return False
