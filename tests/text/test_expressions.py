"""`${…}` computes what Python computes, is bounded, and reaches nothing but the names it is given."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from yaml_texts import some, tree_of

from specc.calls import UNKNOWN_VALUE
from specc.codes import S006
from specc.diagnostics import Log, Refusal, Related, Span
from specc.expressions import compute, evaluate, has_expression

NAMES: dict[tuple[str, ...], Any] = {
    ("width",): 32,
    ("rate",): 0.5,
    ("name",): "conv",
    ("sizes",): [3, 5, 7],
    ("deep",): True,
    ("call",): {"LayerNormalization": {"epsilon": 1e-6}},
    ("inputs", "image", "shape"): (8, 8, 1),
    ("targets", "digit", "classes"): UNKNOWN_VALUE,
    ("half",): [1, UNKNOWN_VALUE],
    ("env", "HOME"): "/home/me",
}


def look_up(path: tuple[str, ...]) -> Any:
    if path not in NAMES:
        raise Refusal(S006, f"no parameter `{'.'.join(path)}`", "declare it")
    return NAMES[path]


def value(text: str) -> Any:
    return evaluate(text, look_up)


def refused(text: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        value(text)
    return caught.value


# What it computes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${width * 2}", 64),
        ("${ width }", 32),
        ("${width / 64}", 0.5),
        ("${7 // 2}", 3),
        ("${-7 % 4}", 1),
        ("${2 ** 10}", 1024),
        ("${2 ** -1}", 0.5),
        ("${1 < 2 < 3}", True),
        ("${1 < 2 > 3}", False),
        ("${not deep or width == 32 and rate < 1}", True),
        ("${64 if width > 16 else 8}", 64),
        ("${sizes[0] + sizes[-1]}", 10),
        ("${name[0]}", "c"),
        ("${[width, rate] + [1]}", [32, 0.5, 1]),
        ("${[8] * 3}", [8, 8, 8]),
        ("${min(width, 8, 20)}", 8),
        ("${max(sizes)}", 7),
        ("${round(2.567, 1)}", 2.6),
        ("${round(2.5)}", 2),
        ("${len(sizes) + len(name)}", 7),
        ("${int('12') + int(3.9)}", 15),
        ("${float('1e-3')}", 0.001),
        ("${str(width) + 'x'}", "32x"),
        ("${range(3)}", [0, 1, 2]),
        ("${range(6, 0, -2)}", [6, 4, 2]),
        ("${5 in sizes}", True),
        ("${'v' not in name}", False),
        ("${inputs.image.shape}", [8, 8, 1]),
        ("${inputs.image.shape[0] * inputs.image.shape[1]}", 64),
        ("${env.HOME + '/data'}", "/home/me/data"),
        ("${true}", True),
        ("${False}", False),
        ("${null}", None),
        ("${None}", None),
        ("${call}", {"LayerNormalization": {"epsilon": 1e-6}}),
        ("${'a}b'}", "a}b"),
        ('${"it\'s"}', "it's"),
        ("${width\n  + 1}", 33),
        ("${0x10 + 1_000}", 1016),
    ],
)
def test_a_value_that_is_one_expression_takes_its_type(text: str, expected: Any) -> None:
    computed = value(text)
    assert (type(computed), computed) == (type(expected), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv_${width}", "conv_32"),
        ("${width}x${width}", "32x32"),
        (" ${width}", " 32"),
        ("rate=${rate}", "rate=0.5"),
        ("${deep} ${null}", "true null"),
        ("s${[1, 'a', true, [2.0]]}", "s[1, a, true, [2.0]]"),
        ("$${width}", "${width}"),
        ("$${${width}}", "${32}"),
        ("costs 5$ or $width", "costs 5$ or $width"),
        ("${str(true)}", "true"),
        ("${'x'}${'y'}", "xy"),
    ],
)
def test_within_a_text_a_value_becomes_text(text: str, expected: str) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(("text", "has"), [("${x}", True), ("a$${x}", True), ("$x {y}", False), ("", False)])
def test_what_has_an_expression_is_told_from_its_sign(text: str, has: bool) -> None:
    assert has_expression(text) is has


LEAVES = st.integers(-50, 50).map(str) | st.sampled_from(
    ["0.5", "2.0", "1e3", "True", "False", "width", "rate", "deep"]
)
SYMBOLS = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "<", "<=", ">", ">=", "==", "!=", "and", "or"])
SOURCES = st.recursive(
    LEAVES,
    lambda inner: (
        st.tuples(inner, SYMBOLS, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
        | inner.map(lambda a: f"(-{a})")
        | inner.map(lambda a: f"(not {a})")
        | st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})")
        | st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})")
        | st.tuples(inner, inner).map(lambda t: f"len([{t[0]}, {t[1]}])")
        | st.tuples(inner, inner).map(lambda t: f"[{t[0]}, {t[1]}][-1]")
        | inner.map(lambda a: f"int({a})")
        | inner.map(lambda a: f"round({a}, 2)")
    ),
    max_leaves=10,
)


@some
@given(SOURCES)
def test_what_is_computed_is_what_python_computes(source: str) -> None:
    names = {"width": 32, "rate": 0.5, "deep": True, "min": min, "max": max, "len": len, "int": int, "round": round}
    try:
        ours: Any = value(f"${{{source}}}")
    except Refusal as refusal:
        ours = refusal
        assume(refusal.code.id != "S003")  # too large for a spec, and for this test
    try:
        theirs = eval(source, {"__builtins__": {}}, names)
    except (ArithmeticError, TypeError, ValueError):
        assert isinstance(ours, Refusal)
        return
    if isinstance(theirs, complex):
        assert isinstance(ours, Refusal)
    else:
        assert (type(ours), repr(ours)) == (type(theirs), repr(theirs))


# What is not known yet


@pytest.mark.parametrize(
    "source",
    [
        "C",
        "C + 1",
        "-C",
        "not C",
        "C > 2",
        "1 < C < 3",
        "C and 1",
        "false or C",
        "1 if C else 2",
        "sizes[C]",
        "C[0]",
        "min(C, 1)",
        "max([1, C])",
        "str(C)",
        "range(C)",
        "len(C)",
        "half[1]",
        "half + [1]",
        "half == [1, 2]",
    ],
)
def test_what_is_computed_from_an_unknown_value_is_unknown(source: str) -> None:
    assert value("${" + source.replace("C", "targets.digit.classes") + "}") is UNKNOWN_VALUE


def test_a_text_with_an_unknown_value_in_it_is_unknown() -> None:
    assert value("head_${targets.digit.classes}") is UNKNOWN_VALUE


@pytest.mark.parametrize(("source", "expected"), [("false and C", False), ("1 or C", 1), ("2 if true else C", 2)])
def test_what_does_not_need_the_unknown_value_is_known(source: str, expected: Any) -> None:
    assert value("${" + source.replace("C", "targets.digit.classes") + "}") == expected


def test_a_list_with_an_unknown_value_in_it_is_a_list() -> None:
    assert value("${[width, targets.digit.classes]}") == [32, UNKNOWN_VALUE]
    assert (value("${half[0]}"), value("${len(half)}")) == (1, 2)


# What it refuses


@pytest.mark.parametrize(
    ("text", "code", "message", "help"),
    [
        ("${}", "S005", "empty", "$${"),
        ("${ }", "S005", "empty", "$${"),
        ("a ${width", "S005", "`${width` is not closed", "}"),
        ("${'a}", "S005", "not closed", "}"),
        ("${1 +}", "S005", "`1 +` is not an expression", "comparisons"),
        ("${width && deep}", "S005", "not an expression", "write `and`"),
        ("${width || 1}", "S005", "not an expression", "write `or`"),
        ("${deep ? 1 : 2}", "S005", "not an expression", "A if CONDITION else B"),
        ("${width = 1}", "S005", "not an expression", "write `==`"),
        ("${!deep}", "S005", "not an expression", "write `not`"),
        ("${width if deep}", "S005", "not an expression", ""),
        ("${1 / 0}", "S005", "`1 / 0` divides by zero", ""),
        ("${1 % 0}", "S005", "divides by zero", ""),
        ("${0 ** -1}", "S005", "divides by zero", ""),
        ("${name + 1}", "S005", "the text `conv` and the number 1", "str(…)"),
        ("${name * 0.5}", "S005", "`*` cannot take", ""),
        ("${null + 1}", "S005", "`null` and the number 1", ""),
        ("${'%d' % 5}", "S005", "`%` cannot take", ""),
        ("${1 < 'a'}", "S005", "`<` cannot take", ""),
        ("${1 in 5}", "S005", "`in` cannot take", ""),
        ("${-name}", "S005", "not the text `conv`", ""),
        ("${sizes[3]}", "S005", "no item 3: a list has 3", "from 0 to 2"),
        ("${sizes[-4]}", "S005", "no item -4", ""),
        ("${sizes['a']}", "S005", "whole number", ""),
        ("${width[0]}", "S005", "the number 32 has no items", ""),
        ("${(-8) ** 0.5}", "S005", "not a real number", ""),
        ("${int('ten')}", "S005", "`int` cannot be computed of the text `ten`", "text that is one"),
        ("${max([])}", "S005", "`max` cannot be computed", "two or more"),
        ("${len(5)}", "S005", "`len` cannot be computed", "a list or a text"),
        ("${range(0.5)}", "S005", "`range` cannot be computed", "whole numbers"),
        ("${round(1.5, 'a')}", "S005", "`round` cannot be computed", "decimals"),
        ("${int(1e308 * 10)}", "S005", "`int` cannot be computed", ""),
        ("${flor(2.5)}", "S005", "no function `flor`", "did you mean `float`?"),
        ("${open('/etc/passwd')}", "S005", "no function `open`", "min, max"),
        ("${__import__('os')}", "S005", "no function `__import__`", ""),
        ("${round(number=1)}", "S005", "no arguments by name", ""),
        ("${min(*sizes)}", "S005", "cannot stand in an expression", ""),
        ("${name.upper()}", "S005", "cannot stand in an expression", "functions"),
        ("${'a'.real}", "S005", "`.real` cannot stand", "names"),
        ("${sizes[0].real}", "S005", "`.real` cannot stand", "names"),
        ("${sizes[0:2]}", "S005", "a slice cannot stand", ""),
        ("${(1, 2)}", "S005", "a tuple cannot stand", "[a, b]"),
        ("${{'a': 1}['a']}", "S005", "is not an expression", ""),
        ("${[x for x in sizes]}", "S005", "a comprehension cannot stand", ""),
        ("${lambda: 1}", "S005", "`lambda` cannot stand", ""),
        ("${(x := 1)}", "S005", "`:=` cannot stand", ""),
        ("${f'{width}'}", "S005", "an f-string cannot stand", "conv_${i}"),
        ("${b'a'}", "S005", "cannot stand", ""),
        ("${1j}", "S005", "cannot stand", ""),
        ("${...}", "S005", "cannot stand", ""),
        ("${width is 32}", "S005", "`is` cannot stand", "=="),
        ("${1 << 3}", "S005", "`<<` cannot stand", ""),
        ("${2 ^ 3}", "S005", "`^` cannot stand", "**"),
        ("${~1}", "S005", "`~` cannot stand", ""),
        ("${1 if true else open('x')}", "S005", "no function `open`", ""),
        ("${unheard}", "S006", "no parameter `unheard`", "declare it"),
        ("${width.real}", "S006", "no parameter `width.real`", ""),
    ],
)
def test_what_cannot_be_computed_is_refused_in_plain_words(text: str, code: str, message: str, help: str) -> None:
    refusal = refused(text)
    assert refusal.code.id == code
    assert message in refusal.message
    assert help in refusal.help


# Its bounds


@pytest.mark.parametrize(
    "source",
    [
        "9**9**9",
        "2**64",
        "-2**64",
        "9223372036854775807 * 9223372036854775807",
        "99999999999999999999",
        "'a' * 10**9",
        "10**9 * 'a'",
        "[0] * 10**9",
        "[[0] * 9000] * 9000",
        "['a' * 10000] * 10001",
        "range(10**9)",
        "range(10**18)",
        "'a' * 9000 + 'b' * 9000",
        "[0] * 9000 + [0] * 9000",
        "1e308 ** 2",
    ],
)
def test_a_result_that_is_too_large_is_refused_before_it_is_made(source: str) -> None:
    assert refused("${" + source + "}").code.id == "S003"


@pytest.mark.parametrize(
    "source",
    [
        "(" * 300 + "1" + ")" * 300,
        "-" * 900 + "1",
        "1" + "+1" * 400,
        "not " * 200 + "1",
        "[" * 90 + "]" * 90,
        "1 " + "if 1 else 1 " * 80,
        "1" * 1001,
        "9" * 900,
        "round(5, -10**9)",
        "int('9' * 9999)",
        "a" + ".b" * 600,
    ],
)
def test_a_long_or_deep_expression_is_refused(source: str) -> None:
    assert refused("${" + source + "}").code.id in ("S003", "S005", "S006")


def test_a_text_that_grows_by_its_expressions_is_bounded() -> None:
    assert refused("${'a' * 9000}" * 3).code.id == "S003"


def test_a_long_text_with_one_expression_in_it_is_fine() -> None:
    assert value("x" * 50_000 + "${width}") == "x" * 50_000 + "32"


@some
@given(st.text(st.sampled_from("ab12 +-*/%()[]<>=!,.'\"\\if elsandorx{}$:~^&|@\n"), max_size=40))
def test_whatever_stands_in_an_expression_is_computed_or_refused(source: str) -> None:
    found: Refusal | None = None
    try:
        value("${" + source + "}")
    except Refusal as refusal:
        found = refusal
    assert found is None or (found.message and found.code.id in ("S003", "S005", "S006"))


# Trees

TREE = """\
units: "${width * 2}"
name: "conv_${width}"
kernel: "${sizes}"
norm: "${call}"
plain: [1, {a: text}]
"${width}": 1
"""


def test_every_expression_of_a_tree_is_computed_where_it_stands() -> None:
    tree = tree_of(TREE)
    log = Log()
    computed = compute(tree, look_up, log)
    assert computed.plain() == {
        "units": 64,
        "name": "conv_32",
        "kernel": [3, 5, 7],
        "norm": {"LayerNormalization": {"epsilon": 1e-6}},
        "plain": [1, {"a": "text"}],
        "${width}": 1,
    }
    assert computed["kernel"][1].span == tree["kernel"].span
    assert computed["norm"]["LayerNormalization"]["epsilon"].span == tree["norm"].span
    assert computed["units"].key == tree["units"].key
    assert log.diagnostics == []


def test_what_has_no_expression_in_it_is_the_same_tree() -> None:
    tree = tree_of("a: [1, {b: c}]\nd: {}\ne: ''\n")
    assert compute(tree, look_up, Log()) is tree
    other = tree_of(TREE)
    assert compute(other, look_up, Log())["plain"] is other["plain"]


def test_every_failing_expression_is_told_at_its_value_and_is_unknown_from_there_on() -> None:
    tree = tree_of('a: "${1 / 0}"\nb: [1, "${unheard}"]\nc: "${width}"\n')
    log = Log()
    related = (Related("called here", Span("spec.yaml", 9, 1, 9, 2)),)
    computed = compute(tree, look_up, log, related)
    assert [(d.code.id, d.span.line, d.span.column, d.related) for d in log.diagnostics] == [
        ("S005", 1, 4, related),
        ("S006", 2, 8, related),
    ]
    assert computed.plain() == {"a": UNKNOWN_VALUE, "b": [1, UNKNOWN_VALUE], "c": 32}


def test_what_expressions_put_into_one_tree_is_bounded() -> None:
    tree = tree_of("a: [" + ", ".join(['"${[0] * 9000}"'] * 20) + "]\n")
    log = Log()
    compute(tree, look_up, log)
    assert {d.code.id for d in log.diagnostics} == {"S003"}


def test_infinity_is_a_number_of_python() -> None:
    assert math.isinf(value("${1e308 * 10}"))
