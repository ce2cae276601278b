"""What makes a container of TensorFlow Serving with a SavedModel in it."""

from __future__ import annotations

import re

PLACE = "saved_model"
"""The artefact, in the folder that the Dockerfile stands in."""


def dockerfile(name: str, version: str) -> str:
    """A Dockerfile that stands beside the artefact: TensorFlow Serving of a version, the model under its name."""
    return f"""\
# TensorFlow Serving of the TensorFlow that wrote the model; gRPC at port 8500, REST at 8501.
FROM tensorflow/serving:{version}
COPY {PLACE} /models/{name}/1
ENV MODEL_NAME={name}
"""


def dockerignore() -> str:
    """Of the folder only the artefact goes to Docker."""
    return f"*\n!{PLACE}\n"


def tag(name: str) -> str:
    """What an image of the model is called: Docker takes small letters."""
    return re.sub(r"[._-]*[^a-z0-9]+[._-]*", "-", name.lower()).strip("-") or "model"


def commands(name: str, folder: str) -> tuple[str, str]:
    """What builds the image, and what runs it."""
    return f"docker build -t {tag(name)} {folder}", f"docker run --rm -p 8501:8501 {tag(name)}"
