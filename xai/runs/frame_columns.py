"""Tables as chunks: which column is the label, which names the row, and which the model reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from xai.base.arrays import as_tensor
from xai.base.errors import InputError, describe
from xai.inputs.base import Input
from xai.runs.chunks import HeldRows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Columns", "as_list", "check_count", "frame_rows"]


@runtime_checkable
class Listable(Protocol):
    """An array, tensor or column: what lists its own values."""

    def tolist(self) -> list:
        """Return the values as plain ones."""
        ...


class Columns(NamedTuple):
    """What stands beside the inputs: the column (or key) of the labels, that of the ids, and labels by row."""

    label: str | None
    id: str | None
    labels: Sequence[object] | None


def frame_rows(columns: Columns, input: Input) -> Callable[[pd.DataFrame, int], HeldRows]:
    """Return a function from some rows of a table, and the number of the first, to a chunk."""

    def chunk(frame: pd.DataFrame, start: int) -> HeldRows:
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        stop = start + len(frame)
        named = columns.labels is None and columns.label in frame.columns
        row_labels = frame[columns.label].tolist() if named else [None] * len(frame)
        if columns.labels is not None:
            row_labels = as_list(columns.labels[start:stop])
        ids = [str(row) for row in range(start, stop)]
        if columns.id is not None:
            ids = [str(item) for item in _column(frame, columns.id, "id")]
        if input.column is not None:
            whole = _column(frame, input.column, "data").tolist()
            return HeldRows(ids, row_labels, whole, named=named)
        if input.names:
            return HeldRows(
                ids, row_labels, frame[[name for name in frame.columns if name in set(input.names)]], named=named
            )
        beside = [name for name in (columns.label if named else None, columns.id) if name is not None]
        return HeldRows(ids, row_labels, frame.drop(columns=beside).to_numpy(), named=named)

    return chunk


def as_list(values: Listable | Iterable[object]) -> list[object]:
    """Return labels of any form as a list of plain values."""
    dense = as_tensor(values, "labels") if isinstance(values, Tensor) else values
    made = dense.tolist() if isinstance(dense, Listable) else list(dense)
    if not isinstance(made, list):
        raise InputError("labels", expected="one per row", got=describe(values))
    return made


def check_count(labels: Sequence[object], count: int) -> None:
    """Raise InputError where there is not one label for each row."""
    if len(labels) != count:
        raise InputError("labels", expected=f"one per row ({count})", got=len(labels))


def _column(frame: pd.DataFrame, name: str, argument: str) -> pd.Series:
    if name not in frame.columns:
        raise InputError(argument, expected=f"a column {name!r}", got=", ".join(frame.columns[:12]))
    return frame[name]
