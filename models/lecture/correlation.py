"""Claim 3: a weight learns the correlation of its input and the output, as long as it is alone."""

from __future__ import annotations

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor

from models.lecture.common import scientific
from xai.base.experiment import Outcome, Panel, Series

__all__ = ["descend", "experiment"]


def descend(inputs: Tensor, targets: Tensor, steps: int, alpha: float) -> Tensor:
    """Return the weights (features,) of one linear neuron by plain gradient descent on the mean squared error."""
    weights = torch.zeros(inputs.shape[1], dtype=inputs.dtype)
    for _ in range(steps):
        weights = weights - alpha * inputs.T @ (inputs @ weights - targets) / len(inputs)
    return weights


def experiment(steps: int = 20000) -> Outcome:
    """Train one neuron on each feature alone, then one on all ten together."""
    bunch = load_diabetes(scaled=False)
    rows, targets = torch.tensor(bunch.data), torch.tensor(bunch.target)
    rows = (rows - rows.mean(0)) / rows.std(0, correction=0)
    targets = (targets - targets.mean()) / targets.std(correction=0)
    correlations = (rows * targets[:, None]).mean(0)
    alone = torch.cat([descend(rows[:, [column]], targets, min(steps, 500), 0.1) for column in range(rows.shape[1])])
    together = descend(rows, targets, steps, 0.2)
    gap = float((alone - correlations).abs().max())
    gap_together = float((together - correlations).abs().max())
    flipped = int(((together * correlations) < 0).sum())
    closest = torch.corrcoef(rows.T).fill_diagonal_(0).abs().max()
    positions = [float(column) for column in range(rows.shape[1])]
    return Outcome(
        name="correlation",
        sentence="A weight learns the correlation of its input with the output.",
        done=f"Diabetes progression, 442 patients, 10 standardized features: a neuron with one input for each of them, "
        f"then one neuron with all ten, by gradient descent (at most {steps:,} steps).",
        criterion="Each lone weight is within 0.001 of Pearson's correlation. (Beside it, not part of the verdict: "
        "weights learned together are not, since the features correlate with each other.)",
        measured=f"alone within {scientific(gap)} of it; together up to {gap_together:.2f} off, {flipped} signs "
        "flipped",
        held=gap < 1e-3,
        numbers={
            "largest difference, one input": gap,
            "largest difference, ten inputs": gap_together,
            "signs flipped, ten inputs": float(flipped),
            "strongest correlation between two features": float(closest),
        },
        panels=[
            Panel(
                "Weight by correlation",
                "correlation with the target",
                "weight",
                [
                    Series("one input", correlations.tolist(), alone.tolist(), style="points"),
                    Series("ten inputs together", correlations.tolist(), together.tolist(), style="points"),
                    Series("weight = correlation", [-0.5, 0.7], [-0.5, 0.7], style="dashed"),
                ],
            ),
            Panel(
                "By feature",
                "feature",
                "weight",
                [
                    Series("one input", positions, alone.tolist(), style="bars"),
                    Series("ten inputs together", positions, together.tolist(), style="bars"),
                ],
                categories=list(bunch.feature_names),
            ),
        ],
        remark="Read a weight as a correlation only where the input is standardized and stands alone: s1 and s2 say "
        "nearly the same, and together they share one effect with opposite signs.",
    )
