"""A finished run of several kinds of fields, asked about new rows: words in, names out; and as plain Keras."""

from __future__ import annotations

import json

import numpy as np
import pytest

import specc
from specc.cli.entry import status as main

SPEC = """
specc: 1
dataset:
  source: {csv: rows.csv}
  inputs:
    words: {type: text, vocabulary: 50, length: 4}
    when: {type: datetime, parts: [hour_sin, weekday]}
    kinds: {type: category, encode: multi_hot, separator: "|", vocabulary: [red, round, big]}
  targets:
    tags: {type: category, separator: " ", length: 4, vocabulary: [NOUN, VERB]}
    labels: {type: category, encode: multi_hot, separator: "|", vocabulary: [yes, no, maybe]}
    price: {type: number, bins: [10, 20]}
  split: {test: 0.25}
model:
  layers:
    - Embedding: {input_dim: "${inputs.words.classes}", output_dim: 4, mask_zero: true}
      inputs: words
    - Dense: {units: "${targets.tags.classes}", activation: softmax}
      name: tagged
    - GlobalAveragePooling1D
    - Concatenate:
      inputs: [prev, when, kinds]
      name: joined
    - Dense: {units: "${targets.labels.classes}", activation: sigmoid}
      name: labelled
    - Dense: {units: "${targets.price.classes}", activation: softmax}
      inputs: joined
      name: priced
  outputs: {tags: tagged, labels: labelled, price: priced}
training:
  loss: {tags: sparse_categorical_crossentropy, labels: binary_crossentropy, price: sparse_categorical_crossentropy}
  metrics: {tags: [accuracy], price: [accuracy]}
  optimizer: adam
export: [saved_model]
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("asked")
    rows = ["words,when,kinds,tags,labels,price"]
    for number in range(32):
        rows.append(f"dog runs,2024-02-{number % 28 + 1:02}T0{number % 10}:00,red|big,NOUN VERB,yes|maybe,{number}")
    (folder / "rows.csv").write_text("\n".join(rows) + "\n")
    (folder / "spec.yaml").write_text(SPEC)
    assert specc.check(folder / "spec.yaml") == []
    specc.run(folder / "spec.yaml", out=folder / "run")
    return folder


def test_answers_are_names(run, capsys):
    row = {"words": "a dog", "when": "2024-02-29", "kinds": ["round", "red"]}
    (run / "new.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(row | {"kinds": "round|red"}) + "\n")
    assert main(["predict", str(run / "run"), str(run / "new.jsonl")]) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert set(first["tags"]) <= {"", "NOUN", "VERB"}
    assert len(first["tags"]) == 4
    assert first["labels"] == [
        name for name, p in zip(["yes", "no", "maybe"], first["labels_probability"], strict=True) if p >= 0.5
    ]
    assert first["price"] in ("below 10", "10 to 20", "20 and above")
    np.testing.assert_allclose(first["labels_probability"], second["labels_probability"], atol=1e-6)


def test_a_date_that_is_none_is_told_with_its_line(run, capsys):
    (run / "bad.csv").write_text("words,when,kinds\nx,2024-02-29,red\ny,2023-02-29,red\n")
    assert main(["predict", str(run / "run"), str(run / "bad.csv")]) == 1
    assert "`2023-02-29` in bad.csv:3 is no date" in capsys.readouterr().err


def test_the_network_is_written_as_keras_without_the_data(run, capsys):
    (run / "spec.yaml").write_text(SPEC)
    assert main(["emit", str(run / "spec.yaml")]) == 0
    assert "layers.Embedding(input_dim=50, output_dim=4, mask_zero=True" in capsys.readouterr().out.replace("\n", "")


def test_a_length_that_only_the_data_tells_is_learnt_by_the_script_that_reads_it(run, capsys):
    opened = SPEC.replace("vocabulary: 50, length: 4", "vocabulary: 50")
    (run / "open.yaml").write_text(opened)
    assert main(["emit", str(run / "open.yaml")]) == 0
    assert 'words_length = learnt["words"]["length"]' in capsys.readouterr().out
    # Made-up words are left to the reader, and who reads them nobody knows.
    (run / "open.yaml").write_text(opened.replace("{csv: rows.csv}", "{random: {examples: 8}}"))
    assert main(["emit", str(run / "open.yaml")]) == 1
    assert "its `length`" in capsys.readouterr().err
