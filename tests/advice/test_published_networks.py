"""Advice is not noise: the architectures that Keras publishes are given none that they do not deserve."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import pytest
import yaml

from specc.diagnostics import Log
from specc.driver import check
from specc.tree import Source
from tests.advice.published import spec

QUICK = ("MobileNetV2", "MobileNetV3Small", "ResNet50V2", "Xception")
LONGER = (
    *("MobileNet", "MobileNetV3Large", "EfficientNetB0", "EfficientNetV2B0", "EfficientNetV2S", "DenseNet121"),
    *("InceptionV3", "InceptionResNetV2", "NASNetMobile"),
)


def advice(name: str) -> set[str]:
    """The codes that an architecture of `keras.applications` is given as a spec."""
    text = yaml.safe_dump(spec(getattr(keras.applications, name)(weights=None)), sort_keys=False)
    log = Log()
    check(Source(f"{name}.yaml", text), log)
    return {found.code.id for found in log.diagnostics}


@pytest.fixture(autouse=True)
def small_memory() -> Iterator[None]:
    yield
    keras.backend.clear_session()


@pytest.mark.parametrize("name", QUICK)
def test_a_published_network_is_given_no_advice(name: str):
    assert advice(name) == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", LONGER)
def test_another_published_network_is_given_no_advice(name: str):
    assert advice(name) == set()


def test_the_first_resnet_of_keras_has_biases_that_its_normalizations_cancel():
    assert advice("ResNet50") == {"W303"}


def test_vgg_has_most_of_its_weights_behind_flatten():
    assert advice("VGG16") == {"W307"}
