"""Ops that work element by element: on one tensor, or on several that are broadcast together."""

from __future__ import annotations

from collections.abc import Callable

from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import nearest
from specc.shapes import Result, Rule, Site, single
from specc.shapes.arguments import value, wrong
from specc.shapes.dimensions import broadcast, ranked_from
from specc.shapes.dtypes import DEFAULT, NAMES, fractional, is_integer, numeric, promote
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
    "bitwise_invert",
    "bitwise_not",
    "cast",
    "cbrt",
    "ceil",
    "celu",
    "clip",
    "conj",
    "conjugate",
    "convert_to_tensor",
    "copy",
    "cos",
    "cosh",
    "deg2rad",
    "divide",
    "divide_no_nan",
    "elu",
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
    "full_like",
    "gelu",
    "greater",
    "greater_equal",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "i0",
    "imag",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "leaky_relu",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_sigmoid",
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
    "not_equal",
    "ones_like",
    "power",
    "rad2deg",
    "real",
    "reciprocal",
    "relu",
    "relu6",
    "round",
    "rsqrt",
    "saturate_cast",
    "selu",
    "sigmoid",
    "sign",
    "signbit",
    "silu",
    "sin",
    "sinc",
    "sinh",
    "soft_shrink",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sqrt",
    "square",
    "squareplus",
    "stop_gradient",
    "subtract",
    "swish",
    "tan",
    "tanh",
    "tanh_shrink",
    "threshold",
    "tril",
    "triu",
    "true_divide",
    "trunc",
    "where",
    "zeros_like",
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


def unary(change: Change) -> Rule:
    """The rule of an op on one tensor: the shape stays."""

    def apply(site: Site) -> Result:
        x = site.tensor()
        numeric(site, x)
        return single(x.shape, None if x.dtype is None else change(site, x.dtype))

    return apply


def operand(site: Site, name: str, plain: str | None = None) -> tuple[Shape | None, str | None]:
    """The shape and dtype of an operand: a tensor, or a plain number where the op is given one."""
    if name in site.inputs:
        tensor: Tensor = site.tensor(name)
        numeric(site, tensor)
        return tensor.shape, tensor.dtype
    given = site.arguments.get(name)
    if given is UNKNOWN_VALUE:
        return (), None
    if not isinstance(given, (int, float)):
        raise wrong(site, name, given, "a number, or an input of the step")
    return (), plain or ("bool" if isinstance(given, bool) else "int" if isinstance(given, int) else "float")


def binary(change: Change, *also: str, plain: str | None = None) -> Rule:
    """The rule of an op on two tensors: they are broadcast, and their dtypes promoted, together with `also`.

    A plain number in a tensor's place bends to the dtype beside it, or has the dtype `plain`.
    """

    def apply(site: Site) -> Result:
        (one, first), (other, second) = operand(site, "x1", plain), operand(site, "x2", plain)
        shape = broadcast(site, one, other)
        if change is _bool:
            return single(shape, "bool")
        dtype = promote(site, (first, second, *also))
        return single(shape, None if dtype is None else change(site, dtype))

    return apply


def where(site: Site) -> Result:
    """A condition and two tensors, broadcast together."""
    condition = site.tensor("condition")
    (one, first), (other, second) = operand(site, "x1"), operand(site, "x2")
    return single(broadcast(site, condition.shape, one, other), promote(site, (first, second)))


def cast(site: Site) -> Result:
    """(…) → the same in another dtype."""
    dtype, x = value(site, "dtype"), site.tensor()
    if dtype is not None and dtype not in NAMES:
        near = nearest(str(dtype), NAMES)
        raise wrong(site, "dtype", dtype, f"a dtype of Keras, like `{near or DEFAULT}`")
    return single(x.shape, x.dtype if dtype is None else str(dtype))


def clip(site: Site) -> Result:
    """(…) → the same."""
    return unary(_counted)(site)


saturate_cast = zeros_like = ones_like = full_like = convert_to_tensor = cast


def fractions(site: Site) -> Result:
    """(…) → the same, floats only: TensorFlow has no such function of whole numbers."""
    fractional(site, site.tensor())
    return unary(_same)(site)


def triangular(site: Site) -> Result:
    """(…, n, m) → the same, one triangle of it zero."""
    x = site.tensor()
    ranked_from(site, x, 2)
    return single(x.shape, x.dtype)


_kept = unary(_same)
tril = triu = triangular
abs = absolute = conj = conjugate = copy = negative = real = imag = sign = round = trunc = nan_to_num = _kept
bitwise_invert = bitwise_not = stop_gradient = _kept
relu = relu6 = leaky_relu = _kept
sigmoid = sparse_sigmoid = softplus = softsign = sparse_plus = silu = swish = log_sigmoid = fractions
hard_sigmoid = hard_silu = hard_swish = hard_tanh = hard_shrink = soft_shrink = tanh_shrink = selu = fractions
elu = celu = gelu = squareplus = threshold = rsqrt = erf = erfinv = fractions

arccos = arccosh = arcsin = arcsinh = arctan = arctanh = cos = cosh = sin = sinc = sinh = tan = tanh = unary(_smooth)
angle = ceil = floor = log = log10 = log1p = log2 = sqrt = unary(_smooth)
exp = exp2 = expm1 = fabs = unary(_grown)
isfinite = isinf = isnan = isneginf = isposinf = isreal = logical_not = signbit = unary(_bool)
square = unary(_counted)
reciprocal = unary(_default)
erfc = unary(_floated)
cbrt = unary(_wide)
deg2rad = rad2deg = i0 = unary(_turned)

add = subtract = multiply = maximum = minimum = fmax = fmin = power = floor_divide = binary(_same)
mod = fmod = binary(_counted)
divide = true_divide = divide_no_nan = logaddexp = logaddexp2 = binary(_same, "float")
arctan2 = binary(_same, "float", plain=DEFAULT)
equal = not_equal = greater = greater_equal = less = less_equal = isclose = binary(_bool)
logical_and = logical_or = logical_xor = binary(_bool)
