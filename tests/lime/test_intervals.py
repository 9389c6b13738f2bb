"""Error bars and rankings, held against the estimator over all 2^d masks."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import t

from tests.lime.nonlinear import network, truth
from xai.lime.neighborhood import fit_masks
from xai.lime.settings import check_settings


@pytest.mark.parametrize(
    ("size", "neighborhood", "samples", "scale"),
    [(6, "half", 200, 1.0), (10, "half", 400, 1.0), (12, "sizes", 600, 1.0), (12, "half", 200, 1.5)],
)
def test_95_percent_intervals_cover_in_93_to_97_percent(
    size: int, neighborhood: str, samples: int, scale: float
) -> None:
    """500 fixed seeds, pooled over the weights of a network that is far from linear."""
    answer = network(size, 1, scale)
    goal = truth(answer, size, neighborhood, samples)
    settings = check_settings(samples=samples)
    covered = 0
    for seed in range(500):
        fit = fit_masks(size, neighborhood, answer, settings, torch.Generator().manual_seed(seed))
        reach = t.ppf(0.975, fit.degrees_of_freedom) * fit.standard_error
        covered += int(((fit.weights - goal).abs() <= reach).sum())
    assert 0.93 <= covered / (500 * size) <= 0.97


@pytest.mark.parametrize(("neighborhood", "seed"), [("half", 4), ("half", 6), ("sizes", 5)])
def test_rankings_called_stable_agree_in_20_of_20_seeds(neighborhood: str, seed: int) -> None:
    answer = network(20, seed, 0.6)
    settings = check_settings(most_samples=40_000)
    fits = [fit_masks(20, neighborhood, answer, settings, torch.Generator().manual_seed(s)) for s in range(20)]
    stable = [fit for fit in fits if fit.stopped == "stable"]
    assert len(stable) >= 15, "the network is meant to have a ranking that can be settled"
    assert len({tuple(fit.weights.abs().topk(5).indices.tolist()) for fit in stable}) == 1


def test_stopping_says_why() -> None:
    def tied(masks: torch.Tensor) -> torch.Tensor:
        return (masks.double() @ torch.tensor([1.0, 1.0, 0.2, 0.1], dtype=torch.float64)).tanh()

    generator = torch.Generator().manual_seed(0)
    capped = fit_masks(4, "half", tied, check_settings(most_samples=2000, top=2), generator)
    assert capped.stopped == "cap"
    assert set(capped.undecided) == {0, 1}
    assert capped.samples <= 2000
    generator = torch.Generator().manual_seed(0)
    clear = lambda masks: masks.double() @ torch.tensor([4.0, 2.0, 1.0, 0.0], dtype=torch.float64)  # noqa: E731
    stable = fit_masks(4, "half", clear, check_settings(), generator)
    assert (stable.stopped, stable.undecided) == ("stable", None)
    assert stable.samples < 1000
    fixed = fit_masks(4, "half", clear, check_settings(samples=1000), generator)
    assert (fixed.stopped, fixed.samples) == ("fixed", 1000)
