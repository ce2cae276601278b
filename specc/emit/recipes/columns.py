"""Columns of a table brought to the network: numbers, categories, texts, dates, series."""

from __future__ import annotations

COLUMNS: dict[str, str] = {
    "numbers": '''
def numbers(values, fill=None, clip=None, center=0.0, spread=1.0):
    """Measurements as a column: cut to two bounds, gaps filled, brought to a scale."""
    values = np.asarray(values, "float32")
    if clip is not None:
        values = np.clip(values, *clip)
    if fill is not None:
        values = np.where(np.isnan(values), np.float32(fill), values)
    return ((values - np.float32(center)) / np.float32(spread))[:, None]
''',
    "scaled": '''
def scaled(values, center=0.0, spread=1.0):
    """A series with each column brought to a scale."""
    return (values - np.float32(center)) / np.float32(spread)
''',
    "bins": '''
def bins(values, bounds, fill=None, clip=None):
    """The number of the bin that each measurement lies in."""
    return np.searchsorted(np.float32(bounds), numbers(values, fill, clip)[:, 0], side="right").astype("int32")
''',
    "learn_numbers": '''
def learn_numbers(values, impute=None, clip=None, scale=None, bins=None):
    """What the training rows tell of a measurement: what fills gaps, and its scale or its bins."""
    values = np.asarray(values, "float32").astype("float64")
    values = values if clip is None else np.clip(values, *clip)
    fill = {"mean": np.nanmean, "median": np.nanmedian}.get(impute, lambda _: impute)(values)
    learnt = {} if fill is None else {"fill": float(fill)}
    values = values if fill is None else np.where(np.isnan(values), fill, values)
    if bins is not None:
        learnt["bounds"] = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1])).tolist()
    if scale == "standard":
        learnt |= {"center": float(values.mean()), "spread": float(values.std()) or 1.0}
    if scale == "minmax":
        learnt |= {"center": float(values.min()), "spread": float(np.ptp(values)) or 1.0}
    return learnt
''',
    "learn_windows": '''
def learn_windows(values, scale):
    """The scale of each column of a series, over the training rows."""
    values = values.reshape(len(values), -1).astype("float64")
    if scale == "minmax":
        center, spread = values.min(axis=0), np.ptp(values, axis=0)
    else:
        center, spread = values.mean(axis=0), values.std(axis=0)
    return {"center": center.tolist(), "spread": np.where(spread == 0, 1, spread).tolist()}
''',
    "indices": '''
def indices(values, vocabulary, oov=0):
    """The place of each value in a vocabulary; unknown ones have the place behind it, if there is one."""
    places = {value: place for place, value in enumerate(vocabulary)}
    if isinstance(vocabulary[0], str):
        values = [value.strip() for value in decoded(values)]
    unknown = len(vocabulary) if oov else None
    return np.array([places[value] if oov == 0 else places.get(value, unknown) for value in values], "int32")
''',
    "parted": '''
def parted(text, separator):
    """The values of a text, or of a list."""
    if not isinstance(text, str):
        return [str(value) for value in text]
    pieces = text.split(None if separator == " " else separator)
    return [piece.strip() for piece in pieces if piece.strip()]
''',
    "sequences": '''
def sequences(values, vocabulary, length, separator, oov=0):
    """Several values each, in order, as places that count from 1; 0 pads."""
    found = np.zeros((len(values), length), "int32")
    for row, text in enumerate(values):
        if pieces := parted(text, separator)[:length]:
            found[row, : len(pieces)] = indices(pieces, vocabulary, oov) + 1
    return found
''',
    "sets": '''
def sets(values, vocabulary, separator, oov=0):
    """A vector with a 1 at the place of each of several values."""
    found = np.zeros((len(values), len(vocabulary) + oov), "float32")
    for row, text in enumerate(values):
        if pieces := parted(text, separator):
            found[row, indices(pieces, vocabulary, oov)] = 1
    return found
''',
    "one_hot": '''
def one_hot(values, vocabulary, oov=0):
    """A vector with a 1 at the place of each value."""
    return np.eye(len(vocabulary) + oov, dtype="float32")[indices(values, vocabulary, oov)]
''',
    "decoded": '''
def decoded(values):
    """Texts, whether they come as text or as bytes."""
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]
''',
    "learn_vocabulary": '''
def learn_vocabulary(values, most=None):
    """The values of the training rows, sorted: as numbers where all are whole; with `most`, the most frequent."""
    counts = Counter(value.strip() if isinstance(value, str) else int(value) for value in values)
    whole = all(value == "" or str(value).removeprefix("-").isdecimal() for value in counts)
    entries = sorted(counts, key=lambda value: (value != "", int(value or 0)) if whole else value)
    if most is not None:
        kept = set(sorted(entries, key=lambda value: -counts[value])[:most])
        entries = [value for value in entries if value in kept]
    return {"vocabulary": entries}
''',
    "yes": '''
def yes(values, positive=None):
    """1 for the positive value and 0 for any other, as a column."""
    if np.asarray(values).dtype.kind in "OSU":
        values = [value.strip() for value in decoded(values)]
        known = ("1", "true", "yes") if positive is None else (str(positive),)
        values = [(value.lower() if positive is None else value) in known for value in values]
    elif positive is not None:
        values = np.asarray(values, "float32") == np.float32(positive)
    return np.asarray(values, "float32")[:, None]
''',
    "words": '''
def words(values, vocabulary, length, **how):
    """Texts as the numbers of their words; 0 pads, 1 is any unknown word."""
    vectorization = layers.TextVectorization(output_sequence_length=length, vocabulary=vocabulary, **how)
    return np.asarray(vectorization(np.array(decoded(values), dtype=object)), "int32")
''',
    "learn_words": '''
def learn_words(values, most=None, length=None, vocabulary=None, **how):
    """The most frequent words of the training rows, or those given, and a length that holds 95 % of the texts whole."""
    vectorization = layers.TextVectorization(vocabulary=vocabulary, ragged=True, **how)
    texts = np.array(decoded(values), dtype=object)
    if vocabulary is None:
        vectorization.adapt(texts)
    numbers = vectorization(texts)
    words = vectorization.get_vocabulary(include_special_tokens=False)
    if vocabulary is None:
        counts = dict(zip(words, np.bincount(numbers.flat_values)[2:], strict=True))
        words = sorted(words, key=lambda word: (-counts[word], word.encode()))[: most - 2]
    if length is None:
        length = max(1, int(np.quantile(numbers.row_lengths(), 0.95, method="inverted_cdf")))
    return {"vocabulary": [str(word) for word in words], "length": length}
''',
    "windows": '''
def windows(values, first, length, before, after):
    """Rows of a series as windows, an example for each row that has so many `before` it and `after` it."""
    views = np.lib.stride_tricks.sliding_window_view(np.asarray(values, "float32"), length, axis=0)
    start = before + first
    return np.moveaxis(views[start : len(values) - after - before + start], -1, 1)
''',
    "read_entries": '''
def read_entries(path):
    """The entries of a file, one a line."""
    return [line.strip() for line in Path(path).read_text(encoding="utf-8-sig").splitlines() if line.strip()]
''',
    "dates": '''
def dates(values, parts):
    """Parts of dates and times, each from 0 to just below 1, or as a point on a circle."""
    moments = [datetime.fromisoformat(str(value).strip()) for value in values]
    return np.array([[part_of(moment, part) for part in parts] for moment in moments], "float32")
''',
    "part_of": '''
def part_of(moment, part):
    """How much of its range a part of a date has passed."""
    part, _, turn = part.partition("_")
    past, count = {
        "year": (moment.year - 2000, 100),
        "month": (moment.month - 1, 12),
        "day": (moment.day - 1, 31),
        "dayofyear": (moment.timetuple().tm_yday - 1, 366),
        "weekday": (moment.weekday(), 7),
        "hour": (moment.hour, 24),
        "minute": (moment.minute, 60),
        "second": (moment.second, 60),
    }[part]
    angle = 2 * np.pi * past / count
    return {"": past / count, "sin": np.sin(angle), "cos": np.cos(angle)}[turn]
''',
}

HASHING: dict[str, str] = {
    "indices": '''
def indices(values, vocabulary, oov):
    """The place of each value in a vocabulary; unknown ones share the places behind it, by their hashes."""
    places = {value: place for place, value in enumerate(vocabulary)}
    if isinstance(vocabulary[0], str):
        values = [value.strip() for value in decoded(values)]
        hashes = np.asarray(tf.strings.to_hash_bucket_fast(values, 2**63 - 1))
    else:
        hashes = np.asarray(values, "int64")
    unknown = (len(vocabulary) + hashes % oov).tolist()
    return np.array([places.get(value, other) for value, other in zip(values, unknown, strict=True)], "int32")
''',
}
"""In their place where unknown values share several indices."""
