"""The MobileNets, of which every layer hangs on `alpha`: their graphs are made here, where others are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from specc.calls import Call
from specc.shapes import Result, Site, single
from specc.shapes.architectures import Fit, Node, chained, followed, picture, pooled, topped
from specc.shapes.arguments import flag, integer, number, value, wrong
from specc.tensors import Tensor

__all__ = ["MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small"]

MINIMUM = 32
"""The least height and width."""

Row = tuple[float, int, int, int, bool, bool]
"""A block of a V3: expansion, filters, kernel, stride, whether it weighs its channels, whether it is smooth."""

SMALL: Sequence[Row] = (
    (1, 16, 3, 2, True, False),
    (72 / 16, 24, 3, 2, False, False),
    (88 / 24, 24, 3, 1, False, False),
    (4, 40, 5, 2, True, True),
    *((6, 40, 5, 1, True, True),) * 2,
    *((3, 48, 5, 1, True, True),) * 2,
    (6, 96, 5, 2, True, True),
    *((6, 96, 5, 1, True, True),) * 2,
)
LARGE: Sequence[Row] = (
    (1, 16, 3, 1, False, False),
    (4, 24, 3, 2, False, False),
    (3, 24, 3, 1, False, False),
    (3, 40, 5, 2, True, False),
    *((3, 40, 5, 1, True, False),) * 2,
    (6, 80, 3, 2, False, True),
    (2.5, 80, 3, 1, False, True),
    *((2.3, 80, 3, 1, False, True),) * 2,
    *((6, 112, 3, 1, True, True),) * 2,
    (6, 160, 5, 2, True, True),
    *((6, 160, 5, 1, True, True),) * 2,
)


def MobileNet(site: Site) -> Result:
    """(batch, height, width, channels) → (batch, classes), or without the top the last features, pooled or not."""
    alpha, multiplier = _alpha(site), integer(site, "depth_multiplier", 1)
    if int(32 * alpha) < 1:
        raise wrong(site, "alpha", alpha, "at least 1/32, or no filters are left")
    if topped(site):
        number(site, "dropout", 0, 1)
    classes = site.arguments.get("classes")
    top = [
        _layer("GlobalAveragePooling2D", keepdims=True),
        _layer("Dropout", rate=site.arguments.get("dropout")),
        _conv(classes, use_bias=True),
        _layer("Reshape", target_shape=[classes]),
        _layer("Activation", activation=site.arguments.get("classifier_activation")),
    ]
    return _mobile(site, top, _first, alpha, multiplier)


def MobileNetV2(site: Site) -> Result:
    """(batch, height, width, channels) → (batch, classes), or without the top the last features, pooled or not."""
    units, activation = (site.arguments.get(name) for name in ("classes", "classifier_activation"))
    top = [_layer("GlobalAveragePooling2D"), _layer("Dense", units=units, activation=activation)]
    return _mobile(site, top, _second, _alpha(site))


def MobileNetV3Small(site: Site) -> Result:
    """(batch, height, width, channels) → (batch, classes), or without the top the last features, pooled or not."""
    return _third_of(site, SMALL, 1024)


def MobileNetV3Large(site: Site) -> Result:
    """(batch, height, width, channels) → (batch, classes), or without the top the last features, pooled or not."""
    return _third_of(site, LARGE, 1280)


def _third_of(site: Site, rows: Sequence[Row], last: int) -> Result:
    alpha, minimalistic = _alpha(site), flag(site, "minimalistic")
    if topped(site):
        number(site, "dropout_rate", 0, 1)
    rate = value(site, "dropout_rate")
    top = [
        _layer("GlobalAveragePooling2D", keepdims=True),
        _conv(_divisible(last * alpha) if alpha > 1 else last, use_bias=True),
        _activated(smooth=not minimalistic),
        *([_layer("Dropout", rate=rate)] if rate else []),
        _conv(site.arguments.get("classes"), use_bias=True),
        _layer("Flatten"),
        _layer("Activation", activation=site.arguments.get("classifier_activation")),
    ]
    return _mobile(site, top, _third, tuple(rows), alpha, minimalistic, flag(site, "include_preprocessing", True))


def _alpha(site: Site) -> float:
    alpha = value(site, "alpha")
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)):
        raise wrong(site, "alpha", alpha, "a number")
    return alpha


def _mobile(site: Site, top: Sequence[Node], network: Callable[..., list[Node]], *parameters: Any) -> Result:
    """A network made with those parameters at work, with its top or what is asked for instead."""
    asked, shape = topped(site), site.tensor().shape
    # The V3s take a network of any size for one of each, and look at the least size only where both sides are known.
    third = network is _third
    free = third and shape is not None and None in shape[1:3]
    given = picture(site, 1 if free else MINIMUM, sized=asked and not third)
    if given.shape is None:
        return single(None, given.dtype, None, None)
    body = _body(site.call.name, network, parameters, given, site.policy)
    return chained(body, followed(site, top if asked else pooled(site), body.outputs[0]))


@cache
def _body(
    name: str, network: Callable[..., list[Node]], parameters: tuple[Any, ...], given: Tensor, policy: str
) -> Result:
    """All but the end, remembered: specs are checked again and again, and a network may hold one several times."""
    site = Site(Call("applications", name), {}, {"inputs": given}, policy=policy)
    return followed(site, network(*parameters), given)


def _first(alpha: float, multiplier: int) -> list[Node]:
    """MobileNet: depthwise and pointwise convolutions in turn."""
    rows = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
    nodes = [_conv(int(32 * alpha), 3, strides=2), *_normed(6.0)]
    for filters, stride in rows:
        if stride == 2:
            nodes.append(_layer("ZeroPadding2D", padding=[[0, 1], [0, 1]]))
        nodes += [_depthwise(3, stride, depth_multiplier=multiplier), *_normed(6.0)]
        nodes += [_conv(int(filters * alpha)), *_normed(6.0)]
    return nodes


def _second(alpha: float) -> list[Node]:
    """MobileNetV2: blocks that widen, filter each channel and narrow again, around which the input goes."""
    rows = (
        *((6, 24, 2), (6, 24, 1), (6, 32, 2), (6, 32, 1), (6, 32, 1), (6, 64, 2), *((6, 64, 1),) * 3),
        *((6, 96, 1),) * 3,
        *((6, 160, 2), (6, 160, 1), (6, 160, 1), (6, 320, 1)),
    )
    before = _divisible(32 * alpha)
    nodes = [_conv(before, 3, strides=2), *_normed(6.0)]
    for expansion, filters, stride in ((1, 16, 1), *rows):
        after = _divisible(int(filters * alpha))
        block = [_conv(expansion * before), *_normed(6.0)] if expansion > 1 else []
        block += [*_padded(3, stride), _depthwise(3, stride), *_normed(6.0), _conv(after), _layer("BatchNormalization")]
        nodes += _around(block) if before == after and stride == 1 else block
        before = after
    return [*nodes, _conv(_divisible(1280 * alpha) if alpha > 1 else 1280), *_normed(6.0)]


def _third(rows: Sequence[Row], alpha: float, minimalistic: bool, preprocessing: bool) -> list[Node]:
    """MobileNetV3: as V2, with channels weighed by what is in them; nothing of that where it is to be minimalistic."""
    nodes = [_layer("Rescaling", scale=1 / 127.5, offset=-1.0)] if preprocessing else []
    nodes += [_conv(16, 3, strides=2), _layer("BatchNormalization"), _activated(smooth=not minimalistic)]
    before = 16
    for i, (expansion, filters, kernel, stride, weighed, smooth) in enumerate(rows):
        kernel, activation = (3 if minimalistic else kernel), _activated(smooth=smooth and not minimalistic)
        wide, after = _divisible(before * expansion), _divisible(filters * alpha)
        block = [_conv(wide), _layer("BatchNormalization"), activation] if i else []
        block += [*_padded(kernel, stride), _depthwise(kernel, stride), _layer("BatchNormalization"), activation]
        block += _weighed(wide if i else before) if weighed and not minimalistic else []
        block += [_conv(after), _layer("BatchNormalization")]
        nodes += _around(block) if before == after and stride == 1 else block
        before = after
    last = _divisible(before * 6)
    return [*nodes, _conv(last), _layer("BatchNormalization"), _activated(smooth=not minimalistic)]


def _divisible(filters: float) -> int:
    """The nearest multiple of 8, and never less than nine tenths of what is asked for."""
    near = max(8, int(filters + 4) // 8 * 8)
    return near + 8 if near < 0.9 * filters else near


def _layer(name: str, **arguments: Any) -> Node:
    return Node(name, arguments)


def _conv(filters: Any, kernel: int = 1, **more: Any) -> Node:
    return _layer("Conv2D", **{"filters": filters, "kernel_size": kernel, "padding": "same", "use_bias": False} | more)


def _depthwise(kernel: int, stride: int, **more: Any) -> Node:
    padding = "same" if stride == 1 else "valid"
    return _layer("DepthwiseConv2D", kernel_size=kernel, strides=stride, padding=padding, use_bias=False, **more)


def _padded(kernel: int, stride: int) -> list[Node]:
    return [_layer("ZeroPadding2D", padding=Fit(kernel))] if stride == 2 else []


def _normed(ceiling: float) -> list[Node]:
    return [_layer("BatchNormalization"), _layer("ReLU", max_value=ceiling)]


def _activated(*, smooth: bool) -> Node:
    return _layer("Activation", activation="hard_swish") if smooth else _layer("ReLU")


def _around(block: list[Node]) -> list[Node]:
    """A block, and what went into it added to what came out."""
    return [*block, Node("Add", {}, (len(block) + 1, 1))]


def _weighed(channels: int) -> list[Node]:
    """Each channel times a factor that comes of all of them."""
    factors = [
        _layer("GlobalAveragePooling2D", keepdims=True),
        _conv(_divisible(channels * 0.25), use_bias=True),
        _layer("ReLU"),
        _conv(channels, use_bias=True),
        _layer("ops.add", x2=3.0),
        _layer("ReLU", max_value=6.0),
        _layer("ops.multiply", x2=1 / 6),
    ]
    return [*factors, Node("Multiply", {}, (len(factors) + 1, 1))]
