"""Document to Document: the schema, and what it cannot say of steps and blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from specc import catalog, codes
from specc.calls import Argument, Signature
from specc.diagnostics import Code, Edit, Log, Span, nearest
from specc.schema import complaints
from specc.schema.complaints import Complaint, one_line
from specc.schema.fixes import respelling, spacing
from specc.schema.sections import FORMS, step_keys
from specc.schema.wording import called, joined, met, missing_space, shown, suggestion
from specc.text.spelling import established, respelt
from specc.tree import Document, Tree

BESIDE = tuple(key for key in step_keys() if key not in FORMS)
"""Keys of a step that stand beside its call."""

PREFIXES = {"ops.": "ops", "applications.": "applications"}

INPUTS = ("Input", "InputLayer")
"""What Keras begins a network with, and a spec does not."""


def conform(document: Document, log: Log) -> Document:
    """Report what the spec has against the language. The document is given on as it is."""
    tree = document.tree
    if not tree.is_mapping:
        log.report(
            codes.S105,
            tree.span,
            f"a spec is a mapping of sections, and this is {met(tree.plain())}",
            help="begin with `specc: 1`, then `model:`",
        )
        return document
    found = complaints(tree)
    if any(c.code is codes.S107 for c in found):
        found = [c for c in found if c.code is codes.S107]  # The rest may be right in that version.
    else:
        whole = not any(c.code is codes.S101 and c.span.pointer.count("/") == 1 for c in found)
        steps = Steps(dict(tree["blocks"].entries) if "blocks" in tree else {}, log, whole)
        steps.all(tree)
        found = [c for c in found if c.code is not codes.S104 or c.span not in steps.excused]
    for complaint in found:
        log.report(complaint.code, complaint.span, complaint.message, help=complaint.help, fix=complaint.fix)
    return document


@dataclass(slots=True)
class Steps:
    """Looks at every step of a spec.

    `whole`: every section has its right name, so that all blocks are known.
    `excused` are the places of calls whose missing arguments have been told already as what they are: misplaced.
    """

    blocks: Mapping[str, Tree]
    log: Log
    whole: bool = True
    excused: set[Span] = field(default_factory=set)

    def all(self, tree: Tree) -> None:
        """The steps of the model and of the blocks, and the names of the blocks."""
        for name, block in self.blocks.items():
            if name in step_keys():
                self._report(
                    codes.S105,
                    block.key,
                    f"a block cannot be called `{name}`: that is a key of every step",
                    f"give it another name, like `{name}_block`",
                )
            self._chain(block.get("layers"))
        model = tree.get("model")
        self._chain(model.get("layers") if model else None)

    def _chain(self, chain: Tree | None) -> None:
        for step in chain.elements if chain else ():
            if step.is_mapping:
                self._step(step)
            elif isinstance(step.value, str):
                self._name(step, step.value)
            else:
                message = f"a step is a name, or a name with its arguments, and here is {met(step.plain())}"
                self._report(codes.S106, step.span, message, "write a call, like `Dense: 10`")

    def _step(self, step: Tree) -> None:
        """A mapping: one call and no other, and keys beside it."""
        calls = [key for key in step.entries if key in FORMS or self._is_call(key)]
        strange = [key for key in step.entries if key not in calls and key not in BESIDE]
        if not calls and strange:
            meant = next((key for key in strange if key in INPUTS or not nearest(key, BESIDE)), None)
            if meant is not None:
                strange.remove(meant)
                self._unknown(meant, step[meant].key)
                calls = [meant]
        for key in strange:
            if calls and _looks_like_a_call(key):
                calls.append(key)
            else:
                self._strange(step, key, calls)
        if len(calls) > 1:
            self._report(
                codes.S106,
                step[calls[1]].key,
                f"a step is one call, and here are {len(calls)}: {joined(map(shown, calls), 'and')}",
                "begin a step of its own with `- ` for each",
            )
        elif not calls and not strange:
            beside = joined(map(shown, step.entries), "and")
            message = f"a step needs a call, and here {f'is only {beside}' if beside else 'is nothing'}"
            self._report(codes.S106, step.span, message, "write what it calls, like `Dense: 10`")
        elif "shortcut" in step and "residual" not in step:
            message = "`shortcut` is the way around a `residual`, and here is none"
            self._report(codes.S104, step["shortcut"].key, message, "put `residual: […]` beside it")
        for name in calls:
            self._inside(step, name)

    def _inside(self, step: Tree, name: str) -> None:
        """What a call holds that the schema does not see: steps, the arguments of a block, call-time arguments."""
        body = step[name]
        if name in ("layers", "residual"):
            self._chain(body)
            self._chain(step.get("shortcut"))
        elif name == "branches":
            for chain in (*body.entries.values(), *body.elements):
                self._chain(chain)
        elif name in self.blocks:
            self._block_call(name, body, body.key)
        elif name not in FORMS and "call" in step:
            self._options(name, step["call"])

    def _name(self, step: Tree, name: str) -> None:
        """A step that is a name alone."""
        if name in self.blocks:
            self._block_call(name, None, step.span)
        elif name in FORMS:
            self._report(codes.S106, step.span, f"`{name}` stands without what it is of", f"write `{name}: […]`")
        elif not self._is_call(name):
            self._unknown(name, step.span)
        elif required := [a.name for a in _arguments(name) if a.required]:
            inside = ", ".join(f"{each}: …" for each in required)
            message = f"`{name}` needs {joined(map(shown, required), 'and')}"
            self._report(codes.S104, step.span, message, f"write `{name}: {{{inside}}}`")

    def _strange(self, step: Tree, key: str, calls: list[str]) -> None:
        """A key that is no key of a step, beside a call or where only keys of steps are."""
        span = step[key].key
        call = next(iter(calls), "")
        parameters = self.blocks[call].get("params") if call in self.blocks else None
        inside = [*(a.name for a in _arguments(call)), *(parameters.entries if parameters else ())]
        hint = missing_space(key, (*BESIDE, *inside))
        free = [word for word in (*BESIDE, *(() if call else FORMS)) if word not in step]
        fix = spacing(span, key, free) or respelling(span, key, free, (*BESIDE, *FORMS, *inside))
        if key in inside:
            self.excused.add(step[call].key)
            hint = f"it is an argument of `{call}`: indent it under `{call}:`, or write `{call}: {{{key}: …}}`"
            fix = _indented(step, key, call)
        hint = hint or suggestion(key, (*BESIDE, *FORMS), 20)
        self._report(codes.S101, span, f"a step has no key `{key}`", hint, fix)

    def _block_call(self, name: str, body: Tree | None, here: Span) -> None:
        """The arguments of a block against its parameters."""
        declared = self.blocks[name].get("params")
        parameters = declared.entries if declared else {}
        given = dict(body.entries) if body else {}
        if body is not None and not body.is_mapping and body.value is not None:
            if not parameters:
                message = f"the block `{name}` takes no arguments, and is given {met(body.plain())}"
                self._report(codes.S105, body.span, message, f"write `{name}` alone, or give it `params`")
                return
            given = {next(iter(parameters)): body}
        strange = [key for key in given if key not in parameters]
        for key in strange:
            hint = missing_space(key, parameters) or suggestion(key, parameters)
            if not hint:
                hint = f"declare it: `params: {{{key}: …}}`"
            place = given[key].key
            fix = spacing(place, key, parameters) if given[key].value is None else None
            certain = established(key, [word for word in parameters if word not in given], self._text(place))
            fix = fix or respelt(place, key, certain)
            self._report(codes.S103, place, f"the block `{name}` has no parameter `{key}`", hint, fix)
        lacking = [key for key, default in parameters.items() if default.value is None and key not in given]
        if lacking and not strange:
            inside = ", ".join(f"{each}: …" for each in lacking)
            message = f"the block `{name}` needs {joined(map(shown, lacking), 'and')}"
            if here not in self.excused:
                self._report(codes.S104, here, message, f"write `{name}: {{{inside}}}`")

    def _options(self, name: str, options: Tree) -> None:
        """The call-time arguments of a step against what its call takes."""
        takes = _signature(name)
        known = {option.name: option for option in takes.options} if takes else {}
        for key, value in options.entries.items():
            if key not in known:
                at_making = takes is not None and takes.argument(key) is not None
                hint = f"give it to the layer: `{name}: {{{key}: …}}`" if at_making else suggestion(key, known)
                fix = respelling(value.key, key, known, (a.name for a in _arguments(name)))
                self._report(codes.S103, value.key, f"calling `{name}` takes no `{key}`", hint, fix)

    def _unknown(self, name: str, span: Span) -> None:
        """S102: neither Keras's, nor a block, nor a form of ours."""
        family, short = _split(name)
        if name in INPUTS:
            help = "leave it out: the inputs are those of the dataset, or `inputs: {x: {shape: […]}}` under `model`"
            self._report(codes.S102, span, f"`{name}` is no step", help)
            return
        if reason := catalog.withheld(family).get(short):
            self._report(codes.S102, span, f"a spec cannot use `{name}`", f"it {reason}")
            return
        known = [*self._calls(), *FORMS, *BESIDE]
        hint = missing_space(name, known) or called(name, known) or _without_module(name)
        # A block may be misspelt where it is declared.
        certain = established(name, known, self._text(span))
        fix = spacing(span, name, known) or respelling(span, name, (w for w in known if w not in self.blocks), known)
        fix = fix or respelt(span, name, certain if certain in self.blocks else None)
        within = [call for call in known if "." in call and call.partition(".")[2].casefold() == name.casefold()]
        layers = {layer.casefold() for layer in catalog.names("layers")}
        if not hint and within and name.casefold() not in layers:
            hint = f"did you mean `{within[0]}`?"
            exactly = len(within) == 1 and within[0].endswith(f".{name}") and not nearest(name, self.blocks)
            fix = respelt(span, name, within[0]) if exactly else None
        elif within:
            fix = None  # `add` is `Add`, or `ops.add`
        hint = hint or suggestion(name, known, 0)
        self._report(codes.S102, span, f"there is no layer, op or block `{name}`", hint, fix if self.whole else None)

    def _text(self, span: Span) -> str:
        """The text that a place is in."""
        return self.log.sources.get(span.path, "")

    def _is_call(self, name: str) -> bool:
        return name in self.blocks or (name not in INPUTS and _signature(name) is not None)

    def _calls(self) -> Iterable[str]:
        yield from self.blocks
        yield from (*catalog.names("layers"), *catalog.aliases("layers"))
        for prefix, family in PREFIXES.items():
            yield from (f"{prefix}{name}" for name in catalog.names(family))

    def _report(self, code: Code, span: Span, message: str, help: str, fix: Edit | None = None) -> None:
        told = one_line(Complaint(code, span, message, help, fix))
        self.log.report(told.code, told.span, told.message, help=told.help, fix=told.fix)


def _indented(step: Tree, key: str, call: str) -> Edit | None:
    """The edit that puts a key on a line of its own under the call beside it, where nothing else is in the way."""
    place, above, value = step[key].key, step[call], step[key].span
    if above.value is not None or place.column != above.key.column or place.line <= above.key.line:
        return None
    if value.end_line != place.line or value.path != place.path or place.path != above.key.path:
        return None
    return Edit(replace(place, end_line=place.line, end_column=place.column), "  ")


def _without_module(name: str) -> str:
    """The help for `keras.layers.Dense`."""
    module, _, layer = name.rpartition(".")
    of_keras = module.endswith(("keras", "layers")) and layer in catalog.names("layers")
    return f"write `{layer}`, without the module" if of_keras else ""


def _looks_like_a_call(key: str) -> bool:
    return key[:1].isupper() or key.startswith(tuple(PREFIXES))


def _split(name: str) -> tuple[str, str]:
    """The family and the name in it: `ops.image.resize` is `image.resize` of `ops`."""
    family = next((family for prefix, family in PREFIXES.items() if name.startswith(prefix)), None)
    return (family, name.partition(".")[2]) if family else ("layers", name)


def _signature(name: str) -> Signature | None:
    return catalog.signature(*_split(name))


def _arguments(name: str) -> tuple[Argument, ...]:
    takes = _signature(name)
    return takes.arguments if takes else ()
