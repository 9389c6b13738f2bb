"""Claim 16: mini-batches reduce the variance of updates."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from models.lecture.common import dense, digits, fit
from xai.base.experiment import Outcome, Panel, Series

__all__ = ["each_gradient", "experiment", "total_variance"]


def each_gradient(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the gradient of the loss on each example by itself, (N, parameters)."""
    parameters = {name: parameter.detach() for name, parameter in network.named_parameters()}

    def loss(parameters: dict[str, Tensor], x: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(functional_call(network, parameters, (x[None],)), target[None])

    found = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, inputs, targets)
    return torch.cat([found[name].flatten(1) for name in parameters], 1)


def total_variance(updates: Tensor) -> float:
    """Return the sum over parameters of the variance over updates (draws, parameters)."""
    return float(updates.double().var(0).sum())


def experiment(
    sizes: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128, 256), draws: int = 400, epochs: int = 3
) -> Outcome:
    """Draw many mini-batches of each size and measure how much their gradients differ."""
    data = digits(1000)
    network = fit(dense(data.inputs.shape[1], 16, 10), data.inputs, data.labels, epochs=epochs)
    gradients = each_gradient(network, data.inputs, data.labels)
    draw = torch.Generator().manual_seed(0)
    found = []
    for size in sizes:
        rows = torch.randint(len(gradients), (draws, size), generator=draw)
        counts = torch.zeros(draws, len(gradients)).scatter_add_(1, rows, torch.ones(draws, size))
        found.append(total_variance(counts @ gradients / size))
    one = float(gradients.double().var(0, correction=0).sum())
    logs, targets = torch.tensor(sizes).double().log(), torch.tensor(found).log()
    centered = logs - logs.mean()
    slope = float((centered * (targets - targets.mean())).sum() / centered.square().sum())
    return Outcome(
        name="mini_batches",
        sentence="Mini-batches reduce the variance of weight updates.",
        done=f"Dense network (16 hidden units) after {epochs} epochs on 1,000 digits of 8 x 8 pixels; {draws} "
        "mini-batches "
        f"of each size from {sizes[0]} to {sizes[-1]}, drawn with replacement; the variance of the gradient, summed "
        "over "
        f"{gradients.shape[1]:,} parameters.",
        criterion="The variance falls as 1/n: its slope over n, both in logarithms, lies between -1.1 and -0.9.",
        measured=f"variance falls as n to the power {slope:.3f}; {found[0]:.2f} with 1 example, {found[-1]:.4f} with "
        f"{sizes[-1]}",
        held=-1.1 <= slope <= -0.9,
        numbers={
            "slope": slope,
            **{f"variance, {size} examples": value for size, value in zip(sizes, found, strict=True)},
        },
        panels=[
            Panel(
                "Variance of the gradient by batch size",
                "examples in a batch",
                "variance, all parameters",
                [
                    Series("measured", [float(size) for size in sizes], found, style="points"),
                    Series(
                        "variance of one / n",
                        [float(size) for size in sizes],
                        [one / size for size in sizes],
                        style="dashed",
                    ),
                ],
                log_x=True,
                log_y=True,
            ),
        ],
        remark="The price: one step costs n times the work, so that per example seen the variance is the same.",
    )
