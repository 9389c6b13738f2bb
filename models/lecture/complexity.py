"""Claim 12: complexity against error: bias falls, variance rises, and the error is lowest in between."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from xai.base.experiment import Outcome, Panel, Series

__all__ = ["experiment", "split_error"]


def split_error(predictions: Tensor, truth: Tensor) -> tuple[float, float, float]:
    """Return squared bias, variance and their sum from predictions (sets, points) of the truth (points,).

    The sum is the mean squared error against the truth, exactly.

    >>> split_error(torch.tensor([[0.0], [2.0]]), torch.tensor([0.0]))
    (1.0, 1.0, 2.0)
    """
    mean = predictions.mean(0)
    bias, variance = float((mean - truth).square().mean()), float((predictions - mean).square().mean())
    return bias, variance, bias + variance


def experiment(
    widths: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64),
    sets: int = 30,
    points: int = 20,
    steps: int = 2500,
    noise: float = 0.3,
    degrees: int = 9,
) -> Outcome:
    """Fit networks of growing width, and polynomials of growing degree, to many draws of the same noisy curve."""
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(sets, points, generator=draw) * 2 - 1
    y = _curve(x) + noise * torch.randn(sets, points, generator=draw)
    grid = torch.linspace(-0.95, 0.95, 80)
    truth = _curve(grid)
    network = [split_error(_networks(x, y, grid, width, steps), truth) for width in widths]
    polynomial = [split_error(_polynomials(x, y, grid, degree), truth) for degree in range(1, degrees + 1)]
    errors = [row[2] for row in network]
    lowest = errors.index(min(errors))
    held = (
        network[-1][0] < network[0][0] / 2
        and network[-1][1] > 2 * network[0][1]
        and 0 < lowest < len(widths) - 1
        and errors[-1] > 1.1 * errors[lowest]
    )
    sizes = [float(width) for width in widths]
    degree = [float(number) for number in range(1, degrees + 1)]
    parts = ("squared bias", "variance", "error")
    return Outcome(
        name="complexity",
        sentence="With complexity the bias falls and the variance rises: too simple a model underfits, too complex a "
        "one "
        "overfits.",
        done=f"sin(pi x) + x/2 on -1..1, {sets} training sets of {points} points with noise {noise}; one hidden tanh "
        "layer "
        f"of {', '.join(map(str, widths))} units, {steps:,} full-batch Adam steps; polynomials of degree 1 to "
        f"{degrees} "
        "by least squares beside them.",
        criterion="For the networks, from the narrowest to the widest the squared bias at least halves, the variance "
        "at "
        "least doubles, and the error is lowest in between, the widest being at least 10 % above it.",
        measured=f"lowest error at width {widths[lowest]}; squared bias {network[0][0]:.3f} to {network[-1][0]:.3f}, "
        "variance "
        f"{network[0][1]:.3f} to {network[-1][1]:.3f}",
        held=held,
        numbers={
            f"{part}, width {width}": row[i]
            for width, row in zip(widths, network, strict=True)
            for i, part in enumerate(parts)
        },
        panels=[
            Panel(
                "Networks",
                "hidden units",
                "mean squared",
                [Series(part, sizes, [row[i] for row in network]) for i, part in enumerate(parts)],
                log_x=True,
                log_y=True,
            ),
            Panel(
                "Polynomials",
                "degree",
                "mean squared",
                [Series(part, degree, [row[i] for row in polynomial]) for i, part in enumerate(parts)],
                log_y=True,
            ),
        ],
        remark="The error is against the curve without noise, where it is squared bias plus variance exactly. A "
        "network "
        "that is wider still is not always worse: how long it trains and how it starts limit it too.",
    )


def _curve(x: Tensor) -> Tensor:
    return torch.sin(math.pi * x) + x / 2


def _networks(x: Tensor, y: Tensor, grid: Tensor, width: int, steps: int) -> Tensor:
    """Train one network for each training set, all at once; return predictions (sets, grid)."""
    draw = torch.Generator().manual_seed(width)
    sets = len(x)
    a = (3 * torch.randn(sets, 1, width, generator=draw)).requires_grad_()
    b = torch.randn(sets, 1, width, generator=draw).requires_grad_()
    c = (torch.randn(sets, width, 1, generator=draw) / math.sqrt(width)).requires_grad_()
    d = torch.zeros(sets, 1, 1, requires_grad=True)

    def answer(x: Tensor) -> Tensor:
        return (torch.tanh(x[:, :, None] @ a + b) @ c + d)[:, :, 0]

    stepper = torch.optim.Adam([a, b, c, d], 0.02)
    for _ in range(steps):
        stepper.zero_grad()
        # The sum over training sets: each network's gradient is that of its own mean squared error.
        (answer(x) - y).square().mean(1).sum().backward()
        stepper.step()
    with torch.no_grad():
        return answer(grid.expand(sets, -1))


def _polynomials(x: Tensor, y: Tensor, grid: Tensor, degree: int) -> Tensor:
    fits = [
        np.polynomial.legendre.legfit(a, b, degree) for a, b in zip(x.double().numpy(), y.double().numpy(), strict=True)
    ]
    values = np.stack([np.polynomial.legendre.legval(grid.double().numpy(), fitted) for fitted in fits])
    return torch.tensor(values, dtype=torch.float32)
