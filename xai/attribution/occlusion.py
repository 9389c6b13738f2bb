"""Methods that hide parts of the input and watch the output; they need no gradient."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from xai.attribution.hidden_parts import occluded_parts
from xai.base.errors import InputError, LayerError, describe, names_errors
from xai.inputs.base import Input
from xai.inputs.hiding import Replacing, masked_scores
from xai.inputs.tensor import GridActivations
from xai.model.layer_session import LayerSession
from xai.model.map_layers import Reshape, map_layer, noted
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["occlusion"]

SLAB = 2**24  # values in masks that are held at a time


@names_errors("occlusion")
def occlusion(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    window: int | tuple[int, ...] | None = None,
    stride: int | tuple[int, ...] | None = None,
    segments: object = None,
    channels: str = "together",
    baseline: object = None,
    of: str = "output",
    layer: str | None = None,
    reshape: Reshape | None = None,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return by how much the output falls when a window is replaced by the baseline, spread over the window.

    Over an image the window slides, with all channels, and so it does over the maps or the patches' tokens of a layer;
    where windows overlap, a value gets the mean of those that cover it. Of other inputs one value at a time is
    replaced, unless there is a window: it slides over the steps of a series with all their channels, or over all axes
    (channels too) where it has a length for each. Of a series, a value at "zero" is a 0 in the caller's units, not
    padding. Of texts a word at a time is hidden, and of any input a part, where `segments` says what the parts are.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        window: Its sides in pixels (steps, columns), one for all or one for each: of positions, or of all axes of an
            input (C, D, H, W); of a layer's grid in positions. Of images by default a seventh of each side.
        stride: By how many it moves, one for all or one for each; by default half the window.
        segments: What is hidden in place of windows and values: of texts "words", "sentences", "tokens" or other units
            as for `lime_text`; of others what `kernel_shap` takes.
        channels: Of the windows of a series: "together", or "apart" where each channel of a window is hidden alone.
        baseline: What stands in its place: "zero" (where None is given), "mean", "noise", "blur", a number, or a
            tensor. Of texts "mask", "removed" or a string; None is the tokenizer's mask token, where it has one.
        of: What falls: "output" (the network's own), "probability" or "log_probability".
        layer: Whose output to hide parts of in place of the inputs. Of tokens, windows of patches are hidden; class
            tokens stay, and get 0.
        reshape: Where the patches are among the layer's tokens, where that is not found: (tokens before them, H, W).
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
        grouped = bool(getattr(session.kind, "groups", None) or getattr(session.kind, "texts", None))
        if segments is not None or channels != "together" or grouped or not session.inputs.is_floating_point():
            if window is not None or stride is not None:
                raise InputError("window", expected="none beside parts", got=repr(window))
            return occluded_parts(session, segments, baseline, of, channels)
        kind, run = _kind(session, reshape)
        sides = kind.positions(session.inputs)
        options: dict[str, Any] = {"of": of}
        windows = None
        if len(sides) == 2 or window is not None or stride is not None:
            sides = _sides_of(window, stride, sides, tuple(session.inputs.shape[1:]))
            size = _lengths(_or(window, tuple(max(1, side // 7) for side in sides)), "window", sides)
            step = _lengths(_or(stride, tuple(max(1, side // 2) for side in size)), "stride", sides)
            if any(one > other for one, other in zip(step, size, strict=True)):
                raise InputError("stride", expected=f"at most the window {size}, so that no gap is left", got=step)
            windows = _windows(sides, size, step)
            options |= {"window": size, "stride": step}
        else:
            sides = tuple(session.inputs.shape[1:])  # each value alone
        hidden, name = session.baseline("zero" if baseline is None else baseline)
        full = session.scores(session.inputs, session.rows)
        hiding = Replacing(session.inputs, None, hidden[None], sides, kind.hide)
        count = len(windows) if windows is not None else math.prod(sides)
        values = full.new_zeros(len(session), *sides)
        covered = full.new_zeros(sides)
        # A mask is as large as the input: of many, a slab is made at a time.
        for part in torch.arange(count).split(max(1, SLAB // math.prod(sides))):
            masks = (_singles(part, sides) if windows is None else _rectangles(windows, part, sides)).to(full.device)
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
        options = {**options, "baseline": name, **noted(reshape)}
        return session.explanation("occlusion", values.contiguous(), "input", baseline=name, options=options, run=run)


def _kind(session: Session, reshape: Reshape | None) -> tuple[Input, dict[str, object]]:
    """Return the kind of what is hidden, and how it is read: a layer's maps or tokens as a grid where they are one."""
    raw, values = session.made_from, session.inputs
    if reshape is not None and (callable(reshape) or not isinstance(session, LayerSession)):
        got = "a function" if callable(reshape) else "no layer"
        raise InputError("reshape", expected="(tokens before the patches, H, W), of a layer's tokens", got=got)
    images = isinstance(session, LayerSession) and raw is not None and len(session.model.input.axes(raw)) == 2
    if not images or session.layer is None or values.ndim not in (3, 4):
        return session.kind, {}
    try:
        plain = Session.over(session, inputs=raw, made_from=None, layer=None)
        found = map_layer(plain, session.layer, reshape)
    except (LayerError, InputError):
        if reshape is not None:
            raise
        return session.kind, {}  # units without a position in the image, hidden one by one
    if found.before is None and found.axes == (2, 3):
        return session.kind, {}
    return GridActivations(at=found.axes, grid=found.grid, before=found.before), found.named_axes()


def _windows(sides: tuple[int, ...], size: tuple[int, ...], step: tuple[int, ...]) -> Tensor:
    """Return the first and last positions of windows along each side, (n, 2, sides); the last end at the border."""
    starts = [
        torch.tensor(sorted({*range(0, side - length + 1, stride), side - length}))
        for side, length, stride in zip(sides, size, step, strict=True)
    ]
    corners = torch.cartesian_prod(*starts).view(-1, len(sides))
    return torch.stack([corners, corners + torch.tensor(size)], 1)


def _rectangles(windows: Tensor, numbers: Tensor, sides: tuple[int, ...]) -> Tensor:
    """Return the masks (n, *sides) of the windows with these numbers."""
    first, last = windows[numbers].unbind(1)
    masks = torch.ones(len(numbers), *sides, dtype=torch.bool)
    for axis, side in enumerate(sides):
        positions = torch.arange(side)
        inside = (positions >= first[:, axis, None]) & (positions < last[:, axis, None])
        masks &= inside.view(-1, *(side if other == axis else 1 for other in range(len(sides))))
    return masks


def _singles(numbers: Tensor, sides: tuple[int, ...]) -> Tensor:
    """Return the masks (n, ...) of single values."""
    masks = torch.zeros(len(numbers), math.prod(sides), dtype=torch.bool)
    masks[torch.arange(len(numbers)), numbers] = True
    return masks.view(-1, *sides)


def _or(value: object, default: tuple[int, ...]) -> object:
    return default if value is None else value


def _sides_of(window: object, stride: object, positions: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sides along which windows lie: of positions, or of all axes where there is a length for each."""
    for argument in (window, stride):
        if isinstance(argument, tuple | list) and len(argument) == len(shape) != len(positions):
            return shape
    return positions or shape


def _lengths(value: Any, argument: str, sides: tuple[int, ...]) -> tuple[int, ...]:
    several = (value,) * len(sides) if isinstance(value, Integral) and not isinstance(value, bool) else value
    fits = isinstance(several, tuple | list) and len(several) == len(sides)
    whole = fits and all(isinstance(item, Integral) and not isinstance(item, bool) for item in several)
    if not whole or not all(1 <= item <= side for item, side in zip(several, sides, strict=True)):
        count = {1: "a whole number", 2: "one or two whole numbers"}.get(
            len(sides), f"one or {len(sides)} whole numbers"
        )
        wanted = f"{count} from 1 to {' and '.join(map(str, sides))}"
        raise InputError(argument, expected=wanted, got=describe(value), operation="occlusion")
    return tuple(int(item) for item in several)
