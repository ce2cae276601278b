"""How a spec's examples are divided, and whether what it asks for goes together."""

from __future__ import annotations

from collections.abc import Collection

from specc import codes
from specc.diagnostics import Log, nearest
from specc.kinds.features import offsets
from specc.plan import Field, Splitting
from specc.tree import Tree


def bind_splitting(
    tree: Tree | None, sources: Collection[str], inputs: tuple[Field, ...], targets: tuple[Field, ...], log: Log
) -> Splitting:
    """The `split` section, beside what it divides."""
    if tree is None:
        check_windows(inputs, targets, Splitting(), log)
        return Splitting()
    fractions = {name: float(tree[name].plain()) for name in ("validation", "test") if name in tree}
    if sum(fractions.values()) >= 1:
        log.report(
            codes.S505,
            tree.key,
            f"validation and test take {sum(fractions.values()):g} of the examples: nothing is left to train on",
            help="let the two add up to less than 1",
        )
    stratify = str(tree["stratify"].plain()) if "stratify" in tree else None
    names = [f.name for f in (*targets, *inputs)]
    if stratify is not None and stratify not in names:
        near = nearest(stratify, names)
        log.report(
            codes.S201,
            tree["stratify"].span,
            f"the dataset has no feature `{stratify}`",
            help=f"did you mean `{near}`?" if near else f"there are: {', '.join(names)}",
        )
    if stratify is not None and "group" in tree:
        log.report(
            codes.S105,
            tree["group"].key,
            "`group` and `stratify` stand side by side: groups that stay whole cannot be dealt out by class",
            help="leave one of them out",
        )
    if "order" in tree:
        for other in ("stratify", "group"):
            if other in tree:
                log.report(
                    codes.S105,
                    tree[other].key,
                    f"`order` and `{other}` stand side by side: what comes last in order is what is held out",
                    help="leave one of them out",
                )
    for name, fraction in fractions.items():
        if fraction and name in sources:
            log.report(
                codes.S105,
                tree[name].span,
                f"`{name}` has a source of its own, and a share of the training examples is asked for as well",
                help=f"leave out one of the two: this share, or `source: {{{name}: …}}`",
            )
    splitting = Splitting(
        validation=fractions.get("validation", 0.0),
        test=fractions.get("test", 0.0),
        stratify=stratify,
        group=str(tree["group"].plain()) if "group" in tree else None,
        order=str(tree["order"].plain()) if "order" in tree else None,
        span=tree.key,
    )
    check_windows(inputs, targets, splitting, log)
    return splitting


def check_windows(inputs: tuple[Field, ...], targets: tuple[Field, ...], splitting: Splitting, log: Log) -> None:
    """Report windows over rows that do not follow one another, and those that do not go together."""
    windows = [field for field in (*inputs, *targets) if offsets(field.feature) is not None]
    if not windows:
        return
    place = splitting.span or windows[0].span
    if splitting.stratify is not None or splitting.group is not None:
        word = "stratify" if splitting.stratify is not None else "group"
        log.report(
            codes.S105,
            place,
            f"`{word}` tears apart the rows that `{windows[0].name}` needs one after the other",
            help="divide by `order`, which keeps the last rows for the test",
        )
    elif (splitting.validation or splitting.test) and splitting.order is None:
        log.report(
            codes.S105,
            place,
            f"rows drawn at random do not follow one another, as `{windows[0].name}` needs them",
            help="name the column that says when a row was: `order: date`",
        )
    strides = {field.name: stride for field in windows if (stride := stride_of(field)) is not None}
    if len(set(strides.values())) > 1:
        told = " and ".join(f"`{name}` of {stride}" for name, stride in strides.items())
        log.report(
            codes.S105,
            windows[-1].span,
            f"an example has one place in the series, and the strides differ: {told}",
            help="give `stride` once, or the same to all",
        )
    for field in inputs:
        foretold = [t.name for t in targets if field in windows and t in windows and _foretells(field, t)]
        if foretold:
            log.report(
                codes.S105,
                field.span,
                f"the input `{field.name}` holds the very rows that `{foretold[0]}` asks for",
                help="leave `future` out: an input has a future only where it is known beforehand, like the hour",
            )


def stride_of(field: Field) -> int | None:
    """How many rows lie between an example and the next, where a window says it."""
    stride: int | None = getattr(field.feature, "stride", None)
    return stride


def _foretells(given: Field, wanted: Field) -> bool:
    """Whether an input window holds rows after the example's own of a column that a target asks for."""
    ahead = {offset for offset in offsets(given.feature) or () if offset > 0}
    return bool(ahead & set(offsets(wanted.feature) or ()) and set(given.columns) & set(wanted.columns))
