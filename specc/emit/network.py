"""The network of a plan as Python: a function for each block, a loop for each repetition, in the order of the steps.

The order matters beyond looks: Keras draws the seeds of initial weights and of dropout from one sequence as layers are
made, so that the same order gives the same numbers.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from keyword import iskeyword

from specc.calls import UNKNOWN_VALUE
from specc.emit.alike import Assign, Holes, Loop, Note, Statement, key, merged, over_calls, over_turns
from specc.emit.calls import Calls
from specc.emit.formulas import Names
from specc.emit.layout import Expression, Given, Group, call, keyword, literal, sequence, text
from specc.emit.parts import END, Graph, Item, Node, Run, opened, stem, steps
from specc.emit.steps import TURNS, Context, Steps
from specc.emit.variables import BUILTINS, Variables
from specc.plan import Opened, Ref, Step, Turn


@dataclass(slots=True)
class Function:
    """A block as it is called in some places: what its parameters are, and what it does."""

    name: str
    block: str
    tensors: list[str]
    required: list[str]
    named: bool
    defaults: dict[str, str]
    body: tuple[Statement, ...]


@dataclass(slots=True)
class Called:
    """One call of a function: which, and what its parameters are."""

    function: Function
    arguments: dict[str, Given]


@dataclass(slots=True)
class Instance:
    """The body of one call of a block, and what its tensors and parameters are called in it."""

    node: Node
    body: list[Statement]
    tensors: list[str]
    called: dict[str, str]
    variables: Variables


class Weaver:
    """Writes the statements of one network."""

    def __init__(self, calls: Calls, taken: Iterable[str], functional: Iterable[str]) -> None:
        """Nothing may have a name that is `taken`, and no block one of those that other functions may have."""
        self.functional = frozenset(functional)
        self.calls = calls
        self.plan = calls.plan
        self.graph = Graph(calls.plan.network)
        self.functions: list[Function] = []
        self.called: dict[int, Called] = {}
        self.taken = set(taken)
        self.single = {given.name for given in calls.plan.network.inputs} | {
            step.name for step in calls.plan.network.steps if step.outputs is not None and len(step.outputs) == 1
        }
        self.steps = Steps(calls, self.graph.again, self.single)
        self.items = self.graph.tree()
        self._define(self.items)

    def woven(self, inputs: Mapping[Ref, str], variables: Variables, names: Names) -> list[Statement]:
        """The statements of the whole network; `variables` are told where each output is. `names` are those of its
        function."""
        return self._body(self.items, Context(names=names), inputs, {}, variables)

    def _define(self, items: Sequence[Item]) -> None:
        """A function for each block, and for each form of it where its calls come to different code."""
        nodes = list(opened(items))
        waiting: dict[str, list[Node]] = {}
        for node in nodes:
            assert isinstance(node.part, Opened)
            waiting.setdefault(node.part.block, []).append(node)
        needs = {
            word: {inner.part.block for node in several for inner in opened(node.items)}  # type: ignore[union-attr]
            for word, several in waiting.items()
        }
        done: set[str] = set()
        while waiting:
            word = next(word for word in waiting if needs[word] <= done)
            self._defined(word, waiting.pop(word))
            done.add(word)

    def _defined(self, word: str, nodes: Sequence[Node]) -> None:
        forms: dict[Hashable, list[Instance]] = {}
        for node in nodes:
            one = self._inside(node)
            forms.setdefault((key(one.body), tuple(one.tensors)), []).append(one)
        for form in forms.values():
            self._function(word, form)

    def _inside(self, node: Node) -> Instance:
        """The body of a call of a block, and what is called how in it."""
        part = node.part
        assert isinstance(part, Opened)
        variables = Variables({*self.taken, "name"})
        named = {edge: name for name, edge in part.inputs.items() if isinstance(edge, Ref)}
        inputs: dict[Ref, str] = {}
        taken = self.graph.taken(node)
        for ref in taken:
            inputs[ref] = variables.fresh(named[ref]) if ref in named else variables.pooled()
        called = {name: variables.fresh(name) for name in part.parameters}
        # Of the spec's own parameters those stay that the block does not hide.
        names = self.calls.formulas.top.inside(part.parameters, called)
        body = self._body(node.items, Context(part.name, "{name}", names), inputs, {}, variables)
        given = self.graph.given(node)
        if given:
            body.append(Assign("return", (", ".join(variables.of(name) for name in given),)))
        return Instance(node, body, list(inputs.values()), called, variables)

    def _function(self, word: str, form: Sequence[Instance]) -> None:
        holes = Holes(form[0].variables.fresh)
        body = merged([one.body for one in form], over_calls(holes))
        said = " ".join(_texts(body))
        used = {name: python for name, python in form[0].called.items() if _mentions(said, python)}
        tree = self.plan.tree["blocks"][word].get("params")
        declared = tree.entries if tree else {}
        defaults = {}
        for name, python in used.items():
            value = declared[name].value
            if isinstance(value, (int, float, str, bool)) and not (isinstance(value, str) and "${" in value):
                defaults[python] = literal(value)
        required = [python for python in used.values() if python not in defaults] + list(holes.found)
        function = Function(self._fresh(word), word, form[0].tensors, required, _mentions(said, "name"), defaults, body)
        self.functions.append(function)
        for number, one in enumerate(form):
            part = one.node.part
            assert isinstance(part, Opened)
            arguments = {}
            for name, python in used.items():
                value = part.parameters[name]
                if python in defaults and name not in part.spans and defaults[python] == literal(value):
                    continue
                arguments[python] = Given(value, "", name)
            arguments |= {name: values[number] for name, values in holes.found.items()}
            self.called[id(one.node)] = Called(function, arguments)

    def _fresh(self, name: str) -> str:
        name = f"{name}_" if iskeyword(name) or name in BUILTINS else name
        count, found = 1, name
        while found in self.taken or found in self.functional:
            count += 1
            found = f"{name}_{count}"
        self.taken.add(found)
        return found

    def _body(
        self,
        items: Sequence[Item],
        context: Context,
        inputs: Mapping[Ref, str],
        forced: Mapping[str, str],
        variables: Variables,
    ) -> list[Statement]:
        """Statements of a function or of a time of a loop; what steps in `forced` give is to be in these variables."""
        items = self._planned(items, context)
        place = {step.name: number for number, item in enumerate(items) for step in steps(item)}
        end = max((self.graph.place[name] for name in place), default=0)
        last: dict[str, int] = {}
        for number, item in enumerate(items):
            last.update({ref.name: number for ref in self.graph.taken(item)})
        kept = {name for name in place if self.graph.last.get(name, -1) > end}
        for ref, variable in inputs.items():
            # What an input is needed for after this body, whoever calls it knows.
            variables.hold(ref, variable, END if ref.name in variables.kept else last.get(ref.name, -1))
        done: list[Statement] = []
        within = ""
        for number, item in enumerate(items):
            if (scope := _scope(item, context)) != within:
                done.append(Note(scope))
                within = scope
            until = {
                name: END if name in kept else last.get(name, -1)
                for name in (self.graph.given(item) if not isinstance(item, Step) else [item.name])
            }
            done += self._item(item, number, context, until, forced, variables)
        for name, variable in forced.items():
            if (now := variables.of(name)) != variable:
                done.append(Assign(variable, (now,)))
                variables.move(name, variable)
        return done

    def _item(
        self,
        item: Item,
        number: int,
        context: Context,
        until: Mapping[str, int],
        forced: Mapping[str, str],
        variables: Variables,
    ) -> list[Statement]:
        if isinstance(item, Step):
            step, ends = item, until[item.name]
            return self.steps.made(
                step,
                context,
                variables,
                lambda: self._target(step.name, step, context, number, ends, forced, variables),
            )
        if isinstance(item, Run):
            return self._loop(item, number, context, until, variables)
        called, part = self.called[id(item)], item.part
        assert isinstance(part, Opened)
        function = called.function
        given: list[Expression] = [(variables.read(ref, self.single),) for ref in self.graph.taken(item)]
        for name in (*function.required, *function.defaults):
            if name in called.arguments:
                one = called.arguments[name]
                formula = self.calls.formulas.formula(part.spans.get(one.argument), one.value, context.names)
                if one.value is UNKNOWN_VALUE and not formula:
                    self.calls.unknown(part.spans.get(one.argument), f"`{name}` of `{function.block}`")
                given.append(keyword(name, (replace(one, formula=formula, argument=name),)))
        if function.named:
            given.append(keyword("name", context.name(part.name)))
        targets = [self._target(name, item, context, number, until[name], forced, variables) for name in until]
        return [Assign(", ".join(targets), call(function.name, given))]

    def _target(
        self,
        name: str,
        item: Item,
        context: Context,
        number: int,
        until: int,
        forced: Mapping[str, str],
        variables: Variables,
    ) -> str:
        """The variable for what a step gives; none where nothing reads it."""
        until = END if name in forced else until
        if until < 0:
            return ""
        if name in forced and variables.free(forced[name], number):
            return variables.hold(Ref(name), forced[name], until)
        # Of a block the call is named, not the step within that gives what comes out.
        alone = not isinstance(item, Node) or len(self.graph.given(item)) == 1
        part = item.part.name if isinstance(item, Node) and alone else name
        own = part.removeprefix(context.prefix).rpartition(".")[2] or automatic(_word(item))
        return variables.assign(Ref(name), own, _is_named(item, own), number, until)

    def _planned(self, items: Sequence[Item], context: Context) -> list[Item]:
        """Times of a repetition in runs that a loop can say; one that stands alone is its items."""
        done: list[Item] = []
        place = 0
        while place < len(items):
            item = items[place]
            if not (isinstance(item, Node) and isinstance(item.part, Turn)):
                done.append(item)
                place += 1
                continue
            turns = [item]
            for after in items[place + 1 :]:
                if not (isinstance(after, Node) and isinstance(after.part, Turn)) or stem(after.part) != stem(
                    item.part
                ):
                    break
                turns.append(after)
            for run in self._runs(turns, context):
                done += [run] if isinstance(run, Run) else self._planned(run.items, context)
            place += len(turns)
        return done

    def _runs(self, turns: Sequence[Node], context: Context) -> list[Run | Node]:
        done: list[Run | Node] = []
        place = 0
        while place < len(turns):
            run = [turns[place]]
            hands = self.graph.hands(turns[place], turns[place + 1]) if place + 1 < len(turns) else None
            if len(turns) == 1 and (alone := self._once(turns[0], context)) is not None:
                return [Run(run, [self.graph.taken(turns[0])], alone)]
            if hands is not None:
                alike = self._trial(run[0], hands, context)
                for before, after in zip(turns[place:], turns[place + 1 :], strict=False):
                    if self.graph.hands(before, after) != hands or self._trial(after, hands, context) != alike:
                        break
                    run.append(after)
            if hands is None or len(run) == 1:
                done.append(run[0])
            else:
                done.append(Run(run, [self.graph.taken(turn) for turn in run], hands))
            place += len(run)
        return done

    def _once(self, turn: Node, context: Context) -> tuple[tuple[str, int | None] | None, ...] | None:
        """Whether one time stands for several that a block's parameter may ask for, and what is handed on then."""
        part, taken, given = turn.part, self.graph.taken(turn), self.graph.given(turn)
        assert isinstance(part, Turn)
        if not (context.said and taken and len(given) == 1):
            return None
        if not self.calls.formulas.formula(part.span, part.number + 1, context.names):
            return None
        return ((given[0].removeprefix(part.name), None), *(None for _ in taken[1:]))

    def _trial(self, turn: Node, hands: Sequence[tuple[str, int | None] | None], context: Context) -> Hashable:
        """What the code of one time is alike with, in variables that are alike for all."""
        own = {step.name.removeprefix(turn.part.name) for step in steps(turn)}
        if any(hand is not None and hand[0] not in own for hand in hands):
            return None  # It is another chain, and has nothing of this name to hand on.
        variables = Variables(self.taken)
        takes = self.graph.taken(turn)
        inputs = {ref: f"taken_{number}" for number, ref in enumerate(takes)}
        return key(self._time(turn, takes, hands, [*inputs.values()], {}, context, variables))

    def _time(
        self,
        turn: Node,
        takes: Sequence[Ref],
        hands: Sequence[tuple[str, int | None] | None],
        slots: Sequence[str],
        extra: Mapping[str, str],
        context: Context,
        variables: Variables,
    ) -> list[Statement]:
        """The body of a loop, of one of its times."""
        part = turn.part
        assert isinstance(part, Turn)
        said = context.said + stem(part).removeprefix(context.prefix) + f".{{{TURNS[context.depth]}}}"
        names = context.names.inside({"i": part.number}, {"i": TURNS[context.depth]})
        inner = Context(part.name, said, names, context.depth + 1)
        forced = {part.name + hand[0]: slot for hand, slot in zip(hands, slots, strict=True) if hand is not None}
        forced |= {part.name + own: variable for own, variable in extra.items()}
        variables.kept = {ref.name for ref, hand in zip(takes, hands, strict=True) if hand is None}
        return self._body(turn.items, inner, dict(zip(takes, slots, strict=True)), forced, variables)

    def _loop(
        self, run: Run, number: int, context: Context, until: Mapping[str, int], variables: Variables
    ) -> list[Statement]:
        first, final = run.turns[0], run.turns[-1]
        assert isinstance(first.part, Turn)
        own = stem(first.part).rpartition(".")[2]
        done: list[Statement] = []
        slots: list[str] = []
        takes = run.takes[0]
        fixed = {variables.read(ref, self.single) for ref, hand in zip(takes, run.hands, strict=True) if hand is None}
        for ref, hand in zip(takes, run.hands, strict=True):
            before = variables.read(ref, self.single)
            if hand is None:
                slots.append(before)
                continue
            after = final.part.name + hand[0]
            named = _is_named(first.items[0], own)
            others = {*fixed, *slots}
            slot = variables.carry(ref, before, after, own, named, number, until.get(after, number), others)
            if slot != before:
                done.append(Assign(slot, (before,)))
            slots.append(slot)
        handed = {final.part.name + hand[0] for hand in run.hands if hand is not None}
        extra = {
            name.removeprefix(final.part.name): variables.fresh(name.removeprefix(context.prefix).lstrip("."))
            for name in until
            if name not in handed
        }
        bodies = []
        names = set(variables.taken)
        handing = [slot for slot, hand in zip(slots, run.hands, strict=True) if hand is not None]
        for turn, taken in zip(run.turns, run.takes, strict=True):
            inner = variables.inside(number, handing)
            bodies.append(self._time(turn, taken, run.hands, slots, extra, context, inner))
            names |= inner.taken
        variables.taken = names
        holes = Holes(variables.fresh)
        body = merged(bodies, over_turns(holes))
        for own_name, variable in extra.items():
            variables.hold(Ref(final.part.name + own_name), variable, until[final.part.name + own_name])
        done.append(self._looped(run, body, holes, context))
        return done

    def _looped(self, run: Run, body: tuple[Statement, ...], holes: Holes, context: Context) -> Loop:
        part = run.turns[0].part
        assert isinstance(part, Turn)
        turn, start, stop = TURNS[context.depth], run.first, run.first + len(run.turns)
        used = _mentions(" ".join(_texts(body)), turn)
        if not holes.found:
            formula = self.calls.formulas.formula(part.span, stop, context.names)
            bounds: list[Expression] = [(Given(stop, formula, "times"),)]
            over = call("range", [(literal(start),), *bounds] if start else bounds)
            return Loop(turn if used else "_", over, body)
        rows = [[values[place] for values in holes.found.values()] for place in range(len(run.turns))]
        several = sequence((one[0],) if len(one) == 1 else (Group("()", tuple((v,) for v in one)),) for one in rows)
        target = ", ".join(holes.found)
        if not used:
            return Loop(target, several, body)
        over = call("enumerate", [several, (literal(start),)] if start else [several])
        return Loop(f"{turn}, ({target})" if len(holes.found) > 1 else f"{turn}, {target}", over, body)


def automatic(word: str) -> str:
    """What `bind` calls a step of this word that has no name."""
    word = re.sub(r"\W+", "", word.rpartition(".")[2])
    word = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", word)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", word).lower()


def _scope(item: Item, context: Context) -> str:
    """The chain, branch or residual of the spec that an item is in, by its name there; one without a name is none."""
    if isinstance(item, Run):
        first = item.turns[0]
        assert isinstance(first.part, Turn)
        # What is repeated is one step or call of a block, or else a chain of them.
        inner = [_called(one) for one in first.items]
        whole = stem(first.part) + ("" if inner == [first.part.name] else ".")
    else:
        whole = _called(item)
    own = whole.removeprefix(context.prefix).lstrip(".").rpartition(".")[0]
    if isinstance(item, Step) and item.shares is not None and re.match(r"apply(_\d+)?(\.|$)", own):
        return f"{item.shares.rpartition('.')[0]} again"
    return "" if re.fullmatch(r"layers(_\d+)?", own) else own


def _called(item: Item) -> str:
    if isinstance(item, Step):
        return item.name
    return item.part.name if isinstance(item, Node) else stem(item.turns[0].part)  # type: ignore[arg-type]


def _word(item: Item) -> str:
    """The word of the call that an item is."""
    if isinstance(item, Step):
        return item.call.name
    return item.part.block if isinstance(item, Node) and isinstance(item.part, Opened) else "layers"


def _is_named(item: Item, own: str) -> bool:
    """Does the spec give this name? Else it is the call's, or says what kind of step it is."""
    words = "|".join((automatic(_word(item)), "layers", "residual", "branches", "apply", "add"))
    return not re.fullmatch(rf"({words})(_\d+)?|\d+", own)


def _texts(body: Iterable[Statement]) -> Iterable[str]:
    for one in body:
        if isinstance(one, Assign):
            yield text(one.value)
        elif isinstance(one, Loop):
            yield text(one.over)
            yield from _texts(one.body)


def _mentions(said: str, name: str) -> bool:
    # A keyword of a call is no mention: `filters=3`. In an f-string a name stands in braces.
    return re.search(rf"(?<![\w.]){name}(?!\w|=)", said) is not None
