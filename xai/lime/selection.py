"""Which features a surrogate may use: the heaviest, LIME's lasso path, or forward selection, all from streamed sums."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.lime.solver import Moments, Surrogate, fit_ridge, restrict

__all__ = ["SURROGATES", "fit_surrogate"]

SURROGATES = ("ridge", "lasso", "forward", "tree")


def fit_surrogate(moments: Moments, surrogate: str, penalty: float, features: int | None) -> Surrogate:
    """Return the surrogate with at most `features` features (all, where None); the chosen ones are refitted by ridge.

    surrogate: "ridge" keeps those of the largest weights, "lasso" the last step of the lasso path with few enough,
    "forward" adds the feature that explains most of what is left, one at a time.

    penalty: divided by the number of samples, as the sums grow with it: what it shrinks the weights by vanishes faster
    than the error of sampling, so that intervals are of the weights in the limit of many samples. Where features are
    selected, one half of the groups of samples selects and the other half fits: an interval from the samples that have
    chosen the feature would be too narrow and too far from 0 (sample splitting, Cox 1975).
    """
    if surrogate == "ridge" and (features is None or features >= moments.size):
        return fit_ridge(moments, penalty / max(moments.count, 1))
    first, second = moments.halves()
    first_penalty, second_penalty = (penalty / max(half.count, 1) for half in (first, second))
    if surrogate == "ridge":
        weights = fit_ridge(first, first_penalty).weights
        chosen = torch.zeros_like(weights, dtype=torch.bool)
        chosen.scatter_(1, weights.abs().topk(features or moments.size, 1).indices, True)
    else:
        choose = {"lasso": lasso_path, "forward": forward_selection}[surrogate]
        most = min(moments.size, features or 10)
        chosen = torch.stack([choose(restrict(row, moments.size), most) for row in first.totals.whole])
    return fit_ridge(second, second_penalty, chosen)


def lasso_path(system: Tensor, most: int) -> Tensor:
    """Return which features (d,) the lasso path uses at its last step with at most `most`; system: (d, d + 1).

    The path is that of least angle regression with the lasso's rule (Efron et al. 2004), from the Gram matrix alone.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import lars_path_gram

    gram, products = system[:, :-1].cpu().numpy(), system[:, -1].cpu().numpy()
    chosen = torch.zeros(len(system), dtype=torch.bool, device=system.device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a dropped step on collinear features: the path just ends
        _, _, path = lars_path_gram(products, gram, n_samples=1, method="lasso")
    counts = (path != 0).sum(0)
    steps = [step for step in range(len(counts)) if 0 < counts[step] <= most]
    if steps:
        chosen[torch.from_numpy(path[:, steps[-1]] != 0)] = True
    return chosen


def forward_selection(system: Tensor, most: int) -> Tensor:
    """Return which features (d,) are added greedily, each explaining most of what is left; system: (d, d + 1)."""
    left = system.clone()
    scale = system[:, :-1].diagonal().clamp_min(1e-300)
    chosen = torch.zeros(len(system), dtype=torch.bool, device=system.device)
    for _ in range(most):
        diagonal = left[:, :-1].diagonal()
        usable = (diagonal > 1e-10 * scale) & ~chosen
        gain = torch.where(usable, left[:, -1].square() / diagonal.clamp_min(1e-300), -1)
        best = int(gain.argmax())
        if not bool(usable[best]):
            break
        chosen[best] = True
        # Sweep the feature out of all others: what is left is orthogonal to it.
        left = left - left[:, best : best + 1] * left[best] / diagonal[best]
    return chosen
