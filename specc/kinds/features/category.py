"""`category`: one of a finite set of values, as an index or a one-hot vector; or several of them in one field.

Index i stands for entry i of the vocabulary. `auto` sorts the values of the training rows, as numbers where all of them
are whole numbers; with `max_vocabulary` it keeps the most frequent, those equally frequent in that order. Unknown
values take the indices after the vocabulary, as many as `oov` says. A missing text is a value like any other: empty.

Several values are a set, `encode: multi_hot`, or a sequence, where `length` is given: there 0 pads, as in `text`, and
the values count from 1. Their field is a list, or a text parted by `separator`, and is served as a text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from specc.codes import S104, S105, S503, S504
from specc.diagnostics import Refusal, nearest
from specc.kinds import PATH, argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Learning, Origin, State
from specc.kinds.features._columns import numbers, scalars, shortened, stripped
from specc.kinds.features._pieces import BETWEEN, joined, parted, parts
from specc.kinds.features._vocabulary import entries_of
from specc.tensors import Tensor

HASHES = 2**63 - 1
"""Into how many buckets texts are hashed for the search: all that an int64 can tell apart."""


@dataclass(frozen=True, slots=True)
class Category:
    """One of a finite set of values, an int scalar or a vector of floats; or several of them."""

    numeric: ClassVar[bool] = False

    vocabulary: str | Sequence[str | int] | None = argument(
        "auto: the values of the training rows, sorted; or a list; or a file with one a line. Left out: auto, unless "
        "`classes` is given",
        {
            "anyOf": [
                {"const": "auto"},
                PATH,
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
    encode: str = argument(
        "an index; a vector with a 1 at it; or, of several values, a vector with a 1 at each",
        {"enum": ["index", "one_hot", "multi_hot"]},
        default="index",
    )
    separator: str | None = argument(
        "what stands between several values of one text; a blank stands for any blanks",
        {"type": "string", "minLength": 1},
        default=None,
    )
    length: int | None = argument(
        "the field is a sequence of values, of which so many are kept, and padded with 0",
        {"type": "integer", "minimum": 1},
        default=None,
    )

    def __post_init__(self) -> None:
        if self.length is not None and self.encode != "index":
            remedy = "leave out `length` for a set of values, `encode` for a sequence of them"
            raise Refusal(S105, f"a sequence is of indices, not `{self.encode}`", remedy, "encode")
        if self.separator is not None and not self.several:
            raise Refusal(
                S105,
                "`separator` parts several values, and one is asked for",
                "add `encode: multi_hot` for a set of values, or `length: N` for a sequence of them",
                "separator",
            )
        if not (self.vocabulary is None or isinstance(self.vocabulary, str)):
            entries = tuple(self.vocabulary)
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
    def is_class(self) -> bool:
        """Is it an index, or several, not a vector?"""
        return self.encode == "index"

    @property
    def several(self) -> bool:
        """Does a field hold more values than one?"""
        return self.encode == "multi_hot" or self.length is not None

    @property
    def _between(self) -> str:
        return self.separator or BETWEEN

    @property
    def _padding(self) -> int:
        """How many indices stand before the values'."""
        return 0 if self.length is None else 1

    @property
    def _auto(self) -> bool:
        return self.vocabulary == "auto" or (self.vocabulary is None and self.classes is None)

    @property
    def _listed(self) -> tuple[str | int, ...] | None:
        """The entries as the spec or its file gives them; of several values in one text, as texts."""
        if self.several and self.vocabulary is None and self.classes is not None:
            return tuple(str(number) for number in range(self.classes))
        if self.vocabulary is None or self._auto:
            return None
        if isinstance(self.vocabulary, str):
            return entries_of(self.vocabulary)
        return tuple(str(entry) if self.several else entry for entry in self.vocabulary)

    @property
    def _stated(self) -> tuple[str | int, ...] | None:
        """The entries as far as they are known before any file is read."""
        in_file = isinstance(self.vocabulary, str)
        return None if in_file else self._listed

    def _vocabulary(self, state: State | None) -> tuple[str | int, ...] | None:
        """The entries where there are any and they are known."""
        return tuple(state["vocabulary"]) if state is not None and "vocabulary" in state else self._stated

    def _indices(self, state: State | None) -> int | None:
        """How many indices there are, those of padding and of unknown values included."""
        entries = self._vocabulary(state)
        known = self.classes if self.classes is not None else None if entries is None else len(entries)
        return None if known is None else self._padding + known + self.oov

    def tensor(self, state: State | None = None) -> Tensor:
        if self.encode != "index":
            return Tensor((None, self._indices(state)), "float32")
        return Tensor((None,) if self.length is None else (None, self.length), "int32")

    def facts(self, state: State | None = None) -> Mapping[str, Any]:
        facts: dict[str, Any] = {}
        indices, entries = self._indices(state), self._vocabulary(state)
        if indices is not None:
            facts["classes"] = indices
        if entries is not None:
            facts["vocabulary"] = [*[""] * self._padding, *entries]
        if self.encode == "index":
            facts["shape"] = [] if self.length is None else [self.length]
        elif indices is not None:
            facts["shape"] = [indices]
        return facts

    def read(self, column: Array, origin: Origin, state: State | None = None) -> Array:
        if self.several:
            return self._read_several(column, origin, state)
        values = stripped(scalars(column, "category"))
        if self._raw(values, state) == "int64":
            values = _whole(values, origin)
        elif values.dtype.kind != "O":
            # What came as text when the feature learnt comes as a number now, as from JSON: 3 is "3".
            values = _whole(values, origin).astype(str).astype(object)
        if not self.oov:
            self._check(values, origin, state)
        return values

    def _read_several(self, column: Array, origin: Origin, state: State | None) -> Array:
        """Texts with a separator between the values; a set without any is the separator alone, which is not missing."""
        values = joined(column, self.separator, origin, served=state is not None)
        if self.length is None:
            values = np.where(values == "", self._between, values)
        if not self.oov and (entries := self._known(state)) is not None:
            known = frozenset(entries)
            strange = {v: [p for p in parted(v, self._between) if p not in known] for v in set(values.tolist())}
            if (bad := np.array([bool(strange[v]) for v in values.tolist()], bool)).any():
                raise self._unknown(strange[values[int(np.flatnonzero(bad)[0])]][0], bad, origin, entries)
        return values

    def _known(self, state: State | None) -> tuple[str | int, ...] | None:
        """All entries, once they are needed: a file is read now."""
        return self._listed if state is None else self._vocabulary(state)

    def _raw(self, values: Array, state: State | None) -> str:
        if state is not None:
            return str(state["raw"])
        if (listed := self._listed) is not None:
            return "int64" if isinstance(listed[0], int) else "string"
        if self._auto:
            return "string" if values.dtype.kind == "O" else "int64"
        return "int64"

    def _check(self, values: Array, origin: Origin, state: State | None) -> None:
        entries = self._known(state)
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
            if self._auto and self.several:
                raw = "string"
                for text, often in zip(values, np.ones(len(values), int) if times is None else times, strict=True):
                    counts.update({v: n * int(often) for v, n in Counter(parted(text, self._between)).items()})
            elif self._auto:
                spelled = values.astype(str).tolist() if raw == "string" else values.tolist()
                # Values that differ by the blanks around them come twice.
                for value, often in Counter(spelled).items() if times is None else zip(spelled, times, strict=True):
                    counts[value] += int(often)
        if not self._auto:
            listed = self._listed
            return {"raw": raw} if listed is None else {"raw": raw, "vocabulary": list(listed)}
        if self.several and not counts:
            raise Refusal(S503, "the training rows hold no value", "name another column, or look at `separator`")
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
        return "uint8" if self.encode != "index" or (indices is not None and indices <= 256) else "int32"

    def prepare(self, tf: ModuleType, values: Any, state: State) -> Any:
        if not self.several:
            index = self._index(tf, tf.strings.strip(values) if values.dtype == tf.string else values, state)
            return index if self.encode == "index" else tf.one_hot(index, self._indices(state), dtype=tf.float32)
        pieces = parts(tf, values, self._between)
        index = self._index(tf, pieces.flat_values, state)
        if self.length is not None:
            return pieces.with_flat_values(index + self._padding).to_tensor(shape=(None, self.length))
        places = tf.stack([tf.cast(pieces.value_rowids(), tf.int32), index], axis=1)
        ones = tf.ones_like(index, tf.float32)
        # A value that is there twice is there.
        return tf.minimum(tf.scatter_nd(places, ones, [tf.shape(values)[0], self._indices(state)]), 1.0)

    def _index(self, tf: ModuleType, values: Any, state: State) -> Any:
        """The place of each value in the vocabulary, or after it."""
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
        return tf.cast(index, tf.int32)

    def restore(self, tf: ModuleType, output: Any, state: State) -> Any:
        return output

    def sample(self, generator: np.random.Generator, rows: int) -> Array:
        if (listed := self._listed) is not None:
            drawn = np.array(listed, dtype=object)[generator.integers(len(listed), size=(rows, self.length or 2))]
            if not self.several:
                return np.asarray(drawn[:, 0])
            return drawn if self.separator is None else np.array([self.separator.join(row) for row in drawn], object)
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
