"""Ops that work element by element: on one tensor, or on several that are broadcast together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from specc import codes
from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import Refusal
from specc.shapes import Result, Rule, Site, single
from specc.shapes.arguments import wrong
from specc.shapes.dimensions import broadcast
from specc.shapes.dtypes import DEFAULT, fractional, is_integer, numbers, numeric, promote
from specc.tensors import Shape, Tensor

__all__ = [
    "abs",
    "absolute",
    "add",
    "angle",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cbrt",
    "ceil",
    "clip",
    "cos",
    "cosh",
    "deg2rad",
    "divide",
    "divide_no_nan",
    "equal",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "greater",
    "greater_equal",
    "heaviside",
    "hypot",
    "i0",
    "imag",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "ldexp",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "nan_to_num",
    "negative",
    "nextafter",
    "not_equal",
    "power",
    "rad2deg",
    "reciprocal",
    "round",
    "rsqrt",
    "sign",
    "signbit",
    "sin",
    "sinc",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "true_divide",
    "trunc",
]

Change = Callable[[Site, str], str | None]
"""What an op makes of the one dtype that it is given, or of several promoted to one."""


def _same(_: Site, dtype: str) -> str:
    return dtype


def _bool(_: Site, dtype: str) -> str:
    return "bool"


def _counted(_: Site, dtype: str) -> str:
    """Truth values become numbers."""
    return "int32" if dtype == "bool" else dtype


def _smooth(site: Site, dtype: str) -> str | None:
    """Sine, root, logarithm: integers become floats."""
    return DEFAULT if dtype == "int64" else promote(site, (dtype, "float"))


def _grown(_: Site, dtype: str) -> str:
    """Exponentials: only floats stay what they are."""
    return DEFAULT if is_integer(dtype) or dtype == "bool" else dtype


def _floated(site: Site, dtype: str) -> str | None:
    return promote(site, (dtype, "float"))


def _default(_: Site, dtype: str) -> str:
    """Keras declares `float32` whatever comes."""
    return DEFAULT


def _turned(_: Site, dtype: str) -> str:
    """Degrees and radians."""
    if dtype in ("int64", "float64"):
        return "float64"
    return dtype if dtype in ("bfloat16", "float16") else DEFAULT


def _wide(_: Site, dtype: str) -> str:
    """Cube roots: integers become floats, the widest the widest."""
    if is_integer(dtype) or dtype == "bool":
        return "float64" if dtype == "int64" else DEFAULT
    return dtype


def _rooted(site: Site, dtype: str) -> str | None:
    """Lengths and steps: integers become floats, the widest the widest."""
    numbers(site, Tensor(None, dtype))
    return _wide(site, dtype)


WEAK: Mapping[type, str] = {bool: "bool", int: "int", float: "float"}
"""What a plain number counts as beside a tensor: it bends to the tensor's dtype."""

STRONG: Mapping[type, str] = {bool: "bool", int: "int64", float: DEFAULT}
"""Likewise, for ops that take a plain number for a tensor of its own dtype."""

FLOATED: Mapping[type, str] = {bool: DEFAULT, int: DEFAULT, float: DEFAULT}


def computed(shape: Shape | None, dtype: str | None, times: int = 1) -> Result:
    """A result of one tensor, of which each element took that many operations."""
    made = Tensor(shape, dtype)
    elements = made.elements
    return Result((made,), flops=None if elements is None else elements * times)


def moved(x: Tensor) -> Result:
    """The same tensor, its values elsewhere: nothing is computed."""
    return single(x.shape, x.dtype)


def seen(shape: Shape | None, dtype: str | None) -> Result:
    """The same values seen in another form: nothing is computed, and nothing more is kept."""
    return single(shape, dtype, kept=())


def unary(change: Change) -> Rule:
    """The rule of an op on one tensor: the shape stays."""

    def apply(site: Site) -> Result:
        x = site.tensor()
        numeric(site, x)
        return computed(x.shape, None if x.dtype is None else change(site, x.dtype))

    return apply


def operand(site: Site, name: str, plain: Mapping[type, str] = WEAK) -> tuple[Shape | None, str | None]:
    """The shape and dtype of an operand: a tensor, or a plain number where the op is given one.

    Raises:
        Refusal: S105 for anything else, S304 for text.
    """
    if name in site.inputs:
        tensor: Tensor = site.tensor(name)
        numeric(site, tensor)
        return tensor.shape, tensor.dtype
    given = site.arguments.get(name)
    if given is UNKNOWN_VALUE:
        return (), None
    if type(given) not in plain:
        raise wrong(site, name, given, "a number, or an input of the step")
    return (), plain[type(given)]


def binary(change: Change, *also: str, plain: Mapping[type, str] = WEAK) -> Rule:
    """The rule of an op on two tensors: they are broadcast, and their dtypes promoted, together with `also`.

    A plain number may stand in a tensor's place; `plain` says what dtype it counts as.
    """

    def apply(site: Site) -> Result:
        (one, first), (other, second) = operand(site, "x1", plain), operand(site, "x2", plain)
        shape = broadcast(site, one, other)
        if change is _bool:
            return computed(shape, "bool")
        dtype = promote(site, (first, second, *also))
        return computed(shape, None if dtype is None else change(site, dtype))

    return apply


def fractions(change: Change) -> Rule:
    """The rule of an op on floats only: TensorFlow has no such function of whole numbers."""

    def apply(site: Site) -> Result:
        fractional(site, site.tensor())
        return unary(change)(site)

    return apply


def measured(site: Site) -> Result:
    """(…) → the same, of numbers: signs and roundings are not for truth values."""
    numbers(site, site.tensor())
    return unary(_same)(site)


def negative(site: Site) -> Result:
    """(…) → the same. What has no sign cannot be turned."""
    x = site.tensor()
    numbers(site, x)
    if x.dtype is not None and x.dtype.startswith("uint"):
        raise Refusal(
            codes.S304,
            f"{site.label} turns the sign, and {x.dtype} has none",
            help="turn it into numbers with a sign first: `ops.cast: int32`",
        )
    return computed(x.shape, x.dtype)


def ldexp(site: Site) -> Result:
    """Floats times 2 to the power of whole numbers, broadcast together."""
    exponent = operand(site, "x2", STRONG)[1]
    if exponent is not None and not is_integer(exponent):
        raise Refusal(
            codes.S304,
            f"{site.label} needs whole numbers as `x2`, and is given {exponent}",
            help="turn them into whole numbers first: `ops.cast: int32`",
        )
    return binary(_same, "float", plain=STRONG)(site)


abs = absolute = imag = trunc = nan_to_num = unary(_same)
sign = round = measured
rsqrt = erf = erfinv = fractions(_same)

arccos = arccosh = arcsin = arcsinh = arctan = arctanh = cos = cosh = sin = sinc = sinh = tan = tanh = unary(_smooth)
angle = ceil = floor = log = log10 = log1p = log2 = sqrt = unary(_smooth)
exp = exp2 = expm1 = fabs = unary(_grown)
isfinite = isinf = isnan = isneginf = isposinf = isreal = logical_not = signbit = unary(_bool)
clip = square = unary(_counted)
reciprocal = fractions(_default)
erfc = fractions(_floated)
cbrt = unary(_wide)
deg2rad = rad2deg = i0 = unary(_turned)

add = subtract = multiply = maximum = minimum = fmax = fmin = power = floor_divide = binary(_same)
mod = fmod = binary(_counted)
divide = true_divide = divide_no_nan = logaddexp = logaddexp2 = binary(_same, "float")
nextafter = binary(_same, "float", plain=STRONG)
arctan2 = binary(_same, "float", plain=FLOATED)
heaviside = hypot = binary(_rooted)
equal = not_equal = greater = greater_equal = less = less_equal = isclose = binary(_bool)
logical_and = logical_or = logical_xor = binary(_bool)
