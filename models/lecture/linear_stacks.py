"""Claim 1: stacked linear layers fit no more than one; a hidden ReLU layer does."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.lecture.common import scientific
from xai.base.experiment import Outcome, Panel, Series

__all__ = ["best_linear_error", "collapse", "experiment"]

POINTS = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
TARGETS = torch.tensor([0.0, 1.0, 1.0, 0.0])


def best_linear_error() -> float:
    """Return the least mean squared error of any weighted sum plus bias on XOR, by least squares: 1/4."""
    rows = torch.cat([POINTS, torch.ones(4, 1)], 1).double()
    fitted = rows @ torch.linalg.lstsq(rows, TARGETS.double()[:, None]).solution
    return float((fitted[:, 0] - TARGETS).square().mean())


def collapse(stack: nn.Sequential) -> tuple[Tensor, Tensor]:
    """Return the one matrix and bias that a stack of linear layers amounts to."""
    layers = [layer for layer in stack if isinstance(layer, nn.Linear)]
    inputs = layers[0].in_features
    weight, bias = torch.eye(inputs, dtype=torch.float64), torch.zeros(inputs).double()
    for layer in layers:
        weight, bias = layer.weight.double() @ weight, layer.weight.double() @ bias + layer.bias.double()
    return weight.detach(), bias.detach()


def experiment(steps: int = 800, width: int = 8, depths: tuple[int, ...] = (1, 2, 4)) -> Outcome:
    """Train stacks of 1 to 4 linear layers on XOR, and one hidden layer with ReLU beside them."""
    floor = best_linear_error()
    reached, curves, difference = [], [], 0.0
    for depth in depths:
        sizes = [2, *[width] * (depth - 1), 1]
        stack = nn.Sequential(*(nn.Linear(a, b) for a, b in itertools.pairwise(sizes)))
        losses = _train(stack, steps)
        reached.append(losses[-1])
        curves.append(losses)
        weight, bias = collapse(stack)
        difference = max(difference, float((stack(POINTS).detach() - (POINTS.double() @ weight.T + bias)).abs().max()))
    bent = _train(nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 1)), steps)
    held = max(abs(loss - floor) for loss in reached) < 1e-3 and bent[-1] < 0.01
    names = [f"{depth} linear layer{'s' * (depth > 1)}" for depth in depths] + ["hidden ReLU layer"]
    every = max(1, steps // 150)
    positions = [float(step) for step in range(0, steps, every)]
    return Outcome(
        name="linear_stacks",
        sentence="Stacking linear layers gives no more power than one; a hidden layer with ReLU does (XOR).",
        done=f"XOR, 4 points; stacks of {', '.join(map(str, depths))} linear layers of width {width}, and one hidden "
        f"ReLU layer of {width}; Adam, {steps} full-batch steps on the squared error.",
        criterion="Every linear stack ends within 0.001 of the best single weighted sum (least squares: 0.25), and the "
        "ReLU network below 0.01.",
        measured=f"squared error {max(reached):.3f} linear, "
        f"{'below ' * (bent[-1] < 1e-6)}{scientific(max(bent[-1], 1e-6))} "
        "with ReLU",
        held=held,
        numbers={
            "least squares": floor,
            **{f"error, {name}": loss for name, loss in zip(names, [*reached, bent[-1]], strict=True)},
            "largest difference between a stack and its one matrix": difference,
        },
        panels=[
            Panel(
                "Squared error on XOR while training",
                "step",
                "mean squared error",
                [
                    Series(names[-1], positions, bent[::every]),
                    *(
                        Series(name, positions, losses[::every], style="dashed")
                        for name, losses in zip(names[:-1], curves, strict=True)
                    ),
                ],
            ),
            Panel(
                "Where each one ends",
                "network",
                "mean squared error",
                [Series("error", [float(number) for number in range(len(names))], [*reached, bent[-1]], style="bars")],
                categories=[*(f"{depth} lin." for depth in depths), "ReLU"],
            ),
        ],
        remark="Each stack equals the single matrix its layers multiply to, up to rounding.",
    )


def _train(network: nn.Module, steps: int) -> list[float]:
    stepper = torch.optim.Adam(network.parameters(), 0.02)
    losses = []
    for _ in range(steps):
        stepper.zero_grad()
        loss = functional.mse_loss(network(POINTS)[:, 0], TARGETS)
        loss.backward()
        stepper.step()
        losses.append(float(loss.detach()))
    return losses
