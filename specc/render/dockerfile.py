"""What makes a container of TensorFlow Serving with a SavedModel in it."""

from __future__ import annotations

import re

PLACE = "saved_model"
"""The artefact, in the folder that the Dockerfile stands in."""

SERVING = "2.20.0"
"""The newest TensorFlow Serving that is known to have an image: it follows TensorFlow by half a year and more."""


def dockerfile(name: str, version: str) -> str:
    """A Dockerfile that stands beside the artefact: TensorFlow Serving, the model under its name.

    Its version is the one of the TensorFlow that wrote the model, or the newest that there is an image of.
    """
    serving = min(version, SERVING, key=_numbers)
    return f"""\
# TensorFlow Serving with the model, which TensorFlow {version} wrote: gRPC at port 8500, REST at 8501.
# Another version of the server: docker build --build-arg SERVING=VERSION
ARG SERVING={serving}
FROM tensorflow/serving:${{SERVING}}
COPY {PLACE} /models/{name}/1
ENV MODEL_NAME={name}
"""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def dockerignore() -> str:
    """Of the folder only the artefact goes to Docker."""
    return f"*\n!{PLACE}\n"


def tag(name: str) -> str:
    """What an image of the model is called: Docker takes small letters."""
    return re.sub(r"[._-]*[^a-z0-9]+[._-]*", "-", name.lower()).strip("-") or "model"


def commands(name: str, folder: str) -> tuple[str, str]:
    """What builds the image, and what runs it."""
    return f"docker build -t {tag(name)} {folder}", f"docker run --rm -p 8501:8501 {tag(name)}"
