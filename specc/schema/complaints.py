"""A tree against the schema, told in the codes and words of specc: each fault once, at its place, with its remedy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from specc import catalog, codes, kinds
from specc.calls import Signature
from specc.diagnostics import Code, Edit, Span
from specc.schema.document import aliases, definition, names
from specc.schema.findings import Finding, findings, plain
from specc.schema.fixes import respelling, revaluing, spacing, unlisting
from specc.schema.wording import (
    NOTHING,
    NOUNS,
    SQUARE,
    article,
    called,
    invitation,
    is_computed,
    is_whole,
    met,
    missing_space,
    needed,
    number,
    quoted,
    remedy,
    shown,
    suggestion,
)
from specc.tree import Tree

STEP_KEYS = ("name", "inputs", "call", "repeat", "when", "freeze")


@dataclass(frozen=True, slots=True)
class Complaint:
    """One fault: what a log needs to report it."""

    code: Code
    span: Span
    message: str
    help: str = ""
    fix: Edit | None = None


def complaints(tree: Tree, fragment: str | None = None) -> list[Complaint]:
    """What a tree has against the schema of a whole spec, or of a part of it: `losses`, `layers/Dense`.

    The names of steps are left to `conform`, which knows the blocks. An `UNKNOWN_VALUE` and an expression are right
    wherever a value may be computed.
    """
    found: dict[tuple[Code, Span], Complaint] = {}
    for finding in findings(tree, fragment):
        for complaint in _told(finding, tree):
            found.setdefault((complaint.code, complaint.span), one_line(complaint))
    told = sorted(found.values(), key=lambda c: (c.span.line, c.span.column))
    # In `{shape: (4, 5)}` the comma ends the value, and `5)` is a key.
    return [c for i, c in enumerate(told) if not (i and _rest_of_tuple(c) and told[i - 1].help == SQUARE)]


def _rest_of_tuple(complaint: Complaint) -> bool:
    return complaint.code in (codes.S101, codes.S103) and complaint.span.pointer.endswith(")")


def one_line(complaint: Complaint) -> Complaint:
    """The same with what breaks lines escaped: a key may hold anything."""
    escapes = {ord(c): repr(c)[1:-1] for c in "\n\r\t\v\f\x85\u2028\u2029"}
    return replace(complaint, message=complaint.message.translate(escapes), help=complaint.help.translate(escapes))


def call_complaints(family: str, name: str, arguments: Tree) -> list[Complaint]:
    """What the arguments of a call have against them, in any form of the notation. An unknown name has none."""
    known = aliases(family).get(name, name)
    return complaints(arguments, f"{family}/{known}") if known in names(family) else []


def _told(finding: Finding, root: Tree) -> Iterator[Complaint]:
    """One finding; one that only follows from another gives nothing."""
    node, schema = root.at(finding.path), finding.schema
    family = schema.get("x-names")
    if family == "steps":
        return
    if finding.about_key:
        yield _bad_key(finding, node)
    elif family and isinstance(finding.value, dict):
        yield _one_call(finding, node, family)
    elif family:
        yield _not_a_name(finding, node, family)
    elif finding.keyword == "additionalProperties":
        yield from _unknown_keys(finding, node)
    elif finding.keyword == "required":
        yield from _missing(finding, node)
    elif finding.keyword == "type" and "x-call" in schema:
        yield _not_given(finding, node)
    elif finding.keyword == "anyOf":
        yield from _any_of(finding, node, root)
    else:
        yield _wrong_value(finding, node)


def _any_of(finding: Finding, node: Tree, root: Tree) -> Iterator[Complaint]:
    """What the branch that was meant has against the value; where none is plainly meant, what all of them ask for."""
    schemas = finding.schema["anyOf"]
    meant = [b for b, schema in zip(finding.branches, schemas, strict=True) if not is_computed(schema)]
    if "x-by" in finding.schema:
        meant = [finding.branches[_by_target(node, root)]]
    elif len(meant) > 1:
        meant = [branch for branch in meant if not any(_of_another_kind(inner) for inner in branch)]
    if len(meant) != 1:
        yield _wrong_value(finding, node)
        return
    for inner in meant[0]:
        if inner.depth or "x-names" in inner.schema or inner.keyword in ("anyOf", "required", "additionalProperties"):
            yield from _told(inner, root)
        else:
            yield _wrong_value(finding, node, inner.keyword)


def _of_another_kind(finding: Finding) -> bool:
    """Is the value of another kind than this branch is about, rather than a faulty one of its kind?"""
    if finding.depth:
        return False
    if "x-names" in finding.schema:
        return not isinstance(finding.value, (str, dict)) or number(finding.value) is not None
    return finding.keyword in ("type", "enum", "const", "pattern")


def _by_target(node: Tree, root: Tree) -> int:
    """Which of two: 0 for one loss, 1 for a loss by target. A call has one key, and it is no target's name."""
    targets = [*root.at(("dataset", "targets")).entries, *root.at(("model", "outputs")).entries]
    keys = list(node.entries)
    return int(bool(keys) and (len(keys) != 1 or keys[0] in targets))


def _unknown_keys(finding: Finding, node: Tree) -> Iterator[Complaint]:
    """Each key that is not known. Where two of them may have meant the same one, neither has a remedy."""
    found = list(_each_unknown_key(finding, node))
    written = [complaint.fix.text.partition(":")[0] for complaint in found if complaint.fix]
    for complaint in found:
        twice = complaint.fix is not None and written.count(complaint.fix.text.partition(":")[0]) > 1
        yield replace(complaint, fix=None) if twice else complaint


def _each_unknown_key(finding: Finding, node: Tree) -> Iterator[Complaint]:
    known = list(finding.schema["properties"])
    free = [key for key in known if key not in node]
    for key, value in node.entries.items():
        if key in known:
            continue
        hint = missing_space(key, known)
        fix = spacing(value.key, key, free) if value.value is None else None
        if "x-call" in finding.schema:
            family, name = finding.schema["x-call"].split("/")
            elsewhere = "" if hint else _elsewhere(family, name, key)
            options = [option.name for option in _signature(family, name).options]
            if not elsewhere:
                fix = fix or respelling(value.key, key, free, (*known, *options, *STEP_KEYS))
            hint = hint or elsewhere or suggestion(key, known, most=20)
            yield Complaint(codes.S103, value.key, f"{_named(family, name)} has no argument `{key}`", hint, fix)
        else:
            fix = fix or respelling(value.key, key, free, known)
            hint = hint or suggestion(key, known, most=20)
            yield Complaint(codes.S101, value.key, f"{_section(finding)} has no key `{key}`", hint, fix)


def _elsewhere(family: str, name: str, key: str) -> str:
    """The help for what is no argument of a layer, but belongs to its step."""
    takes = _signature(family, name)
    if family not in ("layers", "ops", "applications"):
        return ""
    if any(option.name == key for option in takes.options):
        return f"it belongs to the call: put `call: {{{key}: …}}` beside `{name}`"
    if key == "input_shape":
        return "leave it out: the shape comes from what goes in"
    return f"`{key}` is a key of the step: it stands beside `{name}`, not inside" if key in STEP_KEYS else ""


def _missing(finding: Finding, node: Tree) -> Iterator[Complaint]:
    given, schema = node.entries, finding.schema if "properties" in finding.schema else definition("")
    closed = schema.get("additionalProperties") is False
    if closed and any(key not in schema["properties"] for key in given):
        return  # A missing argument beside a misspelt one is the misspelt one.
    lacking = [name for name in finding.schema["required"] if name not in given]
    if "x-call" in finding.schema:
        family, name = finding.schema["x-call"].split("/")
        yield _lacking(family, name, lacking, node)
        return
    message = f"{_section(finding)} needs {quoted(lacking)}"
    if finding.path:
        yield Complaint(codes.S104, node.key, message, f"add `{lacking[0]}: …`")
        return
    start = replace(node.span, line=1, column=1, end_line=1, end_column=1)
    hint = "start the file with `specc: 1`" if lacking[0] == "specc" else f"add `{lacking[0]}:`"
    yield Complaint(codes.S104, start, message, hint)


def _not_given(finding: Finding, node: Tree) -> Complaint:
    """A call without the arguments that it must have, or with one where it takes none."""
    family, name = finding.schema["x-call"].split("/")
    if finding.schema["type"] == "null":
        message = f"{_named(family, name)} takes no arguments, and is given {met(finding.value)}"
        return Complaint(codes.S105, node.span, message, f"write `{_label(family, name)}` alone")
    arguments = _signature(family, name).arguments
    alone = "" if finding.value is None else arguments[0].name
    return _lacking(family, name, [a.name for a in arguments if a.required and a.name != alone], node)


def _lacking(family: str, name: str, lacking: Sequence[str], node: Tree) -> Complaint:
    hint = f"add `{invitation(lacking)}`"
    if family != "features" and not node.entries:
        given = shown(plain(node)).strip("`")
        first = f"{_signature(family, name).arguments[0].name}: {given}, " if node.value is not None else ""
        hint = f"write `{_label(family, name)}: {{{'' if node.is_mapping else first}{invitation(lacking)}}}`"
    return Complaint(codes.S104, node.key, f"{_named(family, name)} needs {quoted(lacking)}", hint)


def _one_call(finding: Finding, node: Tree, family: str) -> Complaint:
    """A mapping that should be one name with its arguments, and is not."""
    keys, known = list(node.entries), finding.schema["properties"]
    if len(keys) == 1:
        return _unknown_name(family, keys[0], node[keys[0]].key)
    calls = [key for key in keys if key in known]
    strange = [key for key in keys if key not in known]
    hint = "write one: `Name`, or `Name: {…}`"
    if len(calls) == 1 and all(_signature(family, calls[0]).argument(key) for key in strange):
        hint = f"indent {quoted(strange)} under `{calls[0]}:`, or write `{calls[0]}: {{{invitation(strange)}}}`"
    found = f"here are {len(keys)} keys: {quoted(keys)}" if keys else "this mapping is empty"
    message = f"{article(NOUNS[family])} is one name with its arguments, and {found}"
    return Complaint(codes.S105, node[keys[0]].key if keys else node.span, message, hint)


def _not_a_name(finding: Finding, node: Tree, family: str) -> Complaint:
    """Something other than the name of a call that needs no arguments."""
    name = finding.value
    if not isinstance(name, str):
        wanted = article(NOUNS[family])
        told = f"is empty, and must be {wanted}" if name is None else f"must be {wanted}, not {met(name)}"
        hint = f"take it out of the list: `{name[0]}`" if isinstance(name, list) and len(name) == 1 else ""
        return Complaint(codes.S105, node.span, f"{_place(finding)} {told}", hint, unlisting(node.span, name))
    known = aliases(family).get(name, name)
    if known not in names(family) or family == "features":
        return _unknown_name(family, name, node.span)
    required = [a.name for a in _signature(family, known).arguments if a.required]
    hint = f"write `{name}: {{{invitation(required)}}}`"
    return Complaint(codes.S104, node.span, f"{_named(family, name)} needs {quoted(required)}", hint)


def _unknown_name(family: str, name: str, span: Span) -> Complaint:
    """S102, with the nearest name, or the reason why a name of Keras's is not offered."""
    if family in catalog.FAMILIES and (reason := catalog.withheld(family).get(name)):
        return Complaint(codes.S102, span, f"a spec cannot use `{name}`", f"it {reason}")
    known = [*names(family), *aliases(family)]
    hint = missing_space(name, known) or called(name, known) or (NOTHING if name == "None" else "")
    hint = hint or _of_another_family(family, name) or suggestion(name, known)
    fix = spacing(span, name, known) or respelling(span, name, known)
    return Complaint(codes.S102, span, f"there is no {NOUNS[family]} `{name}`", hint, fix)


def _of_another_family(family: str, name: str) -> str:
    """The help for `adam` as a loss, and for `crossentropy`, by which Keras means one of three."""
    if name in ("crossentropy", "ce") and family in ("losses", "metrics"):
        return "write which one: `binary_crossentropy`, `categorical_crossentropy` or `sparse_categorical_crossentropy`"
    if family not in ("losses", "metrics", "optimizers", "callbacks"):
        return ""
    others = (other for other in ("losses", "metrics", "optimizers", "callbacks") if other != family)
    found = next((other for other in others if name in names(other) or name in aliases(other)), None)
    return f"`{name}` is {article(NOUNS[found])}" if found else ""


def _bad_key(finding: Finding, node: Tree) -> Complaint:
    key = str(finding.value)
    letters = "letters" if "A-Z" in finding.schema["pattern"] else "lower-case letters"
    message = f"`{key}` cannot be a name here: it must be {letters}, digits and `_`, and not begin with a digit"
    return Complaint(codes.S105, node[key].key, message)


def _wrong_value(finding: Finding, node: Tree, keyword: str = "") -> Complaint:
    """S105, or S107 for a version of the language that is not this one; `keyword` is what a branch is broken by."""
    value, where, keyword = finding.value, _place(finding), keyword or finding.keyword
    if finding.path == ("specc",) and is_whole(value):
        message = f"the spec is written in version {value} of the language, and this is version 1"
        return Complaint(codes.S107, node.span, message, "write `specc: 1`")
    wanted = needed(finding.schema)
    if keyword == "minItems" and value == []:
        return Complaint(codes.S105, node.span, f"{where} is an empty list", f"it must be {wanted}")
    if keyword == "uniqueItems" and (again := _again(value)) is not None:
        item = node[again]
        return Complaint(codes.S105, item.span, f"{where} has {shown(value[again])} twice", "take one of them out")
    told = f"is empty, and must be {wanted}" if value is None else f"must be {wanted}, not {met(value)}"
    choices = _choices(finding)
    hint, fix = remedy(value, finding.schema, choices), revaluing(node.span, value, finding.schema, choices)
    return Complaint(codes.S105, node.span, f"{where} {told}", hint, fix)


def _again(items: Sequence[object]) -> int | None:
    """The place of the first scalar that stands in a list before as well."""
    return next((i for i, item in enumerate(items) if not isinstance(item, (dict, list)) and item in items[:i]), None)


def _choices(finding: Finding) -> list[str]:
    """The words that would have been right, in any branch."""
    inner = [f for branch in finding.branches for f in branch if not f.depth]
    own = [word for word in finding.schema.get("enum", ()) if isinstance(word, str)]
    return own + [word for each in inner for word in _choices(each)]


def _place(finding: Finding) -> str:
    """The value at fault by the name it goes by: an argument, a key, or an item of one."""
    if "title" in finding.schema:
        return f"`{finding.schema['title']}`"
    path, indices = list(finding.path), ""
    while path and isinstance(path[-1], int):
        indices = f"[{path.pop()}]{indices}"
    return f"`{path[-1]}{indices}`" if path else "the value" if not indices else f"item {indices}"


def _section(finding: Finding) -> str:
    path = [part for part in finding.path if isinstance(part, str)]
    return f"`{path[-1]}`" if path else "a spec"


def _signature(family: str, name: str) -> Signature:
    """What a known name takes, whether it is Keras's word or ours."""
    if family in kinds.FAMILIES:
        return kinds.signature(family, name)
    takes = catalog.signature(family, name)
    assert takes is not None, f"{family}/{name} is in the schema, so the catalog has it"
    return takes


def _label(family: str, name: str) -> str:
    return f"{family}.{name}" if family in ("ops", "applications") else name


def _named(family: str, name: str) -> str:
    return f"a feature of type `{name}`" if family == "features" else f"`{_label(family, name)}`"
