"""What a script does with each field of the data: how it learns from it, and how it brings it to the network."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from specc.emit.layout import Expression, Given, call, keyword, literal, mapping
from specc.kinds.features import State, ignored
from specc.kinds.features._pieces import BETWEEN
from specc.kinds.features.audio import Audio
from specc.kinds.features.binary import Binary
from specc.kinds.features.category import Category
from specc.kinds.features.datetime import Datetime
from specc.kinds.features.image import Image
from specc.kinds.features.number import Number
from specc.kinds.features.tensor import Tensor
from specc.kinds.features.text import Text
from specc.kinds.features.window import Window
from specc.plan import Field

KEPT = {"fill", "bounds", "center", "spread", "vocabulary"}
"""What of that which a feature learnt its functions take."""


class UnsayableError(Exception):
    """A script cannot read this, or cannot prepare it: the message says what."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A field in a script: what it learns, None for nothing, and the tensor of it; `state` is what specc learnt."""

    field: Field
    learns: Expression | None
    tensor: Expression
    state: Mapping[str, Any]


FILES = ("audio_folder", "image_folder", "csv", "jsonl", "parquet", "sql")
"""Readers that give pictures and sounds as files, by name or by contents, and not as arrays."""


def prepared(field: Field, state: State | None, reader: str) -> Prepared:
    """What a script does with a field of a reader, in a mapping `rows`, with what was learnt in `learnt`.

    Raises:
        UnsayableError: for a feature that is more than a few lines of NumPy.
    """
    feature, name = field.feature, field.name
    rows = f'rows["{name}"]'
    known = f'**learnt["{name}"]'
    match feature:
        case Number():
            clip = _options(clip=None if feature.clip is None else tuple(feature.clip))
            quantiles = feature.bins if isinstance(feature.bins, int) else None
            scale = None if feature.scale == "none" else feature.scale
            impute = feature.impute if isinstance(feature.impute, str) else None
            learns = bool(scale or impute or quantiles)
            options = _options(impute=feature.impute, clip=clip_of(feature), scale=scale, bins=quantiles)
            fixed = _options(fill=None if learns or isinstance(feature.impute, str) else feature.impute)
            if isinstance(feature.bins, list):
                fixed.append(keyword("bounds", (Given(list(feature.bins)),)))
            if learns:
                fixed.append((known,))
            function = "numbers" if feature.bins is None else "bins"
            asked = call("learn_numbers", [(rows,), *options]) if learns else None
            return Prepared(field, asked, call(function, [(rows,), *clip, *fixed]), _kept(state, learns))
        case Category():
            return _category(field, state, rows, known)
        case Binary():
            positive = feature.positive
            if isinstance(positive, float) and positive == int(positive):
                positive = int(positive)  # as a text has it
            if isinstance(positive, bool):
                positive = str(positive).lower() if reader == "csv" else float(positive)
            return Prepared(field, None, call("yes", [(rows,), *_options(positive=positive)]), {})
        case Text():
            return _text(field, state, rows, known)
        case Tensor():
            shape = feature.shape if feature.shape is not None else None
            cast = f'np.asarray({rows}, "{feature.dtype}")'
            size = f".reshape({', '.join(map(str, (-1, *shape)))})" if shape is not None else ""
            return Prepared(field, None, (cast + size,), {})
        case Image():
            return _image(field, state, rows, reader)
        case Audio():
            return _audio(field, state, rows, reader)
        case Datetime():
            return Prepared(field, None, call("dates", [(rows,), (Given(list(feature.parts)),)]), {})
        case Window():
            if feature.scale == "none":
                return Prepared(field, None, (rows,), {})
            learns_it = call("learn_windows", [(rows,), (f'"{feature.scale}"',)])
            return Prepared(field, learns_it, call("scaled", [(rows,), (known,)]), _kept(state, True))
    raise UnsayableError(f"the feature `{type(feature).__name__.lower()}` of `{name}`")


def relative(value: Any) -> Any:
    """A path as from where one stands, where it lies below."""
    if isinstance(value, dict):
        return {name: relative(path) for name, path in value.items()}
    if isinstance(value, str) and os.path.isabs(value):
        near = os.path.relpath(value)
        return value if near.startswith("..") else near
    return value


def clip_of(feature: Number) -> tuple[float, ...] | None:
    return None if feature.clip is None else tuple(feature.clip)


def _category(field: Field, state: State | None, rows: str, known: str) -> Prepared:
    feature = field.feature
    assert isinstance(feature, Category)
    function = "one_hot" if feature.encode == "one_hot" else "indices"
    oov = _options(oov=feature.oov or None)
    auto = feature.vocabulary == "auto" or (feature.vocabulary is None and feature.classes is None)
    if feature.several:
        return _several(field, state, rows, known, oov)
    if auto:
        learns = call("learn_vocabulary", [(rows,), *_options(most=feature.max_vocabulary)])
        return Prepared(field, learns, call(function, [(rows,), (known,), *oov]), _kept(state, True))
    if feature.vocabulary is None:
        if function == "indices" and not feature.oov:
            return Prepared(field, None, (f'np.asarray({rows}, "int32")',), {})
        return Prepared(field, None, call(function, [(rows,), (f"range({feature.classes})",), *oov]), {})
    if isinstance(feature.vocabulary, str):
        learns = _entries(feature.vocabulary)
        return Prepared(field, learns, call(function, [(rows,), (known,), *oov]), _kept(state, True))
    return Prepared(field, None, call(function, [(rows,), (Given(list(feature.vocabulary)),), *oov]), {})


def _entries(path: str) -> Expression:
    """What is known of a vocabulary in a file."""
    return mapping([("vocabulary", call("read_entries", [(literal(relative(path)),)]))])


def _several(field: Field, state: State | None, rows: str, known: str, oov: list[Expression]) -> Prepared:
    feature = field.feature
    assert isinstance(feature, Category)
    separator = feature.separator or BETWEEN
    options = [keyword("separator", (Given(separator),)), *oov]
    if feature.length is not None:
        options.insert(0, keyword("length", (Given(feature.length),)))
    function = "sets" if feature.length is None else "sequences"
    if isinstance(feature.vocabulary, str) and feature.vocabulary != "auto":
        learns = _entries(feature.vocabulary)
        return Prepared(field, learns, call(function, [(rows,), (known,), *options]), _kept(state, True))
    if isinstance(feature.vocabulary, (list, tuple)):
        entries = [str(entry) for entry in feature.vocabulary]
        return Prepared(field, None, call(function, [(rows,), (Given(entries),), *options]), {})
    if feature.vocabulary is None and feature.classes is not None:
        entries = [str(number) for number in range(feature.classes)]
        return Prepared(field, None, call(function, [(rows,), (Given(entries),), *options]), {})
    pieces = f"[value for text in {rows} for value in parted(text, {literal(separator)})]"
    learns = call("learn_vocabulary", [(pieces,), *_options(most=feature.max_vocabulary)])
    return Prepared(field, learns, call(function, [(rows,), (known,), *options]), _kept(state, True))


def _text(field: Field, state: State | None, rows: str, known: str) -> Prepared:
    feature = field.feature
    assert isinstance(feature, Text)
    how = _options(
        standardize=None if feature.standardize == "lower_and_strip_punctuation" else feature.standardize,
        split=None if feature.split == "whitespace" else feature.split,
        ngrams=None if feature.ngrams == 1 else feature.ngrams,
    )
    if feature.standardize == "none":
        how[0] = keyword("standardize", ("None",))
    options = _options(most=feature.vocabulary if isinstance(feature.vocabulary, int) else None, length=feature.length)
    if isinstance(feature.vocabulary, str):
        options.append(keyword("vocabulary", call("read_entries", [(literal(relative(feature.vocabulary)),)])))
    elif not isinstance(feature.vocabulary, int):
        words = list(feature.vocabulary)
        if feature.length is not None:
            given: list[Expression] = [(rows,), (Given(words),), (str(feature.length),)]
            return Prepared(field, None, call("words", [*given, *how]), {})
        options.append(keyword("vocabulary", (Given(words),)))
    learns = call("learn_words", [(rows,), *options, *how])
    kept = _kept(state, True) | ({"length": state["length"]} if state else {})
    return Prepared(field, learns, call("words", [(rows,), (known,), *how]), kept)


def _image(field: Field, state: State | None, rows: str, reader: str) -> Prepared:
    feature = field.feature
    assert isinstance(feature, Image)
    files = reader in FILES if state is None else state["raw"] == "string"
    size = None if feature.size is None else tuple(feature.size)
    channels = feature.channels or (3 if files else None if state is None else state["form"][2])
    options = _options(resize=None if feature.resize == "stretch" else feature.resize)
    if feature.classes is not None:
        options += _options(around=feature.ignore_class if feature.resize == "pad" else None)
        if size is None:
            return Prepared(field, None, (f'{rows}.astype("int32")',), {})
        return Prepared(field, None, call("read_masks" if files else "masks", [(rows,), (str(size),), *options]), {})
    if size is None:
        if channels is None:
            raise UnsayableError(f"the channels of `{field.name}`, which only the data says")
        whole = f"{rows}.reshape(*{rows}.shape[:3], {channels})" if channels == 1 else rows
        return Prepared(field, None, (f'{whole}.astype("float32")',), {})
    function = "read_pictures" if files else "pictures"
    known = _options(channels=None if channels == (3 if files else 1) else channels)
    return Prepared(field, None, call(function, [(rows,), (str(size),), *known, *options]), {})


def _audio(field: Field, state: State | None, rows: str, reader: str) -> Prepared:
    feature = field.feature
    assert isinstance(feature, Audio)
    files = reader in FILES if state is None else state["raw"] == "string"
    samples = None if feature.seconds is None else round(feature.rate * feature.seconds)
    if files:
        made = call(
            "read_sounds", [(rows,), keyword("rate", (str(feature.rate),)), keyword("samples", (str(samples),))]
        )
    else:
        made = call("waves", [(rows,), (f"{rows}.shape[1]" if samples is None else str(samples),)])
    if feature.as_ != "waveform":
        made = call({"mel": "mels", "spectrogram": "spectra"}[feature.as_], [made, (str(feature.rate),)])
    return Prepared(field, None, made, {})


def _kept(state: State | None, learns: bool) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key in KEPT} if state is not None and learns else {}


def _options(**given: Any) -> list[Expression]:
    """Keywords for what is given."""
    return [keyword(name, (Given(value),)) for name, value in given.items() if value is not None]


def restores(fields: Iterable[Field]) -> dict[str, str]:
    """Targets that are answered in other units than the network's, and how they are brought back."""
    return {
        field.name: field.name
        for field in fields
        if isinstance(field.feature, (Number, Window)) and field.feature.scale != "none"
    }


def uncounted(field: Field) -> int | None:
    """The value of a target that does not count."""
    return ignored(field.feature)
