"""Whiskers are the intervals that the explanation states."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import t
from torch import nn

from xai.attribution.sampled_gradients import smoothgrad
from xai.core.inputs import TabularInput
from xai.core.model import Model
from xai.render.figures import half_widths


def test_few_samples_have_students_intervals() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    made = smoothgrad(Model(network, input=TabularInput(["a", "b", "c"])), torch.ones(1, 3), samples=4, noise=0.5)
    low, high = made.interval()[0]
    expected = float(t.ppf(0.975, 3)) * made.standard_error[0]
    torch.testing.assert_close((high - low) / 2, expected, check_dtype=False)
    assert half_widths(made) == pytest.approx(expected.tolist(), rel=1e-5)
