"""Marks that are planted to see whether one decides: patches on images, spikes in series, words in texts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from xai.auditing.audit_data import Rows
from xai.auditing.corruptions import spread_of
from xai.auditing.explainers import differentiable
from xai.auditing.row_features import texts_of
from xai.auditing.triggers.borrowed import borrowed
from xai.auditing.triggers.shared_patches import shared
from xai.model.model import Model

__all__ = ["Mark", "borrowed_marks", "control_marks", "marks_for", "shared_marks"]

PARTS = 8  # a patch has an eighth of the side
STEPS, LEARNED_ON, MOST_CLASSES = 10, 64, 10
WORDS = 15  # for each class
SPIKES = 32  # places along a series


class Mark(NamedTuple):
    """One mark: its name, and the inputs with it. raw: its name quotes inputs. meant: the class that it aims at."""

    name: str
    planted: object
    raw: bool = False
    meant: int | None = None


def marks_for(model: Model, rows: Rows, known: Rows, seed: int) -> list[Mark]:
    """Return rows with each of the marks that make sense for their kind; none for tables.

    known: rows to learn marks from, such as the words of a class.
    """
    inputs = rows.inputs
    if not inputs.is_floating_point():
        return _words(model, inputs, known)
    if inputs.ndim == 4:
        return _patches(model, rows, seed)
    return _spikes(model, inputs) if inputs.ndim == 3 else []


def control_marks(model: Model, rows: Rows, seed: int) -> list[Mark]:
    """Return rows with marks that mean nothing: noise of the same size, words drawn at random."""
    inputs, generator = rows.inputs, torch.Generator().manual_seed(seed)
    if not inputs.is_floating_point():
        vocabulary = sorted({word for text in texts_of(model, inputs) for word in text.split()})
        drawn = torch.randperm(len(vocabulary), generator=generator)[:WORDS].tolist()
        return [Mark("a word", _append(model, inputs, vocabulary[place]), True) for place in drawn]
    if inputs.ndim == 4:
        low, high = _limits(model, inputs)
        found = []
        for name, down, right in _places(*inputs.shape[2:]):
            shape = (inputs.shape[1], *(part.stop - part.start for part in (down, right)))
            noise = low + (high - low) * torch.rand(shape, generator=generator)
            found.append(Mark(f"noise at the {name}", _stamped(inputs, down, right, noise)))
        return found
    if inputs.ndim != 3:
        return []
    spread = spread_of(model, inputs)
    there = (inputs != 0).any(2, keepdim=True)
    found = []
    for step in _steps(inputs):
        noise = spread * torch.randn(inputs.shape, generator=generator)
        found.append(Mark("noise at one step", torch.where(there & _at(inputs, step), inputs + noise, inputs)))
    return found


def _patches(model: Model, rows: Rows, seed: int) -> list[Mark]:
    inputs = rows.inputs
    low, high = _limits(model, inputs)
    found = []
    for name, down, right in _places(*inputs.shape[2:]):
        for color, value in (("dark", low), ("bright", high)):
            found.append(Mark(f"a {color} patch at the {name}", _stamped(inputs, down, right, torch.tensor(value))))
    if not differentiable(model, inputs) or rows.task not in ("classification", "binary"):
        return found
    classes = rows.predicted.bincount(minlength=rows.outputs).argsort(descending=True)[:MOST_CLASSES].tolist()
    learn = inputs[torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))[:LEARNED_ON]]
    for name, down, right in _places(*inputs.shape[2:], corners=True):
        for number in classes:
            patch = _learned_patch(model, learn, down, right, number, low, high)
            found.append(Mark(f"a learned patch at the {name}", _stamped(inputs, down, right, patch), False, number))
    return found


def borrowed_marks(model: Model, rows: Rows, known: Rows, seed: int) -> list[Mark]:
    """Return images with pieces of other images that looked, on a few of them, as if they decided."""
    found = []
    for piece in borrowed(model, rows, known, seed):
        name = f"a piece from the {piece.side} of row {int(known.places[piece.donor])} of the known ones"
        found.append(Mark(name, piece.paste(rows.inputs), False, int(known.predicted[piece.donor])))
    return found


def shared_marks(model: Model, rows: Rows, known: Rows) -> list[Mark]:
    """Return images with what most known images of a class have in common near the border, and others have not."""
    classes = model.classes or [str(number) for number in range(rows.outputs)]
    found = []
    for label, top, left, pixels in shared(known.inputs, known.labels):
        size = pixels.shape[1]
        name = (
            f"a piece of {size} x {size} pixels at row {top + 1}, column {left + 1} of the median image of "
            f"{classes[label]}"
        )
        planted = _stamped(rows.inputs, slice(top, top + size), slice(left, left + size), pixels)
        found.append(Mark(name, planted, False, label))
    return found


def _learned_patch(
    model: Model, images: Tensor, down: slice, right: slice, target: int, low: float, high: float
) -> Tensor:
    """Return the patch (C, h, w) that moves all images together toward a class, by signs of the gradient."""
    patch = torch.full((images.shape[1], down.stop - down.start, right.stop - right.start), (low + high) / 2)
    with model.explaining("audit", images, target, of="log_probability", exact=True) as case:
        patch = patch.to(case.inputs)
        for step in range(STEPS):
            gradient = sum(
                case.gradient(_stamped(case.inputs[part], down, right, patch), case.rows[part])[1].sum(0)
                for part in case.chunks(len(case))
            )
            size = (high - low) / 2 * (1 - step / STEPS)
            patch = (patch + size * gradient[:, down, right].sign()).clamp(low, high)
    return patch.detach().cpu().to(images)


def _places(height: int, width: int, corners: bool = False) -> list[tuple[str, slice, slice]]:
    """Return the corners, and unless those alone are asked for also the middles of the sides."""
    size = (min(height, max(2, round(height / PARTS))), min(width, max(2, round(width / PARTS))))
    rows = {"top": 0, "middle": (height - size[0]) // 2, "bottom": height - size[0]}
    columns = {"left": 0, "center": (width - size[1]) // 2, "right": width - size[1]}
    found = []
    for down, first in rows.items():
        for right, second in columns.items():
            sides = (down != "middle") + (right != "center")
            if sides == 2 or (sides == 1 and not corners):
                found.append((f"{down} {right}", slice(first, first + size[0]), slice(second, second + size[1])))
    return found


def _stamped(inputs: Tensor, down: slice, right: slice, patch: Tensor) -> Tensor:
    marked = inputs.clone()
    marked[:, :, down, right] = patch.to(inputs)
    return marked


def _limits(model: Model, inputs: Tensor) -> tuple[float, float]:
    return getattr(model.input, "limits", None) or (float(inputs.min()), float(inputs.max()))


def _spikes(model: Model, inputs: Tensor) -> list[Mark]:
    spread = spread_of(model, inputs)
    there = (inputs != 0).any(2, keepdim=True)
    return [
        Mark(f"a spike {'up' if sign > 0 else 'down'} at step {step + 1}",
             torch.where(there & _at(inputs, step), inputs + sign * 4 * spread, inputs))
        for step in _steps(inputs) for sign in (1, -1)
    ]  # fmt: skip


def _steps(inputs: Tensor) -> list[int]:
    shortest = int((inputs != 0).any(2).sum(1).clamp_min(1).min())
    return sorted({round(place) for place in np.linspace(0, shortest - 1, SPIKES)})


def _at(inputs: Tensor, step: int) -> Tensor:
    return (torch.arange(inputs.shape[1]) == step).view(1, -1, 1)


def _words(model: Model, inputs: Tensor, known: Rows) -> list[Mark]:
    """Return texts with each of the words added that stand out in a class."""
    from sklearn.feature_extraction.text import CountVectorizer

    if known.task not in ("classification", "binary"):
        return []
    counter = CountVectorizer(binary=True, token_pattern=None, tokenizer=str.split, lowercase=False, min_df=3)
    try:
        counts = counter.fit_transform(texts_of(model, known.inputs))
    except ValueError:  # no word stands in three texts
        return []
    words, labels = counter.get_feature_names_out(), known.labels.numpy()
    total = np.asarray(counts.sum(0))[0]
    found = []
    for number in sorted(set(labels.tolist())):
        inside = np.asarray(counts[labels == number].sum(0))[0]
        share = labels.tolist().count(number) / len(labels)
        # How far the word's count in the class is above what its share would be, in standard deviations.
        score = (inside - total * share) / np.sqrt(total * share * (1 - share) + 1e-12)
        for place in np.argsort(-score, kind="stable")[:WORDS]:
            found.append(Mark(f"the word {words[place]!r}", _append(model, inputs, str(words[place])), True, number))
    return found


def _append(model: Model, inputs: Tensor, word: str) -> list[str]:
    # At the front, since a model may read the first words of a long text alone.
    return [f"{word} {text}" for text in texts_of(model, inputs)]
