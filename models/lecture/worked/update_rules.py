"""Two steps of each optimizer down a parabola, where the gradient is the weight itself."""

from __future__ import annotations

import math

import torch
from torch import nn

from models.lecture.worked.comparing import compare
from models.optimizers import make_optimizer
from xai.base.experiment import WorkedExample

__all__ = ["steps", "worked"]


def steps(name: str, rate: float, count: int = 2) -> list[float]:
    """Return the weight after each step on w²/2 from 1."""
    weight = nn.Parameter(torch.ones(1, dtype=torch.float64))
    stepper = make_optimizer(name, [weight], rate)
    path = []
    for _ in range(count):
        weight.grad = weight.detach().clone()
        stepper.step()
        path.append(float(weight.detach()))
    return path


def worked(row: str) -> WorkedExample:
    """Return the weights after one and after two steps."""
    root = math.sqrt
    # Adadelta: s = 0.1, then 0.9 * 0.1 + 0.1 * w²; u = 0.1 * (first step)²
    first = root(1e-6) / root(0.1 + 1e-6)
    past, change = 0.09 + 0.1 * (1 - first) ** 2, 0.1 * first**2
    second = (1 - first) * root(change + 1e-6) / root(past + 1e-6)
    adam = 0.9 - 0.1 * (0.18 / 0.19) / root(0.001809 / 0.001999)
    return WorkedExample(
        name="update_rules",
        row=row,
        shown="Loss w²/2 from w = 1, so that the gradient is w; learning rate 0.1, RMSProp 0.05, Adadelta 1 (the "
        "paper has none). Momentum as in torch; at a constant rate its path is that of the textbooks. NAG's "
        "weight is the point ahead, where the gradient is taken.",
        comparisons=[
            compare("GD: 1 - 0.1·1, then 0.9 - 0.1·0.9", [0.9, 0.81], steps("sgd", 0.1), slide="added, and W besides"),
            compare("momentum: 0.9 - 0.1·(0.9·1 + 0.9)", [0.9, 0.72], steps("momentum", 0.1),
                    slide="the previous gradient alone"),
            compare("NAG: 1 - 0.1·1.9, then 0.81 - 0.1·(0.81 + 0.9·1.71)", [0.81, 0.5751], steps("nag", 0.1)),
            compare("Adagrad: 0.9 - 0.1·0.9/√1.81", [0.9, 0.9 - 0.09 / root(1.81)], steps("adagrad", 0.1)),
            compare("Adadelta: 1 - √(10⁻⁶/0.100001), ...", [1 - first, 1 - first - second], steps("adadelta", 1.0)),
            compare("RMSProp: 0.5 - 0.05·0.5/√0.0124", [0.5, 0.5 - 0.025 / root(0.0124)], steps("rmsprop", 0.05)),
            compare("Adam: 0.9 - 0.1·(0.18/0.19)/√(0.001809/0.001999)", [0.9, adam], steps("adam", 0.1)),
        ],
        errata=("gradient descent", "momentum", "the optimizer"),
    )  # fmt: skip
