"""What keeps an ascent from noise: constraints on each step, each of which can be left out.

Inputs are between 0 and 1 here, whatever units the model takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from xai.base.arguments import real_number
from xai.base.errors import InputError, describe, names_errors
from xai.inputs.baselines import blur

__all__ = [
    "Constraint",
    "blurred_gradient",
    "bounded_step",
    "clipped",
    "default",
    "l2",
    "normalized_gradient",
    "total_variation",
]


class Constraint(NamedTuple):
    """One constraint, by what it does: changes the gradient of the inputs (N, ...), takes a penalty (N,) off the
    objective, bounds how far a value moves in a step (in learning rates), or keeps the inputs within their range.
    """

    name: str
    gradient: Callable[[Tensor], Tensor] | None = None
    penalty: Callable[[Tensor], Tensor] | None = None
    largest_step: float | None = None
    clips: bool = False


@names_errors("bounded_step")
def bounded_step(rates: float = 1.0) -> Constraint:
    """Move no value by more than so many learning rates in a step."""
    rates = real_number("rates", rates, 0)
    return Constraint(f"bounded step ({rates:g})", largest_step=rates)


def normalized_gradient() -> Constraint:
    """Divide each input's gradient by its root mean square: a step does not depend on how steep the objective is."""

    def change(gradient: Tensor) -> Tensor:
        size = gradient.flatten(1).pow(2).mean(1).sqrt().clamp_min(1e-20)
        return gradient / size.view(-1, *[1] * (gradient.ndim - 1))

    return Constraint("normalized gradient", gradient=change)


@names_errors("blurred_gradient")
def blurred_gradient(sigma: float = 1.0) -> Constraint:
    """Blur each image's gradient by a Gaussian of so many pixels: neighbors change together."""
    sigma = real_number("sigma", sigma, 0)

    def change(gradient: Tensor) -> Tensor:
        if gradient.ndim != 4:
            raise InputError("inputs", expected="images", got=describe(gradient))
        return blur(gradient, sigma)

    return Constraint(f"blurred gradient ({sigma:g})", gradient=change)


@names_errors("total_variation")
def total_variation(weight: float) -> Constraint:
    """Take weight times the mean absolute difference of neighbors (along each axis of the input) off the objective."""
    weight = real_number("weight", weight, 0)

    def penalty(values: Tensor) -> Tensor:
        # The first axis is the batch, the next the channels of an image; a series has its steps there.
        axes = range(2, values.ndim) if values.ndim == 4 else range(1, values.ndim)
        parts = [values.diff(dim=axis).abs().flatten(1) for axis in axes if values.shape[axis] > 1]
        return weight * torch.stack([part.mean(1) for part in parts]).sum(0)

    return Constraint(f"total variation ({weight:g})", penalty=penalty)


@names_errors("l2")
def l2(weight: float) -> Constraint:
    """Take weight times the mean squared distance from the middle of the range off the objective."""
    weight = real_number("weight", weight, 0)
    return Constraint(f"L2 ({weight:g})", penalty=lambda inputs: weight * (inputs - 0.5).flatten(1).pow(2).mean(1))


def clipped() -> Constraint:
    """Keep every value within its range."""
    return Constraint("clipping", clips=True)


def default() -> list[Constraint]:
    """Return a bounded step and clipping."""
    return [bounded_step(), clipped()]
