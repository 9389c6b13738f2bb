"""Strips at the border of single images that decide wherever they are pasted: a mark that some rows wear."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from xai.auditing.data import Rows
from xai.core.model import Model

__all__ = ["Strip", "borrowed"]

DEPTH = 4  # a strip is a quarter of the image deep
DONORS, TRIED_ON, KEPT = 160, 12, 6
AT_A_TIME = 20  # donors
FEWEST, LEAST = 24, 6
MOST_ELEMENTS = 4 * DONORS * TRIED_ON * 28 * 28


@dataclass(frozen=True)
class Strip:
    """One side of one image: the number of its row, and its pixels (C, H, W) where the mask (H, W) is true."""

    side: str
    donor: int
    mask: Tensor
    pixels: Tensor

    def paste(self, inputs: Tensor) -> Tensor:
        """Return images (N, C, H, W) with the strip over them."""
        return torch.where(self.mask, self.pixels, inputs)


def borrowed(model: Model, rows: Rows, known: Rows, seed: int) -> list[Strip]:
    """Return the strips of known images that most often bring along the answer to their image.

    A mark that a few rows wear, such as the trigger of a backdoor, is in no average over rows, and no patch that is
    tried blindly looks like it; but the strip that holds it decides by itself. Each strip of some known images is tried
    on a few rows of other answers here; to be measured, it has to be pasted on all.
    """
    share = min(1.0, MOST_ELEMENTS / (4 * DONORS * TRIED_ON * rows.inputs[0].numel())) ** 0.5
    donors = known.sample(max(FEWEST, round(share * DONORS)), seed)
    tried = rows.sample(max(LEAST, round(share * TRIED_ON)), seed + 1)
    numbers = _places_in(known, donors)
    found: list[tuple[float, Strip]] = []
    for side, mask in _sides(*rows.inputs.shape[2:]).items():
        for some in torch.arange(len(donors)).split(AT_A_TIME):
            pasted = torch.where(mask, donors.inputs[some, None], tried.inputs)  # (donors, rows, C, H, W)
            said = model.predict(pasted.flatten(0, 1)).cpu().argmax(1).view(len(some), -1)
            target = donors.predicted[some, None]
            others = tried.predicted != target
            moved = (others & (said == target)).sum(1) / others.sum(1).clamp_min(1)
            for place, share in zip(some.tolist(), moved.tolist()):
                found.append((share, Strip(side, numbers[place], mask, donors.inputs[place])))
    found.sort(key=lambda item: -item[0])
    return [strip for _, strip in found[:KEPT]]


def _places_in(known: Rows, drawn: Rows) -> list[int]:
    numbers = {place: number for number, place in enumerate(known.places.tolist())}
    return [numbers[place] for place in drawn.places.tolist()]


def _sides(height: int, width: int) -> dict[str, Tensor]:
    down, right = max(1, round(height / DEPTH)), max(1, round(width / DEPTH))
    parts = {
        "top": (slice(down), slice(None)), "bottom": (slice(height - down, None), slice(None)),
        "left side": (slice(None), slice(right)), "right side": (slice(None), slice(width - right, None)),
    }  # fmt: skip
    masks = {}
    for name, where in parts.items():
        masks[name] = torch.zeros(height, width, dtype=torch.bool)
        masks[name][where] = True
    return masks
