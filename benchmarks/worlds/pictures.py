"""What the pictures of several worlds are made of: smooth backgrounds and patches that do not touch."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

import xai
from benchmarks.worlds.case import Case, Rejected, confirmed, region_truth

__all__ = ["Pictures", "accepted_rows", "batches_with_holes", "corners", "masks_of", "paste", "smooth_noise"]

TRIES = 6  # pictures drawn for each that is asked for


class Pictures(NamedTuple):
    """images (N, C, H, W), the class of each (N,), and masks (N, H, W) of what decides, 0 everywhere for none."""

    images: Tensor
    labels: Tensor
    masks: Tensor


def smooth_noise(count: int, side: int, generator: torch.Generator) -> Tensor:
    """Return smooth noise (count, 1, side, side) of mean 0 and a standard deviation of about 1."""
    noise = torch.randn(count, 1, side, side, generator=generator)
    for _ in range(3):  # three boxes are nearly a Gaussian
        noise = avg_pool2d(pad(noise, (2, 2, 2, 2), mode="reflect"), 5, 1)
    return noise / noise.std()


def corners(count: int, patches: int, side: int, cell: int, patch: int, generator: torch.Generator) -> Tensor:
    """Return the corners (count, patches, 2) of patches in different cells of a grid, each moved within its cell."""
    across = side // cell
    cells = torch.rand(count, across**2, generator=generator).argsort(1)[:, :patches]
    offsets = torch.randint(0, cell - patch + 1, (count, patches, 2), generator=generator)
    return cell * torch.stack([cells // across, cells % across], 2) + offsets


def paste(images: Tensor, patches: Tensor, positions: Tensor, combine: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Return images (N, C, H, W) with patches (N, P, C, h, w) at corners (N, P, 2), `combine`d with what was there."""
    images = images.clone()
    height, width = patches.shape[-2:]
    for image, own, corner in zip(images, patches, positions.tolist(), strict=True):
        for patch, (top, left) in zip(own, corner, strict=True):
            there = image[:, top : top + height, left : left + width]
            image[:, top : top + height, left : left + width] = combine(there, patch)
    return images


def masks_of(positions: Tensor, which: Tensor, side: int, patch: int) -> Tensor:
    """Return masks (N, side, side): 1 where one of the patches chosen by `which` (N, P) stands."""
    masks = torch.zeros(len(positions), side, side)
    for mask, corner, chosen in zip(masks, positions.tolist(), which.tolist(), strict=True):
        for (top, left), one in zip(corner, chosen, strict=True):
            if one:
                mask[top : top + patch, left : left + patch] = 1.0
    return masks


def batches_with_holes(
    images: Tensor, labels: Tensor, masks: Tensor, generator: torch.Generator, baseline: float = 0.5, block: int = 4
) -> Callable[[int], tuple[Tensor, Tensor]]:
    """Return what draws batches from pictures, with holes of the baseline where nothing decides.

    Each picture loses a random share of its blocks anew, so that networks learn that such a hole means nothing.
    """

    def draw(count: int) -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(images), (count,), generator=generator)
        height, width = images.shape[2:]
        share = torch.rand(count, 1, 1, 1, generator=generator)
        holes = torch.rand(count, 1, -(-height // block), -(-width // block), generator=generator) < share
        holes = holes.repeat_interleave(block, 2).repeat_interleave(block, 3)[:, :, :height, :width]
        holes = holes & (masks[rows][:, None] == 0)
        return images[rows].masked_fill(holes, baseline), labels[rows]

    return draw


def accepted_rows(
    family: str,
    shape: str,
    seed: int,
    model: xai.Model,
    drawn: Pictures,
    other_masks: Tensor | None,
    other_target: Tensor,
    strangers: Tensor,
    baseline: Tensor,
    rows: int,
    accuracy: float,
    region: Tensor | None = None,
    decoys: Tensor | None = None,
) -> Case:
    """Return a case of the first `rows` pictures that interventions confirm; raises Rejected where there are too few.

    other_masks: what decides `other_target`, None where nothing in the picture does. region: see `confirmed`.
    """
    target = drawn.labels.tolist()
    right, fall, kept = confirmed(model, drawn.images, target, drawn.masks, baseline, strangers, region)
    chosen = torch.where(right)[0][:rows]
    if len(chosen) < rows:
        raise Rejected(f"interventions confirm {int(right.sum())} of {len(target)} pictures, {rows} asked")
    images, masks = drawn.images[chosen], drawn.masks[chosen]
    target, other = drawn.labels[chosen].tolist(), other_target[chosen].tolist()
    others = None if other_masks is None else region_truth(model, images, other, other_masks[chosen], baseline)
    return Case(
        family, shape, seed, model, images, target, other,
        region_truth(model, images, target, masks, baseline), baseline, others,
        None if decoys is None else list(decoys[chosen]),
        accuracy=accuracy, fall=float(fall[chosen].min()), kept=float(kept[chosen].max()),
    )  # fmt: skip
