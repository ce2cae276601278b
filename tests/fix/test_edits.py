"""Edits of texts, and which word a misspelt one can only have meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specc import catalog
from specc.diagnostics import Edit, Span
from specc.schema.fixes import respelling
from specc.text.edits import Draft, applied
from specc.text.places import normalized, place
from specc.text.spelling import established, meant, respelt, slips

TEXTS = st.text(st.sampled_from("ab:#é☃𝄞 \n\r"), max_size=60)
NAMES = sorted({*catalog.names("layers"), *(f"ops.{name}" for name in catalog.names("ops"))})


def edit(start: tuple[int, int], end: tuple[int, int], text: str) -> Edit:
    return Edit(Span("model.yaml", *start, *end), text)


@given(TEXTS)
def test_a_place_is_where_the_reader_of_yaml_has_it(text: str):
    draft = Draft.of(text)
    plain = normalized(text)
    for index in range(len(plain)):
        assert normalized(draft.text[draft.index(place(plain, index)) :]) == plain[index:]


@given(text=TEXTS, data=st.data())
def test_nothing_but_what_is_named_is_changed(text: str, data: st.DataObject):
    draft = Draft.of(text)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=4, max_size=4)))
    a, b, c, d = cuts
    edits = [edit(draft.place(c), draft.place(d), "two"), edit(draft.place(a), draft.place(b), "one")]
    step = applied(draft, edits)
    if b < c or (b == c and a < b):
        assert step.after.text == f"{text[:a]}one{text[b:c]}two{text[d:]}"
    for start, end, new in step.changes:
        assert new in ("one", "two")
        assert (start, end) in ((a, b), (c, d))


@given(text=TEXTS, data=st.data())
def test_a_place_outside_of_an_edit_moves_with_its_character(text: str, data: st.DataObject):
    draft = Draft.of(text)
    a, b = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=2)))
    step = applied(draft, [edit(draft.place(a), draft.place(b), "x\ny")])
    for index in [*range(a), *range(b, len(text))]:
        assert step.after.text[step.after.index(step.moved(draft.place(index)))] == text[index]


def test_of_two_edits_that_overlap_the_first_is_made():
    draft = Draft.of("abcdef")
    step = applied(draft, [edit((1, 3), (1, 6), "Y"), edit((1, 1), (1, 4), "X"), edit((1, 1), (1, 4), "X")])
    assert step.after.text == "Xdef"


@given(st.data())
def test_a_name_of_keras_with_one_slip_means_that_name_or_nothing(data: st.DataObject):
    name = data.draw(st.sampled_from(NAMES))
    at = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123"))
    kinds = [name[:at] + name[at + 1 :], name[:at] + letter + name[at:], name[:at] + letter + name[at + 1 :]]
    wrong = data.draw(st.sampled_from([*kinds, name[:at] + name[at : at + 2][::-1] + name[at + 2 :]]))
    assert wrong in NAMES or meant(wrong, NAMES) in (name, None)


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [("", "", 0), ("a", "", 1), ("ab", "ba", 1), ("units", "unit", 1), ("relu", "rleu", 1), ("kitten", "sitting", 3)],
)
def test_slips_are_counted(one: str, other: str, count: int):
    assert slips(one, other) == slips(other, one) == count


@pytest.mark.parametrize(
    ("written", "word"),
    [("Flaten", "Flatten"), ("Conv2d", "Conv2D"), ("Conv4D", None), ("Ad", "Add"), ("Conv", None), ("x", None)],
)
def test_a_word_is_meant_where_no_other_is_near(written: str, word: str | None):
    assert meant(written, catalog.names("layers")) == word


def test_a_name_is_established_where_it_is_used():
    text = "name: head\ninputs: head  # hed\noutputs: hed\n"
    assert established("hed", ["head"], text) == "head"
    assert established("head", ["hed"], text) is None


def test_what_is_not_written_as_it_reads_is_not_respelt():
    assert respelt(Span("", 1, 3, 1, 7), "unit", "units") == Edit(Span("", 1, 3, 1, 7), "units")
    assert respelt(Span("", 1, 3, 1, 9), "unit", "units") == Edit(Span("", 1, 4, 1, 8), "units")
    assert respelt(Span("", 1, 3, 1, 12), "unit", "units") is None
    assert respelt(Span("", 1, 3, 2, 7), "unit", "units") is None


def test_a_name_that_a_block_may_have_lost_a_letter_of_is_not_taken_for_a_layer() -> None:
    span = Span("spec.yaml", 1, 1, 1, 6)
    assert respelling(span, "dense", ["Dense", "Add"], ["ense", "Dense", "Add"]) is None
    assert respelling(span, "dense", ["Dense", "Add"], ["other", "Dense", "Add"]) == Edit(span, "Dense")
