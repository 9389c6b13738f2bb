"""How a column is drawn: each value in the bin that it stands for, each bin as often as it occurred."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xai.lime.column_sampler import ATOMS, column_sampler
from xai.lime.training_summary import Column


def column(means: list[float], stds: list[float], share: list[float]) -> Column:
    """Return a column from 0 to 2 with a border at 1."""
    return Column("x", 1.0, 1.0, 0.0, 2.0, borders=[1.0], share=share, means=means, stds=stds)


@pytest.mark.parametrize(
    ("means", "stds"),
    [
        ([0.5, 1.5], [0.3, 0.3]),
        ([1.0, float(np.nextafter(1, 2))], [1e-17, 2e-16]),  # rounding would put half of the upper bin onto the border
        ([1.0, 2.0], [0.0, 0.0]),
        ([1e-9, 1.5], [50.0, 50.0]),
    ],
)
def test_a_value_falls_into_the_bin_that_it_was_drawn_for(means: list[float], stds: list[float]) -> None:
    made = column(means, stds, [0.25, 0.75])
    sampler = column_sampler(made)
    assert np.array_equal(made.code(sampler.values), sampler.codes)
    assert 0 <= sampler.values.min() <= sampler.values.max() <= 2


@given(st.floats(0, 1), st.floats(0, 10))
@settings(max_examples=30, deadline=None)
def test_whatever_its_spread(mean: float, std: float) -> None:
    made = column([mean, float(np.nextafter(1 + mean, 2))], [std, std], [0.5, 0.5])
    sampler = column_sampler(made)
    assert np.array_equal(made.code(sampler.values), sampler.codes)


def test_what_occurred_once_can_be_drawn() -> None:
    rare = 1e-5  # of the rows: less than one of the equally likely values
    sampler = column_sampler(column([0.5, 1.5], [0.1, 0.1], [rare, 1 - rare]))
    assert len(sampler.values) == ATOMS
    assert (sampler.codes == 0).sum() == 1
    assert 0 not in column_sampler(column([0.5, 1.5], [0.1, 0.1], [0.0, 1.0])).codes
