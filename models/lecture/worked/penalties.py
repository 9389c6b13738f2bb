"""L1 and L2 of the weights 3 and -4, and the pull of each."""

from __future__ import annotations

import torch
from torch import nn

from models.lecture.worked.comparing import compare, gradient
from models.regularizers.penalties import Penalty, l1, l2
from xai.base.experiment import WorkedExample

__all__ = ["worked"]


def worked(row: str) -> WorkedExample:
    """Return both penalties at alpha 1/2 and their gradients."""
    first, slope = _penalty(l1(0.5))
    second, harder = _penalty(l2(0.5))
    return WorkedExample(
        name="penalties",
        row=row,
        shown="Weights 3 and -4, a bias of 7 that no penalty counts, alpha 1/2.",
        comparisons=[
            compare("L1: 1/2·(3 + 4)", 3.5, first, slide="7: alpha is missing on the right"),
            compare("its gradient: of the same size for each", [0.5, -0.5], slope),
            compare("L2: 1/2·1/2·(9 + 16)", 6.25, second, slide="the root, 5, in the second line"),
            compare("its gradient: alpha·w", [1.5, -2], harder),
        ],
        errata=("weight penalties", "the L2 penalty"),
    )


def _penalty(penalty: Penalty) -> tuple[torch.Tensor, torch.Tensor]:
    network = nn.Linear(2, 1)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[3.0, -4.0]]))
        network.bias.fill_(7.0)
    value = penalty(network)
    value.backward()
    return value, gradient(network.weight)
