"""Our evaluation of the schema finds what `jsonschema` finds: the same keywords broken by the same values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from specc.diagnostics import Log, Rejected, Span
from specc.passes.read import read
from specc.schema.document import document
from specc.schema.findings import KEYWORDS, Finding, findings
from specc.tree import Source, planted

CASES = Path(__file__).parents[1] / "cases"
HERE = Span("spec.yaml", 1, 1, 1, 1)
SILENT = {"$defs", "$schema", "title", "description", "default", "format", "patternProperties", "then", "else"}
"""Keywords that say nothing of a value by themselves."""

STRICT: Any = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)
JUDGE = STRICT(document())

Seen = tuple[str, tuple[str | int, ...], int, bool, str, tuple[Any, ...]]


def plain(path: Path) -> Any:
    """A spec as plain data, or None where it is not YAML."""
    with suppress(Rejected):
        return read(Source(str(path), path.read_bytes().decode("utf-8", "replace")), Log()).tree.plain()
    return None


SPECS = {p.stem: spec for p in sorted(CASES.glob("*/*.yaml")) if isinstance(spec := plain(p), dict)}


def ours(found: Finding) -> Seen:
    branches = tuple(frozenset(map(ours, branch)) for branch in found.branches)
    return (found.keyword, found.path, found.depth, found.about_key, repr(found.value), branches)


def theirs(error: ValidationError) -> Seen:
    branches: dict[Any, list[Seen]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.relative_schema_path[0], []).append(theirs(inner))
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    every = tuple(frozenset(branches.get(i, ())) for i in range(len(schema.get("anyOf", ())))) if branches else ()
    about_key = "propertyNames" in error.relative_schema_path
    path = tuple(error.absolute_path)
    return (str(error.validator), path, len(error.relative_path), about_key, repr(error.instance), every)


def agree(spec: Any) -> None:
    assert {ours(f) for f in findings(planted(spec, HERE), None)} == {theirs(e) for e in JUDGE.iter_errors(spec)}


def test_every_keyword_of_the_schema_is_known():
    assert set(keywords(document())) - set(KEYWORDS) - SILENT - {"x-names", "x-call", "x-by", "x-needs"} == set()


def keywords(schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    yield from schema
    for keyword, value in schema.items():
        if keyword in ("properties", "$defs", "patternProperties"):
            parts = list(value.values())
        else:
            parts = value if keyword in ("anyOf", "allOf") else [value]
        if keyword not in ("default", "enum", "const", "dependentRequired"):
            yield from (name for part in parts for name in keywords(part))


@pytest.mark.parametrize("name", SPECS)
def test_it_agrees_on_every_case(name: str):
    agree(SPECS[name])


VALUES = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(-2, 3), st.floats(-1, 2), st.sampled_from(["relu", "l2", "x", ""])),
        *(st.sampled_from(["Dense", "${n}", "adam", "Adam", "csv", "auto", "float32", "mse", "prev", "number"]),),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["units", "Dense", "name", "path", "csv", "type", "A b", "l2"]), inner, max_size=3
        ),
    ),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_it_agrees_where_anything_stands_in_place_of_a_value(data: st.DataObject):
    spec = json.loads(json.dumps(SPECS[data.draw(st.sampled_from(sorted(SPECS)))]))
    place = data.draw(st.sampled_from(sorted(places(spec), key=repr)))
    at = spec
    for part in place[:-1]:
        at = at[part]
    at[place[-1]] = data.draw(VALUES)
    agree(spec)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in below:
        yield from places(inner, (*path, key))
