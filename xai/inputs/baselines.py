"""Named baselines: what "absent" means for an input. The one that was used stands in the explanation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from xai.base.arrays import all_finite, check_finite
from xai.base.digest import tensor_digest
from xai.base.errors import InputError, describe

__all__ = ["BASELINES", "as_row", "blur", "data_rows", "make_background", "make_baseline"]

BASELINES = ("zero", "mean", "noise", "blur")


def make_baseline(
    name: object,
    inputs: Tensor,
    axes: tuple[int, ...],
    names: tuple[str, ...] = BASELINES,
    present: Tensor | None = None,
    gaps: bool = False,
) -> tuple[Tensor, str | float]:
    """Return a baseline for each input (N, ...), same shape, and its name.

    "zero" is 0 in the caller's units (black), "mean" the mean of each channel over the positions, "noise" normal noise
    with the mean and spread of each channel, drawn from its content, "blur" the image without its detail; a tensor of
    the inputs' shape, or one row of it, is taken as it is.

    Args:
        name: one of `names`, a number, or numbers.
        inputs: (N, ...).
        axes: of the inputs, along which their positions lie.
        names: the baselines that such inputs have.
        present: which positions are no padding, (N, L): "mean" and "noise" are of those, and padding keeps its values.
        gaps: whether NaN is a value of some columns, which rows of data may have where the inputs have none.

    Raises:
        InputError: for another name or shape; for the mean of rows of a table, which have none of their own.
    """
    if present is None:
        return _of_all(name, inputs, axes, names, gaps)
    if isinstance(name, str) and name in ("mean", "noise"):
        made, called = inputs.clone(), name
        for row, present_mask in enumerate(present):
            if bool(present_mask.any()):
                made[row, present_mask] = _of_all(name, inputs[row : row + 1, present_mask], axes, names)[0][0]
    else:
        made, called = _of_all(name, inputs, axes, names, gaps)
    kept = present.view(*present.shape, *[1] * (inputs.ndim - 2))
    return torch.where(kept, made, inputs), called


def _of_all(
    name: object, inputs: Tensor, axes: tuple[int, ...], names: tuple[str, ...], gaps: bool = False
) -> tuple[Tensor, str | float]:
    if isinstance(name, str) and name in names:
        return _named(name, inputs, axes), name
    if isinstance(name, str) and names == ("zero",):
        wanted = '"zero", a number, or numbers such as the mean of training rows (of SHAP also background= rows)'
        raise InputError("baseline", expected=wanted, got=repr(name))
    if isinstance(name, str):
        raise InputError("baseline", expected=f"one of {', '.join(names)} or a tensor", got=repr(name))
    if isinstance(name, int | float) and not isinstance(name, bool):
        check_finite(torch.tensor(float(name)), "baseline")
        return torch.full_like(inputs, float(name)), name
    try:
        values = torch.as_tensor(name, dtype=inputs.dtype, device=inputs.device)
    except (TypeError, ValueError, RuntimeError) as error:
        known = ", ".join(BASELINES)
        raise InputError("baseline", expected=f"one of {known}, a number or a tensor", got=describe(name)) from error
    if not gaps and all_finite(inputs):
        check_finite(values, "baseline")
    try:
        return values.expand_as(inputs).clone(), "given"
    except RuntimeError as error:
        raise InputError("baseline", expected=f"shape {tuple(inputs.shape)}", got=describe(values)) from error


def _named(name: str, inputs: Tensor, axes: tuple[int, ...]) -> Tensor:
    if name == "zero":
        return torch.zeros_like(inputs)
    if name == "mean":
        return inputs.mean(axes, keepdim=True).expand_as(inputs).clone()
    if name == "blur":
        return blur(inputs, max(inputs.shape[2:]) / 8)
    return torch.stack([_noise(row, tuple(axis - 1 for axis in axes)) for row in inputs])


def make_background(
    background: object, inputs: Tensor, make: Callable[[object], tuple[Tensor, str | float]]
) -> tuple[Tensor, str | float]:
    """Return several baselines for each input, (B, N, ...), and their name.

    Args:
        background: a name or number, several of those, or a tensor of B rows of data, each of which stands behind every
            input; that is called "data".
        inputs: (N, ...).
        make: from one of those to a baseline (N, ...) and its name.
    """
    named = str | int | float
    names = [background] if isinstance(background, named) else background
    if isinstance(names, list | tuple) and names and all(isinstance(item, named) for item in names):
        made = [make(item) for item in names]
        called = made[0][1] if len(made) == 1 else ", ".join(str(name) for _, name in made)
        return torch.stack([values for values, _ in made]), called
    return torch.stack([make(row)[0] for row in data_rows(background, inputs)]), "data"


def as_row(values: object, inputs: Tensor) -> Tensor:
    """Return a baseline that was given as numbers with all axes of the inputs, (1 or N, ...), in memory of its own."""
    row = torch.as_tensor(values, dtype=inputs.dtype, device=inputs.device).detach().clone()
    return row.view(*[1] * (inputs.ndim - row.ndim), *row.shape)


def data_rows(rows: object, inputs: Tensor) -> Tensor:
    """Return rows of data as a tensor (B, ...) like the inputs; raises InputError where they are not like them."""
    try:
        data = torch.as_tensor(rows, dtype=inputs.dtype, device=inputs.device)
        data = data[None] if data.shape == inputs.shape[1:] else data  # one row
        if data.ndim == inputs.ndim and data.shape[1:] == inputs.shape[1:] and len(data):
            return data
        got: object = describe(data)
    except (TypeError, ValueError, RuntimeError):
        got = describe(rows)
    wanted = f"names among {', '.join(BASELINES)}, or rows of data, shape (B, {', '.join(map(str, inputs.shape[1:]))})"
    raise InputError("background", expected=wanted, got=got)


def _noise(row: Tensor, axes: tuple[int, ...]) -> Tensor:
    generator = torch.Generator().manual_seed(int(tensor_digest(row)[:12], 16))
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
