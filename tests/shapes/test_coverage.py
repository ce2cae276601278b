"""What has a rule, and that the documentation tells which layers and ops do not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from specc import catalog, shapes
from tests.shapes.agreement import WITHOUT, table, table_of_ops

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"

ASKED = {
    "layers": """InputLayer Dense EinsumDense Embedding Activation ReLU LeakyReLU PReLU ELU Softmax Conv1D Conv2D Conv3D
        Conv1DTranspose Conv2DTranspose Conv3DTranspose SeparableConv1D SeparableConv2D DepthwiseConv1D DepthwiseConv2D
        MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D GlobalMaxPooling1D
        GlobalMaxPooling2D GlobalMaxPooling3D GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
        BatchNormalization LayerNormalization GroupNormalization Dropout SpatialDropout1D SpatialDropout2D
        SpatialDropout3D GaussianDropout GaussianNoise AlphaDropout Flatten Reshape Permute RepeatVector Cropping1D
        Cropping2D Cropping3D ZeroPadding1D ZeroPadding2D ZeroPadding3D UpSampling1D UpSampling2D UpSampling3D Add
        Subtract Multiply Average Maximum Minimum Concatenate Dot Rescaling Normalization Resizing LSTM GRU SimpleRNN
        Bidirectional TimeDistributed MultiHeadAttention Attention""",
    "ops": """add subtract multiply divide maximum minimum power abs exp log sqrt square tanh sigmoid relu sum mean max
        min prod std var any all argmax argmin matmul concatenate stack reshape transpose expand_dims squeeze einsum
        softmax cast split""",
    "applications": "ResNet50 VGG16 MobileNetV2 EfficientNetB0 InceptionV3",
}


@pytest.mark.parametrize("family", shapes.FAMILIES)
def test_what_the_language_needs_has_a_rule(family: str) -> None:
    assert set(ASKED[family].split()) <= set(shapes.names(family))


@pytest.mark.parametrize("family", shapes.FAMILIES)
def test_every_rule_is_of_something_that_keras_has(family: str) -> None:
    assert set(shapes.names(family)) <= set(catalog.names(family))


@pytest.mark.parametrize(("family", "title"), [("layers", "Layers"), ("ops", "Ops"), ("applications", "Applications")])
def test_the_page_lists_what_has_a_rule_and_what_has_none(family: str, title: str) -> None:
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    known, unknown = (set(re.findall(r"`([\w.]+)`", part)) for part in section.split("without one:"))
    assert known == set(shapes.names(family))
    assert unknown == set(catalog.names(family)) - known


@pytest.mark.parametrize(("title", "made"), [("Layers", table), ("Ops", table_of_ops)])
def test_the_page_tells_how_layers_and_ops_agree_with_keras(title: str, made: Callable[[], str]) -> None:
    rest = PAGE.read_text(encoding="utf-8").partition(f"\n## {title} and their agreement with Keras\n")[2]
    assert rest.partition("\n## ")[0].strip() == made(), "`make generated` makes it anew"


def test_every_layer_without_a_rule_says_why() -> None:
    assert set(WITHOUT) == set(catalog.names("layers")) - set(shapes.names("layers"))
