"""`text`: words as whole numbers, in the order of the text. 0 pads, 1 is any word that is not in the vocabulary.

Words are those of Keras's `TextVectorization`. Entry i of the vocabulary is what i stands for, so that the first two
are not words: "" and "[UNK]". One that is learnt has the most frequent words of the training rows, those equally
frequent in the order of their bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from specc.codes import S105, S503
from specc.diagnostics import Refusal
from specc.kinds import PATH, argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Learning, Origin, State
from specc.kinds.features._columns import scalars
from specc.kinds.features._counting import count
from specc.kinds.features._pieces import holds_lists, of_lists
from specc.kinds.features._vocabulary import entries_of
from specc.tensors import Tensor

SPECIAL = ("", "[UNK]")
"""What 0 and 1 stand for."""

PUNCTUATION = rb"""!"#$%&()*+,-./:;<=>?@[\]^_`{|}~'"""
LOWERED = bytes(range(256)).lower()
STRIPPED = r"""[!"#$%&()\*\+,\-\./:;<=>?@\[\\\]^_`{|}~']+"""
"""What is stripped, as bytes and as a pattern, and what each byte becomes in lower case."""

HASHES = 2**63 - 1
"""Into how many buckets words are hashed for the search: all that an int64 can tell apart."""

LONG_ENOUGH = 0.95
"""The share of the training rows that a learnt `length` holds whole."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words as whole numbers, int [length]: 0 pads, 1 is an unknown word."""

    numeric: ClassVar[bool] = False
    is_class: ClassVar[bool] = True

    vocabulary: int | str | Sequence[str] = argument(
        "how many numbers there are, padding and unknown words counted: the most frequent words of the training rows "
        "have one; or the words, as a list, or as a file with one a line",
        {
            "anyOf": [
                {"type": "integer", "minimum": 3},
                PATH,
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "uniqueItems": True},
            ]
        },
        default=20_000,
    )
    length: int | None = argument(
        "how many words are kept; left out: so many that 95 % of the training rows are whole",
        {"type": "integer", "minimum": 1},
        default=None,
    )
    standardize: str = argument(
        "what is done to the text first; letters are those of ASCII, as in Keras",
        {"enum": ["lower_and_strip_punctuation", "lower", "strip_punctuation", "none"]},
        default="lower_and_strip_punctuation",
    )
    split: str = argument(
        "whitespace: what stands between blanks is a word; character: every character is one",
        {"enum": ["whitespace", "character"]},
        default="whitespace",
    )
    ngrams: int = argument(
        "2: also every two words in a row, after all single words; 3: also every three",
        {"type": "integer", "minimum": 1},
        default=1,
    )

    def __post_init__(self) -> None:
        for word in self._listed or ():
            if (becomes := self._standardized(word.encode()).decode()) != word:
                raise Refusal(
                    S105,
                    f"`{word}` of `vocabulary` never occurs: `standardize: {self.standardize}` makes it `{becomes}`",
                    f"list it as `{becomes}`" if becomes else "leave it out",
                    "vocabulary",
                )

    @property
    def _listed(self) -> tuple[str, ...] | None:
        return None if isinstance(self.vocabulary, (int, str)) else tuple(self.vocabulary)

    def _words(self, state: State | None) -> tuple[str, ...] | None:
        return self._listed if state is None else tuple(state["vocabulary"])

    def _length(self, state: State | None) -> int | None:
        return self.length if state is None else int(state["length"])

    def tensor(self, state: State | None = None) -> Tensor:
        return Tensor((None, self._length(state)), "int32")

    def facts(self, state: State | None = None) -> Mapping[str, Any]:
        facts: dict[str, Any] = {}
        words, length = self._words(state), self._length(state)
        if words is not None:
            facts = {"classes": len(words) + len(SPECIAL), "vocabulary": [*SPECIAL, *words]}
        if isinstance(self.vocabulary, int):
            # Also where the rows hold fewer words, so that the network is known before the data.
            facts["classes"] = self.vocabulary
        if length is not None:
            facts["shape"] = [length]
        return facts

    def read(self, column: Array, origin: Origin, state: State | None = None) -> Array:
        # A list is one of words, and is served as a text.
        values = of_lists(column, " ", origin) if holds_lists(column) else scalars(column, "text")
        if values.dtype.kind != "O":
            values = values.astype(str).astype(object)
        try:
            "".join(text for text in values if not text.isascii()).encode()
        except UnicodeEncodeError:
            bad = np.array([not _is_unicode(text) for text in values])
            remedy = "correct the escape: a surrogate stands for a character only beside its other half"
            raise BadRows(S503, "the text in {rows} holds half a character", bad, origin, remedy) from None
        return values

    def learn(self) -> Learning:
        counts, lengths = Counter[bytes](), Counter[int]()
        learns = isinstance(self.vocabulary, int)
        while (sent := (yield)) is not None:
            if not learns and self.length is not None:
                continue
            values, times = sent
            once = np.ones(len(values), bool) if times is None else times == 1
            if self.split == "whitespace" and self.ngrams == 1:
                count([self._standardized(text.encode()) for text in values[once]], counts, lengths)
            else:
                self._count(values[once], [1] * int(once.sum()), counts, lengths)
            if times is not None:
                self._count(values[~once], times[~once].tolist(), counts, lengths)
        if learns and not counts:
            raise Refusal(S503, "the training rows hold no word", "name another column, or look at `standardize`")
        return {
            "raw": "string",
            "vocabulary": [word.decode() for word in self._most(counts)] if learns else list(self._given()),
            "length": self.length or _quantile(lengths),
        }

    def _count(self, values: Array, times: Sequence[int], counts: Counter[bytes], lengths: Counter[int]) -> None:
        """Count the words of texts, each of which occurs so often."""
        for text, often in zip(values, times, strict=True):
            words = self._tokens(text.encode())
            lengths[len(words)] += often
            counts.update(words if often == 1 else {word: number * often for word, number in Counter(words).items()})

    def _most(self, counts: Counter[bytes]) -> list[bytes]:
        assert isinstance(self.vocabulary, int)
        return sorted(sorted(counts), key=counts.__getitem__, reverse=True)[: self.vocabulary - len(SPECIAL)]

    def _given(self) -> tuple[str, ...]:
        return entries_of(self.vocabulary) if isinstance(self.vocabulary, str) else self._listed or ()

    def _standardized(self, text: bytes) -> bytes:
        letters = LOWERED if "lower" in self.standardize else None
        return text.translate(letters, PUNCTUATION if "strip" in self.standardize else b"")

    def _tokens(self, text: bytes) -> list[bytes]:
        """What `prepare` looks up, without TensorFlow: a text has the words that its bytes say."""
        text = self._standardized(text)
        words = text.split() if self.split == "whitespace" else [c.encode() for c in text.decode()]
        return words if self.ngrams == 1 else list(self._in_a_row(words))

    def _in_a_row(self, words: list[bytes]) -> Iterator[bytes]:
        for width in range(1, self.ngrams + 1):
            yield from (b" ".join(words[i : i + width]) for i in range(len(words) - width + 1))

    def raw(self, state: State) -> Tensor:
        return Tensor((None,), "string")

    def kept(self, state: State) -> str:
        return "uint16" if len(state["vocabulary"]) + len(SPECIAL) <= 2**16 else "int32"

    def prepare(self, tf: ModuleType, values: Any, state: State) -> Any:
        length = state["length"]
        if "lower" in self.standardize:
            values = tf.strings.lower(values)
        if "strip" in self.standardize:
            values = tf.strings.regex_replace(values, STRIPPED, "")
        if self.split == "character":
            words = tf.strings.unicode_split(values, "UTF-8")
        elif self.ngrams == 1:
            # What comes after the last word that is kept stays one piece, and is cut off with it below.
            words = tf.strings.split(values, maxsplit=length)
        else:
            words = tf.strings.split(values)
        if self.ngrams > 1:
            words = tf.strings.ngrams(words, ngram_width=tuple(range(1, self.ngrams + 1)), separator=" ")
        numbers = words.with_flat_values(_numbered(tf, words.flat_values, state["vocabulary"]))
        return numbers.to_tensor(shape=(None, length))

    def restore(self, tf: ModuleType, output: Any, state: State) -> Any:
        return output

    def sample(self, generator: np.random.Generator, rows: int) -> Array:
        words = self._listed or [f"word{number}" for number in range(1000)]
        drawn = generator.integers(len(words), size=(rows, self.length or 100))
        return np.array([" ".join(words[number] for number in row) for row in drawn], dtype=object)


def _numbered(tf: ModuleType, words: Any, vocabulary: Sequence[str]) -> Any:
    """The numbers of words: a search among sorted hashes, which no export has to keep a table for.

    Words are not compared once their hashes are equal: that of an unknown word is one of so many by no chance.
    """
    with tf.init_scope():
        hashes = tf.strings.to_hash_bucket_fast(tf.constant(vocabulary, tf.string), HASHES).numpy()
    order = np.argsort(hashes, kind="stable")
    known = tf.constant(hashes[order])
    keys = tf.strings.to_hash_bucket_fast(words, HASHES)
    place = tf.minimum(tf.searchsorted(known, keys), len(hashes) - 1)
    number = tf.gather(tf.constant((order + len(SPECIAL)).astype(np.int32)), place)
    return tf.where(tf.equal(tf.gather(known, place), keys), number, tf.constant(1, tf.int32))


def _quantile(lengths: Counter[int]) -> int:
    """The least length that holds the share of all rows that is enough."""
    needed, held = LONG_ENOUGH * lengths.total(), 0
    for length in sorted(lengths):
        held += lengths[length]
        if held >= needed:
            return max(1, length)
    return 1


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
