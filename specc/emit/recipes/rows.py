"""Rows read from what is no table, and divided into splits."""

from __future__ import annotations

ROWS: dict[str, str] = {
    "chosen": '''
def chosen(rows, places):
    """Some of the rows."""
    return {field: values[places] for field, values in rows.items()}
''',
    "beside": '''
def beside(path, files):
    """Names of files that are relative to a table as paths; contents of files stay as they are."""
    folder = Path(path).parent
    return np.array([file if isinstance(file, bytes) else str(folder / file) for file in files], dtype=object)
''',
    "whole": '''
def whole(rows, names):
    """The rows, or windows of rows, without a gap in what is named."""
    gaps = [np.isnan(rows[name]).reshape(len(rows[name]), -1).any(axis=1) for name in names]
    return chosen(rows, ~np.any(gaps, axis=0))
''',
    "read_idx": '''
def read_idx(path):
    """The array of an IDX file, plain or packed."""
    data = Path(path).read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\\x1f\\x8b" else data
    shape = np.frombuffer(data, ">u4", data[3], 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)
''',
    "read_folders": '''
def read_folders(folder, *endings):
    """The files of a folder of folders, one a class, and the classes of the files."""
    files = sorted(path for path in Path(folder).glob("*/**/*") if path.suffix.lower() in endings)
    files = [path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    return np.array([str(path) for path in files]), np.array([path.relative_to(folder).parts[0] for path in files])
''',
    "stored": '''
def stored(examples, name):
    """The values of a feature of `tf.train.Example`s: one each, or as many each."""
    lists = [getattr(one[name], one[name].WhichOneof("kind")).value for one in examples]
    values = np.array([list(one) for one in lists], dtype=object if isinstance(lists[0][0], bytes) else None)
    return values[:, 0] if values.shape[1] == 1 else values
''',
    "made_up": '''
def made_up(name, seed):
    """A generator of random numbers for a column, which gives the same each time."""
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))
''',
    "divided": '''
def divided(rows, parts, seed):
    """The rows of each split, drawn at random."""
    generator = np.random.PCG64([seed, zlib.crc32(b"split")])
    order = np.argsort(generator.random_raw(rows), kind="stable")
    return dealt(order, parts)
''',
    "divided_by_class": '''
def divided_by_class(classes, parts, seed):
    """The rows of each split, drawn at random, each class in proportion; the last row of a class is for training."""
    _, codes, counts = np.unique(classes, return_inverse=True, return_counts=True)
    order = np.argsort(np.random.PCG64([seed, zlib.crc32(b"split")]).random_raw(len(codes)), kind="stable")
    order = order[np.argsort(codes[order], kind="stable")]
    first, left, found = np.cumsum(counts) - counts, counts - 1, {}
    for name, part in parts.items():
        taken = apportioned(counts * part, int(len(codes) * part + 0.5), left)
        found[name] = np.sort(np.concatenate([order[a : a + n] for a, n in zip(first, taken, strict=True)]))
        first, left = first + taken, left - taken
    return {"train": np.setdiff1d(np.arange(len(codes)), np.concatenate([*found.values()]))} | found
''',
    "apportioned": '''
def apportioned(quotas, total, most):
    """Whole numbers next to the quotas that sum to the total: those with the largest remainders are rounded up."""
    shares = np.minimum(np.floor(quotas).astype(int), most)
    for place in np.argsort(shares - quotas, kind="stable"):
        if shares.sum() < total and shares[place] < min(most[place], quotas[place]):
            shares[place] += 1
    return shares
''',
    "divided_by_group": '''
def divided_by_group(groups, parts, seed):
    """The rows of each split; rows of one group stay together."""
    names, codes, counts = np.unique(np.array(groups).astype(str), return_inverse=True, return_counts=True)
    order = np.argsort(np.random.PCG64([seed, zlib.crc32(b"split")]).random_raw(len(names)), kind="stable")
    owner = np.full(len(names), "train", dtype=object)
    left = {name: round(len(codes) * part) for name, part in parts.items()}
    for group in order:
        fitting = [name for name in left if left[name] >= counts[group] / 2]
        if fitting:
            owner[group] = fitting[0]
            left[fitting[0]] -= counts[group]
    return {name: np.flatnonzero(owner[codes] == name) for name in ("train", *parts)}
''',
    "divided_in_order": '''
def divided_in_order(order, parts):
    """The rows of each split: the first ones are for training, the last ones for the test."""
    rows = np.argsort(order, kind="stable")
    test = len(rows) - int(len(order) * parts.get("test", 0) + 0.5)
    validation = test - int(len(order) * parts.get("validation", 0) + 0.5)
    found = {"train": rows[:validation], "validation": rows[validation:test], "test": rows[test:]}
    return {name: places for name, places in found.items() if len(places)}
''',
    "dealt": '''
def dealt(order, parts):
    """Rows in some order, so many of them to each split, and the rest for training."""
    found, start = {}, 0
    for name, part in parts.items():
        size = int(len(order) * part + 0.5)
        found[name] = np.sort(order[start : start + size])
        start += size
    return {"train": np.sort(order[start:])} | found
''',
}
