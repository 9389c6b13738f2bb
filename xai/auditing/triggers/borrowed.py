"""Pieces at the border of single images that decide wherever they are pasted: a mark that some rows wear."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from xai.auditing.audit_data import Rows
from xai.model.model import Model

__all__ = ["Piece", "borrowed"]

DEPTH = 4  # a piece is a quarter of the image deep, and as long
DONORS, TRIED_ON, KEPT = 160, 12, 6
AT_A_TIME = 20  # pieces
FEWEST, LEAST = 24, 6
MOST_ELEMENTS = 4 * DONORS * TRIED_ON * 28 * 28


@dataclass(frozen=True)
class Piece:
    """A piece of one image: where it lies, the number of its row, and the pixels (C, H, W) where the mask (H, W) is."""

    side: str
    donor: int
    mask: Tensor
    pixels: Tensor

    def paste(self, inputs: Tensor) -> Tensor:
        """Return images (N, C, H, W) with the piece over them."""
        return torch.where(self.mask, self.pixels, inputs)


def borrowed(model: Model, rows: Rows, known: Rows, seed: int) -> list[Piece]:
    """Return the pieces of known images that most often bring along the answer to their image.

    A mark that a few rows wear, such as the trigger of a backdoor, is in no average over rows, and no patch that is
    tried blindly looks like it; but the piece that holds it decides by itself. First whole sides of some known images
    are tried on a few rows of other answers, then pieces of the sides that moved most: a side may hold much of the
    object, a piece as small as that does not. To be measured, what is returned has to be pasted on all rows.
    """
    share = min(1.0, MOST_ELEMENTS / (4 * DONORS * TRIED_ON * rows.inputs[0].numel())) ** 0.5
    tried = rows.sample(max(LEAST, round(share * TRIED_ON)), seed + 1)
    chosen = torch.randperm(len(known), generator=torch.Generator().manual_seed(seed))
    height, width = rows.inputs.shape[2:]
    sides = [
        Piece(side, donor, mask, known.inputs[donor])
        for donor in chosen[: max(FEWEST, round(share * DONORS))].tolist()
        for side, mask in _sides(height, width).items()
    ]
    best = _best(model, tried, known, sides)[:KEPT]
    found = [
        _best(model, tried, known, [replace(piece, mask=mask) for mask in _windows(piece.mask)])[0] for piece in best
    ]
    return [piece for place, piece in enumerate(found) if not any(_same(piece, other) for other in found[:place])]


def _best(model: Model, tried: Rows, known: Rows, pieces: list[Piece]) -> list[Piece]:
    """Return the pieces in the order of how many rows of other answers they move to their own."""
    moved = []
    for start in range(0, len(pieces), AT_A_TIME):
        some = pieces[start : start + AT_A_TIME]
        pasted = torch.cat([piece.paste(tried.inputs) for piece in some])
        said = model.predict(pasted).cpu().argmax(1).view(len(some), -1)
        target = known.predicted[[piece.donor for piece in some]][:, None]
        others = tried.predicted != target
        moved.append((others & (said == target)).sum(1) / others.sum(1).clamp_min(1))
    order = torch.cat(moved).argsort(descending=True, stable=True)
    return [pieces[place] for place in order.tolist()]


def _same(piece: Piece, other: Piece) -> bool:
    return piece.donor == other.donor and torch.equal(piece.mask, other.mask)


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
