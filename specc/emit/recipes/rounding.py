"""Weights in bfloat16, trained as specc trains them: by the very function that it has for it."""

from __future__ import annotations

from pathlib import Path

_SOURCE = Path(__file__).parents[2] / "backend" / "rounding.py"

# Read and not imported: what is emitted needs no TensorFlow.
ROUNDING: dict[str, str] = {"rounded": _SOURCE.read_text(encoding="utf-8").partition("\n\n\n")[2]}
