"""Claim 2: gradient descent is slow, momentum and NAG faster, and the adaptive optimizers need less tuning."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.lecture.common import dense, digits
from models.optimizers import make_optimizer
from xai.base.experiment import Outcome, Panel, Series, Surface

__all__ = ["OPTIMIZERS", "experiment", "slowest_direction"]

Make = Callable[[Iterable[Tensor], float], torch.optim.Optimizer]

OPTIMIZERS: dict[str, Make] = {
    name: partial(make_optimizer, key)
    for name, key in {
        "gradient descent": "sgd",
        "momentum": "momentum",
        "NAG": "nag",
        "Adagrad": "adagrad",
        "Adadelta": "adadelta",
        "RMSProp": "rmsprop",
        "Adam": "adam",
    }.items()
}
ADAPTIVE = ("Adagrad", "Adadelta", "RMSProp", "Adam")
STEEP = 200.0  # curvature along y; 1 along x
START = (-4.0, 0.4)
NEAR = 1e-3
EDGE = (5.0, 0.6)  # a path that leaves this part of the valley does not count: its rate is too high


def surface(x: Tensor, y: Tensor) -> Tensor:
    """Return the loss of a long valley, (x^2 + 200 y^2) / 2."""
    return (x.square() + STEEP * y.square()) / 2


def slowest_direction(rate: float) -> float:
    """Return by what factor one step of gradient descent shrinks the slower direction; above 1 it diverges.

    The best rate is 2 / (1 + 200), where both directions shrink by 199/201.
    """
    return max(abs(1 - rate), abs(1 - rate * STEEP))


def experiment(most: int = 700, rates: int = 13, steps: int = 120, network_rates: int = 21) -> Outcome:
    """Race the seven on a valley, each at its best rate, then train one network at many rates with each."""
    raced = {name: _race(make, most, rates) for name, make in OPTIMIZERS.items()}
    grid = [10 ** (-4 + 5 * number / (network_rates - 1)) for number in range(network_rates)]
    data = digits(1000)
    trained = {
        name: [_learn(make, rate, steps, data.inputs, data.labels) for rate in grid]
        for name, make in OPTIMIZERS.items()
    }
    good = 0.1
    decade = 5 / (network_rates - 1)
    width = {name: decade * sum(curve[-1] <= good for curve in curves) for name, curves in trained.items()}
    best = {name: min(curves, key=lambda curve: curve[-1]) for name, curves in trained.items()}
    plain = raced["gradient descent"][0]
    adaptive = sorted(width[name] for name in ADAPTIVE)
    middle = (adaptive[1] + adaptive[2]) / 2
    faster = max(raced["momentum"][0], raced["NAG"][0]) < plain
    along = [10.0 * point / 60 - 5 for point in range(61)]
    across = [1.2 * point / 40 - 0.6 for point in range(41)]
    height = surface(torch.tensor(along)[None, :], torch.tensor(across)[:, None])
    return Outcome(
        name="optimizers",
        sentence="Gradient descent is slow, momentum and Nesterov's gradient are faster, and the adaptive optimizers "
        "need less tuning of the learning rate.",
        done=f"A valley, (x² + 200 y²)/2 from {START}, each optimizer at the best of {rates + 1} learning rates that "
        "keep it there; then "
        "a "
        f"dense network (61-32-10) on 1,000 digits of 8 x 8 pixels, {network_rates} learning rates from 0.0001 to 10 "
        f"for each, {steps} steps with batches of 64.",
        criterion=f"Momentum and NAG need fewer steps than gradient descent to stay at a loss of {NEAR} in the "
        "valley; and "
        f"the adaptive four reach a training loss of {good} over more decades of learning rate (median) than it does.",
        measured=f"{plain} steps GD, {raced['momentum'][0]} momentum, {raced['NAG'][0]} NAG; "
        f"{width['gradient descent']:.1f} decades of good rates GD, {middle:.1f} adaptive",
        held=faster and middle > width["gradient descent"],
        numbers={
            **{f"steps in the valley, {name}": float(result[0]) for name, result in raced.items()},
            **{f"decades of good rates, {name}": value for name, value in width.items()},
        },
        panels=[
            Panel(
                "Paths in the valley, 60 steps, each at its best rate",
                "x",
                "y",
                [
                    Series(name, [p[0] for p in path[:60]], [p[1] for p in path[:60]])
                    for name, (_, path) in raced.items()
                ],
                surface=Surface(along, across, height.log10().clamp(min=-3).tolist()),
            ),
            Panel(
                "Loss in the valley",
                "step",
                "loss",
                [
                    Series(name, [float(i) for i in range(len(path))], [max(_height(p), 1e-6) for p in path])
                    for name, (_, path) in raced.items()
                ],
                log_y=True,
            ),
            Panel(
                "Training loss of the network, each at its best rate",
                "step",
                "cross entropy",
                [
                    Series(name, [10.0 * (i + 1) for i in range(len(curve))], [max(v, 1e-4) for v in curve])
                    for name, curve in best.items()
                ],
                log_y=True,
            ),
            Panel(
                "Training loss by learning rate",
                "learning rate",
                "cross entropy after the last step",
                [Series(name, grid, [min(curve[-1], 10.0) for curve in curves]) for name, curves in trained.items()],
                log_x=True,
                log_y=True,
            ),
        ],
        remark="The rate for gradient descent in the valley must lie below 2/200 or it diverges; near it, one "
        "direction "
        "overshoots while the other crawls. Adaptive optimizers differ among themselves: of the four, decades of good "
        "rates " + ", ".join(f"{width[name]:.1f} ({name})" for name in ADAPTIVE) + ".",
    )


def _height(point: tuple[float, float]) -> float:
    return (point[0] ** 2 + STEEP * point[1] ** 2) / 2


def _race(make: Make, most: int, rates: int) -> tuple[int, list[tuple[float, float]]]:
    """Return the fewest steps, over the rates, after which the loss stays at NEAR for 10 steps, and the path."""
    grid = [10 ** (-3 + 4.5 * number / max(rates - 1, 1)) for number in range(rates)]
    fewest, shown = most, [START]
    for rate in [*grid, 2 / (1 + STEEP)]:
        point = torch.tensor(START, requires_grad=True)
        stepper = make([point], rate)
        path, near = [START], 0
        while near < 10 and len(path) < fewest + 10:
            point.grad = torch.tensor([path[-1][0], STEEP * path[-1][1]])  # the gradient of the valley, by hand
            stepper.step()
            path.append(tuple(point.tolist()))
            here = _height(path[-1])
            near = near + 1 if here <= NEAR else 0
            if abs(path[-1][0]) > EDGE[0] or abs(path[-1][1]) > EDGE[1]:
                break
        if near == 10 and len(path) - 10 < fewest:
            fewest, shown = len(path) - 10, path
        elif fewest == most and len(path) >= most and _height(path[-1]) < _height(shown[-1]):
            shown = path  # none has got there: the one that came nearest
    return fewest, shown


def _learn(make: Make, rate: float, steps: int, inputs: Tensor, labels: Tensor) -> list[float]:
    torch.manual_seed(0)
    network: nn.Module = dense(inputs.shape[1], 32, 10)
    stepper = make(network.parameters(), rate)
    draw = torch.Generator().manual_seed(0)
    losses = []
    for step in range(steps):
        rows = torch.randint(len(inputs), (64,), generator=draw)
        stepper.zero_grad()
        functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
        stepper.step()
        if step % 10 == 9 or step == steps - 1:
            with torch.no_grad():
                loss = float(functional.cross_entropy(network(inputs), labels))
            losses.append(loss if math.isfinite(loss) else 1e3)
            if losses[-1] >= 1e3:
                break
    return losses
