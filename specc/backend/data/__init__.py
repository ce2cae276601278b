"""From a plan to the batches of its splits, and what its fields learnt."""

from __future__ import annotations

from specc.backend.data.opening import Data, open_data, open_split
from specc.backend.data.split import Split

__all__ = ["Data", "Split", "open_data", "open_split"]
