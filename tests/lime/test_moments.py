"""Sums in float32 blocks, and controls that are made of sums, against the same fits written out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from xai.lime.moments import Moments
from xai.lime.solver import fit_ridge

GROUPS, SAMPLES, SIZE = 10, 800, 4


def drawn(level: float = 0.0) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return matches, values about a mean that hangs on the match, answers, weights, and how far means are apart."""
    generator = torch.Generator().manual_seed(0)
    shape = (SIZE, SAMPLES)
    matches = (torch.rand(shape, generator=generator) < 0.4).double()
    apart = torch.linspace(-1, 2, SIZE, dtype=torch.float64)
    values = torch.randn(shape, generator=generator, dtype=torch.float64) + apart[:, None] * matches
    slopes = torch.tensor([1.0, -0.7, 0.3, 0.1], dtype=torch.float64)
    answers = slopes @ matches + 0.5 * values.sum(0) + matches[0] * matches[1] + level
    return matches, values, answers, torch.rand(SAMPLES, generator=generator, dtype=torch.float64) + 0.2, apart


def grouped(columns: Tensor) -> Tensor:
    """Return columns (k, samples) as (1, groups, k, n)."""
    return columns.view(len(columns), GROUPS, -1).transpose(0, 1)[None].contiguous()


def summed(features: Tensor, answers: Tensor, weights: Tensor, block: bool) -> Moments:
    moments = Moments(1, GROUPS, SIZE, len(features) - SIZE)
    if block:
        moments.shift[:] = answers.mean()
        columns = torch.cat(
            [torch.ones(1, SAMPLES), features, (answers - answers.mean())[None], torch.zeros(2, SAMPLES)]
        )
        moments.add_block(grouped(columns * weights.sqrt()).float())
    else:
        moments.add(grouped(features), grouped(answers[None])[:, :, 0], grouped(weights[None])[:, :, 0])
    moments.count = SAMPLES
    return moments


@pytest.mark.parametrize("level", [0.0, 1e4])
def test_float32_blocks_lose_nothing_that_counts(level: float) -> None:
    """Also where answers vary little about a large mean: it is taken off before they are summed."""
    matches, _, answers, weights, _ = drawn(level)
    exact, ours = (fit_ridge(summed(matches, answers, weights, block), 1.0) for block in (False, True))
    for name in ("weights", "standard_error", "intercept", "r2", "fidelity"):
        assert torch.allclose(getattr(ours, name), getattr(exact, name), rtol=1e-5, atol=1e-6), name


def test_answers_that_do_not_vary_are_told_from_small_ones() -> None:
    matches, _, answers, weights, _ = drawn()
    flat = fit_ridge(summed(matches, torch.full_like(answers, 1e4), weights, True), 1.0)
    assert torch.isnan(flat.r2).all()
    assert not flat.weights.any()
    small = fit_ridge(summed(matches, 1e4 + 0.1 * answers, weights, True), 1.0)
    assert float(small.r2) > 0.3


@pytest.mark.parametrize("kept", [None, [True, False, True, True]])
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_weights_mixed_afterwards_are_those_beside_the_controls(kept: list[bool] | None, penalty: float) -> None:
    """The controls written out as values less their means, against the raw values and `mixing`."""
    matches, values, answers, weights, apart = drawn()
    chosen = None if kept is None else torch.tensor([kept])
    controls = values - apart[:, None] * matches
    wanted = fit_ridge(summed(torch.cat([matches, controls]), answers, weights, False), penalty, chosen)
    raw = summed(torch.cat([matches, values]), answers, weights, False)
    raw.mixing = torch.cat([torch.eye(SIZE, dtype=torch.float64), torch.diag(apart)], 1)[None]
    ours = fit_ridge(raw, penalty, chosen)
    for name in ("weights", "standard_error", "intercept", "r2", "fidelity"):
        assert torch.allclose(getattr(ours, name), getattr(wanted, name), rtol=1e-7, atol=1e-9), name
    if kept is not None:
        assert float(ours.weights[0, 1]) == float(ours.standard_error[0, 1]) == 0


def test_two_columns_that_are_the_same_share_a_weight_without_a_penalty() -> None:
    """What only rounding tells apart gets no large weights of opposite signs."""
    matches, _, answers, weights, _ = drawn()
    doubled = torch.cat([matches[:3], matches[:1]])
    fit = fit_ridge(summed(doubled, answers, weights, True), 0.0)
    assert float(fit.weights[0, 0]) == pytest.approx(float(fit.weights[0, 3]), abs=1e-3)


def test_few_samples_get_back_what_the_fit_took_from_their_residuals() -> None:
    """(I - H)^(-1/2) of each group's own block of the hat matrix, written out with the samples."""
    samples, groups, size = 60, 10, 5
    generator = torch.Generator().manual_seed(4)
    x = (torch.rand(samples, size, generator=generator) < 0.5).double()
    y = x.sum(1) + torch.randn(samples, generator=generator, dtype=torch.float64)
    w = torch.rand(samples, generator=generator, dtype=torch.float64) + 0.2
    moments = Moments(1, groups, size)
    part = torch.arange(samples).view(groups, -1)
    moments.add(x[part].transpose(1, 2)[None], y[part][None], w[part][None])
    moments.count = samples
    ours = fit_ridge(moments, 0.0)
    root = w.sqrt()[:, None]
    design = (x - (w @ x) / w.sum()) * root
    left = (y - x @ ours.weights[0] - ours.intercept[0]) * root[:, 0]
    inverse = torch.linalg.inv(design.T @ design)
    scores = []
    for members in part:
        rest = torch.eye(len(members), dtype=torch.float64) - design[members] @ inverse @ design[members].T
        values, vectors = torch.linalg.eigh(rest)
        scores.append(design[members].T @ (vectors * values.rsqrt()) @ vectors.T @ left[members])
    scores = torch.stack(scores) - torch.stack(scores).mean(0)
    covariance = inverse @ (scores.T @ scores) @ inverse * groups / (groups - 1)
    assert torch.allclose(ours.standard_error[0], covariance.diagonal().sqrt(), rtol=1e-3)
