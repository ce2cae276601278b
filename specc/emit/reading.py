"""How a script reads a source of data: its function `read`, and how that is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from specc.calls import Call
from specc.emit.fields import FILES, UnsayableError, relative
from specc.emit.layout import Expression, Group, call, keyword, lines, literal, mapping, plain, sequence
from specc.emit.samples import made_up
from specc.emit.script import Script
from specc.kinds.features.audio import Audio
from specc.kinds.features.category import Category
from specc.kinds.features.image import Image
from specc.kinds.readers.audio_folder import SOUNDS
from specc.kinds.readers.csv import MISSING, WHITESPACE
from specc.kinds.readers.image_folder import EXTENSIONS as PICTURES
from specc.kinds.readers.text_folder import EXTENSIONS as TEXTS
from specc.plan import Field, Plan

TABLES = {"csv": "pd.read_csv", "parquet": "pd.read_parquet", "jsonl": "pd.read_json", "sql": "pd.read_sql"}
"""Readers of tables, and what pandas reads them by."""

FOLDERS = {"image_folder": ("image", PICTURES), "audio_folder": ("audio", SOUNDS), "text_folder": ("text", TEXTS)}
"""Readers of folders of folders: what the field of their files is called, and how these end."""

PACKAGES = {
    **dict.fromkeys(TABLES, ("pandas",)),
    "sql": ("pandas", "sqlalchemy"),
    "hdf5": ("h5py",),
    "huggingface": ("datasets",),
    "tfds": ("tensorflow_datasets",),
}
"""What the readers of a script import."""


def packages(plan: Plan) -> tuple[str, ...]:
    """What the script of a plan imports beside Keras and NumPy, and not every machine has that trains."""
    if plan.dataset is None:
        return ()
    readers = [one.name for one in plan.dataset.sources.values()]
    found = [name for reader in readers for name in PACKAGES.get(reader, ())]
    for one in (*plan.dataset.inputs, *plan.dataset.targets):
        if readers[0] in FILES and isinstance(one.feature, (Image, Audio)):
            found.append("PIL" if isinstance(one.feature, Image) else "soundfile")
    return tuple(dict.fromkeys(found))


def read(made: Script) -> list[str]:
    """`read(…)`: the fields of a source by their names.

    Raises:
        UnsayableError: where a few lines do not read it.
    """
    sources = {one.name: one for one in made.dataset.sources.values()}
    if len(sources) > 1:
        raise UnsayableError(f"several readers at once, {' and '.join(f'`{name}`' for name in sorted(sources))}")
    ((name, one),) = sources.items()
    if name in TABLES:
        return _table(made, one)
    if name not in READERS:
        raise UnsayableError(f"the reader `{name}`")
    if "://" in str(one.arguments.get("path", "")):
        raise UnsayableError(f"the reader `{name}` of a URL")
    return READERS[name](made, one)


def _arrays(made: Script, head: str, body: Sequence[str], form: str) -> list[str]:
    """A function whose body leaves arrays; `form` is how one of a name is got from them."""
    limit = f"[:{made.dataset.limit}]" if made.dataset.limit is not None else ""
    entries: list[tuple[str, Expression]] = []
    for name, column, several in _columns(made):
        if several is None:
            entries.append((name, (form.format(literal(column)) + limit,)))
        else:
            items = sequence((form.format(literal(part)) + limit,) for part in several)
            entries.append((name, call("np.stack", [items, keyword("axis", ("1",))])))
    done = [f"def read({head}):", '    """The fields of the data, by name."""', *(f"    {line}" for line in body)]
    return [*done, *lines(mapping(entries), "return ", depth=1)]


def _npz(made: Script, one: Call) -> list[str]:
    _one_file(one)
    return _arrays(made, "path", ["table = np.load(path)"], "table[{}]")


def _hdf5(made: Script, one: Call) -> list[str]:
    _one_file(one)
    return _arrays(made, "path", ["table = h5py.File(path)"], "table[{}][:]")


def _npy(made: Script, one: Call) -> list[str]:
    paths = one.arguments["path"]
    if any(_is_pattern(path) for path in (paths.values() if isinstance(paths, dict) else (paths,))):
        raise UnsayableError("the reader `npy` of a pattern")
    return _arrays(made, "paths", [], "np.load(paths[{}])")


def _idx(made: Script, one: Call) -> list[str]:
    if "labels" not in one.arguments:
        return _arrays(made, "images", ['table = {"image": read_idx(images)}'], "table[{}]")
    body = ['table = {"image": read_idx(images), "label": read_idx(labels)}']
    return _arrays(made, "images, labels", body, "table[{}]")


def _keras(made: Script, one: Call) -> list[str]:
    body = [
        "parts = getattr(keras.datasets, name).load_data()",
        'x, y = parts[0] if part == "train" else parts[1]',
        'table = {"x": x, "y": np.ravel(y)}',
    ]
    return _arrays(made, "name, part", body, "table[{}]")


def _folder(made: Script, one: Call) -> list[str]:
    _one_file(one)
    field, endings = FOLDERS[one.name]
    body = [f"files, labels = read_folders(path, {', '.join(map(literal, endings))})"]
    files = "files"
    if field == "text":
        encoding = str(one.arguments.get("encoding", "utf-8"))
        encoding = "utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding
        files = f"np.array([Path(file).read_text(encoding={literal(encoding)}) for file in files], dtype=object)"
    body.append(f'table = {{"{field}": {files}, "label": labels}}')
    return _arrays(made, "path", body, "table[{}]")


def _tfrecord(made: Script, one: Call) -> list[str]:
    path = str(one.arguments["path"])
    files = "sorted(glob.glob(path, recursive=True))" if _is_pattern(path) else "path"
    packed = ', compression_type="GZIP"' if path.endswith((".gz", ".gzip")) else ""
    body = [
        f"records = tf.data.TFRecordDataset({files}{packed})",
        "table = [tf.train.Example.FromString(record).features.feature for record in records.as_numpy_iterator()]",
    ]
    return _arrays(made, "path", body, "stored(table, {})")


def _huggingface(made: Script, one: Call) -> list[str]:
    if any(isinstance(field.feature, (Image, Audio)) for field in made.fields):
        raise UnsayableError("pictures and sounds of the reader `huggingface`")
    if "path" not in one.arguments:
        config = [literal(one.arguments["config"])] if "config" in one.arguments else []
        body = [f"stored = datasets.load_dataset({', '.join(['name', *config, 'split=split'])})"]
        return _arrays(made, "name, split", [*body, 'table = stored.with_format("numpy")[:]'], "table[{}]")
    if "[" in str(one.arguments.get("split", "")):
        raise UnsayableError("a part of a split of the reader `huggingface`")
    body = [
        'saved = [mark for mark in ("dataset_dict.json", "dataset_info.json") if Path(path, mark).exists()]',
        "stored = datasets.load_from_disk(path) if saved else datasets.load_dataset(path)",
        "stored = stored[split] if isinstance(stored, dict) else stored",
        'table = stored.with_format("numpy")[:]',
    ]
    return _arrays(made, "path, split", body, "table[{}]")


def _tfds(made: Script, one: Call) -> list[str]:
    body = [
        "# One file after the other, so that rows have the same order every time.",
        "config = tfds.ReadConfig(interleave_cycle_length=1)",
        'options = {"shuffle_files": False, "download": False, "read_config": config, "batch_size": -1}',
        "table = tfds.as_numpy(tfds.load(name, split=split, data_dir=data_dir, **options))",
    ]
    return _arrays(made, "name, split, data_dir=None", body, "table[{}]")


def _random(made: Script, one: Call) -> list[str]:
    if made.beside:
        raise UnsayableError("made-up rows that are grouped or ordered")
    entries = [(field.name, made_up(field, made.plan.seed)) for field in made.fields]
    done = ["def read(examples):", '    """Made-up examples of the declared shapes."""']
    return [*done, *lines(mapping(entries), "return ", depth=1)]


READERS: dict[str, Callable[[Script, Call], list[str]]] = {
    "npz": _npz,
    "npy": _npy,
    "hdf5": _hdf5,
    "idx": _idx,
    "keras": _keras,
    "tfrecord": _tfrecord,
    "huggingface": _huggingface,
    "tfds": _tfds,
    "random": _random,
    **dict.fromkeys(FOLDERS, _folder),
}
"""How what is no table is read."""


def _is_pattern(path: str) -> bool:
    return any(mark in path for mark in "*?[")


def _one_file(one: Call) -> None:
    if _is_pattern(str(one.arguments["path"])):
        raise UnsayableError(f"the reader `{one.name}` of a pattern")


def _columns(made: Script) -> list[tuple[str, str, Sequence[str] | None]]:
    """For each field its name, its column, and its columns where there are several."""
    found: list[tuple[str, str, Sequence[str] | None]] = []
    for one in made.fields:
        several = getattr(one.feature, "columns", None)
        found.append((one.name, one.column, None if several is None else one.columns))
    return [*found, *((name, name, None) for name in made.beside)]


def _is_text(field: Field) -> bool:
    """Is a column of a table read as text?"""
    feature = field.feature
    if isinstance(feature, Category) and not feature.several:
        listed = feature.vocabulary
        numbered = feature.classes is not None if listed is None else not isinstance(listed, str) and _whole(listed)
        return not numbered
    return not feature.numeric and not isinstance(feature, (Image, Audio))


def _whole(entries: Sequence[Any]) -> bool:
    return all(isinstance(entry, int) for entry in entries)


def _table(made: Script, one: Call) -> list[str]:
    headed = one.arguments.get("header", True)
    texts = [f for f in made.fields if _is_text(f)]

    def column(name: str) -> str:
        return literal(name) if headed else name

    done = [f"def read({'url' if one.name == 'sql' else 'path'}):", '    """The fields of a table, by name."""']
    done += _sql(one) if one.name == "sql" else _file(one, [column(f.column) for f in texts])
    if made.dataset.limit is not None:
        done.append(f"    table = table.head({made.dataset.limit})")
    entries: list[tuple[str, Expression]] = []
    fields = {field.name: field for field in made.fields}
    for name, own, several in _columns(made):
        feature = fields[name].feature if name in fields else None
        if several is not None and not headed and _in_a_row(several):
            entries.append((name, (f'table.loc[:, {several[0]}:{several[-1]}].to_numpy("float32")',)))
        elif several is not None:
            chosen = sequence((column(part),) for part in several)
            entries.append((name, ("table", *_indexed(chosen), '.to_numpy("float32")')))
        elif isinstance(feature, (Image, Audio)):
            beside = (
                f"[file if isinstance(file, bytes) else str(Path(path).parent / file) for file in table[{column(own)}]]"
            )
            if one.name == "sql":
                beside = f"table[{column(own)}]"
            entries.append((name, (f"np.array({beside}, dtype=object)",)))
        elif any(f.name == name for f in texts):
            stripped = ".str.strip()" if one.name == "csv" else ""
            entries.append((name, (f'table[{column(own)}].fillna(""){stripped}.to_numpy(object)',)))
        elif feature is None or isinstance(feature, Category):
            entries.append((name, (f"table[{column(own)}].to_numpy()",)))
        else:
            entries.append((name, (f'table[{column(own)}].to_numpy("float32")',)))
    return [*done, *lines(mapping(entries), "return ", depth=1)]


def _file(one: Call, texts: Sequence[str]) -> list[str]:
    """The statements that leave the table of a file; `texts` are the columns that are read as text."""
    items: list[Expression] = []
    if one.name == "csv":
        if "delimiter" in one.arguments:
            delimiter = one.arguments["delimiter"]
            items.append(keyword("sep", ('r"\\s+"' if delimiter == WHITESPACE else literal(delimiter),)))
        items += [] if one.arguments.get("header", True) else [keyword("header", ("None",))]
        if "encoding" in one.arguments:
            items.append(keyword("encoding", (literal(one.arguments["encoding"]),)))
        items.append(keyword("skipinitialspace", ("True",)))
        items.append(keyword("keep_default_na", ("False",)))
        items.append(keyword("na_values", plain(list(one.arguments.get("missing", MISSING)))))
        if texts:
            items.append(keyword("dtype", (Group("{}", tuple((f"{name}: str",) for name in dict.fromkeys(texts))),)))
    if one.name == "jsonl":
        items += [keyword("lines", ("True",)), keyword("dtype", ("False",))]
    if not _is_pattern(str(one.arguments["path"])):
        return lines(call(TABLES[one.name], [("path",), *items]), "table = ", depth=1)
    done = lines(call("partial", [(TABLES[one.name],), *items]), "read_part = ", depth=1) if items else []
    reads = "read_part" if items else TABLES[one.name]
    return [*done, f"    table = pd.concat(map({reads}, sorted(glob.glob(path, recursive=True))))"]


def _sql(one: Call) -> list[str]:
    """The statements that leave what a database answers."""
    done = ["    engine = sqlalchemy.create_engine(url)"]
    if one.arguments.get("query") is not None:
        query = str(one.arguments["query"]).replace(":", "\\:")
        return [*done, *lines(call("pd.read_sql", [(literal(query),), ("engine",)]), "table = ", depth=1)]
    schema, _, name = str(one.arguments["table"]).rpartition(".")
    items = [(literal(name),), ("sqlalchemy.MetaData()",), keyword("autoload_with", ("engine",))]
    items += [keyword("schema", (literal(schema),))] if schema else []
    done += lines(call("sqlalchemy.Table", items), "rows = ", depth=1)
    return [*done, "    table = pd.read_sql(sqlalchemy.select(rows).order_by(*rows.primary_key), engine)"]


def _in_a_row(columns: Sequence[str]) -> bool:
    return all(int(after) == int(before) + 1 for before, after in pairwise(columns))


def _indexed(chosen: Expression) -> Expression:
    return (Group("[]", (chosen,)),)


def source(one: Call) -> Expression:
    """How `read` is called for a source."""
    here = {name: relative(value) for name, value in one.arguments.items()}
    match one.name:
        case "idx":
            return call("read", [(literal(here[name]),) for name in ("images", "labels") if name in here])
        case "keras":
            return call("read", [(literal(here["name"]),), (literal(here.get("part", "train")),)])
        case "npy":
            paths = here["path"] if isinstance(here["path"], dict) else {"data": here["path"]}
            return call("read", [mapping((name, (literal(path),)) for name, path in paths.items())])
        case "huggingface":
            name = here["path"] if "path" in here else here["name"]
            return call("read", [(literal(name),), (literal(here.get("split", "train")),)])
        case "tfds":
            folder = [keyword("data_dir", (literal(here["data_dir"]),))] if "data_dir" in here else []
            return call("read", [(literal(here["name"]),), (literal(here.get("split", "train")),), *folder])
        case "random":
            return call("read", [keyword("examples", (literal(here["examples"]),))])
        case "sql":
            url = str(here["url"])
            return call("read", [(literal(url if "://" in url else f"sqlite:///{url}"),)])
    return call("read", [(literal(here["path"]),)])
