"""Ops that make tensors of their arguments: constants, ranges, grids, windows. They count as nothing computed."""

from __future__ import annotations

from math import ceil, isfinite
from struct import pack, unpack

from specc import codes
from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import integer, size, value, whole, wrong
from specc.shapes.dimensions import ranked, size_of
from specc.shapes.dtypes import DEFAULT, FLOATS, INTEGERS, is_integer, named_dtype, numeric
from specc.shapes.ops.elementwise import computed
from specc.tensors import Shape, Tensor

__all__ = [
    "arange",
    "bartlett",
    "blackman",
    "empty",
    "eye",
    "full",
    "geomspace",
    "hamming",
    "hanning",
    "identity",
    "kaiser",
    "linspace",
    "logspace",
    "meshgrid",
    "ones",
    "tri",
    "vander",
    "zeros",
]

_FLOAT8 = ("float8_e4m3fn", "float8_e5m2")


def _made_of(site: Site, *without: str) -> str:
    """The dtype of what is made, `float32` where none is named.

    Raises:
        Refusal: S105 for one of which TensorFlow makes no such tensor.
    """
    dtype = named_dtype(site, DEFAULT) or DEFAULT
    if dtype in (*_FLOAT8, *without):
        raise wrong(site, "dtype", dtype, "a dtype that it can be made in, like `float32`")
    return dtype


def shaped(site: Site) -> Result:
    """→ `shape`, zeros or whatever was there."""
    return single(_shape(site), _made_of(site))


def ones(site: Site) -> Result:
    """→ `shape`, ones."""
    return single(_shape(site), _made_of(site, "string"))


def full(site: Site) -> Result:
    """→ `shape`, the same value everywhere."""
    if isinstance(site.arguments["fill_value"], bool):
        return single(_shape(site), _made_of(site, "string", "bfloat16", "complex64", "complex128"))
    return single(_shape(site), _made_of(site, "string"))


empty = zeros = shaped


def _shape(site: Site) -> Shape:
    given = site.arguments["shape"]
    if given is UNKNOWN_VALUE or not isinstance(given, (list, tuple)):
        value(site, "shape")
        raise wrong(site, "shape", given, "a list of whole numbers")
    return tuple(None if one is UNKNOWN_VALUE else whole(site, "shape", one, 0) for one in given)


def eye(site: Site) -> Result:
    """→ (N, M), ones on a diagonal. Keras makes more of it where `k` is not 0 and the sides differ."""
    dtype = _made_of(site, "string")
    rows = integer(site, "N", 0)
    columns = rows if value(site, "M") is None else integer(site, "M", 0)
    offset = integer(site, "k")
    if offset == 0:
        return single((rows, columns), dtype)
    side = min(columns - offset, rows + offset)
    if side < 0:
        raise wrong(site, "k", offset, f"a diagonal of ({rows}, {columns})")
    below = max(-offset, 0) + max(rows - columns + offset, 0)
    beside = max(offset, 0) + max(columns - rows - offset, 0)
    return single((side + below, side + beside), dtype)


def identity(site: Site) -> Result:
    """→ (n, n), ones on the diagonal."""
    sides = size(site, "n", 0)
    return single((sides, sides), _made_of(site, "string"))


def tri(site: Site) -> Result:
    """→ (N, M), ones below a diagonal."""
    rows = size(site, "N", 0)
    columns = rows if site.arguments["M"] is None else size(site, "M", 0)
    integer(site, "k")
    return single((rows, columns), _made_of(site, "string"))


def window(site: Site) -> Result:
    """→ (x)."""
    return single((size(site, "x", 1 if site.call.name == "kaiser" else 0),), DEFAULT)


bartlett = blackman = hamming = hanning = kaiser = window


def _number(site: Site, name: str) -> float:
    found = value(site, name)
    if not isinstance(found, (int, float)) or isinstance(found, bool) or not isfinite(found):
        raise wrong(site, name, found, "a number")
    return found


def arange(site: Site) -> Result:
    """→ (steps), from `start` on and up to `stop`, or from 0 up to `start`."""
    start, stop = (0, "start") if value(site, "stop") is None else (_number(site, "start"), "stop")
    end, step = _number(site, stop), 1 if value(site, "step") is None else _number(site, "step")
    fractions = [n for n, v in ((stop, end), ("start", start), ("step", step)) if isinstance(v, float)]
    dtype = named_dtype(site, DEFAULT if fractions else "int32") or DEFAULT
    if dtype not in (*FLOATS, *INTEGERS) or dtype == "uint8":
        raise wrong(site, "dtype", dtype, "a dtype of numbers, but not `uint8`")
    if fractions and is_integer(dtype):
        raise wrong(site, fractions[0], value(site, fractions[0]), f"a whole number for {dtype}")
    if step == 0:
        raise wrong(site, "step", step, "a number, not 0")
    if (end - start) * step < 0:
        raise Refusal(
            codes.S105,
            f"{site.label} goes from {start:g} to {end:g} in steps of {step:g}, which leads away from it",
            help=f"write `step: {-step:g}`, or the ends the other way round",
            argument="step" if value(site, "step") is not None else stop,
        )
    start, end, step = (_rounded(v, dtype) for v in (start, end, step))
    return single((ceil(abs(_rounded(_rounded(end - start, dtype) / step, dtype))),), dtype)


def _rounded(number: float, dtype: str) -> float:
    """A number as a dtype holds it: steps are counted in that."""
    if is_integer(dtype) or dtype == "float64":
        return number
    if dtype == "bfloat16":
        bits = unpack("<I", pack("<f", number))[0]
        return float(unpack("<f", pack("<I", (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000))[0])
    form = "<e" if dtype == "float16" else "<f"
    return float(unpack(form, pack(form, number))[0])


def _spaced(site: Site, *without: str) -> Tensor:
    """Numbers between `start` and `stop`: `num` of them."""
    for name in ("start", "stop"):
        _number(site, name)
    if value(site, "axis") not in (0, -1):
        raise wrong(site, "axis", value(site, "axis"), "0: between two numbers there is one axis")
    return Tensor((size(site, "num", 0),), _made_of(site, "bool", "string", *without))


def linspace(site: Site) -> Result:
    """→ (num), evenly from `start` to `stop`; with `retstep` the step as well."""
    made = _spaced(site)
    if not value(site, "retstep"):
        return Result((made,))
    dtype, count = made.dtype, value(site, "num")
    if count < 1 or (count == 1 and value(site, "endpoint")):
        dtype = DEFAULT
    elif is_integer(dtype):
        dtype = DEFAULT if dtype in ("int8", "int16", "uint8", "uint16") else "float64"
    return Result((made, Tensor((), dtype)))


def logspace(site: Site) -> Result:
    """→ (num), the powers of `base` from `start` to `stop`."""
    _number(site, "base")
    return Result((_spaced(site, "uint8", "uint16", "uint32", "uint64"),))


def geomspace(site: Site) -> Result:
    """→ (num), evenly by their ratio from `start` to `stop`."""
    return Result((_spaced(site, *INTEGERS),))


def meshgrid(site: Site) -> Result:
    """Vectors (n), (m), … → for each a tensor (n, m, …) of its values along its axis; `xy` puts (m, n, …) first.

    Keras declares one dtype for all, by `ij` always `float32`; where it comes out as another one, it is left unknown.
    """
    tensors, first = site.tensors(), value(site, "indexing")
    if first not in ("xy", "ij"):
        raise wrong(site, "indexing", first, "`xy` or `ij`")
    if len(tensors) < (2 if first == "xy" else 1):
        raise Refusal(
            codes.S204,
            f"{site.label} takes two tensors at least, and is given {len(tensors)}",
            help="name them beside the call: `inputs: [a, b]`",
        )
    numeric(site, *tensors)
    dtypes = [t.dtype for t in tensors if t.dtype is not None]
    if tensors[0].dtype not in (None, "bool") and (
        other := next((d for d in dtypes if d not in (dtypes[0], "bool")), "")
    ):
        raise Refusal(
            codes.S304,
            f"{site.label} makes one grid of {tensors[0].dtype} and {other}",
            help="bring all to one dtype first: `ops.cast: float32`",
        )
    alone = len(dtypes) == len(tensors) and len(set(dtypes)) == 1 and (first == "xy" or dtypes[0] == DEFAULT)
    sizes = [None if t.shape is None else size_of(t.shape) for t in tensors]
    if first == "xy":
        sizes[:2] = sizes[1::-1]
    return Result((Tensor(tuple(sizes), dtypes[0] if alone else None),) * len(tensors))


def vander(site: Site) -> Result:
    """(n) → (n, N), the powers of each number."""
    x, columns = site.tensor(), value(site, "N")
    numeric(site, x)
    shape = ranked(site, x, 1, "a vector")
    rows = None if shape is None else shape[0]
    return computed((rows, rows if columns is None else integer(site, "N", 0)), x.dtype)
