"""Fits around one input: what masks say of features that are told apart, and of answers that do not vary."""

from __future__ import annotations

import torch

from xai.lime.neighborhood import fit_masks
from xai.lime.settings import check_settings


def test_the_last_of_62_features_is_told_from_the_others() -> None:
    settings = check_settings(samples=2000, penalty=1e-9)
    fit = fit_masks(62, "sizes", lambda m: m[:, -1].double(), settings, torch.Generator().manual_seed(0))
    torch.testing.assert_close(fit.weights, torch.eye(62, dtype=torch.float64)[-1], rtol=0, atol=1e-7)


def test_of_answers_that_do_not_vary_nothing_is_left() -> None:
    settings = check_settings(samples=500)
    fit = fit_masks(6, "sizes", lambda m: torch.full((len(m),), 1 / 3).double(), settings, torch.Generator())
    assert fit.weights.count_nonzero() == 0
    assert fit.standard_error.count_nonzero() == 0
    assert fit.r2 is None
