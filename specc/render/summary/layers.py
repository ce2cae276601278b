"""Where things of given sizes go when each points down to others: the layered drawing of Sugiyama, in four steps.

Things get a row (as near to what they feed as can be), rows an order (few crossings), things a place across (edges
straight, nothing overlapping) and rows a height. An edge over several rows has a place of its own in each.

It is our own: Grandalf knows neither boxes in boxes nor places where edges meet a thing, and the bindings to Graphviz
need it to be installed. Ours needs nothing, and draws the same everywhere.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

SWEEPS = 12
"""Times that orders and places are improved, down and up again in turn."""
STRAIGHT, CHAINED = 16.0, 6.0
"""How much more an edge insists on being straight: where it passes rows, and where it is alone at both its ends."""


@dataclass(slots=True)
class Thing:
    """Something to place, of a width and a height. It is found at `x`, its middle, and `y`, its top.

    `top` and `bottom` tell where an edge of a kind meets it, from its middle; elsewhere, it does so in the middle.
    So far `below` it something is written, and edges lean only below that.
    """

    key: Hashable
    width: float
    height: float
    top: Mapping[Hashable, float] = field(default_factory=dict)
    bottom: Mapping[Hashable, float] = field(default_factory=dict)
    below: float = 0.0
    row: int = 0
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Link:
    """From one thing down to another; `leaves` and `enters` are the kinds of its ends."""

    source: Hashable
    target: Hashable
    leaves: Hashable = None
    enters: Hashable = None


Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The things placed, the corners of each link from top to bottom, and how large it all is."""

    things: Mapping[Hashable, Thing]
    routes: Mapping[Link, tuple[Point, ...]]
    width: float
    height: float


def draw(
    things: Iterable[Thing],
    links: Sequence[Link],
    *,
    across: float,
    down: float,
    tight: float,
    first: Iterable[Hashable] = (),
    last: Iterable[Hashable] = (),
) -> Drawn:
    """Place things with so much room between them; those of `first` above all others, those of `last` below.

    `tight` is the room below a row of things without a height, and above one.
    """
    found = {thing.key: thing for thing in things}
    _rows(found, links, set(first), set(last))
    chains = {link: _chain(link, found) for link in links}
    rows: list[list[Thing]] = [[] for _ in range(1 + max((t.row for t in found.values()), default=0))]
    for thing in found.values():
        rows[thing.row].append(thing)
    for chain in chains.values():
        for bend in chain[1:-1]:
            rows[bend.row].append(bend)
    below = Counter(chain[0].key for chain in chains.values())
    above = Counter(chain[-1].key for chain in chains.values())
    joints = []
    for link, chain in chains.items():
        alone = below[link.source] == 1 and above[link.target] == 1
        for i, (a, b) in enumerate(pairwise(chain)):
            leaves, enters = _end(a.bottom, link.leaves, i == 0), _end(b.top, link.enters, i == len(chain) - 2)
            joints.append(_Joint(a, b, leaves, enters, alone))
    _order(rows, joints)
    _place(rows, joints, across)
    heights = [max((thing.height for thing in row), default=0.0) for row in rows]
    gaps = [down if a and b else tight for a, b in zip(heights, [*heights[1:], 1.0], strict=False)]
    tops = list(accumulate((height + gap for height, gap in zip(heights, gaps, strict=True)), initial=0.0))
    for row, top, height in zip(rows, tops, heights, strict=False):
        for thing in row:
            thing.y = top + (height - thing.height) / 2
    bottoms = [top + height for top, height in zip(tops, heights, strict=False)]
    leaning = [
        max((t.y + t.height + t.below for t in row), default=bottom) for row, bottom in zip(rows, bottoms, strict=True)
    ]
    left = min((t.x - t.width / 2 for row in rows for t in row), default=0.0)
    right = max((t.x + t.width / 2 for row in rows for t in row), default=0.0)
    for row in rows:
        for thing in row:
            thing.x -= left
    return Drawn(
        found,
        {link: _route(link, chain, tops, leaning) for link, chain in chains.items()},
        right - left,
        tops[-1] - gaps[-1] if gaps else 0.0,
    )


@dataclass(frozen=True, slots=True)
class _Joint:
    """A part of a link, between neighbouring rows, and where it meets the two from their middles."""

    above: Thing
    below: Thing
    leaves: float
    enters: float
    alone: bool

    @property
    def bends(self) -> bool:
        """Whether both ends are bends of an edge that passes rows."""
        return self.above.width == self.below.width == 0 and isinstance(self.above.key, tuple)


def _end(places: Mapping[Hashable, float], kind: Hashable, real: bool) -> float:
    return places.get(kind, 0.0) if real else 0.0


def _rows(things: Mapping[Hashable, Thing], links: Sequence[Link], first: set[Hashable], last: set[Hashable]) -> None:
    """Each thing below all that it takes from; what takes from nothing right above the first that takes from it."""
    into: dict[Hashable, list[Hashable]] = {key: [] for key in things}
    out: dict[Hashable, list[Hashable]] = {key: [] for key in things}
    for link in links:
        into[link.target].append(link.source)
        out[link.source].append(link.target)
    for key, thing in things.items():  # Things come in an order in which every link points onwards.
        top = 1 if first and key not in first else 0
        thing.row = max((things[source].row + 1 for source in into[key]), default=top)
    for key, thing in reversed(list(things.items())):
        if not into[key] and out[key] and key not in first:
            thing.row = min(things[target].row for target in out[key]) - 1
    lowest = max((thing.row for key, thing in things.items() if key not in last), default=-1)
    for key in last:
        things[key].row = max(lowest + 1, things[key].row if not out[key] else 0)


def _chain(link: Link, things: Mapping[Hashable, Thing]) -> list[Thing]:
    above, below = things[link.source], things[link.target]
    bends = [Thing((link, row), 0.0, 0.0, row=row) for row in range(above.row + 1, below.row)]
    return [above, *bends, below]


def _order(rows: list[list[Thing]], joints: Sequence[_Joint]) -> None:
    """Bring each row into the order of the middles of what its things are joined to, as long as crossings get fewer."""
    up: dict[int, list[Thing]] = {}
    down: dict[int, list[Thing]] = {}
    for joint in joints:
        up.setdefault(id(joint.below), []).append(joint.above)
        down.setdefault(id(joint.above), []).append(joint.below)
    best, fewest = [list(row) for row in rows], _crossings(rows, joints)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        sideways = up if sweep % 2 == 0 else down
        at = {id(thing): i for row in rows for i, thing in enumerate(row)}
        for row in rows if sweep % 2 == 0 else reversed(rows):
            middles = {
                id(t): sum(at[id(n)] for n in near) / len(near) if (near := sideways.get(id(t))) else float(at[id(t)])
                for t in row
            }
            row.sort(key=lambda thing: middles[id(thing)])
            at |= {id(thing): i for i, thing in enumerate(row)}
        crossings = _crossings(rows, joints)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    rows[:] = best


def _crossings(rows: Sequence[Sequence[Thing]], joints: Sequence[_Joint]) -> int:
    at = {id(thing): i for row in rows for i, thing in enumerate(row)}
    by_row: dict[int, list[tuple[float, float]]] = {}
    for joint in joints:
        ends = (at[id(joint.above)] + joint.leaves * 1e-4, at[id(joint.below)] + joint.enters * 1e-4)
        by_row.setdefault(joint.above.row, []).append(ends)
    return sum(_inversions(sorted(ends)) for ends in by_row.values())


def _inversions(ends: Iterable[tuple[float, float]]) -> int:
    """How many pairs that are in order above are out of order below."""
    found = 0
    before: list[float] = []
    for _, below in ends:
        place = bisect_right(before, below)
        found += len(before) - place
        before.insert(place, below)
    return found


def _place(rows: Sequence[Sequence[Thing]], joints: Sequence[_Joint], across: float) -> None:
    """Across: each thing as near as room allows to where its edges would run straight down."""
    for row in rows:
        x = 0.0
        for thing in row:
            thing.x = x + thing.width / 2
            x += thing.width + across
        for thing in row:
            thing.x -= (x - across) / 2
    pulls: dict[int, list[tuple[Thing, float, float]]] = {}
    for joint in joints:
        weight = STRAIGHT if joint.bends else CHAINED if joint.alone else 1.0
        pulls.setdefault(id(joint.below), []).append((joint.above, joint.leaves - joint.enters, weight))
        pulls.setdefault(id(joint.above), []).append((joint.below, joint.enters - joint.leaves, weight))
    for sweep in range(2 * SWEEPS):
        above = sweep % 2 == 0
        for row in rows if above else reversed(rows):
            wanted = []
            for thing in row:
                near = pulls.get(id(thing), [])
                # The last sweeps heed both sides: a thing between two rows that do not agree is in the middle.
                one_side = [p for p in near if (p[0].row < thing.row) == above] if sweep < SWEEPS else near
                total = sum(weight for *_, weight in one_side)
                place = sum((n.x + shift) * w for n, shift, w in one_side) / total if total else thing.x
                wanted.append((place, total or 0.1))
            _settle(row, wanted, across)
    _straighten(rows, joints, across)


def _straighten(rows: Sequence[Sequence[Thing]], joints: Sequence[_Joint], across: float) -> None:
    """Bring what hangs on a single thread into one line, where the neighbours of all that hangs there leave room."""
    below = Counter(id(joint.above) for joint in joints)
    above = Counter(id(joint.below) for joint in joints)
    threads = (j for j in joints if below[id(j.above)] == above[id(j.below)] == 1)
    lines: dict[int, list[tuple[Thing, float]]] = {}
    for joint in sorted(threads, key=lambda j: j.above.row):
        line = lines.setdefault(id(joint.above), [(joint.above, 0.0)])
        line.append((joint.below, line[-1][1] + joint.leaves - joint.enters))
        lines[id(joint.below)] = line
    at = {id(thing): (row, i) for row in rows for i, thing in enumerate(row)}
    for line in {id(line): line for line in lines.values()}.values():
        least, most = float("-inf"), float("inf")
        for thing, shift in line:
            row, i = at[id(thing)]
            if i > 0:
                least = max(least, row[i - 1].x + (row[i - 1].width + thing.width) / 2 + across - shift)
            if i + 1 < len(row):
                most = min(most, row[i + 1].x - (row[i + 1].width + thing.width) / 2 - across - shift)
        if least <= most:
            middle = sum(thing.x - shift for thing, shift in line) / len(line)
            for thing, shift in line:
                thing.x = min(max(middle, least), most) + shift


def _settle(row: Sequence[Thing], wanted: Sequence[tuple[float, float]], across: float) -> None:
    """The places nearest to those wanted (weighted squares) where nothing overlaps: adjacent violators pooled."""
    groups: list[tuple[float, float, int]] = []  # the place of the first in a group, its weight, how many
    offsets: list[float] = []
    for i, (place, weight) in enumerate(wanted):
        gap = 0.0 if i == 0 else offsets[-1] + (row[i - 1].width + row[i].width) / 2 + across
        offsets.append(gap)
        group = (place - gap, weight, 1)
        while groups and groups[-1][0] > group[0]:
            at, heavy, many = groups.pop()
            both = heavy + group[1]
            group = ((at * heavy + group[0] * group[1]) / both, both, many + group[2])
        groups.append(group)
    i = 0
    for at, _, many in groups:
        for _ in range(many):
            row[i].x = at + offsets[i]
            i += 1


def _route(link: Link, chain: Sequence[Thing], tops: Sequence[float], leaning: Sequence[float]) -> tuple[Point, ...]:
    """From the bottom of one thing to the top of another, straight down through each row and what is written below."""
    first, *bends, last = chain
    x = first.x + first.bottom.get(link.leaves, 0.0)
    points = [(x, first.y + first.height), (x, max(first.y + first.height, leaning[first.row]))]
    for bend in bends:
        points += [(bend.x, tops[bend.row]), (bend.x, leaning[bend.row])]
    x = last.x + last.top.get(link.enters, 0.0)
    if last.y > tops[last.row]:
        points.append((x, tops[last.row]))
    return (*points, (x, last.y))
