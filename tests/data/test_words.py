"""`text`: the words of Keras's TextVectorization, counted without TensorFlow, numbered by its graph operations."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from data_plans import ORIGIN, data_plan, everything, feature, learned, reader
from hypothesis import given, settings
from hypothesis import strategies as st

import specc
import specc.backend
from specc.backend.data import open_data
from specc.backend.inference import evaluate
from specc.diagnostics import Log, Refusal
from specc.kinds.features import learnt
from specc.kinds.features._counting import _by_arrow, _by_hand

# Keras cannot hold a word that ends with the character 0.
texts = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30), min_size=1, max_size=8)
prose = st.lists(
    st.text(st.sampled_from(list("abcAB éÉßİ\t\n\r\v\f\u00a0\u2003\x1c.,'-_!\\]^[$")), max_size=30),
    min_size=1,
    max_size=8,
)
standards = st.sampled_from(["lower_and_strip_punctuation", "lower", "strip_punctuation", "none"])
splits = st.sampled_from(["whitespace", "character"])


def column(*values):
    return np.array(values, dtype=object)


def state_of(kind, values):
    """What it learns from these values, as a manifest keeps it."""
    return json.loads(json.dumps(learned(kind, kind.read(values, ORIGIN))))


def numbered(kind, values, state):
    values = kind.read(values, ORIGIN, state)
    tensor = kind.prepare(tf, tf.constant(values, tf.string), state).numpy()
    assert tensor.dtype.name == kind.tensor(state).dtype
    assert tensor.shape == (len(values), *kind.tensor(state).shape[1:])
    assert (tensor.astype(kind.kept(state)) == tensor).all()
    return tensor


def vectorization(kind, **more):
    """Keras's layer of the same properties."""
    return keras.layers.TextVectorization(
        standardize=None if kind.standardize == "none" else kind.standardize,
        split=kind.split,
        ngrams=None if kind.ngrams == 1 else kind.ngrams,
        **more,
    )


@settings(max_examples=40, deadline=None)
@given(texts | prose, standards, splits, st.integers(1, 3), st.integers(1, 9))
def test_words_are_those_of_keras(values, standardize, split, ngrams, length):
    kind = feature("text", standardize=standardize, split=split, ngrams=ngrams, length=length)
    try:
        state = state_of(kind, column(*values))
    except Refusal:
        assert not any(kind._tokens(text.encode()) for text in values)
        return
    layer = vectorization(kind, output_sequence_length=length)
    words = [word for word in state["vocabulary"] if word not in ("", "[UNK]")]
    if words == state["vocabulary"]:
        layer.set_vocabulary(words)
        ours = numbered(kind, column(*values), state)
        np.testing.assert_array_equal(ours, layer(tf.constant(values)).numpy())
        known = numbered(kind, column(*values, "zebra"), state)[:-1]
        np.testing.assert_array_equal(known, ours)


@settings(max_examples=25, deadline=None)
@given(prose, standards, splits, st.integers(1, 2), st.integers(3, 9))
def test_the_vocabulary_is_what_keras_adapts_to(values, standardize, split, ngrams, size):
    kind = feature("text", standardize=standardize, split=split, ngrams=ngrams, vocabulary=size, length=3)
    layer = vectorization(kind)
    layer.adapt(tf.constant(values))
    everything = Counter(kind._tokens("\n".join(values).encode()))
    ours = Counter(word for text in values for word in kind._tokens(text.encode()))
    if not ours or "[UNK]" in everything:
        return
    assert {word.decode() for word in ours} == set(layer.get_vocabulary()[2:])
    words = state_of(kind, column(*values))["vocabulary"]
    most = sorted(ours.values(), reverse=True)[: size - 2]
    assert [ours[word.encode()] for word in words] == most
    assert words == sorted(words, key=lambda word: (-ours[word.encode()], word.encode()))


@settings(max_examples=40, deadline=None)
@given(texts | prose)
def test_words_are_counted_alike_with_and_without_pyarrow(values):
    encoded = [text.encode() for text in values]
    (words, lengths), (others, other_lengths) = _by_arrow(encoded), _by_hand(encoded)
    assert words == others
    np.testing.assert_array_equal(lengths, other_lengths)


def test_a_vocabulary_does_not_depend_on_the_order_of_rows_or_on_how_they_come():
    values = ["b a", "c b", "a d", "d c e e"]
    kind = feature("text", vocabulary=5, length=2)
    assert state_of(kind, column(*values))["vocabulary"] == ["a", "b", "c"]
    assert state_of(kind, column(*reversed(values)))["vocabulary"] == ["a", "b", "c"]
    counted = learnt(kind.learn(), [(column("x", "y y"), np.array([3, 2]))])
    assert counted["vocabulary"] == ["y", "x"]


def test_numbers_begin_after_padding_and_the_unknown_word():
    kind = feature("text", vocabulary=["good", "film"], length=4)
    state = state_of(kind, column("x"))
    assert numbered(kind, column("A GOOD film!", "", "film film film good film"), state).tolist() == [
        [1, 2, 3, 0],
        [0, 0, 0, 0],
        [3, 3, 3, 2],
    ]
    assert kind.facts() == {"classes": 4, "vocabulary": ["", "[UNK]", "good", "film"], "shape": [4]}


def test_a_size_is_known_before_the_data_also_where_the_rows_hold_fewer_words():
    kind = feature("text", vocabulary=100, length=4)
    assert kind.facts() == {"classes": 100, "shape": [4]}
    facts = kind.facts(state_of(kind, column("a b", "b")))
    assert facts == {"classes": 100, "vocabulary": ["", "[UNK]", "b", "a"], "shape": [4]}


def test_a_list_of_words_is_the_text_of_them():
    kind = feature("text", vocabulary=["good", "film"], length=3)
    lists = np.empty(3, object)
    lists[:] = [["good", "Film"], np.array(["film"]), []]
    assert numbered(kind, lists, state_of(kind, lists)).tolist() == [[2, 3, 0], [3, 0, 0], [0, 0, 0]]
    lists[0] = ["good film"]
    with pytest.raises(Refusal) as refusal:
        kind.read(lists, ORIGIN)
    assert refusal.value.message == "a value in table.csv:2 is empty, or holds the separator ` `"


def test_a_length_left_out_holds_95_of_100_rows_whole():
    values = column(*(" ".join(["w"] * n) for n in range(1, 101)))
    kind = feature("text")
    assert kind.tensor().shape == (None, None)
    state = state_of(kind, values)
    assert state["length"] == np.percentile(range(1, 101), 95, method="inverted_cdf") == 95
    assert state_of(feature("text", vocabulary=["w"]), column("", ""))["length"] == 1


def test_a_vocabulary_in_a_file_is_read_when_it_is_needed(tmp_path):
    path = tmp_path / "words.txt"
    kind = feature("text", vocabulary=str(path), length=2)
    assert kind.facts() == {"shape": [2]}
    for content, code, message in (
        (None, "S501", "there is no vocabulary"),
        (b"\n\n", "S503", "words.txt holds no entry"),
        (b"a\nb\na\n", "S503", "words.txt:3 holds `a` a second time"),
        (b"\xff", "S503", "words.txt is not UTF-8 text"),
    ):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(Refusal) as refusal:
            state_of(kind, column("x"))
        assert (refusal.value.code.id, refusal.value.message[: len(message)]) == (code, message)
    path.write_bytes("über\r\ngut\r\n".encode())
    assert numbered(kind, column("gut über"), state_of(kind, column("x"))).tolist() == [[3, 2]]


def test_a_spec_names_the_file_relative_to_itself_and_a_run_absolutely(tmp_path):
    (tmp_path / "words.txt").write_text("good\nbad\n")
    (tmp_path / "rows.csv").write_text("text,label\n" + "so good,1\nso bad,0\n" * 8)
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        """
specc: 1
dataset:
  source: {csv: rows.csv}
  inputs: {text: {type: text, vocabulary: words.txt}}
  targets: {label: {type: binary}}
  split: {test: 0.25}
model:
  layers:
    - Embedding: {input_dim: "${inputs.text.classes}", output_dim: 2}
    - GlobalAveragePooling1D
    - Dense: {units: 1, activation: sigmoid}
training: {loss: binary_crossentropy, optimizer: sgd}
export: [saved_model]
"""
    )
    run = specc.run(spec, out=tmp_path / "run")
    assert f"vocabulary: {tmp_path}/words.txt" in (tmp_path / "run" / "spec.yaml").read_text()
    served = tf.saved_model.load(str(tmp_path / "run" / "export" / "saved_model"))
    answer = served.signatures["serving_default"](text=tf.constant(["good good", "never heard of"]))
    assert next(iter(answer.values())).shape == (2, 1)
    again = evaluate(tmp_path / "run", specc.plan(tmp_path / "run" / "spec.yaml"), Log())
    assert again["loss"] == pytest.approx(run.metrics["test"]["loss"], abs=1e-6)


def test_what_is_served_equals_the_pipeline(tmp_path):
    values = ["The film was good.", "Nothing new; nothing good!", "ÄRGER über alles", ""]
    (tmp_path / "rows.csv").write_text("text,label\n" + "".join(f'"{v}",1\n' for v in values))
    kind = feature("text", length=6, ngrams=2)
    plan = data_plan(reader("csv", path=str(tmp_path / "rows.csv")), {"text": kind}, {"label": feature("binary")})
    data = open_data(plan, Log())
    state = data.states["inputs.text"]
    module = tf.Module()
    module.prepare = tf.function(
        lambda batch: kind.prepare(tf, batch, state), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    tf.saved_model.save(module, str(tmp_path / "saved"))
    served = tf.saved_model.load(str(tmp_path / "saved")).prepare(tf.constant(values))
    np.testing.assert_array_equal(served, everything(data.splits["train"], "text"))


def test_a_word_that_can_never_be_met_is_refused():
    with pytest.raises(Refusal) as refusal:
        feature("text", vocabulary=["Good"])
    assert refusal.value.code.id == "S105"
    assert refusal.value.help == "list it as `good`"
    feature("text", vocabulary=["Good"], standardize="none")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (column("good", "\ud800"), "the text in table.csv:3 holds half a character"),
        (column("", "!"), "the training rows hold no word"),
        (np.zeros((2, 3)), "an example of this column is an array"),
    ],
)
def test_texts_that_cannot_be_read_are_refused(values, message):
    kind = feature("text")
    with pytest.raises(Refusal) as refusal:
        learned(kind, kind.read(values, ORIGIN))
    assert refusal.value.code.id == "S503"
    assert refusal.value.message.startswith(message)


def test_examples_are_made_up_of_known_words():
    generator = np.random.default_rng(0)
    kind = feature("text", vocabulary=["a", "b"], length=7)
    made = kind.sample(generator, 5)
    assert (numbered(kind, made, state_of(kind, made)) > 1).all()
    assert feature("text").sample(generator, 3).shape == (3,)


def test_an_embedding_smaller_than_the_vocabulary_is_told(tmp_path: Path):
    spec = """
specc: 1
dataset:
  source: {random: {examples: 8}}
  inputs: {text: {type: text, vocabulary: 1000, length: 3}}
model:
  layers:
    - Embedding: {input_dim: 10, output_dim: 2}
"""
    path = tmp_path / "spec.yaml"
    path.write_text(spec)
    assert [d.code.id for d in specc.check(path)] == ["S306"]
