"""Which example belongs to which split: a function of the seed and the example's position or group, nothing else.

Random keys are taken raw from the bit generator, whose stream NumPy promises never to change; how it makes numbers or
permutations of them may change from release to release.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from math import floor
from typing import Any

from specc.kinds.arrays import Array, np

SOME = 2**18
"""So many rows are looked at in one go."""


def divide(
    rows: int,
    fractions: Mapping[str, float],
    seed: int,
    *,
    strata: Array | None = None,
    groups: Array | None = None,
    order: Array | None = None,
) -> dict[str, Array]:
    """The rows of each split in ascending order; `train` gets what the others leave.

    Args:
        rows: how many examples there are.
        fractions: what part of them each other split takes, as `{"test": 0.2, "validation": 0.1}`.
        seed: of the spec.
        strata: a value for each row; every split has each value in the proportion of the whole, to rounding, and
            `train` at least one row of each.
        groups: a value for each row; rows with the same value stay in one split. Sizes are then approximate.
        order: a value for each row; training gets the lowest, in ascending order, then `validation`, then `test`. Rows
            of equal value keep the order that they have.
    """
    sizes = {name: floor(rows * fraction + 0.5) for name, fraction in fractions.items()}
    if order is not None:
        return _in_order(order, sizes)
    if groups is not None:
        owner = _by_group(groups, sizes, seed)
    elif strata is not None:
        owner = _by_stratum(strata, fractions, sizes, seed)
    else:
        owner = _at_random(rows, list(sizes.values()), seed)
    return {name: _of(owner, i) for i, name in enumerate(["train", *sizes])}


def whole(rows: int) -> Array:
    """The numbers of all rows, in as few bytes as hold them: where data is large, there are many of them."""
    return np.arange(rows, dtype=_dtype(rows))


def numbers(rows: Array) -> Array:
    """Numbers of rows, in as few bytes as hold them."""
    return rows.astype(_dtype(int(rows.max(initial=0))), copy=False)


def _dtype(most: int) -> str:
    return "int32" if most < 2**31 else "int64"


def _of(owner: Array, number: int) -> Array:
    """The rows of one owner, found some at a time."""
    found = np.empty(np.count_nonzero(owner == number), _dtype(len(owner)))
    end = 0
    for start in range(0, len(owner), SOME):
        some = np.flatnonzero(owner[start : start + SOME] == number)
        found[end : end + len(some)] = some + start
        end += len(some)
    return found


def _in_order(order: Array, sizes: Mapping[str, int]) -> dict[str, Array]:
    rows = np.argsort(order, kind="stable")
    divided, end = {}, len(rows)
    for name in ("test", "validation"):
        divided[name] = rows[end - sizes.get(name, 0) : end]
        end -= sizes.get(name, 0)
    return {"train": numbers(rows[:end])} | {name: numbers(divided[name]) for name in sizes}


def _shuffled(count: int, seed: int) -> Array:
    return np.argsort(np.concatenate([np.zeros(0, np.uint64), *_keys(count, seed)]), kind="stable")


def _keys(count: int, seed: int) -> Iterator[Array]:
    """A random key for each row, some at a time."""
    drawn = np.random.PCG64([seed % 2**64, zlib.crc32(b"split")])
    for start in range(0, count, SOME):
        yield np.asarray(drawn.random_raw(min(SOME, count - start)), np.uint64)


def _at_random(rows: int, sizes: list[int], seed: int) -> Array:
    """What `_dealt(_shuffled(rows, seed), sizes)` gives, in a byte a row: sorting takes thirty."""
    owner = np.zeros(rows, np.int8)
    for number, least in reversed(list(enumerate(np.cumsum(sizes).tolist(), start=1))):
        # All rows whose key is below that of the next in order; what earlier splits have of them they take afterwards.
        key, place = _ranked(least, rows, seed)
        start = 0
        for some in _keys(rows, seed):
            before = (some < key) | ((some == key) & (np.arange(start, start + len(some)) < place))
            owner[start : start + len(some)][before] = number
            start += len(some)
    return owner


def _ranked(rank: int, rows: int, seed: int) -> tuple[Any, int]:
    """The key and the place of the row that has so many others before it in random order; beyond the last, more."""
    counts = np.zeros(2**16, np.int64)
    for some in _keys(rows, seed):
        counts += np.bincount((some >> np.uint64(48)).astype(np.int64), minlength=2**16)
    if rank >= rows:
        return np.uint64(2**64 - 1), rows
    bucket = int(np.searchsorted(np.cumsum(counts), rank, side="right"))
    keys, places, start = [], [], 0
    for some in _keys(rows, seed):
        inside = np.flatnonzero(some >> np.uint64(48) == bucket)
        keys.append(some[inside])
        places.append(inside + start)
        start += len(some)
    there = np.concatenate(keys)
    row = np.argsort(there, kind="stable")[rank - int(counts[:bucket].sum())]
    return there[row], int(np.concatenate(places)[row])


def _dealt(order: Array, sizes: list[int]) -> Array:
    """For each place the number of the split that it falls to, dealing `sizes` to 1, 2, … and the rest to 0."""
    owner = np.zeros(len(order), np.int8)
    start = 0
    for number, size in enumerate(sizes, start=1):
        owner[order[start : start + size]] = number
        start += size
    return owner


def _by_stratum(strata: Array, fractions: Mapping[str, float], sizes: Mapping[str, int], seed: int) -> Array:
    values, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    room = counts - 1  # the last row of a stratum is for training: a class never seen cannot be learnt
    shares = []
    for name, fraction in fractions.items():
        share = _apportioned(counts * fraction, sizes[name], room)
        room = room - share
        shares.append(share)
    order = _shuffled(len(strata), seed)
    owner = np.zeros(len(strata), np.int8)
    by_code = order[np.argsort(codes[order], kind="stable")]
    ends = np.cumsum(counts)
    for code in range(len(values)):
        members = by_code[ends[code] - counts[code] : ends[code]]
        owner[members] = _dealt(np.arange(len(members)), [int(share[code]) for share in shares])
    return owner


def _apportioned(quotas: Array, total: int, room: Array) -> Array:
    """Whole numbers next to the quotas that sum to the total, by largest remainder, none beyond its room."""
    share = np.minimum(np.floor(quotas).astype(np.int64), room)
    for code in np.argsort(share - quotas, kind="stable"):
        if share.sum() >= total:
            break
        if share[code] < room[code] and share[code] < quotas[code]:
            share[code] += 1
    return share


def _by_group(groups: Array, sizes: Mapping[str, int], seed: int) -> Array:
    """Groups, shuffled, each to the first split that at least half of it still fits in."""
    _, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    left = np.array(list(sizes.values()), np.float64)
    owner = np.zeros(len(counts), np.int8)
    for group in _shuffled(len(counts), seed):
        fits = np.flatnonzero(left >= counts[group] / 2)
        if len(fits):
            owner[group] = fits[0] + 1
            left[fits[0]] -= counts[group]
    return owner[codes]
