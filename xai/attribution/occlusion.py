"""Methods that hide parts of the input and watch the output; they need no gradient."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from xai.attribution.hidden_parts import occluded_parts
from xai.base.errors import InputError, describe, names_errors
from xai.inputs.hiding import Replacing, masked_scores
from xai.model.model import Model
from xai.results.explanation import Explanation

__all__ = ["occlusion"]

SLAB = 2**24  # values in masks that are held at a time


@names_errors("occlusion")
def occlusion(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    window: int | tuple[int, int] | None = None,
    stride: int | tuple[int, int] | None = None,
    segments: object = None,
    baseline: object = None,
    of: str = "output",
    layer: str | None = None,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return by how much the output falls when a window is replaced by the baseline, spread over the window.

    Over an image the window slides, with all channels; where windows overlap, a pixel gets the mean of those that cover
    it. Of other inputs one value at a time is replaced; of a series, a value at "zero" is a 0 in the caller's units,
    not padding. Of texts a word at a time is hidden, and of any input a part, where `segments` says what the parts are.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        window: Of images, its side, or height and width, in pixels; by default a seventh of each side.
        stride: By how many pixels it moves; by default half the window.
        segments: What is hidden in place of windows and values: of texts "words", "sentences", "tokens" or other units
            as for `lime_text`; of others what `kernel_shap` takes.
        baseline: What stands in its place: "zero" (where None is given), "mean", "noise", "blur", a number, or a
            tensor. Of texts "mask", "removed" or a string; None is the tokenizer's mask token, where it has one.
        of: What falls: "output" (the network's own), "probability" or "log_probability".
        layer: Whose output to hide parts of in place of the inputs.
        exact: Run the network as it is, never a faster form of it.
        batch_size: How many evaluations at a time; None chooses it.

    Returns:
        values: like the inputs, (N, ...), signed, in units of `of`; of texts, segments and tables with groups of
        columns a list of one number per part, the fall without it.

    Raises:
        InputError: A window does not fit, or the input has no such parts.

    Source: Zeiler, Fergus 2014, arXiv:1311.2901.

    >>> class Product(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x[:, 0] * x[:, 1]
    >>> occlusion(Model(Product(), task="regression"), [[2.0, 3.0]]).values
    tensor([[6., 6.]])
    """
    batch = model.prepare(inputs)
    passes = 64 if len(model.input.axes(batch)) == 2 else 1
    settings = {"of": of, "passes": passes, "exact": exact, "batch_size": batch_size, "layer": layer,
                "scores_only": True}  # fmt: skip
    with model.explaining("occlusion", batch, target, **settings) as session:
        grouped = bool(getattr(session.kind, "groups", None))
        if segments is not None or grouped or not session.inputs.is_floating_point():
            if window is not None or stride is not None:
                raise InputError("window", expected="none beside parts", got=repr(window))
            return occluded_parts(session, segments, baseline, of)
        kind, places = session.kind, session.kind.positions(session.inputs)
        if len(places) == 2:
            size = _pair(_or(window, tuple(max(1, side // 7) for side in places)), "window", places)
            step = _pair(_or(stride, tuple(max(1, side // 2) for side in size)), "stride", places)
            if step[0] > size[0] or step[1] > size[1]:
                raise InputError("stride", expected=f"at most the window {size}, so that no gap is left", got=step)
            windows = _windows(places, size, step)
            options = {"of": of, "window": size, "stride": step}
        else:
            if window is not None or stride is not None:
                raise InputError("window", expected="none, since only images have windows", got=repr(window))
            places, windows = tuple(session.inputs.shape[1:]), None  # each value alone
            options = {"of": of}
        hidden, name = session.baseline("zero" if baseline is None else baseline)
        full = session.scores(session.inputs, session.rows)
        hiding = Replacing(session.inputs, None, hidden[None], places, kind.hide)
        count = len(windows) if windows is not None else math.prod(places)
        values = full.new_zeros(len(session), *places)
        covered = full.new_zeros(places)
        # A mask is as large as the input: of many, a slab is made at a time.
        for part in torch.arange(count).split(max(1, SLAB // math.prod(places))):
            masks = (_singles(part, places) if windows is None else _rectangles(windows, part, places)).to(full.device)
            fall = full[:, None] - masked_scores(session, hiding, ~masks.flatten(1), session.rows, once=False)
            if windows is None:
                values.flatten(1)[:, part] = fall
                continue
            values += torch.einsum("nw,w...->n...", fall, masks.double())
            covered += masks.sum(0)
        values = values if windows is None else values / covered
        shared = (
            session.inputs[0].numel() // values[0].numel()
        )  # the channels of a pixel share its value: the sum is the fall
        values = kind.spread(values.to(session.inputs.dtype), session.inputs).expand_as(session.inputs) / shared
        return session.explanation(
            "occlusion", values.contiguous(), "input", baseline=name, options={**options, "baseline": name}
        )


def _windows(sides: tuple[int, int], size: tuple[int, int], step: tuple[int, int]) -> Tensor:
    """Return top, left, bottom and right of windows (n, 4); the last of a row or column ends at the border."""
    starts = [
        sorted({*range(0, side - length + 1, stride), side - length})
        for side, length, stride in zip(sides, size, step, strict=True)
    ]
    corners = torch.cartesian_prod(*map(torch.tensor, starts))
    return torch.cat([corners, corners + torch.tensor(size)], 1)


def _rectangles(windows: Tensor, numbers: Tensor, sides: tuple[int, ...]) -> Tensor:
    """Return the masks (n, H, W) of the windows with these numbers."""
    top, left, bottom, right = windows[numbers].T[:, :, None]
    rows, columns = (torch.arange(side) for side in sides)
    return ((rows >= top) & (rows < bottom))[:, :, None] & ((columns >= left) & (columns < right))[:, None]


def _singles(numbers: Tensor, places: tuple[int, ...]) -> Tensor:
    """Return the masks (n, ...) of single values."""
    masks = torch.zeros(len(numbers), math.prod(places), dtype=torch.bool)
    masks[torch.arange(len(numbers)), numbers] = True
    return masks.view(-1, *places)


def _or(value: object, default: tuple[int, ...]) -> object:
    return default if value is None else value


def _pair(value: Any, argument: str, sides: tuple[int, ...]) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, Integral) and not isinstance(value, bool) else value
    fits = isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(item, Integral) for item in pair)
    if not fits or not all(1 <= item <= side for item, side in zip(pair, sides, strict=True)):
        wanted = f"one or two whole numbers from 1 to {sides[0]} and {sides[1]}"
        raise InputError(argument, expected=wanted, got=describe(value), operation="occlusion")
    return int(pair[0]), int(pair[1])
