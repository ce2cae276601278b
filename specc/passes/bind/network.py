"""The network: blocks opened, repeats unrolled, references resolved. Names become steps and edges."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from specc import codes
from specc.calls import UNKNOWN_VALUE, Call
from specc.diagnostics import Log, Related, Span, nearest
from specc.passes.bind.calls import bind_arguments, signature
from specc.passes.bind.scope import LOST, Made, Scope, refs_of, resolve, undefined
from specc.passes.bind.values import Values
from specc.passes.bind.wiring import wire
from specc.plan import Edge, Opened, Ref, Step, Turn
from specc.tree import Tree

BESIDE = ("name", "inputs", "call", "repeat", "when", "freeze", "shortcut")
"""Keys of a step that are not its call."""
MOST_STEPS = 100_000


@dataclass(slots=True)
class Weaver:
    """Makes the steps of a network, in order. One for each spec."""

    blocks: Mapping[str, Tree]
    log: Log
    steps: list[Step] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    called: set[str] = field(default_factory=set)
    least: dict[str, int] = field(default_factory=dict)
    """Of each block that was asked about, the steps that it makes for certain."""
    full: bool = False

    def chain(self, tree: Tree, scope: Scope, given: Edge | None) -> Edge | None:
        """The steps of a list, each from the one before; what comes out of the last."""
        for item in tree.elements:
            name = item.get("name")
            if name is not None and isinstance(name.value, str):
                self._declare(name, scope)
        for item in tree.elements:
            given = self.step(item, scope, given)
        return given

    def _declare(self, name: Tree, scope: Scope) -> None:
        word = str(name.value)
        first = scope.ahead.get(word) or (scope.names[word].tree.span if word in scope.names else None)
        if word == "prev":
            self.log.report(
                codes.S202,
                name.span,
                "no step can be named `prev`: that always means the step before",
                help="give it another name",
                related=scope.callers,
            )
        elif first is not None:
            self.log.report(
                codes.S202,
                name.span,
                f"`{word}` is the name of another step or input already",
                help="names are unique in their scope: give one of the two another",
                related=(Related(f"`{word}` is first named here", first), *scope.callers),
            )
        else:
            scope.ahead[word] = name.span

    def step(self, tree: Tree, scope: Scope, given: Edge | None) -> Edge | None:
        """One step of a list: whether it is there, how often, and its name."""
        name = str(tree["name"].value) if "name" in tree else None
        when = scope.values.compute(tree["when"], scope.callers) if "when" in tree else None
        if when is not None and when.value is UNKNOWN_VALUE:
            self._needs_data(when, "when", scope)
        elif when is not None and not isinstance(when.value, bool):
            self._wrong(when, "`when` must come to true or false", scope)
        elif when is not None and when.value is False:
            if name:
                scope.absent.add(name)
                scope.ahead.pop(name, None)
            return given
        if self.full:
            return given
        before = given
        if "repeat" in tree:
            edge, made = self._repeated(tree, scope, given, name)
            if not made:
                if name:
                    scope.absent.add(name)
                    scope.ahead.pop(name, None)
                return given
        else:
            own = name or scope.automatic(_stem(tree))
            edge = self._once(tree, scope, given, own)
        if name:
            scope.ahead.pop(name, None)
            scope.names[name] = Made(
                edge if edge is not None else LOST, tree, ".".join((*scope.path, name)), scope.values
            )
        return edge if edge is not None else before

    def _repeated(self, tree: Tree, scope: Scope, given: Edge | None, name: str | None) -> tuple[Edge | None, bool]:
        count = scope.values.compute(tree["repeat"], scope.callers)
        times = 1
        if count.value is UNKNOWN_VALUE:
            self._needs_data(count, "repeat", scope)
        elif isinstance(count.value, bool) or not isinstance(count.value, int) or count.value < 0:
            self._wrong(count, f"`repeat` must be a whole number of at least 0, not {count.value!r}", scope)
        else:
            times = count.value
        if not self.full and len(self.steps) + times * self._least(tree) > MOST_STEPS:
            self._too_many(count.span, scope)
            return LOST, True
        stem = name or scope.automatic(_stem(tree))
        for i in range(times):
            turn = Turn(".".join((*scope.path, f"{stem}.{i}")), i, tree["repeat"].span)
            inner = replace(
                scope,
                values=scope.values.inside({"i": i}),
                taken={},
                names=scope.names,
                ahead=scope.ahead,
                parts=(*scope.parts, turn),
            )
            given = self._once(tree, inner, given, f"{stem}.{i}", again=i > 0)
            if self.full:
                break
        return given, times > 0

    def _once(self, tree: Tree, scope: Scope, given: Edge | None, own: str, again: bool = False) -> Edge | None:
        """The step made one time, under the name `own` in its scope."""
        if not tree.is_mapping:
            return self._call(str(tree.value), tree, tree, scope, given, own)
        if "freeze" in tree:
            freeze = scope.values.compute(tree["freeze"], scope.callers)
            if not isinstance(freeze.value, bool):
                self._wrong(freeze, "`freeze` must come to true or false", scope)
            elif freeze.value:
                scope = replace(scope, frozen=True)
        key = next(k for k in tree.entries if k not in BESIDE)
        body = tree[key]
        if key == "layers":
            return self.chain(body, scope.inner(own), self._given(tree, scope, given, again))
        if key == "residual":
            return self._residual(tree, body, scope, self._given(tree, scope, given, again), own)
        if key == "branches":
            return self._branches(body, scope, self._given(tree, scope, given, again), own)
        if key == "apply":
            return self._apply(tree, body, scope, given, own)
        return self._call(key, tree, body, scope, given, own, again)

    def _given(self, tree: Tree, scope: Scope, given: Edge | None, again: bool) -> Edge | None:
        """What a chain starts from: its `inputs`, or the step before."""
        if "inputs" not in tree or again:
            return given
        inputs = tree["inputs"]
        if inputs.is_list:
            return tuple(r for item in inputs.elements for r in refs_of(resolve(item, scope, given, self.log)))
        if inputs.is_mapping:
            self.log.report(
                codes.S204,
                inputs.key,
                "a chain takes a REF or a list of REFs, not inputs by name",
                help="write `inputs: x` or `inputs: [x, y]`",
                related=scope.callers,
            )
            return LOST
        return resolve(inputs, scope, given, self.log)

    def _residual(self, tree: Tree, body: Tree, scope: Scope, start: Edge | None, own: str) -> Edge | None:
        inner = scope.inner(own)
        end = self.chain(body, inner, start)
        across = self.chain(tree["shortcut"], scope.inner(f"{own}.shortcut"), start) if "shortcut" in tree else start
        both = (*refs_of(end), *refs_of(across))
        if len(both) != 2 and LOST not in both:
            self._inputs_missing(body.key, "`residual`", both, "exactly one input and one output", scope)
            return LOST
        return self._emit(Call("layers", "Add", {}, body.key), {"inputs": both}, inner, inner.automatic("add"))

    def _branches(self, body: Tree, scope: Scope, start: Edge | None, own: str) -> Edge:
        named = body.entries or {str(i): chain for i, chain in enumerate(body.elements)}
        ends: list[Ref] = []
        for label, chain in named.items():
            ends += refs_of(self.chain(chain, scope.inner(f"{own}.{label}"), start))
        return tuple(ends)

    def _apply(self, tree: Tree, body: Tree, scope: Scope, given: Edge | None, own: str) -> Edge | None:
        """The named step again: made anew on other inputs, each of its steps using the weights of its first."""
        word = str(body.value)
        made = scope.find(word)
        if made is None:
            undefined(body, word, scope, self.log)
            return LOST
        again = replace(made.tree, value={k: v for k, v in made.tree.entries.items() if k not in ("inputs", "when")})
        # What stands beside `apply` counts for this time.
        beside = {key: tree[key] for key in ("inputs", "call") if key in tree}
        if beside:
            again = replace(again, value={**again.entries, **beside})
        here = ".".join((*scope.path, own))
        shared = replace(
            scope,
            values=made.values,
            sharing=scope.sharing or (made.prefix, here),
            callers=(Related("applied here", body.span), *scope.callers),
        )
        if "repeat" in again:
            return self._repeated(again, shared, given, own)[0]
        return self._once(again, shared, given, own)

    def _call(
        self, word: str, tree: Tree, body: Tree, scope: Scope, given: Edge | None, own: str, again: bool = False
    ) -> Edge | None:
        """A layer, an op, an application or a block."""
        inputs = tree.get("inputs")
        if word in self.blocks:
            return self._block(word, tree, body, scope, given, own, again)
        family, _, name = word.partition(".") if "." in word else ("layers", "", word)
        computed = scope.values.compute(body, scope.callers) if tree.is_mapping else body.with_value(None)
        here = body.key if tree.is_mapping else body.span
        call = bind_arguments(family, name, computed, computed is not body, self.log, scope.callers, here)
        takes = signature(family, name)
        if takes and any(t.name in call.arguments for t in takes.tensors):
            # A plain number may stand where an op takes a tensor: `ops.multiply: {x2: 0.5}`.
            takes = replace(takes, tensors=tuple(t for t in takes.tensors if t.name not in call.arguments))
        options = {}
        if "call" in tree:
            known = {a.name for a in takes.options} if takes else set()
            beside = scope.values.compute(tree["call"], scope.callers)
            for key, value in beside.entries.items():
                if takes and key not in known:
                    near = nearest(key, known)
                    self.log.report(
                        codes.S103,
                        value.key,
                        f"a call of `{word}` has no argument `{key}`",
                        help=f"did you mean `{near}`?" if near else f"there are: {', '.join(sorted(known)) or 'none'}",
                        related=scope.callers,
                    )
                else:
                    options[key] = value.plain()
        edges = wire(takes, word, here, inputs, scope, given, again, self.log)
        return self._emit(call, edges, scope, own, options)

    def _emit(
        self,
        call: Call,
        edges: Mapping[str, Edge],
        scope: Scope,
        own: str,
        options: Mapping[str, object] | None = None,
    ) -> Ref:
        name = ".".join((*scope.path, own))
        if len(self.steps) >= MOST_STEPS and not self.full:
            self._too_many(call.span or scope.callers[0].span, scope)
        shares = None
        if scope.sharing is not None:
            source, copy = scope.sharing
            shares = source + name.removeprefix(copy)
        self.steps.append(
            Step(
                name=name,
                call=call,
                inputs=edges,
                span=call.span or scope.callers[0].span,
                options=options or {},
                scope=scope.path,
                shares=shares,
                frozen=scope.frozen,
                callers=scope.callers,
                parts=scope.parts,
            )
        )
        return Ref(name)

    def _least(self, tree: Tree) -> int:
        """The steps that a step makes for certain in one time: what is computed, or made on a condition, is left out.

        So that too many are told before they are written out, which takes seconds.
        """
        word = str(tree.value) if not tree.is_mapping else next(k for k in tree.entries if k not in BESIDE)
        if word in ("layers", "residual", "branches"):
            body = tree[word]
            chains = list(body.entries.values()) or body.elements if word == "branches" else [body]
            chains = [*chains, tree["shortcut"]] if "shortcut" in tree else chains
            return sum(self._least_of(chain) for chain in chains) + (word == "residual")
        if word in self.blocks:
            if word not in self.least:
                self.least[word] = 0  # A block that uses itself is told elsewhere.
                self.least[word] = self._least_of(self.blocks[word]["layers"])
            return self.least[word]
        return int(word != "apply")

    def _least_of(self, chain: Tree) -> int:
        least = 0
        for item in chain.elements:
            times = item["repeat"].value if "repeat" in item else 1
            if "when" not in item and isinstance(times, int) and times > 0:
                least += times * self._least(item)
        return least

    def _too_many(self, span: Span, scope: Scope) -> None:
        self.full = True
        self.log.report(
            codes.S003,
            span,
            f"the network has more than {MOST_STEPS:,} steps once blocks and repeats are written out",
            help="lower a `repeat`, or the number of blocks within blocks",
            related=scope.callers,
        )

    def _block(
        self, word: str, tree: Tree, body: Tree, scope: Scope, given: Edge | None, own: str, again: bool
    ) -> Edge | None:
        block = self.blocks[word]
        here = body.key if tree.is_mapping else body.span
        self.called.add(word)
        if word in self.opened:
            chain = " → ".join([*self.opened[self.opened.index(word) :], word])
            self.log.report(
                codes.S003,
                here,
                f"the block `{word}` uses itself: {chain}",
                help="a block may use other blocks, never itself; `repeat` makes a step several times",
                related=scope.callers,
            )
            return LOST
        arguments = scope.values.compute(body, scope.callers) if tree.is_mapping else body.with_value(None)
        parameters = dict(block["params"].entries) if "params" in block else {}
        local: dict[str, object] = {}
        given_arguments: Mapping[str, Tree] = arguments.entries
        if not arguments.is_mapping and arguments.value is not None and parameters:
            given_arguments = {next(iter(parameters)): arguments}
        for name, default in parameters.items():
            if name in given_arguments:
                local[name] = given_arguments[name].plain()
            else:
                local[name] = scope.values.within_block(dict(local)).compute(default, scope.callers).plain()
        inside = Scope(
            values=scope.values.within_block(local),
            path=(*scope.path, own),
            callers=(Related("called here", here), *scope.callers),
            frozen=scope.frozen,
            sharing=scope.sharing,
        )
        start = self._block_inputs(word, block, tree, scope, inside, given, again, here)
        spans = {name: one.span for name, one in given_arguments.items()}
        edges = {name: made.edge for name, made in inside.names.items()}
        inside.parts = (*scope.parts, Opened(".".join(inside.path), word, local, spans, edges))
        self.opened.append(word)
        end = self.chain(block["layers"], inside, start)
        self.opened.pop()
        if "outputs" not in block:
            return end
        outputs = block["outputs"]
        items = outputs.elements if outputs.is_list else (outputs,)
        refs = [r for item in items for r in refs_of(resolve(item, inside, end, self.log))]
        return refs[0] if len(refs) == 1 and not outputs.is_list else tuple(refs)

    def _block_inputs(
        self,
        word: str,
        block: Tree,
        tree: Tree,
        scope: Scope,
        inside: Scope,
        given: Edge | None,
        again: bool,
        here: Span,
    ) -> Edge | None:
        """Give a block's inputs their names inside it; what its first step starts from."""
        wanted = [str(item.value) for item in block["inputs"].elements] if "inputs" in block else []
        inputs = tree.get("inputs")
        edges: list[Edge] = []
        if inputs is None:
            edges = [] if given is None else [given] if not isinstance(given, tuple) or len(wanted) < 2 else [*given]
        elif inputs.is_mapping:
            for key, item in inputs.entries.items():
                if key not in wanted:
                    near = nearest(key, wanted)
                    self.log.report(
                        codes.S103,
                        item.key,
                        f"the block `{word}` has no input `{key}`",
                        help=f"did you mean `{near}`?" if near else f"there are: {', '.join(wanted) or 'none by name'}",
                        related=scope.callers,
                    )
            edges = [resolve(inputs[name], scope, given, self.log) for name in wanted if name in inputs]
        elif inputs.is_list:
            edges = [resolve(item, scope, given, self.log) for item in inputs.elements]
        else:
            edges = [resolve(inputs, scope, given, self.log)]
        if again and given is not None and edges:
            edges[0] = given
        if len(edges) != max(1, len(wanted)):
            names = f" ({', '.join(wanted)})" if wanted else ""
            count = max(1, len(wanted))
            self.log.report(
                codes.S204,
                here,
                f"the block `{word}` takes {count} input{'s' * (count != 1)}{names}, and is given {len(edges)}",
                help="give them beside the call: `inputs: [" + ", ".join(wanted or ["prev"]) + "]`",
                related=scope.callers,
            )
            edges = [LOST] * count
        for name, edge in zip(wanted, edges, strict=False):
            inside.names[name] = Made(edge, block["inputs"], ".".join((*inside.path, name)), inside.values)
        return edges[0] if len(edges) == 1 else None

    def _needs_data(self, value: Tree, key: str, scope: Scope) -> None:
        self.log.report(
            codes.S006,
            value.span,
            f"`{key}` asks for what is known only once the data was read",
            help="state it in the dataset: `classes: N` or `vocabulary: […]`",
            related=scope.callers,
        )

    def _wrong(self, value: Tree, message: str, scope: Scope) -> None:
        if value.value is not UNKNOWN_VALUE:
            self.log.report(codes.S105, value.span, message, related=scope.callers)

    def _inputs_missing(self, span: Span, what: str, refs: tuple[Ref, ...], needs: str, scope: Scope) -> None:
        self.log.report(
            codes.S204,
            span,
            f"{what} takes {needs}",
            help="name the tensors with `inputs:`, or merge them first (`Add`, `Concatenate`)",
            related=scope.callers,
        )

    def try_unused_blocks(self, values: Values) -> None:
        """Bind each block that nothing calls once, its open parameters unknown, so that its mistakes are told too."""
        for name, block in self.blocks.items():
            if name in self.called:
                continue
            kept, self.steps = self.steps, []
            parameters = block["params"].entries if "params" in block else {}
            local = {k: UNKNOWN_VALUE if v.value is None else values.compute(v).plain() for k, v in parameters.items()}
            scope = Scope(values=values.within_block(local), path=(name,))
            wanted = [str(item.value) for item in block["inputs"].elements] if "inputs" in block else []
            for word in wanted:
                scope.names[word] = Made(LOST, block["inputs"], word, scope.values)
            self.opened.append(name)
            end = self.chain(block["layers"], scope, None if len(wanted) > 1 else LOST)
            self.opened.pop()
            if "outputs" in block:
                outputs = block["outputs"]
                for item in outputs.elements if outputs.is_list else (outputs,):
                    resolve(item, scope, end, self.log)
            self.steps = kept


def _stem(tree: Tree) -> str:
    """What an unnamed step is called: its call's name as Keras would spell it, `Conv2D` → `conv2d`."""
    return _snake(next((k for k in tree.entries if k not in BESIDE), "") if tree.is_mapping else str(tree.value))


@cache
def _snake(word: str) -> str:
    word = word.rpartition(".")[2]
    word = re.sub(r"\W+", "", word)
    word = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", word)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", word).lower()
