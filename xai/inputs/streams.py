"""Data that come a row at a time, as a torch Dataset, a DataLoader or a generator: drawn from, never held whole."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from xai.base.errors import InputError, describe, describe_error
from xai.base.frames import is_pandas
from xai.inputs.base import Input

if TYPE_CHECKING:
    import pandas as pd

    Rows = pd.DataFrame | Tensor | np.ndarray | list
    Stream = Dataset | DataLoader | Iterator

__all__ = [
    "MOST_DRAWN",
    "Drawn",
    "combined",
    "draw_numbers",
    "draw_rows",
    "is_stream",
    "items_of",
    "row_and_label",
    "stack_rows",
]

MOST_DRAWN = 10_000  # rows that stand for all where nothing else is said
BATCH = 1024  # rows that are held as they came, before they become numbers
LABEL = "label"  # the key of the right answer where a row is a dictionary


class Drawn(NamedTuple):
    """Rows that were drawn at random, in their order.

    rows: as a kind of input takes them. labels: of each, None where items were rows alone. numbers: where each stood
    in the data, from 0. total: how many there were to draw from.
    """

    rows: Rows
    labels: list[object] | None
    numbers: list[int]
    total: int

    def beside(self, values: Any, argument: str) -> Any:
        """Return what a caller gave for each row there was, of those that were drawn; a word stands for all rows."""
        if values is None or isinstance(values, str):
            return values
        if isinstance(values, Mapping):
            return {name: self.beside(part, argument) for name, part in values.items()}
        if not hasattr(values, "__len__") or len(values) != self.total:
            raise InputError(argument, expected=f"one entry per row ({self.total})", got=describe(values))
        if is_pandas(values):
            return values.iloc[self.numbers].reset_index(drop=True)
        return (
            values[self.numbers] if isinstance(values, Tensor | np.ndarray) else [values[row] for row in self.numbers]
        )


def is_stream(data: object) -> TypeGuard[Stream]:
    """Say whether data come a row at a time.

    >>> is_stream(iter([1, 2])), is_stream([1, 2]), is_stream(torch.zeros(2, 1))
    (True, False, False)
    """
    return isinstance(data, Dataset | DataLoader | Iterator)


def draw_rows(data: Stream, most: int, input: Input, *, seed: int = 0, argument: str = "data") -> Drawn:
    """Return at most so many rows, drawn at random, each equally likely; never more of them are held.

    Of a Dataset only these are read, those that an array of the same rows would lend; all else is read once, to its
    end. Raises InputError where there are no rows, or one cannot be read.

    >>> drawn = draw_rows((([row], row % 2) for row in range(100)), 3, Input())
    >>> drawn.rows[:, 0].tolist() == drawn.numbers, drawn.labels == [row % 2 for row in drawn.numbers], drawn.total
    (True, True, 100)
    """
    numbered = isinstance(data, Dataset) and not isinstance(data, IterableDataset) and hasattr(data, "__len__")
    kept, total = _by_number(data, most, seed, argument) if numbered else _reservoir(data, most, seed, argument)
    if not kept:
        raise InputError(argument, expected="at least one row", got="none")
    key = LABEL if LABEL not in input.names else None
    pairs = [row_and_label(kept[number], key) for number in sorted(kept)]
    labels = [label for _, label in pairs]
    known = None if any(label is None for label in labels) else labels
    return Drawn(combined([row for row, _ in pairs], input), known, sorted(kept), total)


def draw_numbers(total: int, most: int, seed: int) -> Tensor:
    """Return the numbers of at most so many of `total` rows, drawn at random, in their order."""
    if most >= total:
        return torch.arange(total)
    return torch.randperm(total, generator=torch.Generator().manual_seed(seed))[:most].sort().values


def stack_rows(data: Stream, input: Input, argument: str) -> Tensor:
    """Return all rows as the kind of input prepares them, a batch at a time; labels beside them are left out."""
    items, parts = _read(data, argument), []
    key = LABEL if LABEL not in input.names else None
    while batch := [row_and_label(item, key)[0] for _, item in islice(items, BATCH)]:
        parts.append(input.exact(combined(batch, input), argument))
    if not parts:
        raise InputError(argument, expected="at least one row", got="none")
    return torch.cat(parts)


def items_of(data: Any) -> Iterator[object]:
    """Yield what data hold, item by item: those of a DataLoader's batches as well."""
    if not isinstance(data, DataLoader) or data.batch_size is None:
        yield from _in_order(data)
        return
    for batch in data:
        yield from _unbatched(batch)


def row_and_label(item: object, key: str | None = LABEL, other: object = None) -> tuple[object, object]:
    """Return an item's row and label: of a pair, or of a dictionary with that key; `other` where there is no label.

    >>> row_and_label(([1.0], 3)), row_and_label({"age": 30, "label": "yes"}), row_and_label([1.0])
    (([1.0], 3), ({'age': 30}, 'yes'), ([1.0], None))
    """
    if isinstance(item, dict):
        row = dict(item)
        return row, other if key is None else row.pop(key, other)
    if isinstance(item, tuple) and len(item) == 2 and not _is_number(item[0]):
        return item[0], item[1]
    return item, other


def combined(items: Rows, input: Input) -> Rows:
    """Return rows that came one by one as a batch where they have one shape: tensors, or dictionaries as a table."""
    if not isinstance(items, list) or not items or isinstance(items[0], str):
        return items
    if isinstance(items[0], dict):
        import pandas as pd

        return pd.DataFrame(items) if input.column is None else [item.get(input.column) for item in items]
    if isinstance(items[0], Tensor | np.ndarray | np.generic | float | int | list | tuple):
        try:
            parts = [torch.as_tensor(item) for item in items]
            if len({(part.shape, part.dtype) for part in parts}) == 1:
                return torch.stack(parts)
        except (TypeError, ValueError, RuntimeError):
            return items
    return items


def _is_number(value: object) -> bool:
    """Say whether the first of two is a number: then they are a row of two columns."""
    return isinstance(value, int | float | np.generic) or (isinstance(value, Tensor) and value.ndim == 0)


def _by_number(data: Any, most: int, seed: int, argument: str) -> tuple[dict[int, object], int]:
    """Return the items of rows drawn by their numbers: only these are read."""
    total = len(data)
    return {int(row): _item(data, int(row), argument) for row in draw_numbers(total, most, seed)}, total


def _item(data: Any, row: int, argument: str) -> object:
    try:
        return data[row]
    except Exception as error:  # a Dataset raises what it likes
        raise _unreadable(row, argument, error) from error


def _unreadable(row: int, argument: str, error: Exception) -> InputError:
    return InputError(argument, expected="rows that can be read", got=f"row {row}: {describe_error(error)}")


def _reservoir(data: Stream, most: int, seed: int, argument: str) -> tuple[dict[int, object], int]:
    """Return items drawn from a stream of unknown length: Vitter 1985, algorithm R."""
    drawn, kept, total = random.Random(seed), [], 0
    for row, item in _read(data, argument):
        total += 1
        if row < most:
            kept.append((row, item))
        elif (position := drawn.randrange(total)) < most:
            kept[position] = (row, item)
    return dict(kept), total


def _read(data: Stream, argument: str) -> Iterator[tuple[int, object]]:
    """Yield items with their numbers; what fails on the way is said of its row."""
    items, row = items_of(data), 0
    while True:
        try:
            item = next(items)
        except StopIteration:
            return
        except Exception as error:  # a generator raises what it likes
            raise _unreadable(row, argument, error) from error
        yield row, item
        row += 1


def _in_order(data: Any) -> Iterator[object]:
    """Yield items from the first on; a Dataset may have no end but its length."""
    if isinstance(data, Dataset) and not isinstance(data, IterableDataset) and hasattr(data, "__len__"):
        yield from (data[row] for row in range(len(data)))
    else:
        yield from data


def _unbatched(batch: Any) -> Iterator[object]:
    """Yield the items of a batch as a DataLoader makes it: rows, pairs of rows and labels, or columns by name."""
    if isinstance(batch, dict):
        yield from (dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True))
    elif isinstance(batch, Sequence) and len(batch) == 2 and not isinstance(batch[0], str):
        yield from zip(*batch, strict=True)
    else:
        yield from batch
