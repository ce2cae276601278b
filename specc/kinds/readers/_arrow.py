"""Arrow's columns as readers give them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from specc.codes import S503
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array, np
from specc.kinds.readers import Coded, Column
from specc.kinds.readers._values import FILE, column, of_files


def coded(arrow: ModuleType, values: Any, absent: Any) -> Column:
    """A dictionary column of texts, without the blanks around them, those of `absent` empty."""
    distinct = arrow.compute.utf8_trim_whitespace(values.dictionary)
    missing = arrow.compute.is_in(distinct, value_set=absent)
    # Values that differ by the blanks around them become one.
    merged = arrow.compute.if_else(missing, "", distinct).dictionary_encode()
    texts: Array = merged.dictionary.to_numpy(zero_copy_only=False)
    codes: Array = merged.indices.to_numpy()[values.indices.to_numpy()]
    return Coded(texts, codes) if 2 * len(texts) < len(codes) else texts[codes]


def plain(arrow: ModuleType, name: str, values: Any) -> Column:
    """A column of any of Arrow's types: numbers, texts, times, bytes, or arrays."""
    kind, types = values.type, arrow.types
    if types.is_dictionary(kind):
        if not types.is_string(kind.value_type) and not types.is_large_string(kind.value_type):
            return plain(arrow, name, values.dictionary_decode())
        codes = values.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        texts = np.append(values.dictionary.to_numpy(zero_copy_only=False), "")
        found = Coded(texts.astype(object), np.where(codes < 0, len(texts) - 1, codes))
        # Only the values that occur: the dictionary of a file is that of all its rows.
        found = found[np.arange(len(codes))]
        return found if 2 * len(found.values) < len(codes) else found.values[found.codes]
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return plain(arrow, name, values.cast(arrow.string()).dictionary_encode())
    if types.is_decimal(kind):
        values = values.cast(arrow.float64())
    elif types.is_time(kind):
        return plain(arrow, name, values.cast(arrow.string()))
    elif types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _lists(arrow, values)
    elif types.is_struct(kind) or types.is_map(kind) or types.is_union(kind):
        told = f"`{name}` holds values of the type {kind}"
        if types.is_struct(kind) and {part.name for part in kind} >= FILE:
            return of_files(values.to_pylist())
        parts = [f"`{name}.{kind.field(i).name}`" for i in range(kind.num_fields)] if types.is_struct(kind) else []
        help = f"name one of its parts: {', '.join(parts)}" if parts else "store each part of it as a column of its own"
        raise Refusal(S503, told, help)
    return np.asarray(values.to_numpy(zero_copy_only=False))


def _lists(arrow: ModuleType, values: Any) -> Column:
    """Lists of one length as one array, without a look at each; others an array each."""
    shape: list[int] = []
    inner = values
    while hasattr(inner.type, "value_type") and not arrow.types.is_dictionary(inner.type):
        lengths = arrow.compute.list_value_length(inner).unique()
        if inner.null_count or len(lengths) != 1:
            return column(values.to_pylist())
        shape.append(lengths[0].as_py())
        inner = arrow.compute.list_flatten(inner)
    numbers = np.asarray(inner.to_numpy(zero_copy_only=False))
    if numbers.dtype.kind not in "biuf" or not len(values):
        return column(values.to_pylist())
    return numbers.reshape(len(values), *shape)
