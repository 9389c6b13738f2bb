"""Which column of a table each column is made of that a pipeline's trees see."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xai.base.errors import InputError

__all__ = ["columns_made_of"]

TURNS = 3
MIXTURES = 8


def columns_made_of(made: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return for each column that is made of rows (N, D) the number of the one that it is made of, (F,).

    Found by trying: columns are turned by some rows, one at a time, and what changes is made of that one. A column that
    is the same for all rows gets 0: it tells no row from another. Raises InputError where a column is made of several
    others, or of other rows: a hidden column could not be put in its place there.
    """
    generator = np.random.default_rng(seed)
    if len(rows) < 2:
        raise _mixed("one row, on which nothing can be tried")
    plain = made(rows)
    owner = np.full(plain.shape[1], -1)
    # Turned by some rows, no row stays where it is, however few there are.
    turns = np.arange(1, len(rows)) if len(rows) <= TURNS else generator.integers(1, len(rows), TURNS)
    orders = [np.roll(np.arange(len(rows)), turn) for turn in turns]
    for column in range(rows.shape[1]):
        for order in orders:
            changed = rows.copy()
            changed[:, column] = rows[order, column]
            moved = _differs(made(changed), plain).any(0)
            if (moved & (owner >= 0) & (owner != column)).any():
                raise _mixed("one of several columns")
            owner[moved] = column
    owner = np.maximum(owner, 0)
    for order in (orders * MIXTURES)[:MIXTURES]:
        mask = generator.random(rows.shape) < 0.5
        expected = np.where(mask[:, owner], plain, plain[order])
        if _differs(made(np.where(mask, rows, rows[order])), expected).any():
            raise _mixed("one of several columns or rows")
    return owner


def _differs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    near = 1e-9 * (1 + np.abs(second))
    same = (np.abs(first - second) <= near) | (np.isnan(first) & np.isnan(second))
    return ~same


def _mixed(got: str) -> InputError:
    wanted = "a pipeline that makes every column of one column of the table (kernel_shap takes any)"
    return InputError("model", expected=wanted, got=got)
