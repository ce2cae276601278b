"""Dtypes by Keras's names: what a layer computes in, and what two dtypes become together."""

from __future__ import annotations

from collections.abc import Iterable

from specc import codes
from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import Refusal, nearest
from specc.shapes import Site
from specc.tensors import Tensor

FLOATS = ("bfloat16", "float16", "float32", "float64")
INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
OTHERS = ("bool", "string", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2")
NAMES = (*FLOATS, *INTEGERS, *OTHERS)

DEFAULT = "float32"
"""Keras's `floatx`."""

_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}

# Which dtype is directly above which when two meet, as in Keras and JAX; `int` and `float` are Python's own numbers,
# which bend to the tensor beside them.
_ABOVE = {
    "bool": ("int",),
    "uint8": ("int16", "uint16"),
    "uint16": ("int32", "uint32"),
    "uint32": ("int64", "uint64"),
    "uint64": ("float",),
    "int": ("uint8", "int8", "complex64"),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float",),
    "float": ("bfloat16", "float16"),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex64": ("complex128",),
    "complex128": (),
}


def _upper(dtype: str) -> frozenset[str]:
    bounds = {dtype}
    for above in _ABOVE[dtype]:
        bounds |= _upper(above)
    return frozenset(bounds)


_UPPER = {dtype: _upper(dtype) for dtype in _ABOVE}

# On leaving the lattice Keras makes weak types strong, and keeps 64 bits for what TensorFlow is at home with.
_SETTLED = {"int": "int32", "float": DEFAULT, "uint64": "uint32", "complex128": "complex64"}


def is_float(dtype: str | None) -> bool:
    return dtype in FLOATS


def is_integer(dtype: str | None) -> bool:
    return dtype in INTEGERS


def promote(site: Site, dtypes: Iterable[str | None]) -> str | None:
    """The dtype of several together, as Keras's `result_type`; `int` and `float` stand for plain numbers.

    Raises:
        Refusal: S304 where there is none, as for text and a number.
    """
    met = list(dtypes)
    known = [d for d in met if d is not None]
    if len(known) < len(met):
        return None
    distinct = set(known)
    if len(distinct) == 1:
        only = known[0]
        return _SETTLED.get(only, only)
    if missing := sorted(d for d in distinct if d not in _UPPER):
        other = next(d for d in known if d != missing[0])
        raise Refusal(
            codes.S304,
            f"{site.label} is given {missing[0]} and {other}, which do not become one dtype",
            help="bring both to one dtype first: `ops.cast: float32`",
        )
    common = frozenset.intersection(*(_UPPER[d] for d in distinct))
    least = next(d for d in common if common <= _UPPER[d])
    return _SETTLED.get(least, least)


def compute_dtype(site: Site) -> str | None:
    """The dtype in which a layer computes and answers, from its `dtype` argument; None where that is not known.

    Raises:
        Refusal: S105 when it is neither a dtype nor a policy of Keras.
    """
    policy = site.arguments.get("dtype")
    if policy is None:
        return DEFAULT
    if policy is UNKNOWN_VALUE or not isinstance(policy, str):
        return None
    name = policy.partition("_from_")[2] if is_quantized(site) else policy
    name = _MIXED.get(name, name)
    if name not in NAMES:
        near = nearest(name, (*NAMES, *_MIXED))
        raise Refusal(
            codes.S105,
            f"`dtype` of {site.label} is `{policy}`, which is not a dtype",
            help=f"did you mean `{near}`?" if near else "write `float32`, `float16`, `bfloat16` or `mixed_bfloat16`",
            argument="dtype",
        )
    return name


def is_quantized(site: Site) -> bool:
    """Whether a layer's policy is one like `int8_from_float32`, whose weights no rule counts."""
    policy = site.arguments.get("dtype")
    return isinstance(policy, str) and "_from_" in policy


def received(site: Site, tensor: Tensor) -> str | None:
    """The dtype in which an input arrives inside a layer: Keras casts floats to what the layer computes in."""
    computes = compute_dtype(site)
    return computes if is_float(tensor.dtype) else tensor.dtype


def fractional(site: Site, *tensors: Tensor) -> None:
    """Refuse whole numbers where TensorFlow computes with fractions only. Keras takes them, and fails once it runs.

    Raises:
        Refusal: S304.
    """
    numeric(site, *tensors)
    if whole := next((t.dtype for t in tensors if is_integer(t.dtype) or t.dtype == "bool"), None):
        raise Refusal(
            codes.S304,
            f"{site.label} computes with floats, and is given {whole}",
            help="turn it into floats first, with `Rescaling: 1.0` or another scale",
        )


def numeric(site: Site, *tensors: Tensor) -> None:
    """Refuse text where numbers are computed with. Keras takes it in silence, and fails once it runs.

    Raises:
        Refusal: S304.
    """
    if any(t.dtype == "string" for t in tensors):
        raise Refusal(
            codes.S304,
            f"{site.label} computes with numbers, and is given text",
            help="turn the text into numbers first: a feature of type `category`, or `StringLookup`",
        )
