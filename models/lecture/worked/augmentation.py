"""Flips and turns of small images: exact where nothing is drawn, and a 6 that becomes a 9."""

from __future__ import annotations

import torch
from torch import Tensor

from models.lecture.worked.comparing import compare
from models.regularizers.augmentation import CHOICES, augmentation
from xai.base.experiment import WorkedExample

__all__ = ["worked"]

DIGITS = ("mnist", "digits")
SIX = [[0, 1, 1], [1, 0, 0], [1, 1, 1], [1, 0, 1], [1, 1, 1]]
NINE = [[1, 1, 1], [1, 0, 1], [1, 1, 1], [0, 0, 1], [1, 1, 0]]


def worked(row: str) -> WorkedExample:
    """Return mirror images, a 6 turned by half a circle, and the spread of drawn shifts and noise."""
    six = torch.tensor([[SIX]], dtype=torch.float32)
    ramp = torch.arange(64.0).expand(4000, 1, 64, 64)  # brightness is the column: a shift can be read off
    shifted = _change(ramp, shift=8.0)[:, 0, 32, 32] - 32
    noisy = _change(torch.zeros(1, 1, 200, 200), noise=0.3)
    return WorkedExample(
        name="augmentation",
        row=row,
        shown="A row 1 2 3 and a column; a 6 of 3 x 5 pixels mirrored both ways, which is a 9: flips are not among "
        "what the digits' recipes use. Shifts of up to 8 pixels are uniform: their spread is 8/√3.",
        comparisons=[
            compare("flip of 1 2 3", [3, 2, 1], _change(torch.tensor([[[[1.0, 2.0, 3.0]]]]), flip=1.0)),
            compare("flip top to bottom of 1 2 3",
                    [3, 2, 1], _change(torch.tensor([[[[1.0], [2.0], [3.0]]]]), flip_vertical=1.0)),
            compare("a 6 mirrored both ways: the pixels of a 9", NINE, _change(six, flip=1.0, flip_vertical=1.0)),
            compare("chance of a flip for digits", [0, 0], [CHOICES[name].get("flip", 0) for name in DIGITS]),
            compare("spread of 4,000 shifts of up to 8 pixels", 8 / 3**0.5, shifted.double().std(), tolerance=0.1),
            compare("spread of noise 0.3 on 40,000 pixels", 0.3, noisy.double().std(), tolerance=0.005),
        ],
    )  # fmt: skip


def _change(images: Tensor, **settings: float) -> Tensor:
    return augmentation(**settings)(images, torch.Generator().manual_seed(0))
