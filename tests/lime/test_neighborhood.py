"""Equal masks are evaluated once, and count as often as they were drawn."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.lime.neighborhood import fit_masks
from xai.lime.settings import check_settings


def test_equal_masks_are_evaluated_once() -> None:
    seen: list[Tensor] = []
    weights = torch.tensor([3.0, -2.0, 1.0, 0.5], dtype=torch.float64)

    def answer(masks: Tensor) -> Tensor:
        seen.append(masks)
        return masks.double() @ weights

    settings = check_settings(samples=1000, penalty=1e-9)
    fit = fit_masks(4, "half", answer, settings, torch.Generator().manual_seed(0))
    evaluated = torch.cat(seen)
    assert len(evaluated) <= 16 * len(seen)
    assert all(len(part.unique(dim=0)) == len(part) for part in seen)
    assert fit.samples == 1000
    torch.testing.assert_close(fit.weights, weights, rtol=0, atol=1e-8)


def test_each_sample_keeps_the_answer_to_its_own_mask() -> None:
    """The fit to a bent function is that of the same samples without the shortcut, which 63 features do not take."""

    def bent(masks: Tensor) -> Tensor:
        return (masks[:, 0] & masks[:, 1]).double() + 2 * (masks[:, 2] | masks[:, 3]).double() - masks[:, 4].double()

    fits = {}
    for limit in (True, False):
        counted = 0

        def answer(masks: Tensor) -> Tensor:
            nonlocal counted
            counted += len(masks)
            return bent(masks)

        size = 62 if limit else 63
        settings = check_settings(samples=4000, penalty=1e-9)
        fits[limit] = fit_masks(size, "sizes", answer, settings, torch.Generator().manual_seed(0))
        assert (counted < 4000) is limit
    torch.testing.assert_close(fits[True].weights[:5], fits[False].weights[:5], rtol=0, atol=0.15)


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
