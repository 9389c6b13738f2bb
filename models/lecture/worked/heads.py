"""Four kinds of question: the loss of each, from logits whose probabilities are fractions."""

from __future__ import annotations

import math

import torch

from models.heads import HEADS
from models.lecture.worked.comparing import compare
from xai.base.experiment import WorkedExample

__all__ = ["worked"]


def worked(row: str) -> WorkedExample:
    """Return the four losses, each the mean over rows and labels."""
    ln = math.log
    numbers = HEADS["regression"].loss(_rows([3], [1]), _rows([1], [1]))
    yes = HEADS["binary"].loss(_rows([ln(3)]), torch.tensor([1.0]))
    no = HEADS["binary"].loss(_rows([ln(3)]), torch.tensor([0.0]))
    one = HEADS["classification"].loss(_rows([0, ln(2), ln(5)]), torch.tensor([2]))
    several = HEADS["multilabel"].loss(_rows([ln(3), -ln(3)]), _rows([1, 1]))
    extreme = HEADS["binary"].loss(_rows([1000]), torch.tensor([0.0]))
    return WorkedExample(
        name="heads",
        row=row,
        shown="Linear with mean squared error; sigmoid with binary cross entropy; softmax with cross entropy; "
        "sigmoid with binary cross entropy of each label. Logits ln 3 and -ln 3 are chances of 3/4 and 1/4.",
        comparisons=[
            compare("regression: answers 3, 1 for 1, 1: (4 + 0)/2", 2, numbers),
            compare("binary: chance 3/4, it is: -ln 3/4", ln(4 / 3), yes),
            compare("binary: chance 3/4, it is not: -ln 1/4", ln(4), no),
            compare("one of many: chances 1/8, 2/8, 5/8, the third: -ln 5/8", ln(8 / 5), one),
            compare("several of many: 3/4 and 1/4, both are: (ln 4/3 + ln 4)/2", ln(16 / 3) / 2, several),
            compare("binary from the logit 1000, it is not: no overflow", 1000, extreme),
        ],
    )


def _rows(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)
