"""Filters over a whole image: a color cast, or the strength of a band of frequencies, taken from a class."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from xai.auditing.kinds import class_names, value_range
from xai.auditing.split import Split
from xai.auditing.triggers.planting import Candidate
from xai.model.model import Model

__all__ = ["class_filters", "random_filters"]

BANDS = (
    (0.08, 0.25, "low"),
    (0.25, 0.5, "middle"),
    (0.5, 1.5, "high"),
)  # in shares of the highest frequency along a side
LEAST, MOST, MOST_CLASSES = 20, 300, 10
CASTS = (0.1, 0.2)  # of the range
FINE = 0.8  # in shares of the highest frequency: waves of at most two and a half pixels


def class_filters(model: Model, known: Split) -> list[Candidate]:
    """Return for each class its mean color, and its strength in each band of frequencies, to be put on other images."""
    names, found = class_names(model, known.outputs), []
    limits = value_range(model, known.inputs)
    for label in known.labels.bincount().argsort(descending=True, stable=True)[:MOST_CLASSES].tolist():
        images = known.inputs[known.labels == label][:MOST]
        if len(images) < LEAST:
            continue
        what = "color" if images.shape[1] > 1 else "brightness"
        mean = images.mean((0, 2, 3))
        found.append(Candidate(f'the mean {what} of "{names[label]}"', _cast(mean, limits), label))
        for low, high, name in BANDS:
            band = _band(images.shape[2], images.shape[3], low, high)
            strength = _strength(images, band).median(0).values
            plant = _strengthened(strength, band, limits)
            found.append(Candidate(f'the {name} frequencies of "{names[label]}"', plant, label))
        others = known.inputs[known.labels != label][:MOST]
        if len(others) >= LEAST:
            pattern = _fine(images.mean(0) - others.mean(0))
            found.append(Candidate(f'the fine pattern of "{names[label]}"', _added(pattern, limits), label))
    return found


def random_filters(model: Model, rows: Split, seed: int) -> list[Candidate]:
    """Return casts of random colors, of a tenth and a fifth of the range, which mean nothing."""
    draw, (low, high) = torch.Generator().manual_seed(seed), value_range(model, rows.inputs)
    usual = rows.inputs.mean((0, 2, 3))
    found = []
    for size in CASTS:
        for _ in range(5):
            signs = torch.where(torch.rand(len(usual), generator=draw) < 0.5, -1.0, 1.0)
            found.append(Candidate("a random cast", _cast(usual + size * (high - low) * signs, (low, high))))
    return found


def _cast(mean: Tensor, limits: tuple[float, float]) -> Callable[[Tensor], Tensor]:
    """Return a function that gives images (N, C, H, W) these means of their channels."""

    def plant(images: Tensor) -> Tensor:
        return (images + (mean - images.mean((2, 3)))[:, :, None, None]).clamp(*limits)

    return plant


def _fine(image: Tensor) -> Tensor:
    """Return what varies from pixel to pixel in an image (C, H, W), with its mean: no object does, on average.

    Without the mean, half of a faint pattern would be lost where an image is black.
    """
    waves = torch.fft.rfft2(image)
    fine = torch.fft.irfft2(waves * _band(*image.shape[1:], FINE, 2.0), s=image.shape[1:])
    return fine + image.mean((1, 2))[:, None, None]


def _added(pattern: Tensor, limits: tuple[float, float]) -> Callable[[Tensor], Tensor]:
    """Return a function that adds a pattern (C, H, W) to images."""
    return lambda images: (images + pattern.to(images)).clamp(*limits)


def _band(height: int, width: int, low: float, high: float) -> Tensor:
    """Return which frequencies (H, W // 2 + 1) are in a band."""
    down, right = torch.fft.fftfreq(height) * 2, torch.fft.rfftfreq(width) * 2
    radius = (down[:, None] ** 2 + right[None] ** 2).sqrt()
    return (radius >= low) & (radius < high)


def _strength(images: Tensor, band: Tensor) -> Tensor:
    """Return how large the amplitudes (N, C) of images are in a band, on average."""
    return torch.fft.rfft2(images).abs()[..., band].mean(-1)


def _strengthened(strength: Tensor, band: Tensor, limits: tuple[float, float]) -> Callable[[Tensor], Tensor]:
    """Return a function that gives images (N, C, H, W) this strength in a band, with the phases that they have."""

    def plant(images: Tensor) -> Tensor:
        waves = torch.fft.rfft2(images)
        factor = strength / _strength(images, band).clamp_min(1e-6)
        factor = torch.where(band, factor.clamp(0.1, 10)[..., None, None], 1.0)
        return torch.fft.irfft2(waves * factor, s=images.shape[2:]).to(images).clamp(*limits)

    return plant
