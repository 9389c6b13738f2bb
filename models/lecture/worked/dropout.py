"""Two units, four subnetworks: their average is the scaled network, unless a ReLU comes behind."""

from __future__ import annotations

import torch
from torch import nn

from models.lecture.worked.comparing import compare
from models.regularizers.dropout import subnetwork_average
from xai.base.experiment import WorkedExample

__all__ = ["worked"]


def worked(row: str) -> WorkedExample:
    """Return the average over subnetworks beside the one network of test time, with and without a ReLU behind."""
    ones = torch.ones(1, 2, dtype=torch.float64)
    linear, kinked = nn.Sequential(nn.Dropout(0.5), _sum()), nn.Sequential(nn.Dropout(0.5), _sum(), nn.ReLU())
    rare = subnetwork_average(nn.Sequential(nn.Dropout(0.25), _sum()).eval(), "0", ones)
    straight, bent = (subnetwork_average(network.eval(), "0", ones) for network in (linear, kinked))
    torch.manual_seed(0)
    drawn = nn.Dropout(0.25).train()(torch.ones(40_000))
    return WorkedExample(
        name="dropout",
        row=row,
        shown="Two units of 1, summed, less 2. With a chance of 1/2 to drop, PyTorch doubles those kept: sums of 0, "
        "2, 2, 4, less 2, average 0, and 0 without dropout. With a ReLU behind: 0, 0, 0, 2, average 1/2, but "
        "still 0 without.",
        comparisons=[
            compare("linear: average of subnetworks, scaled network", [0, 0], [straight.average, straight.scaled]),
            compare("at a chance of 1/4 the same", [0, 0], [rare.average, rare.scaled]),
            compare("ReLU behind: average, scaled", [0.5, 0], [bent.average, bent.scaled]),
            compare("the gap", 0.5, bent.gap),
            compare("chance 1/4 to drop: share of 40,000 elements dropped", 0.25, (drawn == 0).double().mean(),
                    slide="for each mini-batch, not element", tolerance=0.01),
            compare("what is kept is scaled by 1/(1 - 1/4)", 4 / 3, drawn.max(),
                    slide="weights times the chance to keep, at test time"),
        ],
        errata=("dropout's p", "dropout's draw"),
    )  # fmt: skip


def _sum() -> nn.Linear:
    layer = nn.Linear(2, 1).double()
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.bias.fill_(-2.0)
    return layer
