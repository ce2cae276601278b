"""Data as it lies, checked and divided: all of it that needs no TensorFlow."""

from __future__ import annotations

from specc.data.opening import Opened, open_rows, open_sources

__all__ = ["Opened", "open_rows", "open_sources"]
