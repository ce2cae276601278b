"""TensorFlow Serving's REST contract: what is answered is what the SavedModel answers to whoever loads it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import json_format
from models_to_serve import jpeg, save_odd
from starlette.testclient import TestClient
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

Serve = Callable[..., TestClient]

pytestmark = pytest.mark.xdist_group("serving")  # one process trains the models, once

ROWS = [
    {"age": 31.5, "hours": 40, "work": "shop", "sex": "male", "rooms": 3},
    {"age": 62, "hours": 12.25, "work": "a circus", "sex": "female", "rooms": 0},
    {"age": None, "hours": 20, "work": None, "sex": "male", "rooms": 1},
]

DTYPES = {"age": tf.float32, "hours": tf.float32, "work": tf.string, "sex": tf.string, "rooms": tf.int64}


@pytest.fixture(scope="module")
def table(serve: Serve, people: Path) -> TestClient:
    return serve(people)


@pytest.fixture(scope="module")
def strange(serve: Serve, odd: Path) -> TestClient:
    return serve(odd / "1")


def expected(rows: list[dict[str, Any]], run: Path) -> np.ndarray:
    """What the SavedModel says, loaded by TensorFlow: a missing number is NaN, a missing text empty."""
    loaded = tf.saved_model.load(str(run / "export/saved_model"))
    absent = {tf.float32: np.nan, tf.string: ""}
    given = {
        name: tf.constant([absent[dtype] if row.get(name) is None else row[name] for row in rows], dtype)
        for name, dtype in DTYPES.items()
    }
    return loaded.signatures["serving_default"](**given)["pay"].numpy()


def ask(client: TestClient, body: Any, path: str = "/v1/models/m:predict") -> Any:
    answer = client.post(path, content=body if isinstance(body, str) else json.dumps(body))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return json.loads(answer.text)


def test_rows_are_answered_in_their_order(table: TestClient, people: Path) -> None:
    found = ask(table, {"instances": ROWS})
    assert found.keys() == {"predictions"}
    np.testing.assert_allclose(found["predictions"], expected(ROWS, people), atol=1e-6)


def test_columns_are_answered_as_columns(table: TestClient, people: Path) -> None:
    columns = {name: [row[name] for row in ROWS] for name in ROWS[0]}
    found = ask(table, {"inputs": columns, "signature_name": "serving_default"})
    assert found.keys() == {"outputs"}
    np.testing.assert_allclose(found["outputs"], expected(ROWS, people), atol=1e-6)


def test_what_is_missing_may_be_null_or_left_out_or_nan(table: TestClient, people: Path) -> None:
    row = ROWS[2]
    left_out = {name: value for name, value in row.items() if value is not None}
    text = json.dumps({"instances": [row, left_out, row | {"age": float("nan")}]})
    assert "NaN" in text
    found = ask(table, text)["predictions"]
    np.testing.assert_allclose(found, expected([row] * 3, people), atol=1e-6)


def test_more_rows_than_a_batch_holds_are_answered_too(table: TestClient, people: Path) -> None:
    many = ROWS * 30
    np.testing.assert_allclose(ask(table, {"instances": many})["predictions"], expected(many, people), atol=1e-6)


def test_a_file_is_sent_as_bytes(serve: Serve, photos: Path) -> None:
    client = serve(photos)
    files = [jpeg(45), jpeg(215)]
    coded = [{"b64": base64.b64encode(file).decode()} for file in files]
    loaded = tf.saved_model.load(str(photos / "export/saved_model")).signatures["serving_default"]
    answers = loaded(picture=tf.constant(files))["label"].numpy()
    for body in ({"instances": coded}, {"instances": [{"picture": one} for one in coded]}):
        np.testing.assert_allclose(ask(client, body)["predictions"], answers, atol=1e-6)
    for body in ({"inputs": coded}, {"inputs": {"picture": coded}}):
        np.testing.assert_allclose(ask(client, body)["outputs"], answers, atol=1e-6)


def test_a_text_where_bytes_are_wanted_is_no_path(serve: Serve, photos: Path) -> None:
    client = serve(photos)
    path = next((photos.parent / "photos").rglob("*.jpg"))
    answer = client.post("/v1/models/m:predict", json={"instances": [str(path)]})
    assert answer.status_code == 400


def test_several_outputs_are_answered_by_name(serve: Serve, houses: Path) -> None:
    client = serve(houses)
    rows = [{"age": 30, "text": "the mill"}, {"age": None, "text": "ünknown"}]
    found = ask(client, {"instances": rows})["predictions"]
    columns = ask(client, {"inputs": {"age": [30, None], "text": ["the mill", "ünknown"]}})["outputs"]
    loaded = tf.saved_model.load(str(houses / "export/saved_model")).signatures["serving_default"]
    answers = loaded(age=tf.constant([30, np.nan]), text=tf.constant(["the mill", "ünknown"]))
    for name in ("hours", "sex"):
        np.testing.assert_allclose([row[name] for row in found], answers[name], rtol=1e-6)
        np.testing.assert_allclose(columns[name], answers[name], rtol=1e-6)


def test_another_signature_is_asked_by_its_name(table: TestClient, people: Path) -> None:
    loaded = tf.saved_model.load(str(people / "export/saved_model")).signatures["features"]
    takes = loaded.structured_input_signature[1]
    draw = np.random.default_rng(0)
    prepared = {name: draw.random([2, *spec.shape.as_list()[1:]], np.float32) for name, spec in takes.items()}
    body = {"signature_name": "features", "inputs": {name: array.tolist() for name, array in prepared.items()}}
    answers = loaded(**{name: tf.constant(array) for name, array in prepared.items()})["pay"]
    np.testing.assert_allclose(ask(table, body)["outputs"], answers, atol=1e-6)


def example(**fields: Any) -> bytes:
    """A serialized `tf.train.Example`."""
    kinds: dict[type, Callable[[Any], dict[str, Any]]] = {
        float: lambda v: {"float_list": tf.train.FloatList(value=[v])},
        int: lambda v: {"int64_list": tf.train.Int64List(value=[v])},
        str: lambda v: {"bytes_list": tf.train.BytesList(value=[v.encode()])},
    }
    features = {name: tf.train.Feature(**kinds[type(value)](value)) for name, value in fields.items()}
    serialized: bytes = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    return serialized


def test_classify_names_each_class_with_its_score(table: TestClient, people: Path) -> None:
    given = {"age": 31, "hours": 40, "work": "shop", "rooms": 3}  # whole numbers mean floats where the field is one
    body = {"examples": [given, {"hours": 20.5, "work": "farm", "rooms": 0}], "context": {"sex": "male"}}
    found = ask(table, body, "/v1/models/m:classify")["results"]
    loaded = tf.saved_model.load(str(people / "export/saved_model")).signatures["classify"]
    serialized = [
        example(age=31.0, hours=40.0, work="shop", rooms=3, sex="male"),
        example(hours=20.5, work="farm", rooms=0, sex="male"),
    ]
    answers = loaded(inputs=tf.constant(serialized))
    assert [[name for name, _ in one] for one in found] == [["low", "middle", "high"]] * 2
    np.testing.assert_allclose([[score for _, score in one] for one in found], answers["scores"], atol=1e-6)


def test_regress_answers_a_number_for_each_example(serve: Serve, tmp_path: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def ask_examples(inputs: Any) -> Any:
        x = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32)})["x"]
        return {"outputs": x / 2 + 3}

    module = tf.Module()
    module.ask = ask_examples
    tf.saved_model.save(module, str(tmp_path / "1"), signatures={"halves": ask_examples})
    names = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(str(tmp_path / "1"))
    names.replace_method_name("halves", "tensorflow/serving/regress")
    names.save()
    body = {"signature_name": "halves", "examples": [{"x": 1.0}, {"x": [2.0]}]}
    assert ask(serve(tmp_path), body, "/v1/models/m:regress") == {"results": [3.5, 4.0]}


def test_the_status_is_that_of_the_published_message(table: TestClient) -> None:
    for path in ("/v1/models/m", "/v1/models/m/versions/1"):
        told = json_format.Parse(table.get(path).text, get_model_status_pb2.GetModelStatusResponse())
        (version,) = told.model_version_status
        assert (version.version, version.state) == (1, get_model_status_pb2.ModelVersionStatus.AVAILABLE)
        assert version.status.error_code == 0


def test_the_metadata_are_the_signatures_of_the_savedmodel(table: TestClient, people: Path) -> None:
    told = table.get("/v1/models/m/metadata").json()
    assert told["model_spec"] == {"name": "m", "signature_name": "", "version": "1"}
    found = json_format.ParseDict(told["metadata"]["signature_def"], get_model_metadata_pb2.SignatureDefMap())
    written = (people / "export/saved_model/saved_model.pb").read_bytes()
    definitions = saved_model_pb2.SavedModel.FromString(written).meta_graphs[0].signature_def
    assert {name: found.signature_def[name] for name in definitions} == dict(definitions)


def test_numbers_that_are_none_go_in_and_come_out(strange: TestClient) -> None:
    answer = strange.post("/v1/models/m:predict", content='{"instances": [NaN, Infinity, -Infinity, 1.1]}')
    assert answer.text == '{"predictions": [NaN, Infinity, -Infinity, 2.2]}'


def test_numbers_have_no_more_digits_than_they_hold(strange: TestClient) -> None:
    answer = strange.post("/v1/models/m:predict", content='{"instances": [0.1, 3, 16777216]}')
    assert json.loads(answer.text) == {"predictions": [0.2, 6.0, 33554432.0]}


def test_outputs_called_bytes_are_answered_as_bytes(strange: TestClient) -> None:
    body = {"signature_name": "echo", "instances": [{"b64": "/wA="}, "ä"]}
    same = [{"same_bytes": {"b64": "/wA="}, "length": 2}, {"same_bytes": {"b64": "w6Q="}, "length": 2}]
    assert ask(strange, body) == {"predictions": same}


def test_inputs_without_a_common_size_are_asked_as_columns(strange: TestClient) -> None:
    body = {"signature_name": "mixed", "inputs": {"a": 1.5, "b": [[1, 2], [3, 4], [5, 6]]}}
    assert ask(strange, body) == {"outputs": {"scaled": [[1.5, 3], [4.5, 6], [7.5, 9]], "rows": 3}}


def test_versions_come_and_go_and_the_newest_answers(serve: Serve, tmp_path: Path) -> None:
    save_odd(tmp_path / "1", 2.0)
    client = serve(tmp_path)
    model = client.model  # type: ignore[attr-defined]
    assert ask(client, {"instances": [1]}) == {"predictions": [2]}
    save_odd(tmp_path / "12", 12.0)
    (tmp_path / "13").mkdir()
    (tmp_path / "13" / "saved_model.pb").write_bytes(b"half of a fi")
    model.look()
    assert ask(client, {"instances": [1]}) == {"predictions": [12]}
    assert ask(client, {"instances": [1]}, "/v1/models/m/versions/1:predict") == {"predictions": [2]}
    told = client.get("/v1/models/m").json()["model_version_status"]
    assert [(one["version"], one["state"]) for one in told] == [("13", "END"), ("12", "AVAILABLE"), ("1", "AVAILABLE")]
    (tmp_path / "1").rename(tmp_path / "gone")
    model.look()
    assert client.get("/v1/models/m/versions/1").status_code == 404
    assert ask(client, {"instances": [1]}) == {"predictions": [12]}


WRONG = {
    "no JSON": ("{", "not JSON"),
    "no object": ("[1]", "a list, and an object is needed"),
    "nothing": ("", "not JSON"),
    "deep": ("[" * 100_000, "not JSON"),
    "deep, with NaN": ('{"instances": ' + "[" * 100_000 + "NaN", "not JSON"),
    "no rows": ('{"instances": []}', "one at least"),
    "no list": ('{"instances": {"age": 1}}', "list of rows"),
    "neither": ("{}", "neither"),
    "both": ('{"instances": [1], "inputs": [1]}', "both"),
    "a key": ('{"instance": [1]}', "did you mean `instances`"),
    "a key without a name": ({"instances": [ROWS[0]], "": 1}, "no key ``"),
    "a field without a name": ({"instances": [ROWS[0] | {"": 1}]}, "a field ``"),
    "a signature": ('{"instances": [1], "signature_name": "feature"}', "did you mean `features`"),
    "a signature of no name": ('{"instances": [1], "signature_name": 3}', "the name of a signature"),
    "no row": ('{"instances": [3]}', "instances[0] is a number"),
    "a field": ({"instances": [ROWS[0] | {"hour": 3}]}, "did you mean `hours`"),
    "no field": ({"instances": [ROWS[0], {"age": 3}]}, "instances[1] has no `hours`"),
    "text for a number": ({"instances": [ROWS[0] | {"hours": "3"}]}, "`hours` in instances[0] is text"),
    "true for a number": ({"instances": [ROWS[0] | {"hours": True}]}, "`hours` in instances[0] is a truth value"),
    "null without impute": ({"instances": [ROWS[0], ROWS[0] | {"hours": None}]}, "`hours` in instances[1] is missing"),
    "a list for a number": ({"instances": [ROWS[0] | {"hours": [3]}]}, "`hours` in instances[0] is a list"),
    "a number for text": ({"instances": [ROWS[0] | {"work": 3}]}, "`work` in instances[0] is a number"),
    "too large": ({"instances": [ROWS[0] | {"hours": 1e39}]}, "instances[0]"),
    "an infinity": ('{"instances": [{"age":1,"hours":Infinity,"work":"a","sex":"male","rooms":1}]}', "infinite"),
    "far too large": ({"instances": [ROWS[0] | {"rooms": 10**400}]}, ""),
    "beyond 64 bits": ({"instances": [ROWS[0] | {"rooms": 2**63}]}, "cannot hold"),
    "a fraction": ({"instances": [ROWS[0] | {"rooms": 1.5}]}, "instances[0]"),
    "a class beyond": ({"instances": [ROWS[0] | {"rooms": 4}]}, "instances[0]"),
    "an unknown word": ({"instances": [ROWS[0] | {"sex": "mal"}]}, "instances[0]"),
    "half a letter": (
        '{"instances": [{"age":NaN,"hours":1,"work":"\\ud800","sex":"male","rooms":1}]}',
        "half a character",
    ),
    "bad Base64": ({"instances": [ROWS[0] | {"work": {"b64": "?"}}]}, "not Base64"),
    "columns of several lengths": (
        {"inputs": {"age": [1], "hours": [1, 2], "work": ["a"], "sex": ["male"], "rooms": [1]}},
        "differ in length",
    ),
    "empty columns": ({"inputs": {"age": [], "hours": [], "work": [], "sex": [], "rooms": []}}, "one at least"),
    "no column": ({"inputs": {"age": [1]}}, "has no `hours`"),
    "truth among numbers": (
        {"signature_name": "features", "instances": [{**ROWS[0], "age": [1, True]}]},
        "holds what is not a number",
    ),
    "a column of one": ({"inputs": ROWS[0]}, "a list is needed"),
}


@pytest.mark.parametrize(("body", "told"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told(table: TestClient, body: Any, told: str) -> None:
    answer = table.post("/v1/models/m:predict", content=body if isinstance(body, str) else json.dumps(body))
    assert answer.status_code == 400, answer.text
    assert answer.json().keys() == {"error"}
    assert told in answer.json()["error"]


EXAMPLES = {
    "none": ({"examples": []}, "one at least"),
    "rows": ({"instances": [1]}, "no key `instances`"),
    "a field": ({"examples": [{"wrok": "a"}]}, "did you mean `work`"),
    "twice": ({"examples": [{"age": 1.0}], "context": {"age": 2.0}}, "`age` stands in `context`"),
    "too few": ({"examples": [{"age": 1.0}]}, "hours"),
    "nested": ({"examples": [ROWS[0] | {"age": [[1.0]]}]}, "`age` in examples[0] is a list"),
    "a truth value": ({"examples": [ROWS[0] | {"hours": True}]}, "`hours` in examples[0] is a truth value"),
    "too large": ({"examples": [ROWS[0] | {"hours": 1e39}]}, "examples[0]"),
    "an unknown word": ({"examples": [ROWS[0] | {"sex": "mal"}]}, "examples[0]"),
    "another method": ({"signature_name": "serving_default", "examples": [{}]}, "is for `:predict`"),
}


@pytest.mark.parametrize(("body", "told"), EXAMPLES.values(), ids=EXAMPLES)
def test_what_is_wrong_with_examples_is_told(table: TestClient, body: Any, told: str) -> None:
    answer = table.post("/v1/models/m:classify", json=body)
    assert answer.status_code == 400, answer.text
    assert told in answer.json()["error"]


PATHS = {
    ("GET", "/v1/models/n"): (404, "there is `m`"),
    ("POST", "/v1/models/n:predict"): (404, "there is `m`"),
    ("GET", "/v1/models/m/versions/2"): (404, "no version 2"),
    ("GET", "/v1/models/m/versions/one"): (404, "no version"),
    ("POST", "/v1/models/m/versions/99999999999999999999999:predict"): (404, "no version"),
    ("POST", "/v1/models/m/labels/stable:predict"): (404, "label"),
    ("POST", "/v1/models/m:regress"): (400, "no signature for `:regress`"),
    ("POST", "/v1/models/m:explain"): (404, "`:predict`"),
    ("GET", "/v1/models/m:predict"): (405, "POST"),
    ("POST", "/v1/models/m"): (405, "GET"),
    ("DELETE", "/v1/models/m/metadata"): (405, "GET"),
    ("GET", "/v1/model"): (404, "/openapi.json"),
    ("GET", "/nothing"): (404, "/openapi.json"),
    ("POST", "/healthz"): (405, "Method"),
}


@pytest.mark.parametrize(("method", "path"), PATHS, ids=" ".join)
def test_a_path_that_is_none_is_told(table: TestClient, method: str, path: str) -> None:
    status, told = PATHS[method, path]
    answer = table.request(method, path, content="{}" if method == "POST" else None)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert told in answer.json()["error"]
