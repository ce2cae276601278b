"""Lookups: words and numbers become their places in a vocabulary, and text becomes words."""

from __future__ import annotations

from typing import Any

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import choice, flag, size, value, wrong
from specc.shapes.dimensions import agree
from specc.shapes.dtypes import numeric
from specc.shapes.layers.encoding import appended, dense, gathered
from specc.tensors import Shape, show

__all__ = ["IntegerLookup", "StringLookup", "TextVectorization"]


def lookup(site: Site) -> Result:
    """(…) → (…), the place of each in the vocabulary; with `invert`, what stands there; or as `output_mode` says.

    A vocabulary that is not given is refused here: nothing in a network learns it, and Keras fails once it runs.
    """
    mode = choice(site, "output_mode", "int", "one_hot", "multi_hot", "count", "tf_idf")
    inverted, inputs, text = flag(site, "invert"), site.tensor(), site.call.name == "StringLookup"
    if inverted and mode != "int":
        raise wrong(site, "output_mode", mode, "`int` where `invert` is true")
    dense(site, mode)
    if value(site, "salt") is not None and not text and value(site, "oov_method") != "farmhash":
        raise wrong(site, "salt", value(site, "salt"), "left out, or `oov_method` be `farmhash`")
    if text and not inverted and inputs.dtype not in ("string", None):
        raise Refusal(
            codes.S304,
            f"{site.label} looks up text, and is given {inputs.dtype}",
            help="`IntegerLookup` looks up numbers",
        )
    if not text or inverted:
        numeric(site, inputs)
    masked = mode == "int" and value(site, "mask_token") is not None
    depth = vocabulary(site, mode, masked)
    shape = inputs.shape
    if mode == "int":
        # Keras declares numbers even where it gives back the words.
        return single(shape, None if inverted and text else "int64")
    # What is encoded by `lookup` is declared as fractions, and comes as whole numbers; but weighted, as fractions.
    dtype = "float32" if mode == "tf_idf" else None
    if shape is None:
        return single(None, dtype)
    return single(appended(shape, depth) if mode == "one_hot" else gathered(shape, depth), dtype)


IntegerLookup = StringLookup = lookup


def vocabulary(site: Site, mode: str | None, masked: bool) -> int | None:
    """The size of a vocabulary with its special tokens; None where it stands in a file.

    Raises:
        Refusal: S105 for none, for one with a word twice, or for one that is too large.
    """
    most, listed, spare = size_or_none(site, "max_tokens"), value(site, "vocabulary"), value(site, "num_oov_indices", 1)
    if flag(site, "pad_to_max_tokens") and most is None:
        raise wrong(site, "max_tokens", None, "given where `pad_to_max_tokens` is true")
    weighted = value(site, "idf_weights")
    if (weighted is not None) != (mode == "tf_idf"):
        needed = "given where `output_mode` is `tf_idf`" if weighted is None else "left out but with `tf_idf`"
        raise wrong(site, "idf_weights", weighted, needed)
    if listed is None:
        needed = "a list, or the path of a file; a feature of type `category` or `text` finds it in the data"
        raise wrong(site, "vocabulary", None, needed)
    if isinstance(listed, str):
        if weighted is not None:
            raise wrong(site, "vocabulary", listed, "a list where `output_mode` is `tf_idf`")
        return most if flag(site, "pad_to_max_tokens") else None
    special = [value(site, "mask_token")] * masked + [_oov(site)] * int(spare)
    words = _words(site, listed)
    tokens = words[len(special) :] if words[: len(special)] == special else words
    if len(set(tokens)) < len(tokens):
        twice = next(word for i, word in enumerate(tokens) if word in tokens[:i])
        raise wrong(site, "vocabulary", [*listed[:3], "…"], f"without a word twice, as `{twice}` is")
    for token, reserved in ((value(site, "mask_token"), True), (_oov(site), flag(site, "invert"))):
        if reserved and token is not None and token in tokens:
            raise wrong(
                site, "vocabulary", [*listed[:3], "…"], f"without `{token}`, which has a place before all words"
            )
    whole = len(special) + len(tokens)
    if most is not None and whole > most:
        raise wrong(site, "max_tokens", most, f"at least {whole}: the words, and the tokens for what is not among them")
    if weighted is not None and len(weighted) != len(words):
        raise wrong(site, "idf_weights", f"{len(weighted)} numbers", f"{len(words)} numbers, one for each word")
    return most if flag(site, "pad_to_max_tokens") else whole


def size_or_none(site: Site, name: str) -> int | None:
    return None if value(site, name) is None else size(site, name, 2)


def _oov(site: Site) -> Any:
    return value(site, "oov_token", "[UNK]")


def _words(site: Site, listed: tuple[Any, ...]) -> list[Any]:
    """The words of a vocabulary as NumPy reads them: one that is text makes text of all."""
    if not listed:
        raise wrong(site, "vocabulary", [], "a list of at least one word")
    text = any(isinstance(word, str) for word in listed)
    if site.call.name != "IntegerLookup":
        if not text:
            raise wrong(site, "vocabulary", listed[:3], "a list of words; `IntegerLookup` looks up numbers")
        return [str(word) for word in listed]
    if text and (other := next((w for w in map(str, listed) if not w.strip().lstrip("+-").isdigit()), None)):
        raise wrong(site, "vocabulary", other, "a list of whole numbers; `StringLookup` looks up text")
    return [str(word) for word in listed] if text else list(listed)


def TextVectorization(site: Site) -> Result:
    """(batch,) or (batch, 1) → (batch, output_sequence_length), numbers of words; or as `output_mode` says."""
    mode, inputs = choice(site, "output_mode", "int", "multi_hot", "count", "tf_idf"), site.tensor()
    split, length = value(site, "split"), value(site, "output_sequence_length")
    if isinstance(value(site, "ngrams"), tuple) and not value(site, "ngrams"):
        raise wrong(site, "ngrams", [], "a whole number")
    if mode != "int" and length is not None:
        raise wrong(site, "output_sequence_length", length, "left out where `output_mode` is not `int`")
    if mode != "int" and flag(site, "ragged"):
        raise wrong(site, "ragged", True, "false where `output_mode` is not `int`")
    dense(site, mode)
    if inputs.dtype not in ("string", None):
        raise Refusal(
            codes.S304,
            f"{site.label} splits text into words, and is given {inputs.dtype}",
            help="`IntegerLookup` looks up numbers",
        )
    depth, shape = vocabulary(site, mode, masked=mode == "int"), inputs.shape
    if shape is not None and split is not None and len(shape) > 1 and not agree(shape[-1], 1):
        raise Refusal(
            codes.S301,
            f"{site.label} splits one text for each example, (batch,) or (batch, 1), and is given {show(shape)}",
            help="write `split: null` where the words are apart already",
        )
    return single(
        _vectors(site, mode, shape, depth), "int64" if mode == "int" else "float32" if mode == "tf_idf" else None
    )


def _vectors(site: Site, mode: str | None, shape: Shape | None, depth: int | None) -> Shape | None:
    """What comes of text of a shape; None where Keras declares what does not come."""
    apart = value(site, "split") is None
    if shape is None or (apart and len(shape) != 2) or (not apart and len(shape) > (2 if mode == "int" else 1)):
        return None
    return (shape[0], value(site, "output_sequence_length") if mode == "int" else depth)
