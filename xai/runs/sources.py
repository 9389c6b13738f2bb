"""What a run reads: any data set as a row of chunks, opened lazily, with a digest that says which data they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from torch import Tensor
from torch.utils.data import IterableDataset

from xai.base.arrays import as_tensor
from xai.base.digest import value_digest
from xai.base.errors import InputError, describe, describe_error
from xai.base.frames import is_pandas
from xai.base.spacing import evenly
from xai.inputs.base import Input
from xai.inputs.streams import items_of, row_and_label
from xai.runs.chunks import Chunk, HeldRows, frame_bytes, take
from xai.runs.file_sources import Opened, open_path
from xai.runs.frame_columns import Columns, as_list, check_count, frame_rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Source", "open_source"]

SAMPLED = 64  # rows of a Dataset that its digest reads: all of it would be read twice


@runtime_checkable
class Numbered(Protocol):
    """Rows that are read by their number: a torch Dataset, or any sequence."""

    def __getitem__(self, row: int, /) -> object: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Source:
    """A data set in chunks.

    rows: how many, None where only reading tells. digest: SHA-256 of the content. whole: the digest covers all of it;
    of a Dataset it covers a sample of rows and of a generator none, so their chunks carry digests of their own.
    """

    kind: str
    name: str
    rows: int | None
    digest: str
    whole: bool
    cut: Callable[[int, frozenset[int]], Iterator[tuple[int, Chunk | None]]]

    def chunks(self, size: int, done: frozenset[int] = frozenset()) -> Iterator[tuple[int, Chunk | None]]:
        """Yield the chunks of `size` rows with their numbers; None for one that is done and need not be read."""
        return self.cut(size, done)


def open_source(
    data: object,
    input: Input,
    *,
    classes: Sequence[str] = (),
    label: str | None = "label",
    id: str | None = None,
    labels: Sequence[object] | None = None,
) -> Source:
    """Return a data set of any form as a `Source`.

    Args:
        data: A path (a folder of images; a CSV, Parquet, Arrow or .npy file; a folder of Parquet or tar files; a
            webdataset tar), an array, memmap, tensor, DataFrame, list of texts, torch Dataset, or an iterable of rows.
        input: What the model takes.
        classes: Names of the classes, by which subfolders become labels.
        label: The column or key of the labels, where there is one.
        id: The column or key that names a row; None numbers them.
        labels: One per row, for data that hold none.

    Raises:
        InputError: For anything else, or nothing.

    >>> import torch
    >>> from xai.inputs.tensor import TensorInput
    >>> source = open_source(torch.zeros(5, 2), TensorInput())
    >>> source.rows, [number for number, chunk in source.chunks(2)]
    (5, [0, 1, 2])
    """
    columns = Columns(label, id, labels)
    if isinstance(data, Tensor):
        data = as_tensor(data, "data")  # neither sparse nor without memory
    if getattr(data, "ndim", 2) == 0 or (is_pandas(data) and not hasattr(data, "columns")):
        raise InputError("data", expected="rows", got=describe(data))
    if isinstance(data, str | Path):
        opened = open_path(Path(data), input, list(classes), columns)
        return _with_labels(opened, labels)
    if is_pandas(data):
        return _frame(data, columns, input)
    if isinstance(data, np.ndarray | Tensor) or (isinstance(data, list) and data and isinstance(data[0], str)):
        return _held(data, labels)
    if isinstance(data, Numbered) and not isinstance(data, IterableDataset):  # whose rows have no numbers
        return _dataset(data, columns)
    if isinstance(data, Iterable):
        return _stream(data, columns)
    wanted = "a path, array, DataFrame, list of texts, Dataset, or an iterable of rows"
    raise InputError("data", expected=wanted, got=describe(data))


def _with_labels(opened: Opened, labels: Sequence[object] | None) -> Source:
    digest = opened.digest if labels is None else value_digest([opened.digest, [str(item) for item in labels]])
    return Source(opened.kind, opened.name, opened.rows, digest, True, opened.cut)


def _frame(frame: pd.DataFrame, columns: Columns, input: Input) -> Source:
    """A table in memory."""
    if len(frame) == 0:
        raise InputError("data", expected="at least one row", got="none")
    chunk_of = frame_rows(columns, input)

    def cut(size: int, done: frozenset[int]) -> Iterator[tuple[int, Chunk | None]]:
        for number, start in enumerate(range(0, len(frame), size)):
            yield number, None if number in done else chunk_of(frame.iloc[start : start + size], start)

    labels = None if columns.labels is None else [str(item) for item in columns.labels]
    return Source("table", "table in memory", len(frame), value_digest([frame_bytes(frame), labels]), True, cut)


def _held(values: np.ndarray | Tensor | list[str], labels: Sequence[object] | None) -> Source:
    """An array or texts in memory, or an array mapped into it."""
    count = len(values)
    if count == 0:
        raise InputError("data", expected="at least one row", got="none")
    row_labels = [None] * count if labels is None else as_list(labels)
    check_count(row_labels, count)

    def cut(size: int, done: frozenset[int]) -> Iterator[tuple[int, Chunk | None]]:
        for number, start in enumerate(range(0, count, size)):
            rows = range(start, min(start + size, count))
            if number in done:
                yield number, None
                continue
            part = np.array(values[start : start + size]) if isinstance(values, np.ndarray) else take(values, rows)
            yield number, HeldRows([str(row) for row in rows], row_labels[start : start + size], part)

    kind = "texts" if isinstance(values, list) else "array"
    return Source(kind, f"{kind} in memory", count, value_digest([_content(values), *map(str, row_labels)]), True, cut)


def _content(values: np.ndarray | Tensor | list[str]) -> object:
    """Return what the digest of values in memory is made of; an array is read in chunks, since it may be mapped."""
    if not isinstance(values, np.ndarray):
        return values
    digest = hashlib.sha256(f"{values.dtype}|{values.shape}".encode())
    step = max(1, (1 << 24) // max(1, values[:1].nbytes))
    for start in range(0, len(values), step):
        digest.update(np.ascontiguousarray(values[start : start + step]).tobytes())
    return digest.digest()


def _dataset(data: Numbered, columns: Columns) -> Source:
    """A torch Dataset, or any sequence of rows: read by number, a row that fails being an error of its own."""
    count = len(data)
    if count == 0:
        raise InputError("data", expected="at least one row", got="none")
    if columns.labels is not None:
        check_count(as_list(columns.labels), count)
    sampled = evenly(count, SAMPLED)

    def cut(size: int, done: frozenset[int]) -> Iterator[tuple[int, Chunk | None]]:
        for number, start in enumerate(range(0, count, size)):
            rows = range(start, min(start + size, count))
            yield number, None if number in done else _gathered(data.__getitem__, rows, columns)

    sample = _gathered(data.__getitem__, sampled, columns).digest()
    return Source("dataset", type(data).__name__, count, value_digest([count, sample]), False, cut)


def _stream(data: Iterable[object], columns: Columns) -> Source:
    """A generator, IterableDataset or DataLoader: read once, in order; what is done is read too and held against it."""

    def cut(size: int, done: frozenset[int]) -> Iterator[tuple[int, Chunk | None]]:
        rows, number = items_of(data), 0
        while part := list(islice(rows, size)):
            met = dict(enumerate(part, number * size))
            yield number, _gathered(met.__getitem__, list(met), columns)
            number += 1

    return Source("stream", type(data).__name__, None, "", False, cut)


def _gathered(read: Callable[[int], object], rows: Sequence[int], columns: Columns) -> HeldRows:
    """Return rows that are read one by one: x, (x, y), or dictionaries."""
    ids, labels, inputs, errors = [], [], [], {}
    for index, row in enumerate(rows):
        label = None if columns.labels is None else as_list(columns.labels)[row]
        name = str(row)
        try:
            item = read(row)
        except Exception as error:  # a Dataset raises what it likes
            errors[index] = describe_error(error)
        else:
            if isinstance(item, dict):
                item = dict(item)
                name = str(item.pop(columns.id, name))
            item, label = row_and_label(item, columns.label, label)
            inputs.append(item)
        ids.append(name)
        labels.append(label)
    chunk = HeldRows(ids, labels, inputs, errors)
    return HeldRows(ids, labels, inputs, errors, content=chunk.digest())
