"""The design draws from its distribution, in pairs that mirror each other, with less noise than plain draws."""

from __future__ import annotations

from math import comb

import pytest
import torch

from tests.lime.nonlinear import network, truth
from xai.lime.mask_sampling import cosine_weights, default_width, draw_masks, group_count, mask_distribution
from xai.lime.neighborhood import fit_masks
from xai.lime.settings import check_settings
from xai.lime.solver import Moments, fit_ridge


@pytest.mark.parametrize("neighborhood", ["half", "sizes"])
def test_masks_follow_the_distribution(neighborhood: str) -> None:
    size = 5
    distribution = mask_distribution(size, neighborhood, 0.25)
    masks = draw_masks(distribution, 50, 2000, torch.Generator().manual_seed(0)).flatten(0, 1)
    on = masks.sum(1)
    assert torch.allclose((on.bincount(minlength=size + 1) / len(masks)).double(), distribution.chance, atol=5e-3)
    # Given their number, every choice of features is as likely as another.
    for count in (2, 3):
        codes = (masks[on == count].long() * 2 ** torch.arange(size)).sum(1)
        shares = codes.bincount(minlength=2**size)
        shares = shares[shares > 0] / len(codes)
        assert len(shares) == comb(size, count)
        assert torch.allclose(shares, torch.full_like(shares, 1 / comb(size, count)), atol=0.01)


def test_the_distribution_is_neighborhood_times_kernel() -> None:
    distribution = mask_distribution(4, "half", 0.3)
    shares = torch.arange(5) / 4
    expected = torch.tensor([comb(4, k) / 16 for k in range(5)]) * cosine_weights(shares, 0.3)
    assert distribution.weight == pytest.approx(float(expected.sum()))
    assert torch.allclose(distribution.chance, expected / expected.sum())


def test_partners_hide_different_features() -> None:
    masks = draw_masks(mask_distribution(20, "half", 0.25), 4, 50, torch.Generator().manual_seed(0))
    first, second = masks[:, 0::2], masks[:, 1::2]
    both_hidden = (~first & ~second).sum(2)
    least = ((~first).sum(2) + (~second).sum(2) - 20).clamp_min(0)
    assert torch.equal(both_hidden, least)


def test_groups_hold_equally_many_pairs_and_little_is_wasted() -> None:
    for samples in (10, 11, 40, 100, 999, 1000, 5000, 12_345, 100_000):
        groups = group_count(samples)
        pairs = -(-samples // (2 * groups))
        assert samples <= 2 * groups * pairs <= 1.06 * samples + 2
    assert group_count(1000, 3000) == 8


def test_the_default_width_gives_the_middle_sample_half_the_weight() -> None:
    for size in (4, 10, 40, 400):
        middle = torch.tensor(0.5)
        assert float(cosine_weights(middle, default_width(size))) == pytest.approx(0.5, abs=0.03)
    assert default_width(200) == pytest.approx(0.25, abs=0.01)


def test_the_design_is_less_noisy_than_independent_draws() -> None:
    """The mean squared error of the weights at the same number of evaluations, over 40 seeds."""
    size, samples = 12, 600
    answer = network(size, 1)
    goal = truth(answer, size, "half")
    settings = check_settings(samples=samples)
    ours, independent = 0.0, 0.0
    for seed in range(40):
        generator = torch.Generator().manual_seed(seed)
        ours += float((fit_masks(size, "half", answer, settings, generator).weights - goal).square().sum())
        masks = torch.rand(1, 10, samples // 10, size, generator=generator) < 0.5
        moments = Moments(1, 10, size)
        weights = cosine_weights(masks.double().mean(3), default_width(size))
        moments.add(masks.transpose(2, 3), answer(masks.flatten(0, 2)).view(1, 10, -1), weights)
        moments.count = samples
        independent += float((fit_ridge(moments, 1.0).weights[0] - goal).square().sum())
    assert ours < 0.9 * independent
