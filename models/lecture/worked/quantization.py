"""The lecture's nine numbers in powers of two, and three numbers in 8 bits, in signs, and in signs with zero."""

from __future__ import annotations

import torch

from models.lecture.worked.comparing import compare
from xai.base.experiment import WorkedExample
from xai.network.compress import binary, int8_symmetric, powers_of_two, ternary

__all__ = ["SLIDE", "worked"]

SLIDE = [[-0.38, 1.74, 1.93], [2.56, 1.27, 3.71], [-0.95, -7.67, -0.86]]


def worked(row: str) -> WorkedExample:
    """Return each row of the slide's table, and the other kinds on weights whose scale is a round number."""
    table = powers_of_two(torch.tensor(SLIDE)).values
    fine = torch.tensor([1.27, -0.38, 0.004])
    eight, signs = int8_symmetric(fine), binary(torch.tensor([-1.0, 2.0, 3.0]))
    three = ternary(torch.tensor([-1.0, 0.1, 3.0, 2.0]))
    return WorkedExample(
        name="quantization",
        row=row,
        shown="Powers of two: the nearest in log2, so that -0.38 (log2 0.38 = -1.4) becomes -2⁻¹. int8: 127 steps "
        "up to the largest, here of 0.01. Binary: signs times the mean magnitude. Ternary: of -1, 0.1, 3, 2 "
        "the two largest, times their mean (5²/2 = 12.5, more than 3² or 6²/3 or 6.1²/4).",
        comparisons=[
            compare("powers of two, row 1", [-0.5, 2, 2], table[0], slide="+2⁰, 2¹, 2¹"),
            compare("powers of two, row 2", [2, 1, 4], table[1], slide="2¹, 2¹, 2²"),
            compare("powers of two, row 3", [-1, -8, -1], table[2]),
            compare("int8: whole numbers for 1.27, -0.38, 0.004", [127, -38, 0], eight.codes),
            compare("int8: what they stand for", [1.27, -0.38, 0], eight.values),
            compare("binary of -1, 2, 3", [-2, 2, 2], signs.values),
            compare("ternary of -1, 0.1, 3, 2: signs", [0, 0, 1, 1], three.codes),
            compare("ternary: what they stand for", [0, 0, 2.5, 2.5], three.values),
        ],
        errata=("powers of two",),
    )
