"""The paths of a server and what they take and give, as OpenAPI 3.1, made from the signatures of the newest version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from specc.backend.serving.fields import Field
from specc.backend.serving.signatures import DEFAULT, Output, Signature
from specc.backend.serving.versions import Model
from specc.tensors import Tensor

SHOWN = 1000
"""Of a vocabulary, so many words at most are listed."""

BYTES = {
    "type": "object",
    "properties": {"b64": {"type": "string", "contentEncoding": "base64"}},
    "required": ["b64"],
    "additionalProperties": False,
}

WRONG = {
    "400": "The request is not as it should be; `error` says what is wrong with it, and where.",
    "404": "There is no such model, or no such version of it.",
    "405": "Not with this method.",
    "408": "The body did not come in time.",
    "413": "The body is too long.",
    "429": "Too many requests are waiting: ask again, after the seconds of `Retry-After`.",
    "503": "The server is about to end, or has not memory enough.",
    "504": "The answer did not come in time.",
}

Json = dict[str, Any]


def openapi(model: Model, body: int) -> Json:
    """The description of a model's server, whose requests have bodies of so many bytes at most."""
    version = model.version()
    signatures = version.signatures
    asked = [s for s in signatures.values() if s.method == "predict"]
    schemas: Json = {"Error": _object({"error": {"type": "string"}}), "Status": STATUS, "Metadata": {"type": "object"}}
    if DEFAULT in signatures:
        schemas["Row"] = row(signatures[DEFAULT].fields)
        schemas["Prediction"] = _each(signatures[DEFAULT].outputs)
    paths: Json = {}
    base = f"/v1/models/{model.name}"
    for prefix, of in ((base, ""), (f"{base}/versions/{{version}}", "Version")):
        parameters = [_version(sorted(model.versions))] if of else []
        paths[prefix] = _get(f"status{of}", "Which versions are served", "Status", parameters)
        paths[f"{prefix}/metadata"] = _get(f"metadata{of}", "What the signatures take and give", "Metadata", parameters)
        if asked:
            about = "Ask about rows or columns"
            paths[f"{prefix}:predict"] = _post(f"predict{of}", about, _predict(asked), _answer, parameters)
        for verb, result in (("classify", _classes), ("regress", {"type": "number"})):
            if any(s.method == verb for s in signatures.values()):
                fields = signatures[DEFAULT].fields if DEFAULT in signatures else ()
                given = _by_example(fields, [s.name for s in signatures.values() if s.method == verb])
                told = _object({"results": {"type": "array", "items": result}})
                paths[f"{prefix}:{verb}"] = _post(f"{verb}{of}", f"Ask to {verb} examples", given, told, parameters)
    paths |= {
        "/healthz": {"get": _plain("health", "Whether the process is alive")},
        "/readyz": {"get": _plain("ready", "Whether requests are answered", "503")},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": model.name,
            "version": str(version.number),
            "description": f"TensorFlow Serving's REST contract, by specc. A request has {body:,} bytes at most.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas},
    }


STATUS: Json = {
    "type": "object",
    "properties": {
        "model_version_status": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "version": {"type": "string"},
                    "state": {"enum": ["AVAILABLE", "END"]},
                    "status": {"type": "object"},
                },
                "required": ["version", "state", "status"],
            },
        }
    },
    "required": ["model_version_status"],
}

_classes: Json = {
    "type": "array",
    "description": "Each class with its score.",
    "items": {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 2, "maxItems": 2},
}

_answer: Json = {
    "anyOf": [
        {
            "type": "object",
            "properties": {"predictions": {"type": "array"}},
            "required": ["predictions"],
            "additionalProperties": False,
        },
        {"type": "object", "properties": {"outputs": {}}, "required": ["outputs"], "additionalProperties": False},
    ]
}


def value(field: Field) -> Json:
    """The schema of one value of a field."""
    sense = field.sense
    one = _text(field) if field.text else _number(field)
    if sense.choices and len(sense.choices) <= SHOWN:
        if sense.closed:
            one = {"enum": [*sense.choices, *([None] if sense.gaps else [])]}
        else:
            one["examples"] = list(sense.choices)
    elif sense.typical is not None:
        one["examples"] = [sense.typical]
    for size in reversed(field.inner if field.inner is not None else ()):
        one = {"type": "array", "items": one} | ({} if size is None else {"minItems": size, "maxItems": size})
    return one if field.inner is not None else {}


def _text(field: Field) -> Json:
    sense = field.sense
    if sense.media:
        bytes_ = {"type": "string", "contentEncoding": "base64", "contentMediaType": sense.media}
        return BYTES | {"properties": {"b64": bytes_}, "description": f"The bytes of a file, {sense.media}."}
    if sense.word:
        return {"type": ["string", "null"] if sense.gaps else "string"}
    return {"anyOf": [{"type": "string"}, BYTES]}


def _number(field: Field) -> Json:
    dtype = field.tensor.dtype or "float32"
    if dtype == "bool":
        return {"type": "boolean"}
    if np.dtype(dtype if dtype != "bfloat16" else "float32").kind in "iu":
        limits = np.iinfo(dtype)
        return {"type": "integer", "minimum": int(limits.min), "maximum": int(limits.max)}
    types = ["number", *(["null"] if field.sense.gaps else []), *(["boolean"] if field.sense.word == "binary" else [])]
    one: Json = {"type": types if len(types) > 1 else types[0]}
    if dtype not in ("float16", "float32"):
        return one
    # What is nearer to the largest number than to the next power of two is rounded to it.
    held = np.finfo(dtype)
    most = 2.0**held.maxexp - 2.0 ** (held.maxexp - held.nmant - 2)
    return one | {"exclusiveMinimum": -most, "exclusiveMaximum": most}


def row(fields: Sequence[Field]) -> Json:
    """The schema of one row: an object with a value for each field; what may be missing may be left out."""
    return {
        "type": "object",
        "properties": {field.name: value(field) for field in fields},
        "required": [field.name for field in fields if not field.sense.gaps],
        "additionalProperties": False,
    }


def _predict(signatures: Sequence[Signature]) -> Json:
    """The bodies that `:predict` takes: rows or columns of any signature; the default one need not be named."""
    forms = []
    for signature in signatures:
        # An empty name is none.
        named = {"signature_name": {"enum": [signature.name, *([""] if signature.name == DEFAULT else [])]}}
        required = [] if signature.name == DEFAULT else ["signature_name"]
        one = {"$ref": "#/components/schemas/Row"} if signature.name == DEFAULT else row(signature.fields)
        if len(signature.fields) == 1:
            one = {"anyOf": [one, value(signature.fields[0])]}
        columns = {f.name: {"type": "array", "items": value(f), "minItems": 1} for f in signature.fields}
        for key, given in (
            ("instances", {"type": "array", "items": one, "minItems": 1}),
            ("inputs", _object(columns, required=[f.name for f in signature.fields if not f.sense.gaps])),
        ):
            form = _object(named | {key: given}, required=[*required, key])
            forms.append(form)
    return {"anyOf": forms}


def _by_example(fields: Sequence[Field], names: Sequence[str]) -> Json:
    """The body of `:classify` and `:regress`. What stands in `context` is left out of the examples."""
    properties = {field.name: _feature(field) for field in fields}
    example = {"type": "object"} | ({"properties": properties, "additionalProperties": False} if properties else {})
    return _object(
        {
            "signature_name": {"enum": [*names, ""]},
            "context": example,
            "examples": {"type": "array", "items": example, "minItems": 1},
        },
        required=["examples"],
    )


def _feature(field: Field) -> Json:
    """A field in an example, which has lists and no lists of lists: a value may stand alone or in one of its own."""
    one = value(Field(field.name, Tensor((None,), field.tensor.dtype), field.sense))
    if field.inner is None or field.inner == ():
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": 1}]}
    sizes = [size for size in field.inner if size is not None]
    given = {"minItems": prod(sizes), "maxItems": prod(sizes)} if len(sizes) == len(field.inner) else {}
    return {"type": "array", "items": one} | given


def _each(outputs: Mapping[str, Output]) -> Json:
    """What is answered about one example: the output, or an object of them where there are several."""
    told = {name: _output(output) for name, output in outputs.items()}
    return next(iter(told.values())) | {"title": next(iter(told))} if len(told) == 1 else _object(told)


def _output(output: Output) -> Json:
    tensor: Tensor = output.tensor
    kind = tensor.dtype or ""
    one: Json = {"type": "string" if kind == "string" else "boolean" if kind == "bool" else "number"}
    for _ in (tensor.shape or (None,))[1:]:
        one = {"type": "array", "items": one}
    return one | ({"x-classes": list(output.classes)} if output.classes else {})


def _object(properties: Json, required: Sequence[str] | None = None) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties if required is None else required),
        "additionalProperties": False,
    }


def _version(there: Sequence[int]) -> Json:
    return {"name": "version", "in": "path", "required": True, "schema": {"type": "integer", "enum": list(there)}}


def _wrong(*statuses: str) -> Json:
    error = _content({"$ref": "#/components/schemas/Error"})
    return {status: {"description": WRONG[status]} | error for status in statuses}


def _content(schema: Json) -> Json:
    return {"content": {"application/json": {"schema": schema}}}


def _get(name: str, summary: str, schema: str, parameters: Sequence[Json]) -> Json:
    found = {"description": summary} | _content({"$ref": f"#/components/schemas/{schema}"})
    asked: Json = {"operationId": name, "summary": summary, "parameters": list(parameters)}
    return {"get": asked | {"responses": {"200": found} | _wrong("404", "405")}}


def _post(name: str, summary: str, given: Json, told: Json, parameters: Sequence[Json]) -> Json:
    answers = {"200": {"description": "The answers, in the order of what was asked."} | _content(told)} | _wrong(*WRONG)
    body = {"required": True} | _content(given)
    asked: Json = {"operationId": name, "summary": summary, "parameters": list(parameters), "requestBody": body}
    return {"post": asked | {"responses": answers}}


def _plain(name: str, summary: str, *statuses: str) -> Json:
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": summary} | _content({"type": "object"})} | _wrong(*statuses),
    }
