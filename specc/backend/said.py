"""What TensorFlow says of a failure, in a line."""

from __future__ import annotations

ASIDE = ("[[", "Graph execution error", "Detected at", "<stack traces")
"""How the lines of its messages begin that say nothing of what is wrong."""


def said(error: Exception) -> str:
    """The first line that says what is wrong, without the names of a graph's nodes."""
    told = getattr(error, "message", None) or str(error)
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    line = next((line for line in lines if not line.startswith(ASIDE)), "")
    while line.startswith("{{"):
        line = line.partition("}}")[2].strip()
    return line or type(error).__name__
