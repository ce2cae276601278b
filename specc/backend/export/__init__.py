"""What a run leaves behind for serving: written, loaded back in a fresh process, compared."""

from __future__ import annotations

from specc.backend.export.rehearsal import rehearse
from specc.backend.export.write import Artefact, demand, export

__all__ = ["Artefact", "demand", "export", "rehearse"]
