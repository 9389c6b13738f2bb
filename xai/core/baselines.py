"""Named baselines: what "absent" means for an input. The one that was used stands in the explanation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from xai.core.errors import InputError, describe, expected

__all__ = ["BASELINES", "blur", "make_baseline"]

BASELINES = ("zero", "mean", "blur")


def make_baseline(name: object, inputs: Tensor, operation: str) -> tuple[Tensor, str | float]:
    """Return a baseline for each input (N, ...), same shape, and its name.

    "zero" is 0 in the caller's units (black), "mean" the mean of each channel of the image or each column of the
    batch, "blur" the image without its detail; a tensor of the inputs' shape, or one row of it, is taken as it is.
    """
    if isinstance(name, str):
        if name == "zero":
            return torch.zeros_like(inputs), name
        if name == "mean":
            axes = tuple(range(2, inputs.ndim)) or (0,)
            return inputs.mean(axes, keepdim=True).expand_as(inputs).clone(), name
        if name == "blur" and inputs.ndim == 4:
            return blur(inputs, max(inputs.shape[2:]) / 8), name
        known = BASELINES if inputs.ndim == 4 else BASELINES[:2]
        raise InputError(expected(operation, "baseline", f"one of {', '.join(known)} or a tensor", repr(name)))
    if isinstance(name, int | float) and not isinstance(name, bool):
        return torch.full_like(inputs, float(name)), name
    try:
        values = torch.as_tensor(name, dtype=inputs.dtype, device=inputs.device)
    except (TypeError, ValueError, RuntimeError) as error:
        known = ", ".join(BASELINES)
        raise InputError(
            expected(operation, "baseline", f"one of {known}, a number or a tensor", describe(name))
        ) from error
    try:
        return values.expand_as(inputs).clone(), "given"
    except RuntimeError as error:
        raise InputError(expected(operation, "baseline", f"shape {tuple(inputs.shape)}", describe(values))) from error


def blur(images: Tensor, sigma: float) -> Tensor:
    """Return images (N, C, H, W) under a Gaussian of `sigma` pixels, borders repeated."""
    radius = max(1, round(2.5 * sigma))
    offsets = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    count, channels, height, width = images.shape
    flat = images.reshape(count * channels, 1, height, width)
    flat = conv2d(pad(flat, (radius, radius, 0, 0), mode="replicate"), kernel.view(1, 1, 1, -1))
    flat = conv2d(pad(flat, (0, 0, radius, radius), mode="replicate"), kernel.view(1, 1, -1, 1))
    return flat.reshape(images.shape)
