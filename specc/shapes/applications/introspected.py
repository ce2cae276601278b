"""Architectures that are one graph of layers whatever their arguments: read from the catalog, as Keras built them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from specc import catalog
from specc.calls import Call
from specc.shapes import Result, Site, single
from specc.shapes.architectures import Fit, Node, chained, followed, picture, topped, unsized
from specc.shapes.arguments import choice, flag
from specc.tensors import Tensor

__all__ = [
    "VGG16",
    "VGG19",
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "DenseNet121",
    "DenseNet169",
    "DenseNet201",
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "InceptionResNetV2",
    "InceptionV3",
    "NASNetLarge",
    "NASNetMobile",
    "ResNet50",
    "ResNet50V2",
    "ResNet101",
    "ResNet101V2",
    "ResNet152",
    "ResNet152V2",
    "Xception",
]


def introspected(site: Site) -> Result:
    """(batch, height, width, channels) → (batch, classes), or without the top the last features, pooled or not."""
    read, top = catalog.architecture(site.call.name), topped(site)
    tail = "top" if top else choice(site, "pooling", None, "avg", "max") or "none"
    given = picture(site, read["minimum"], sized=top)
    if given.shape is None:
        return single(None, given.dtype, None, None)
    body = _body(site.call.name, _head(site, given.shape[-1]), given, site.policy)
    after = followed(site, _nodes(read, read["after"][tail], site.arguments), body.outputs[0])
    return chained(body, after)


def cellular(site: Site) -> Result:
    """The same, of images whose width is known.

    Each cell joins two tensors of different sizes. Of unknown widths Keras takes them for equal, and builds a network
    that no image fits.
    """
    result, given = introspected(site), site.tensor()
    if given.shape is not None and given.shape[2] is None:
        raise unsized(site, given)
    return result


def _head(site: Site, channels: int | None) -> str:
    """Which of the beginnings it has: `plain` without preprocessing, else by what there is to preprocess."""
    if not flag(site, "include_preprocessing", True):
        return "plain"
    return "rgb" if channels == 3 else "other"


@cache
def _body(name: str, head: str, given: Tensor, policy: str) -> Result:
    """All but the end, remembered: specs are checked again and again, and a network may hold one several times."""
    read, site = catalog.architecture(name), Site(Call("applications", name), {}, {"inputs": given}, policy=policy)
    first = read["before"].get(head, read["before"]["rgb"])
    return followed(site, _nodes(read, [*first, *read["body"]], {}), given)


def _nodes(read: Mapping[str, Any], keys: Sequence[int | list[int]], given: Mapping[str, Any]) -> list[Node]:
    """Nodes as an architecture's file writes them, `given` being the arguments of the application."""
    calls = [
        (name, {key: _argument(value, given) for one in arguments for key, value in one.items()})
        for name, *arguments in read["calls"]
    ]
    spread = [(key, 1) if isinstance(key, int) else key for key in keys]
    return [Node(*calls[key], tuple(back)) for key, *back in spread]


def _argument(value: Any, given: Mapping[str, Any]) -> Any:
    """A value, or what is written in place of one: `{"fit": 3}`, `{"argument": "classes"}`."""
    if not isinstance(value, dict):
        return value
    return Fit(value["fit"]) if "fit" in value else given.get(value["argument"])


ConvNeXtBase = ConvNeXtLarge = ConvNeXtSmall = ConvNeXtTiny = ConvNeXtXLarge = introspected
DenseNet121 = DenseNet169 = DenseNet201 = introspected
EfficientNetB0 = EfficientNetB1 = EfficientNetB2 = EfficientNetB3 = introspected
EfficientNetB4 = EfficientNetB5 = EfficientNetB6 = EfficientNetB7 = introspected
EfficientNetV2B0 = EfficientNetV2B1 = EfficientNetV2B2 = EfficientNetV2B3 = introspected
EfficientNetV2L = EfficientNetV2M = EfficientNetV2S = introspected
InceptionResNetV2 = InceptionV3 = Xception = introspected
NASNetLarge = NASNetMobile = cellular
ResNet50 = ResNet101 = ResNet152 = ResNet50V2 = ResNet101V2 = ResNet152V2 = introspected
VGG16 = VGG19 = introspected
