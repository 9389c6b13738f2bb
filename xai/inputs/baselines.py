"""Named baselines: what "absent" means for an input. The one that was used stands in the explanation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from xai.base.digest import tensor_digest
from xai.base.errors import InputError, describe

__all__ = ["BASELINES", "as_row", "blur", "data_rows", "make_baseline"]

BASELINES = ("zero", "mean", "noise", "blur")


def make_baseline(name: object, inputs: Tensor) -> tuple[Tensor, str | float]:
    """Return a baseline for each input (N, ...), same shape, and its name.

    "zero" is 0 in the caller's units (black), "mean" the mean of each channel of the image or series (steps lie on the
    second axis), "noise" normal noise with the mean and spread of each channel, drawn from its content, "blur" the
    image without its detail; a tensor of the inputs' shape, or one row of it, is taken as it is.
    Raises InputError for the mean of rows of a table: they have none of their own, and the batch's changes with it.
    """
    if isinstance(name, str):
        if name == "zero":
            return torch.zeros_like(inputs), name
        if name == "mean" and inputs.ndim > 2:
            axes = tuple(range(2, inputs.ndim)) if inputs.ndim > 3 else (1,)
            return inputs.mean(axes, keepdim=True).expand_as(inputs).clone(), name
        if name == "blur" and inputs.ndim == 4:
            return blur(inputs, max(inputs.shape[2:]) / 8), name
        if name == "noise" and inputs.ndim > 2:
            return torch.stack([_noise(row) for row in inputs]), name
        if inputs.ndim == 2:
            wanted = '"zero", a number, or numbers such as the mean of training rows (of SHAP also background= rows)'
            raise InputError("baseline", expected=wanted, got=repr(name))
        known = BASELINES if inputs.ndim == 4 else BASELINES[:3]
        raise InputError("baseline", expected=f"one of {', '.join(known)} or a tensor", got=repr(name))
    if isinstance(name, int | float) and not isinstance(name, bool):
        return torch.full_like(inputs, float(name)), name
    try:
        values = torch.as_tensor(name, dtype=inputs.dtype, device=inputs.device)
    except (TypeError, ValueError, RuntimeError) as error:
        known = ", ".join(BASELINES)
        raise InputError("baseline", expected=f"one of {known}, a number or a tensor", got=describe(name)) from error
    try:
        return values.expand_as(inputs).clone(), "given"
    except RuntimeError as error:
        raise InputError("baseline", expected=f"shape {tuple(inputs.shape)}", got=describe(values)) from error


def as_row(values: object, inputs: Tensor) -> Tensor:
    """Return a baseline that was given as numbers with all axes of the inputs, (1 or N, ...), in memory of its own."""
    given = torch.as_tensor(values, dtype=inputs.dtype, device=inputs.device).detach().clone()
    return given.view(*[1] * (inputs.ndim - given.ndim), *given.shape)


def data_rows(rows: object, inputs: Tensor) -> Tensor:
    """Return rows of data as a tensor (B, ...) like the inputs; raises InputError where they are not like them."""
    try:
        data = torch.as_tensor(rows, dtype=inputs.dtype, device=inputs.device)
        if data.ndim == inputs.ndim and data.shape[1:] == inputs.shape[1:] and len(data):
            return data
        got: object = describe(data)
    except (TypeError, ValueError, RuntimeError):
        got = describe(rows)
    wanted = f"names among {', '.join(BASELINES)}, or rows of data, shape (B, {', '.join(map(str, inputs.shape[1:]))})"
    raise InputError("background", expected=wanted, got=got)


def _noise(row: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(int(tensor_digest(row)[:12], 16))
    axes = (1, 2) if row.ndim == 3 else (0,)  # of an image (C, H, W), of a series (T, D)
    draw = torch.randn(row.shape, generator=generator, dtype=row.dtype).to(row.device)
    return row.mean(axes, keepdim=True) + row.std(axes, keepdim=True, correction=0) * draw


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
