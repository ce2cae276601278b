"""Configurations of layers and ops to hold rules against Keras on: mostly sound, some wrong in one way or another."""

from tests.shapes.configurations import elements, encodings, forms, sequences, several, windows
from tests.shapes.configurations.drawing import NUMBERS, alike, booleans, one_of, shapes, sizes, tensors

__all__ = ["LAYERS", "NUMBERS", "alike", "booleans", "one_of", "shapes", "sizes", "tensors"]

LAYERS = {
    name: cases
    for family in (elements, windows, forms, several, sequences, encodings)
    for name, cases in family.LAYERS.items()
}
