"""The streamed solver against direct formulas, scikit-learn, and the closed form on linear networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge, lars_path

from xai.lime.selection import fit_surrogate, forward_selection
from xai.lime.solver import Moments, fit_ridge, restrict


def drawn(samples: int, size: int, seed: int = 0, groups: int = 10) -> tuple[Moments, torch.Tensor, ...]:
    """Return moments of random samples beside the samples themselves."""
    generator = torch.Generator().manual_seed(seed)
    x = (torch.rand(samples, size, generator=generator) < 0.5).double()
    noise = torch.randn(samples, generator=generator, dtype=torch.float64)
    y = x @ torch.linspace(-1, 1, size, dtype=torch.float64) + x[:, 0] * x[:, 1] + 0.3 * noise + 5
    w = torch.rand(samples, generator=generator, dtype=torch.float64) + 0.1
    moments = Moments(1, groups, size)
    for part in torch.arange(samples).view(-1, groups, samples // groups // 2):
        moments.add(x[part].transpose(1, 2)[None], y[part][None], w[part][None])
        moments.count += part.numel()
    return moments, x, y, w


@pytest.mark.parametrize("penalty", [0.0, 1.0, 30.0])
def test_streamed_ridge_is_scikit_learns(penalty: float) -> None:
    moments, x, y, w = drawn(400, 7)
    ours = fit_ridge(moments, penalty)
    theirs = Ridge(alpha=penalty).fit(x.numpy(), y.numpy(), sample_weight=w.numpy())
    assert np.allclose(ours.weights[0], theirs.coef_, atol=1e-9)
    assert float(ours.intercept[0]) == pytest.approx(theirs.intercept_, abs=1e-9)
    assert float(ours.r2[0]) == pytest.approx(theirs.score(x.numpy(), y.numpy(), sample_weight=w.numpy()), abs=1e-9)


def test_the_sandwich_is_the_textbooks() -> None:
    """A^-1 B A^-1 from residuals, summed by group, written out with loops over the samples."""
    moments, x, y, w = drawn(200, 4, groups=5)
    ours = fit_ridge(moments, 2.0)
    mean = (w @ x) / w.sum()
    centered = x - mean
    inverse = torch.linalg.inv((centered * w[:, None]).T @ centered + 2.0 * torch.eye(4, dtype=torch.float64))
    residual = y - x @ ours.weights[0] - ours.intercept[0]
    group = torch.arange(200).view(-1, 5, 20)
    scores = torch.zeros(5, 4, dtype=torch.float64)
    for slab in group:
        for number, members in enumerate(slab):
            for i in members.tolist():
                scores[number] += w[i] * residual[i] * centered[i]
    scores -= scores.mean(0)
    covariance = inverse @ (scores.T @ scores) @ inverse * (5 / 4) * (200 / (200 - 5))
    assert torch.allclose(ours.standard_error[0], covariance.diagonal().sqrt(), rtol=1e-8)


def test_fidelity_is_measured_on_unseen_groups() -> None:
    moments, x, y, w = drawn(200, 4, groups=10)
    group = torch.arange(200).view(-1, 10, 10)
    missed = 0.0
    for fold in range(5):
        held = group[:, 2 * fold : 2 * fold + 2].flatten()
        rest = torch.tensor([i for i in range(200) if i not in set(held.tolist())])
        model = Ridge(alpha=1.0).fit(x[rest].numpy(), y[rest].numpy(), sample_weight=w[rest].numpy())
        missed += float((w[held] * (y[held] - torch.from_numpy(model.predict(x[held].numpy()))).square()).sum())
    whole = float((w * (y - (w @ y) / w.sum()).square()).sum())
    assert float(fit_ridge(moments, 1.0).fidelity[0]) == pytest.approx(1 - missed / whole, abs=1e-9)


def test_linear_answers_are_found_exactly_as_the_penalty_goes_to_zero() -> None:
    moments, x, _, w = drawn(300, 6)
    slope = torch.tensor([3.0, -2.0, 0.5, 0.0, 1e-4, 7.0], dtype=torch.float64)
    moments = Moments(1, 10, 6)
    part = torch.arange(300).view(10, 30)
    moments.add(x[part].transpose(1, 2)[None], (x @ slope + 2)[part][None], w[part][None])
    moments.count = 300
    errors = [float((fit_ridge(moments, p).weights[0] - slope).abs().max()) for p in (1.0, 1e-3, 1e-6, 0.0)]
    assert errors[0] > errors[1] > errors[2] > errors[3]
    assert errors[3] < 1e-10
    assert float(fit_ridge(moments, 0.0).r2[0]) == pytest.approx(1)


def test_a_constant_answer_has_no_r2() -> None:
    moments, x, _, w = drawn(100, 3)
    moments.sums.zero_()
    part = torch.arange(100).view(10, 10)
    moments.add(x[part].transpose(1, 2)[None], torch.full((1, 10, 10), 0.7, dtype=torch.float64), w[part][None])
    fit = fit_ridge(moments, 1.0)
    assert torch.isnan(fit.r2).all()
    assert torch.isnan(fit.fidelity).all()
    assert float(fit.weights.abs().max()) < 1e-12


def test_a_feature_that_never_varies_gets_zero_without_a_penalty() -> None:
    moments = Moments(1, 4, 2)
    x = torch.rand(1, 4, 2, 10, dtype=torch.float64)
    x[:, :, 1] = 1
    moments.add(x, x[:, :, 0] * 2, 1.0)
    moments.count = 40
    assert fit_ridge(moments, 0.0).weights[0].tolist() == pytest.approx([2, 0], abs=1e-8)


def test_rows_do_not_mix() -> None:
    parts = [drawn(200, 5, seed)[0] for seed in (1, 2, 3)]
    together = Moments(3, 10, 5)
    together.sums = torch.cat([part.sums for part in parts])
    together.count = 200
    both = fit_ridge(together, 1.0)
    for row, part in enumerate(parts):
        assert torch.allclose(both.weights[row], fit_ridge(part, 1.0).weights[0], atol=1e-12)
        assert torch.allclose(both.standard_error[row], fit_ridge(part, 1.0).standard_error[0], atol=1e-12)


def test_lasso_path_keeps_what_least_angle_regression_on_the_data_keeps() -> None:
    moments, x, y, w = drawn(300, 8)
    for most in (1, 2, 4, 8):
        root = w.sqrt()[:, None]
        centered = ((x - (w @ x) / w.sum()) * root).numpy()
        answer = ((y - (w @ y) / w.sum()) * root[:, 0]).numpy()
        path = lars_path(centered, answer, method="lasso")[2]
        step = max(number for number in range(path.shape[1]) if 0 < (path[:, number] != 0).sum() <= most)
        kept = fit_surrogate(moments, "lasso", 1.0, most).weights[0] != 0
        assert kept.tolist() == (path[:, step] != 0).tolist()


def test_forward_selection_is_the_greedy_search_by_refitting() -> None:
    moments, x, y, w = drawn(300, 8)
    chosen: list[int] = []
    for _ in range(4):
        scores = {}
        for feature in set(range(8)) - set(chosen):
            columns = x[:, [*chosen, feature]].numpy()
            model = Ridge(alpha=0.0).fit(columns, y.numpy(), sample_weight=w.numpy())
            scores[feature] = model.score(columns, y.numpy(), sample_weight=w.numpy())
        chosen.append(max(scores, key=scores.get))
    system = restrict(moments.sums.sum(1)[0], 8)
    assert set(torch.where(forward_selection(system, 4))[0].tolist()) == set(chosen)


def test_the_heaviest_features_of_one_half_are_refitted_alone_on_the_other() -> None:
    moments, x, y, w = drawn(300, 8)
    fit = fit_surrogate(moments, "ridge", 1.0, 3)
    kept = torch.where(fit.weights[0] != 0)[0]
    members = torch.arange(300).view(2, 10, 15)  # two slabs of 10 groups
    first, second = (members[:, part].flatten() for part in (slice(0, 5), slice(5, 10)))
    chooser = Ridge(alpha=1 / 150).fit(x[first].numpy(), y[first].numpy(), sample_weight=w[first].numpy())
    assert set(kept.tolist()) == set(np.abs(chooser.coef_).argsort()[-3:].tolist())
    theirs = Ridge(alpha=1 / 150).fit(x[second][:, kept].numpy(), y[second].numpy(), sample_weight=w[second].numpy())
    assert np.allclose(fit.weights[0][kept], theirs.coef_, atol=1e-9)
    assert float(fit.standard_error[0][fit.weights[0] == 0].max()) == 0
    assert fit.degrees_of_freedom == 4


def test_the_penalty_fades() -> None:
    """All features: the penalty is divided by the samples."""
    moments, x, y, w = drawn(300, 5)
    theirs = Ridge(alpha=30 / 300).fit(x.numpy(), y.numpy(), sample_weight=w.numpy())
    assert np.allclose(fit_surrogate(moments, "ridge", 30.0, None).weights[0], theirs.coef_, atol=1e-9)
