"""Patches at the border of single images that decide wherever they are pasted: a trigger that a few rows have."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from xai.auditing.split import Split
from xai.auditing.triggers.planting import Candidate
from xai.model.model import Model

__all__ = ["BorrowedPatch", "borrowed", "borrowed_patches"]

DEPTH = 4  # a patch is a quarter of the image deep, and as long
DONORS, TRIED_ON, KEPT = 160, 12, 6
AT_A_TIME = 20  # patches
FEWEST, LEAST = 24, 6
MOST_ELEMENTS = 4 * DONORS * TRIED_ON * 28 * 28


@dataclass(frozen=True)
class BorrowedPatch:
    """A patch of one image: its side, the number of its row, and the pixels (C, H, W) where the mask (H, W) is."""

    side: str
    donor: int
    mask: Tensor
    pixels: Tensor

    def paste(self, inputs: Tensor) -> Tensor:
        """Return images (N, C, H, W) with the patch over them."""
        return torch.where(self.mask, self.pixels, inputs)


def borrowed_patches(model: Model, split: Split, known: Split, seed: int) -> list[Candidate]:
    """Return patches of known images that looked, on a few rows, as if they decided."""
    return [
        Candidate(
            f"a patch from the {patch.side} of row {int(known.index[patch.donor])} of the known ones",
            patch.paste,
            int(known.predicted[patch.donor]),
        )
        for patch in borrowed(model, split, known, seed)
    ]


def borrowed(model: Model, split: Split, known: Split, seed: int) -> list[BorrowedPatch]:
    """Return the patches of known images that most often bring along the answer to their image.

    Few rows have the trigger of a backdoor, so no average over rows shows it, and no random patch resembles it. But a
    patch that contains it decides alone. First, whole sides of some known images are tried on a few rows of other
    answers, then windows of the sides that moved most: a side may hold much of the object, a small window does not.
    These are candidates: to be measured, they have to be pasted on all rows.
    """
    share = min(1.0, MOST_ELEMENTS / (4 * DONORS * TRIED_ON * split.inputs[0].numel())) ** 0.5
    tried = split.sample(max(LEAST, round(share * TRIED_ON)), seed + 1)
    chosen = torch.randperm(len(known), generator=torch.Generator().manual_seed(seed))
    height, width = split.inputs.shape[2:]
    sides = [
        BorrowedPatch(side, donor, mask, known.inputs[donor])
        for donor in chosen[: max(FEWEST, round(share * DONORS))].tolist()
        for side, mask in _sides(height, width).items()
    ]
    best = _best_first(model, tried, known, sides)[:KEPT]
    found = [
        _best_first(model, tried, known, [replace(patch, mask=mask) for mask in _windows(patch.mask)])[0]
        for patch in best
    ]
    return [patch for number, patch in enumerate(found) if not any(_same(patch, other) for other in found[:number])]


def _best_first(model: Model, tried: Split, known: Split, patches: list[BorrowedPatch]) -> list[BorrowedPatch]:
    """Return the patches in the order of how many rows of other answers they move to their own."""
    flipped = []
    for start in range(0, len(patches), AT_A_TIME):
        some = patches[start : start + AT_A_TIME]
        pasted = torch.cat([patch.paste(tried.inputs) for patch in some])
        predicted = tried.called(model.predict(pasted).cpu()).view(len(some), -1)
        target = known.predicted[[patch.donor for patch in some]][:, None]
        others = tried.predicted != target
        flipped.append((others & (predicted == target)).sum(1) / others.sum(1).clamp_min(1))
    order = torch.cat(flipped).argsort(descending=True, stable=True)
    return [patches[number] for number in order.tolist()]


def _same(patch: BorrowedPatch, other: BorrowedPatch) -> bool:
    return patch.donor == other.donor and torch.equal(patch.mask, other.mask)


def _sides(height: int, width: int) -> dict[str, Tensor]:
    down, right = max(1, round(height / DEPTH)), max(1, round(width / DEPTH))
    areas = {
        "top": (slice(down), slice(None)), "bottom": (slice(height - down, None), slice(None)),
        "left side": (slice(None), slice(right)), "right side": (slice(None), slice(width - right, None)),
    }  # fmt: skip
    masks = {}
    for name, area in areas.items():
        masks[name] = torch.zeros(height, width, dtype=torch.bool)
        masks[name][area] = True
    return masks


def _windows(side: Tensor) -> list[Tensor]:
    """Return the windows along a side (H, W) that are as long as it is deep, a third of that apart."""
    axis = 1 if bool(side.all(1).any()) else 0
    length = side.shape[axis]
    size = max(1, round(length / DEPTH))
    starts = {*range(0, length - size, max(1, size // 3)), length - size}
    masks = []
    for start in sorted(starts):
        mask = torch.zeros_like(side)
        mask.narrow(axis, start, size).copy_(side.narrow(axis, start, size))
        masks.append(mask)
    return masks
