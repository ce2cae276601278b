"""Ops that bring together what belongs together: rows that bear the same number."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import flag, size, wrong
from specc.shapes.costs import elements
from specc.shapes.dimensions import agree, listing, ranked, ranked_from
from specc.shapes.dtypes import FLOATS, INTEGERS, among

__all__ = ["segment_max", "segment_min", "segment_prod", "segment_sum"]


def segments(site: Site) -> Result:
    """(rows, …) and a number for each row → (num_segments, …); without `num_segments`, as many as there are numbers."""
    data, numbers = site.tensor("data"), site.tensor("segment_ids")
    among(site, (*FLOATS, *INTEGERS), data)
    among(site, ("int16", "int32", "int64"), numbers)
    named = site.arguments.get("num_segments") is not None
    count = size(site, "num_segments", 0) if named else None
    if named and flag(site, "sorted"):
        raise wrong(site, "num_segments", count, "left out where `sorted` is true")
    rows, ids = ranked_from(site, data, 1), ranked(site, numbers, 1, "a vector as `segment_ids`")
    if rows is not None and ids is not None and not agree(rows[0], ids[0]):
        raise Refusal(
            codes.S302,
            f"{site.label} needs a number for each row, and is given {listing([rows, ids])}",
            help="the first dimension of both must be equal",
        )
    return single(None if rows is None else (count, *rows[1:]), data.dtype, flops=elements(rows))


segment_max = segment_min = segment_prod = segment_sum = segments
