"""Dtypes by Keras's names: what a layer computes in, and what two dtypes become together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from specc import codes
from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import Refusal, nearest
from specc.shapes import Site, Unsettled
from specc.tensors import Tensor

FLOATS = ("bfloat16", "float16", "float32", "float64")
HALVES = ("bfloat16", "float16")
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
    policy = site.dtype_policy
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
    policy = site.dtype_policy
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


def integral(site: Site, *tensors: Tensor) -> None:
    """Refuse what is not whole numbers where TensorFlow computes with bits. Keras takes it, and fails once it runs.

    Raises:
        Refusal: S304.
    """
    numeric(site, *tensors)
    if other := next((t.dtype for t in tensors if t.dtype is not None and not is_integer(t.dtype)), None):
        raise Refusal(
            codes.S304,
            f"{site.label} computes with whole numbers, and is given {other}",
            help="turn it into whole numbers first: `ops.cast: int32`",
        )


def numbers(site: Site, *tensors: Tensor) -> None:
    """Refuse text and truth values where TensorFlow computes with numbers. Keras takes them, and fails once it runs.

    Raises:
        Refusal: S304.
    """
    numeric(site, *tensors)
    if any(t.dtype == "bool" for t in tensors):
        raise Refusal(
            codes.S304,
            f"{site.label} computes with numbers, and is given bool",
            help="turn truth values into numbers first: `ops.cast: float32`",
        )


def named_dtype(site: Site, default: str | None = None) -> str | None:
    """The dtype that an op is asked for by its `dtype`, or the default where none is named.

    Raises:
        Refusal: S105 for what is no dtype of Keras.
        Unsettled: it is known only once data was read.
    """
    dtype = site.arguments.get("dtype")
    if dtype is UNKNOWN_VALUE:
        raise Unsettled
    if dtype is None or dtype in NAMES:
        return default if dtype is None else str(dtype)
    near = nearest(str(dtype), NAMES)
    raise Refusal(
        codes.S105,
        f"`dtype` of {site.label} is `{dtype}`; it must be a dtype of Keras, like `{near or DEFAULT}`",
        argument="dtype",
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


def one_dtype(site: Site, *tensors: Tensor) -> None:
    """Refuse tensors of several dtypes where TensorFlow brings them to none. Keras takes them, and fails once it runs.

    Raises:
        Refusal: S304.
    """
    met = list(dict.fromkeys(t.dtype for t in tensors if t.dtype is not None))
    if len(met) > 1:
        raise Refusal(
            codes.S304,
            f"{site.label} needs tensors of one dtype, and is given {met[0]} and {met[1]}",
            help=f"bring them to one first: `ops.cast: {next((d for d in met if is_float(d)), met[0])}`",
        )


def among(site: Site, allowed: Sequence[str], *tensors: Tensor) -> None:
    """Refuse dtypes for which TensorFlow has no such function. Keras takes them, and fails once it runs.

    Raises:
        Refusal: S304.
    """
    numeric(site, *tensors)
    if other := next((t.dtype for t in tensors if t.dtype is not None and t.dtype not in allowed), None):
        raise Refusal(
            codes.S304,
            f"{site.label} has no form for {other}",
            help=f"bring it to another dtype first: `ops.cast: {DEFAULT if DEFAULT in allowed else allowed[0]}`",
        )
