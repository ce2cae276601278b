"""`category`: one of a finite set of values, as an index or a one-hot vector.

Index i stands for entry i of the vocabulary. `auto` sorts the values of the training rows, as numbers where all of them
are whole numbers; with `max_vocabulary` it keeps the most frequent, those equally frequent in that order. Unknown
values take the indices after the vocabulary, as many as `oov` says. A missing text is a value like any other: empty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from specc.codes import S104, S105, S503, S504
from specc.diagnostics import Refusal, nearest
from specc.kinds import argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Learning, Origin, State
from specc.kinds.features._columns import numbers, scalars, shortened
from specc.tensors import Tensor

HASHES = 2**63 - 1
"""Into how many buckets texts are hashed for the search: all that an int64 can tell apart."""


@dataclass(frozen=True, slots=True)
class Category:
    """One of a finite set of values: an int scalar, or a vector of floats."""

    numeric: ClassVar[bool] = False

    vocabulary: str | Sequence[str | int] | None = argument(
        "auto: the values of the training rows, sorted; or a list. Left out: auto, unless `classes` is given",
        {
            "anyOf": [
                {"const": "auto"},
                {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1, "uniqueItems": True},
            ]
        },
        default=None,
    )
    classes: int | None = argument(
        "how many values there are; without `vocabulary` they are the integers from 0 to classes - 1",
        {"type": "integer", "minimum": 1},
        default=None,
    )
    max_vocabulary: int | None = argument(
        "with `vocabulary: auto`: keep this many of the most frequent values",
        {"type": "integer", "minimum": 1},
        default=None,
    )
    oov: int = argument(
        "how many indices unknown values share; 0: an unknown value is an error",
        {"type": "integer", "minimum": 0},
        default=0,
    )
    encode: str = argument("an index, or a vector with a 1 at it", {"enum": ["index", "one_hot"]}, default="index")

    def __post_init__(self) -> None:
        if self._listed is not None:
            entries = self._listed
            if len({type(e) for e in entries}) > 1:
                raise Refusal(
                    S105, "`vocabulary` mixes texts and numbers", "put quotes around every entry", "vocabulary"
                )
            if self.classes is not None and self.classes != len(entries):
                raise Refusal(
                    S105,
                    f"`classes` is {self.classes}, and `vocabulary` has {len(entries)} entries",
                    "leave `classes` out: the list says it",
                    "classes",
                )
        if self.max_vocabulary is not None:
            if not self._auto:
                raise Refusal(
                    S105,
                    "`max_vocabulary` needs `vocabulary: auto`; here the values are given",
                    "leave `max_vocabulary` out",
                    "max_vocabulary",
                )
            if not self.oov:
                raise Refusal(
                    S105,
                    "`max_vocabulary` leaves values without an index",
                    "add `oov: 1`, an index for all of them",
                    "max_vocabulary",
                )

    @property
    def _auto(self) -> bool:
        return self.vocabulary == "auto" or (self.vocabulary is None and self.classes is None)

    @property
    def _listed(self) -> tuple[str | int, ...] | None:
        return None if self.vocabulary is None or isinstance(self.vocabulary, str) else tuple(self.vocabulary)

    def _vocabulary(self, state: State | None) -> tuple[str | int, ...] | None:
        """The entries where there are any and they are known."""
        return tuple(state["vocabulary"]) if state is not None and "vocabulary" in state else self._listed

    def _indices(self, state: State | None) -> int | None:
        """How many indices there are, those of unknown values included."""
        entries = self._vocabulary(state)
        known = self.classes if self.classes is not None else None if entries is None else len(entries)
        return None if known is None else known + self.oov

    def tensor(self, state: State | None = None) -> Tensor:
        if self.encode == "one_hot":
            return Tensor((None, self._indices(state)), "float32")
        return Tensor((None,), "int32")

    def facts(self, state: State | None = None) -> Mapping[str, Any]:
        facts: dict[str, Any] = {}
        indices, entries = self._indices(state), self._vocabulary(state)
        if indices is not None:
            facts["classes"] = indices
        if entries is not None:
            facts["vocabulary"] = list(entries)
        if self.encode == "index":
            facts["shape"] = []
        elif indices is not None:
            facts["shape"] = [indices]
        return facts

    def read(self, column: Array, origin: Origin, state: State | None = None) -> Array:
        values = scalars(column, "category")
        if self._raw(values, state) == "int64":
            values = _whole(values, origin)
        elif values.dtype.kind != "O":
            # What came as text when the feature learnt comes as a number now, as from JSON: 3 is "3".
            values = _whole(values, origin).astype(str).astype(object)
        if not self.oov:
            self._check(values, origin, state)
        return values

    def _raw(self, values: Array, state: State | None) -> str:
        if state is not None:
            return str(state["raw"])
        if self._listed is not None:
            return "int64" if isinstance(self._listed[0], int) else "string"
        if self._auto:
            return "string" if values.dtype.kind == "O" else "int64"
        return "int64"

    def _check(self, values: Array, origin: Origin, state: State | None) -> None:
        entries = self._vocabulary(state)
        if entries is not None:
            if unknown := set(values.tolist()) - set(entries):
                bad = np.array([v in unknown for v in values.tolist()])
                raise self._unknown(values[int(np.flatnonzero(bad)[0])], bad, origin, entries)
        elif self.classes is not None and not self._auto and (bad := (values < 0) | (values >= self.classes)).any():
            low, high = int(values.min()), int(values.max())
            if low >= 0:
                remedy = f"`classes: {high + 1}`, or correct the value"
                if low == 1 and high == self.classes:
                    remedy = "the values count from 1: `vocabulary: auto` numbers them from 0"
            else:
                remedy = "`vocabulary: auto` numbers any values from 0"
            value = int(values[int(np.flatnonzero(bad)[0])])
            raise BadRows(S504, f"{value} in {{rows}} is outside 0…{self.classes - 1}", bad, origin, remedy)

    def _unknown(self, value: str | int, bad: Array, origin: Origin, entries: tuple[str | int, ...]) -> BadRows:
        if value == "":
            remedy = "add `oov: 1`, an index for missing and unknown values"
            return BadRows(S503, "the value in {rows} is missing", bad, origin, remedy)
        met = "was not in the training rows" if self._auto else "is not in `vocabulary`"
        close = nearest(str(value), [str(e) for e in entries])
        hint = f"did you mean `{close}`? Else add" if close else "add"
        remedy = f"{hint} `oov: 1`, an index for unknown values"
        return BadRows(S504, f"`{shortened(str(value))}` in {{rows}} {met}", bad, origin, remedy)

    def learn(self) -> Learning:
        raw, counts = "int64", Counter[Any]()
        while (sent := (yield)) is not None:
            values, times = sent
            if values.dtype.kind == "O" and raw != "string":
                raw, counts = "string", Counter({str(value): count for value, count in counts.items()})
            if self._auto:
                spelled = values.astype(str).tolist() if raw == "string" else values.tolist()
                counts.update(spelled if times is None else dict(zip(spelled, times.tolist(), strict=True)))
        if not self._auto:
            return {"raw": raw} if self._listed is None else {"raw": raw, "vocabulary": list(self._listed)}
        entries = sorted(counts, key=_order(counts))
        if self.max_vocabulary is not None and len(entries) > self.max_vocabulary:
            kept = set(sorted(entries, key=lambda e: -counts[e])[: self.max_vocabulary])
            entries = [e for e in entries if e in kept]
        if self.classes is not None and len(entries) > self.classes:
            raise Refusal(
                S504,
                f"the training rows hold {len(entries)} different values, and `classes` says {self.classes}",
                f"`classes: {len(entries)}`, or keep the most frequent: `max_vocabulary: {self.classes}` and `oov: 1`",
            )
        return {"raw": raw, "vocabulary": entries}

    def raw(self, state: State) -> Tensor:
        return Tensor((None,), state["raw"])

    def kept(self, state: State) -> str:
        indices = self._indices(state)
        return "uint8" if self.encode == "one_hot" or (indices is not None and indices <= 256) else "int32"

    def prepare(self, tf: ModuleType, values: Any, state: State) -> Any:
        entries = self._vocabulary(state)
        if entries is not None:
            index, keys, known = _found(tf, values, entries)
            size = len(entries)
        else:
            size = self.classes or 0
            index = keys = values
            known = (values >= 0) & (values < size)
        if self.oov:
            index = tf.where(known, index, size + tf.math.floormod(keys, tf.constant(self.oov, tf.int64)))
        else:
            check = tf.debugging.Assert(tf.reduce_all(known), ["a category has values it was not trained on:", values])
            with tf.control_dependencies([] if check is None else [check]):
                index = tf.identity(index)
        index = tf.cast(index, tf.int32)
        return index if self.encode == "index" else tf.one_hot(index, self._indices(state), dtype=tf.float32)

    def restore(self, tf: ModuleType, output: Any, state: State) -> Any:
        return output

    def sample(self, generator: np.random.Generator, rows: int) -> Array:
        if self._listed is not None:
            return np.array(self._listed, dtype=object)[generator.integers(len(self._listed), size=rows)]
        if self.classes is None:
            raise Refusal(
                S104,
                "made-up examples need to know how many values there are",
                "add `classes`, or a list as `vocabulary`",
            )
        return generator.integers(self.classes, size=rows)


def _whole(values: Array, origin: Origin) -> Array:
    """Scalars as int64; text is read as a number first."""
    if values.dtype.kind in "biu":
        return values.astype(np.int64)
    exact = numbers(values, origin)
    if (absent := np.isnan(exact)).any():
        raise BadRows(
            S503,
            "the value in {rows} is missing",
            absent,
            origin,
            "a category of whole numbers has no value for it: correct the rows, or leave them out",
        )
    if (broken := (exact != np.floor(exact)) | (abs(exact) >= 2**63)).any():
        value = exact[int(np.flatnonzero(broken)[0])]
        told = f"{value:g} in {{rows}} is not a whole number"
        raise BadRows(S503, told, broken, origin, "a measurement is `type: number`")
    return exact.astype(np.int64)


def _order(entries: Counter[Any]) -> Any:
    """How a vocabulary is sorted: as numbers where all entries are whole numbers, else as text."""
    whole = all(isinstance(e, int) or e == "" or e.removeprefix("-").isdecimal() for e in entries)
    return (lambda e: (e != "", int(e or 0))) if whole else str


def _found(tf: ModuleType, values: Any, entries: tuple[str | int, ...]) -> tuple[Any, Any, Any]:
    """For each value its index in the vocabulary, its key, and whether it is there.

    A search among sorted keys instead of a look-up table: it needs no state, so that any function can hold it and any
    export take it along. Texts are searched by their hash, then compared.
    """
    if isinstance(entries[0], str):
        with tf.init_scope():
            hashes = tf.strings.to_hash_bucket_fast(tf.constant(entries, tf.string), HASHES).numpy()
        keys = tf.strings.to_hash_bucket_fast(values, HASHES)
        words = tf.constant(entries, tf.string)
    else:
        hashes = np.array(entries, np.int64)
        keys = values
        words = tf.constant(hashes)
    order = np.argsort(hashes, kind="stable")
    place = tf.searchsorted(tf.constant(hashes[order]), keys)
    index = tf.gather(tf.constant(order), tf.minimum(place, len(entries) - 1))
    return index, keys, tf.equal(tf.gather(words, index), values)
