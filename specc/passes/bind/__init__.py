"""bind: Document → Plan. Blocks, repeats, expressions and references become steps and edges."""

from __future__ import annotations

from pathlib import Path

from specc import codes
from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import Log, Refusal, nearest
from specc.passes.bind.dataset import bind_dataset, bind_fields
from specc.passes.bind.losses import with_judged
from specc.passes.bind.network import Weaver
from specc.passes.bind.scope import Made, Scope, refs_of, resolve
from specc.passes.bind.training import bind_exports, bind_runtime, bind_training
from specc.passes.bind.values import Facts, Parameters, Values, written
from specc.plan import Edge, Field, Input, Network, Output, Plan, Ref
from specc.tensors import Tensor
from specc.tree import Document, Tree, planted

__all__ = ["bind"]


def bind(document: Document, log: Log) -> Plan:
    """Give every name its meaning: the steps of the network in order, the fields of the data, what trains them."""
    source, tree = document.source, document.tree
    facts = Facts(learnt=source.facts)
    parameters = Parameters(tree["params"].entries if "params" in tree else {}, facts, log)
    values = Values(parameters, {})
    _check_parameters(parameters, values, log)
    data = tree.get("dataset")
    inputs = bind_fields(data["inputs"], values, log) if data and "inputs" in data else ()
    facts.fields |= {f"inputs.{f.name}": f for f in inputs}
    targets = bind_fields(data["targets"], values, log, inputs) if data and "targets" in data else ()
    facts.fields |= {f"targets.{f.name}": f for f in targets}
    dataset = bind_dataset(data, inputs, targets, values, log) if data else None
    network, meant = _network(tree, inputs, targets, facts, values, log)
    training = (
        bind_training(tree["training"], network.steps, meant, [one.name for one in targets], values, log)
        if "training" in tree
        else None
    )
    return Plan(
        name=str(values.compute(tree["name"]).plain()) if "name" in tree else _stem(source.path),
        description=str(values.compute(tree["description"]).plain()) if "description" in tree else "",
        seed=_seed(tree, values, log),
        network=network if training is None else network.during(training.phases[0]),
        dataset=dataset,
        training=training,
        runtime=bind_runtime(tree.get("runtime"), values, log),
        exports=bind_exports(tree.get("export"), values, log),
        source=source,
        tree=tree,
        environment=dict(facts.environment),
        open_facts=tuple(facts.open),
    )


def _stem(path: str) -> str:
    """A name made of the file's: what is not allowed in one becomes a dash."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "-" for c in Path(path).stem.lower())
    return kept.strip("-_") or "spec"


def _seed(tree: Tree, values: Values, log: Log) -> int:
    if "seed" not in tree:
        return 0
    seed = values.compute(tree["seed"])
    if isinstance(seed.value, int) and not isinstance(seed.value, bool) and 0 <= seed.value < 2**31:
        return seed.value
    if seed.value is not UNKNOWN_VALUE:
        log.report(codes.S105, seed.span, f"`seed` must be a whole number from 0 to 2147483647, not {seed.plain()!r}")
    return 0


def _check_parameters(parameters: Parameters, values: Values, log: Log) -> None:
    """Report what was left open; one that nothing may be computed from is not told again where it is used."""
    for name, tree in parameters.trees.items():
        if tree.value is None:
            log.report(
                codes.S006,
                tree.key,
                f"the parameter `{name}` must be set",
                help=f"give it on the command line: `-p {name}=…`, or give it a default here",
            )
            parameters.values[name] = UNKNOWN_VALUE
        elif not written(tree) and not any(part in tree.plain() for part in ("inputs.", "targets.")):
            try:
                parameters.look_up(name)
            except Refusal as refusal:
                log.refuse(refusal, tree.span)
                parameters.values[name] = UNKNOWN_VALUE


def _network(
    tree: Tree, fields: tuple[Field, ...], targets: tuple[Field, ...], facts: Facts, values: Values, log: Log
) -> tuple[Network, dict[str, str]]:
    """The network, and what its outputs may be called where losses are given."""
    model = tree.get("model")
    if model is None:
        return Network((), (), ()), {}
    weaver = Weaver(tree["blocks"].entries if "blocks" in tree else {}, log)
    inputs = _inputs(model, fields, facts, values, log)
    scope = Scope(values)
    for one in inputs:
        scope.names[one.name] = Made(Ref(one.name), planted(None, one.span), one.name, values)
    if not inputs:
        return Network((), (), ()), {}  # It has been told, and no step could begin with anything.
    end = weaver.chain(model["layers"], scope, Ref(inputs[0].name) if len(inputs) == 1 else None)
    weaver.try_unused_blocks(values)
    outputs = _outputs(model, weaver, scope, end, [f.name for f in targets])
    terms = tree["training"]["loss"].elements if "training" in tree else ()
    return with_judged(Network(inputs, tuple(weaver.steps), outputs), terms, scope, end, log)


def _inputs(model: Tree, fields: tuple[Field, ...], facts: Facts, values: Values, log: Log) -> tuple[Input, ...]:
    """The network's inputs: as `model.inputs` declares them, else the dataset's, each with the shape of its type."""
    if "inputs" not in model:
        found = []
        for one in fields:
            tensor = one.feature.tensor()
            learnt = facts.learnt.get(f"inputs.{one.name}", {}).get("shape")
            if learnt is not None:
                tensor = Tensor((None, *learnt), tensor.dtype)
            elif tensor.shape is None or None in tensor.shape[1:]:
                facts.open[f"inputs.{one.name}.shape"] = None
            found.append(Input(one.name, tensor, one.span))
        if not found:
            log.report(
                codes.S104,
                model.key,
                "the network has no inputs: there is no `dataset` that gives them",
                help="declare them: `inputs: {x: {shape: [28, 28, 1]}}` under `model`",
            )
        return tuple(found)
    known = [one.name for one in fields]
    inputs = []
    for name, written_input in model["inputs"].entries.items():
        tree = values.compute(written_input)
        if known and name not in known:
            near = nearest(name, known)
            log.report(
                codes.S201,
                written_input.key,
                f"the dataset has no input `{name}`",
                help=f"did you mean `{near}`?" if near else f"there are: {', '.join(known)}",
            )
        inputs.append(Input(name, _declared(tree, log), written_input.key))
    return tuple(inputs)


def _declared(tree: Tree, log: Log) -> Tensor:
    """The tensor of `{shape: […], dtype: …}`; a dimension of null is not known before run time."""
    dims: list[int | None] = []
    shape = tree.get("shape")
    for item in shape.elements if shape else ():
        if item.value is None or (isinstance(item.value, int) and not isinstance(item.value, bool) and item.value > 0):
            dims.append(item.value)
            continue
        if item.value is not UNKNOWN_VALUE:
            log.report(
                codes.S303,
                item.span,
                f"a dimension must be a whole number of at least 1, or null where it varies, not {item.plain()!r}",
            )
        dims.append(None)
    if shape is None or not shape.is_list:
        return Tensor(None, _dtype(tree))
    return Tensor((None, *dims), _dtype(tree))


def _dtype(tree: Tree) -> str:
    return str(tree["dtype"].plain()) if "dtype" in tree else "float32"


def _outputs(model: Tree, weaver: Weaver, scope: Scope, end: Edge | None, targets: list[str]) -> tuple[Output, ...]:
    """The network's outputs: as `model.outputs` names them, else what comes out of the last step."""
    written_outputs = model.get("outputs")
    if written_outputs is not None and written_outputs.is_mapping:
        named = []
        for name, item in written_outputs.entries.items():
            refs = refs_of(resolve(item, scope, end, weaver.log))
            if len(refs) == 1:
                named.append(Output(name, refs[0], item.key))
            else:
                weaver.log.report(
                    codes.S204,
                    item.span,
                    f"an output is one tensor, and `{item.plain()}` stands for {len(refs)}",
                    help=f"take one, `{item.plain()}[0]`, or merge them first",
                )
        return tuple(named)
    if written_outputs is not None:
        items = written_outputs.elements or (written_outputs,)
        found = [(ref, item.span) for item in items for ref in refs_of(resolve(item, scope, end, weaver.log))]
    else:
        last = weaver.steps[-1].span if weaver.steps else model.key
        found = [(ref, last) for ref in refs_of(end)]
    names: list[str] = []
    for i, (ref, _) in enumerate(found):
        stem = targets[i] if i < len(targets) else ref.name if ref.output is None else f"{ref.name}_{ref.output}"
        names.append(stem if stem not in names else f"{stem}_{i}")
    return tuple(Output(name, ref, span) for name, (ref, span) in zip(names, found, strict=True))
