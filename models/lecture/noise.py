"""Claim 9: noise on the inputs lowers the generalization error, and the weights."""

from __future__ import annotations

import math

import torch

from models.lecture.common import dense, digits, fit, loss_of, mean_error, percent, right
from models.regularizers.noise import gaussian
from models.regularizers.penalties import weights
from xai.base.experiment import Outcome, Panel, Series

__all__ = ["experiment"]


def experiment(
    train: int = 150, epochs: int = 60, seeds: int = 5, scales: tuple[float, ...] = (0.0, 0.1, 0.3, 0.6, 1.0)
) -> Outcome:
    """Train on few digits with input noise of several scales, over several seeds."""
    error: list[list[float]] = []
    norm: list[list[float]] = []
    held_out: list[list[float]] = []
    for scale in scales:
        error.append([])
        norm.append([])
        held_out.append([])
        for seed in range(seeds):
            data = digits(train, seed)
            torch.manual_seed(seed)
            network = dense(data.inputs.shape[1], 64, 10)
            fit(
                network, data.inputs, data.labels, epochs=epochs, batch=32, rate=3e-3, seed=seed, change=gaussian(scale)
            )
            # The first 300 choose the scale, the others measure it.
            held_out[-1].append(loss_of(network, data.test_inputs[:300], data.test_labels[:300]))
            error[-1].append(1 - right(network, data.test_inputs[300:], data.test_labels[300:]))
            norm[-1].append(math.sqrt(sum(float(weight.detach().square().sum()) for weight in weights(network))))
    means = [mean_error(values)[0] for values in held_out]
    best = min(range(1, len(scales)), key=means.__getitem__)
    gain, gain_error = mean_error([a - b for a, b in zip(error[0], error[best], strict=True)])
    smaller, norm_error = mean_error([a - b for a, b in zip(norm[0], norm[best], strict=True)])
    errors, norms = [mean_error(values) for values in error], [mean_error(values) for values in norm]
    levels = list(scales)
    return Outcome(
        name="noise",
        sentence="Training with noise lowers the generalization error and the weights.",
        done=f"Dense network (64 hidden units) on {train} digits of 8 x 8 pixels, {epochs} epochs, Gaussian noise of "
        f"standard deviation {', '.join(map(str, scales))} on the standardized inputs, {seeds} seeds; the scale is "
        "chosen "
        "on 300 held-out digits, measured on the others.",
        criterion="With the chosen noise the test error is lower, and the L2 norm of the weights too, each by more "
        "than "
        "two standard errors of the paired difference.",
        measured=f"error {percent(errors[0][0], 1)} without, {percent(errors[best][0], 1)} with noise {scales[best]}; "
        "weight norm "
        f"{norms[0][0]:.1f} and {norms[best][0]:.1f}",
        held=gain > 2 * gain_error and smaller > 2 * norm_error,
        numbers={
            **{f"test error, noise {scale}": value[0] for scale, value in zip(scales, errors, strict=True)},
            **{f"weight norm, noise {scale}": value[0] for scale, value in zip(scales, norms, strict=True)},
            "chosen noise": scales[best],
            "error lowered by": gain,
            "its standard error": gain_error,
            "norm lowered by": smaller,
            "its standard error, norm": norm_error,
        },
        panels=[
            Panel(
                "Test error by noise",
                "standard deviation of the input noise",
                "share wrong",
                [Series("test error", levels, [v[0] for v in errors], [v[1] for v in errors])],
            ),
            Panel(
                "Norm of the weights by noise",
                "standard deviation of the input noise",
                "L2 norm",
                [Series("all weights", levels, [v[0] for v in norms], [v[1] for v in norms])],
            ),
        ],
        remark="The two halves of the claim are judged together; the second figure shows the weights by themselves. "
        "For a "
        "linear model with squared error, input noise is an L2 penalty exactly; here the network is neither.",
    )
