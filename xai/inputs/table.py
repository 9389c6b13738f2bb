"""Tables as a kind of input: rows of numbers, some of which are codes of words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from xai.base.arrays import check_finite, to_tensor
from xai.base.errors import InputError, describe, names_errors
from xai.base.spelled import spelled_codes
from xai.inputs.base import Input

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TabularInput"]


class TabularInput(Input, frozen=True, tag="tabular"):
    """Rows of numbers, one per name; `categorical` maps a name to the words behind its codes 0, 1, 2, ...

    A DataFrame's numbers in such a column are words where the words are these numbers ("1", "2", "3"), else codes.
    """

    names: list[str]
    categorical: dict[str, list[str]] = msgspec.field(default_factory=dict)

    @names_errors("TabularInput")
    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) != len(self.names):
            raise InputError("names", expected="distinct column names, at least one", got=self.names)
        unknown = sorted(set(self.categorical) - set(self.names))
        if unknown:
            raise InputError("categorical", expected=f"columns among {self.names}", got=unknown)

    @property
    def shape(self) -> tuple[int]:
        """Return the number of columns."""
        return (len(self.names),)

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        """Return rows as a float batch of shape (N, D); takes a DataFrame (by column name), an array or one row.

        >>> TabularInput(["age", "income"]).prepare([30.0, 1.5])
        tensor([[30.0000,  1.5000]])
        """
        if hasattr(value, "to_frame") and not set(self.names) - set(value.index):  # a row of a DataFrame, by name
            value = value.to_frame().T.infer_objects()
        if hasattr(value, "columns"):
            missing = [name for name in self.names if name not in set(value.columns)]
            if missing:
                raise InputError(argument, expected=f"columns {self.names}", got=f"none named {missing}")
            value = self._from_frame(value, argument)
        rows = to_tensor(value, argument)
        rows = rows.unsqueeze(0) if rows.ndim == 1 else rows
        if rows.ndim != 2 or rows.shape[1] != len(self.names):
            raise InputError(argument, expected=f"rows of {len(self.names)} numbers", got=describe(rows))
        check_finite(rows, argument, self.names)
        for name, words in self.categorical.items():
            codes = rows[:, self.names.index(name)]
            if bool(((codes < 0) | (codes >= len(words)) | (codes != codes.round())).any()):
                wanted = f"codes from 0 to {len(words) - 1} in column {name!r}"
                raise InputError(argument, expected=wanted, got=f"{codes.min():g} to {codes.max():g}")
        return rows

    def _from_frame(self, frame: object, argument: str) -> np.ndarray:
        """Return the named columns as numbers; words of a categorical column become their codes."""
        double = [name for name in self.names if list(frame.columns).count(name) > 1]
        if double:
            raise InputError(argument, expected="one column of each name", got=f"several named {double[0]!r}")
        columns = []
        for name in self.names:
            column = frame[name]
            words = self.categorical.get(name)
            if words is not None and np.issubdtype(getattr(column.dtype, "type", object), np.number):
                spelled = spelled_codes(column.to_numpy(), words)
                if spelled is not None:
                    columns.append(spelled)
                    continue
            elif words is not None:
                codes = {word: code for code, word in enumerate(words)}
                unseen = sorted({str(item) for item in column if str(item) not in codes})
                if unseen:
                    known = ", ".join(words[:8]) + (", ..." if len(words) > 8 else "")
                    raise InputError(argument, expected=f"{name!r} to be one of {known}", got=repr(unseen[0]))
                columns.append(np.array([codes[str(item)] for item in column], dtype=np.float64))
                continue
            try:
                columns.append(column.to_numpy(dtype=np.float64))
            except (TypeError, ValueError) as error:
                raise InputError(argument, expected=f"numbers in column {name!r}", got="others") from error
        return np.stack(columns, 1)
