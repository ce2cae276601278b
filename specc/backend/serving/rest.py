"""TensorFlow Serving's REST contract: what stands in a request's body, and what in the body of its answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import tensorflow as tf
from starlette.exceptions import HTTPException

from specc.backend.serving.fields import CALLED, Field
from specc.backend.serving.signatures import DEFAULT, Signature, Version
from specc.diagnostics import Refusal, nearest
from specc.kinds.arrays import Array
from specc.kinds.features import Origin

VERBS = ("predict", "classify", "regress")

KEYS = {
    "predict": ("signature_name", "instances", "inputs"),
    "classify": ("signature_name", "context", "examples"),
    "regress": ("signature_name", "context", "examples"),
}
"""The keys of a body, by what is asked."""

Write = Callable[[Mapping[str, Array]], bytes]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What a request asks: a signature about `columns` of values, by field. `rows` is how many examples there are.

    `where` names one of them. `write` makes the body of the answer.
    """

    signature: Signature
    columns: Mapping[str, Sequence[Any]]
    rows: int
    where: Callable[[int], str]
    write: Write

    @property
    def lane(self) -> tuple[Any, ...]:
        """What the questions that can be asked together have in common."""
        if not self.signature.batched:
            return (id(self),)
        return (id(self.signature), *(f.form(self.columns[f.name]) for f in self.signature.fields))

    def arrays(self) -> dict[str, Array]:
        """The values as arrays.

        Raises:
            HTTPException: 400 for what is no value.
        """
        return arrays(self.signature, self.columns, self.where)


def arrays(signature: Signature, columns: Mapping[str, Sequence[Any]], where: Callable[[int], str]) -> dict[str, Array]:
    """Columns of values as arrays.

    Raises:
        HTTPException: 400 for what is no value.
    """
    origin = Origin(where, Path())
    try:
        return {f.name: _array(f, columns[f.name], origin) for f in signature.fields}
    except Refusal as refusal:
        raise HTTPException(400, refusal.message) from refusal


def _array(field: Field, values: Sequence[Any], origin: Origin) -> Array:
    return field.column(values, origin)[0] if field.tensor.shape == () else field.column(values, origin)


def read(body: bytes, verb: str, version: Version) -> Question:
    """What a body asks of a version.

    Raises:
        HTTPException: 400 where it is not as the contract has it.
    """
    document = _document(body)
    if (unknown := next((key for key in document if key not in KEYS[verb]), None)) is not None:
        raise _wrong(f"there is no key `{unknown}`", nearest(unknown, KEYS[verb]), KEYS[verb])
    signature = _signature(document.get("signature_name", ""), verb, version)
    if verb != "predict":
        return _examples(document, signature, verb, version.signatures.get(DEFAULT))
    if ("instances" in document) == ("inputs" in document):
        which = "both" if "inputs" in document else "neither"
        raise HTTPException(400, f"give `instances`, a list of rows, or `inputs`, columns by name; here is {which}")
    if "inputs" in document:
        return _columnar(document["inputs"], signature)
    return _rows(document["instances"], signature)


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # The contract has NaN and Infinity, which JSON has not.
        if not (b"NaN" in body or b"Infinity" in body):
            raise HTTPException(400, f"the body is not JSON: {error}") from error
        document = _with_nan(body)
    if not isinstance(document, dict):
        raise HTTPException(400, f"the body is {CALLED.get(type(document), 'null')}, and an object is needed")
    return document


def _with_nan(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from error


def _signature(name: Any, verb: str, version: Version) -> Signature:
    """The signature that is meant; for `classify` and `regress` the one of that method where none is named."""
    if not isinstance(name, str):
        raise HTTPException(400, "`signature_name` is the name of a signature, a text")
    there = version.signatures
    if not name:
        if verb == "predict" or (DEFAULT in there and there[DEFAULT].method == verb):
            name = DEFAULT
        else:
            name = next((each.name for each in there.values() if each.method == verb), None)
    if name is None:
        raise HTTPException(400, f"this model has no signature for `:{verb}`; there is {_listed(there)}")
    if name not in there:
        raise _wrong(f"this model has no signature `{name}`", nearest(name, there), there)
    if verb != "predict" and there[name].method != verb:
        raise HTTPException(400, f"the signature `{name}` is for `:{there[name].method}`, not for `:{verb}`")
    return there[name]


def _rows(instances: Any, signature: Signature) -> Question:
    if not isinstance(instances, list) or not instances:
        raise HTTPException(400, "`instances` is a list of rows, one at least")
    fields = signature.fields
    if len(fields) == 1 and not _named(instances[0]):
        if any(_named(one) for one in instances):
            raise HTTPException(400, "`instances` are values or objects, and here are both")
        return _question(signature, {fields[0].name: instances}, len(instances), _instance, rows)
    names = {field.name for field in fields}
    for number, row in enumerate(instances):
        if not isinstance(row, dict):
            needed = f"an object with {_listed(sorted(names))}"
            raise HTTPException(400, f"{_instance(number)} is {_called(row)}, and {needed} is needed")
        if row.keys() != names:
            _keys(row, fields, _instance(number))
    columns = {field.name: [row.get(field.name) for row in instances] for field in fields}
    return _question(signature, columns, len(instances), _instance, rows)


def _columnar(inputs: Any, signature: Signature) -> Question:
    fields = signature.fields
    if not _named(inputs):
        if len(fields) != 1:
            needed = f"an object with {_listed(field.name for field in fields)}"
            raise HTTPException(400, f"`inputs` is {_called(inputs)}, and {needed} is needed")
        inputs = {fields[0].name: inputs}
    _keys(inputs, fields, "`inputs`")
    columns: dict[str, Sequence[Any]] = {}
    sizes: dict[str, int] = {}
    for field in fields:
        values = inputs.get(field.name)
        if field.tensor.shape == ():
            columns[field.name] = [values]
        elif isinstance(values, list):
            columns[field.name], sizes[field.name] = values, len(values)
        elif field.name in inputs or not field.sense.gaps:
            raise HTTPException(400, f"`{field.name}` in `inputs` is {_called(values)}, and a list is needed")
    for field in fields:  # a column of which every value is missing
        if field.name not in columns:
            columns[field.name] = [None] * next(iter(sizes.values()), 0)
    if signature.batched:
        if len(set(sizes.values())) > 1:
            told = ", ".join(f"`{name}` {size}" for name, size in sizes.items())
            raise HTTPException(400, f"the columns of `inputs` differ in length: {told}")
        if 0 in sizes.values() or not sizes:
            raise HTTPException(400, "`inputs` holds no example: give one at least")
    size = next(iter(sizes.values()), 1)
    return _question(signature, columns, size, lambda number: f"`inputs`, example {number}", columnar)


def _examples(document: dict[str, Any], signature: Signature, verb: str, raw: Signature | None) -> Question:
    context, examples = document.get("context", {}), document.get("examples")
    if not isinstance(examples, list) or not examples:
        raise HTTPException(400, "`examples` is a list of objects, one at least")
    if not isinstance(context, dict):
        raise HTTPException(400, f"`context` is {_called(context)}, and an object is needed")
    types = {field.name: field for field in raw.fields} if raw else {}
    written = []
    for number, example in enumerate(examples):
        where = f"examples[{number}]"
        if not isinstance(example, dict):
            raise HTTPException(400, f"{where} is {_called(example)}, and an object is needed")
        if (both := next((name for name in example if name in context), None)) is not None:
            raise HTTPException(400, f"`{both}` stands in `context` and in {where}: give it once")
        given = context | example
        if types and (unknown := next((name for name in given if name not in types), None)) is not None:
            raise _wrong(f"{where} has no field `{unknown}`", nearest(unknown, types), types)
        try:
            written.append(_example(given, types, where))
        except Refusal as refusal:
            raise HTTPException(400, refusal.message) from refusal
    (field,) = signature.fields
    write = classes if verb == "classify" else numbers
    columns = {field.name: written}
    return Question(signature, columns, len(written), lambda number: f"examples[{number}]", write)


def _example(given: Mapping[str, Any], types: Mapping[str, Field], where: str) -> dict[str, str]:
    """A serialized `tf.train.Example`, in the form in which JSON has bytes. A missing number is left out."""
    example = tf.train.Example()
    origin = Origin(lambda _: where, Path())
    for name in dict.fromkeys([*types, *given]):
        field, value = types.get(name), given.get(name)
        if field is not None and value is None and not field.sense.gaps:
            raise HTTPException(400, f"{where} has no `{name}`")
        if field is not None and field.inner == ():
            value = value[0] if isinstance(value, list) and len(value) == 1 else value
            if value is None and not field.text:
                continue
            column = field.column([value], origin).tolist()
        else:
            column = _flat(name, value, where)
        feature = example.features.feature[name]
        if all(isinstance(one, bytes) for one in column):
            feature.bytes_list.value.extend(column)
        elif _floats(column, field):
            feature.float_list.value.extend(column)
        else:
            feature.int64_list.value.extend(column)
    return {"b64": base64.b64encode(example.SerializeToString()).decode()}


def _flat(name: str, value: Any, where: str) -> list[Any]:
    """The values of a feature of which an example has several, or of which nothing is known."""
    try:
        column = [_plain(one) for one in (value if isinstance(value, list) else [value])]
        as_bytes = [isinstance(one, bytes) for one in column]
        kind = np.array([0] if any(as_bytes) else column).dtype.kind
        if any(as_bytes) != all(as_bytes) or kind not in "if" or any(isinstance(one, bool) for one in column):
            raise TypeError
    except (TypeError, ValueError, OverflowError) as error:
        told = f"`{name}` in {where} is no number, text or bytes, nor a list of one of them"
        raise HTTPException(400, told) from error
    return column


def _floats(column: Sequence[Any], field: Field | None) -> bool:
    """Whether numbers go into an example as floats: JSON has 3 for 3.0, and the model knows what it means."""
    if field is not None and field.tensor.dtype is not None and not field.text:
        return field.tensor.dtype.startswith(("float", "bfloat"))
    return any(isinstance(one, float) for one in column)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict):
        if not _named(value):
            return base64.b64decode(value["b64"], validate=True)
        raise TypeError("an object")
    return value


def _question(
    signature: Signature, columns: Mapping[str, Sequence[Any]], size: int, where: Callable[[int], str], write: Write
) -> Question:
    return Question(signature, columns, size, where, write)


def _keys(row: Mapping[str, Any], fields: Sequence[Field], where: str) -> None:
    """See that a row has the fields and no others; one that may be missing may be left out."""
    names = [field.name for field in fields]
    if (unknown := next((name for name in row if name not in names), None)) is not None:
        raise _wrong(f"{where} has a field `{unknown}` that this model does not take", nearest(unknown, names), names)
    if (lacking := next((f.name for f in fields if f.name not in row and not f.sense.gaps), None)) is not None:
        raise HTTPException(400, f"{where} has no `{lacking}`")


def _named(value: Any) -> bool:
    """Whether it is an object of names, and not bytes: `{"b64": "…"}`."""
    return isinstance(value, dict) and not (value.keys() == {"b64"} and isinstance(value["b64"], str))


def _instance(number: int) -> str:
    return f"instances[{number}]"


def _called(value: Any) -> str:
    return CALLED.get(type(value), "null")


def _listed(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _wrong(told: str, near: str | None, there: Any) -> HTTPException:
    return HTTPException(400, f"{told}; {f'did you mean `{near}`?' if near else f'there is {_listed(there)}'}")


def rows(answers: Mapping[str, Array]) -> bytes:
    """`{"predictions": […]}`: a value an example, or an object of them where there are several outputs."""
    given = {name: _given(name, array) for name, array in answers.items()}
    if len(given) == 1:
        return _body({"predictions": next(iter(given.values()))})
    sizes = {len(array) if array.ndim else None for array in answers.values()}
    if len(sizes) > 1 or None in sizes:
        raise HTTPException(400, "the outputs differ in their first dimension: ask with `inputs`, not `instances`")
    names = tuple(given)
    return _body({"predictions": [dict(zip(names, row, strict=True)) for row in zip(*given.values(), strict=True)]})


def columnar(answers: Mapping[str, Array]) -> bytes:
    """`{"outputs": …}`: a list, or an object of lists where there are several outputs."""
    given = {name: _given(name, array) for name, array in answers.items()}
    return _body({"outputs": next(iter(given.values())) if len(given) == 1 else given})


def classes(answers: Mapping[str, Array]) -> bytes:
    """`{"results": [[["class", score], …], …]}`."""
    scores, names = answers.get("scores"), answers.get("classes")
    if scores is None and names is None:
        raise HTTPException(500, "the signature gives neither `classes` nor `scores`")
    shape = np.shape(names if scores is None else scores)  # type: ignore[arg-type]
    told = [[""] * shape[1]] * shape[0] if names is None else _given("classes", names)
    held = np.zeros(shape, np.float32) if scores is None else scores
    pairs = [[[name, score] for name, score in zip(*row, strict=True)] for row in zip(told, held, strict=True)]
    return _body({"results": pairs})


def numbers(answers: Mapping[str, Array]) -> bytes:
    """`{"results": [number, …]}`."""
    return _body({"results": _given("outputs", answers["outputs"].reshape(-1))})


def _given(name: str, array: Array) -> Any:
    """An output as JSON has it; texts as texts, bytes where the name says that they are."""
    if array.dtype.kind != "O":
        return np.ascontiguousarray(array) if array.ndim else array[()]
    as_bytes = name.endswith("_bytes")
    told = np.empty(array.shape, object)
    for place, value in np.ndenumerate(array):
        told[place] = {"b64": base64.b64encode(value).decode()} if as_bytes else value.decode(errors="replace")
    return told.tolist()


def _body(value: Any) -> bytes:
    try:
        body = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:  # a dtype that it does not know
        return json.dumps(value, default=_told).encode()
    # It has no NaN and writes null, as which no answer is meant.
    return json.dumps(value, default=_told).encode() if b"null" in body else body


def _told(value: Any) -> Any:
    """Numbers of NumPy as Python has them, with no more digits than their dtype holds."""
    array = np.asarray(value)
    return array.astype("U32").astype(np.float64).tolist() if array.dtype.kind == "f" else array.tolist()
