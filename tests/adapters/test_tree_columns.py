"""What a pipeline's columns are made of, found by trying: also on two rows, and refused where columns mix."""

from __future__ import annotations

import numpy as np
import pytest

from xai.adapters.tree_columns import columns_made_of
from xai.base.errors import InputError

ROWS = np.random.default_rng(0).normal(size=(40, 3))


@pytest.mark.parametrize("count", [2, 3, 40])
def test_each_column_is_made_of_its_own_however_few_rows_there_are(count: int) -> None:
    def made(rows: np.ndarray) -> np.ndarray:
        return np.stack([rows[:, 1] > 0.1, 2 * rows[:, 2], rows[:, 0] ** 2, rows[:, 2] + 1], 1).astype(float)

    rows = np.array([[0.5, -1.0, 2.0], [1.5, 1.0, -1.0]]) if count == 2 else ROWS[:count]
    assert columns_made_of(made, rows).tolist() == [1, 2, 0, 2]


@pytest.mark.parametrize("count", [2, 40])
def test_columns_that_mix_are_refused(count: int) -> None:
    with pytest.raises(InputError, match="one of several columns"):
        columns_made_of(lambda rows: rows @ np.array([[1.0], [2.0], [0.0]]), ROWS[:count])
