"""A validation loss that falls, rises and falls too little: when training ends, and with which weights."""

from __future__ import annotations

from torch import nn

from models.lecture.worked.comparing import compare
from models.regularizers.early_stopping import EarlyStopping
from xai.base.experiment import WorkedExample

__all__ = ["worked"]

LOSSES = [3.0, 1.0, 2.0, 1.5, 0.5]


def worked(row: str) -> WorkedExample:
    """Return the epochs at which it stops and at which it was best, and the weight that is put back."""
    network = nn.Linear(1, 1, bias=False)
    stopping = EarlyStopping(network, patience=2)
    last = 0
    for epoch, loss in enumerate(LOSSES, start=1):
        nn.init.constant_(network.weight, float(epoch))  # what an epoch would have learned
        last = epoch
        if stopping(epoch, loss):
            break
    stopping.restore()
    return WorkedExample(
        name="early_stopping",
        row=row,
        shown="Validation losses 3, 1, 2, 1.5, 0.5 with a patience of two epochs: the second is the best, the "
        "fourth the second in a row that is no better, and the fifth never comes. The weight in epoch n is n.",
        comparisons=[
            compare("stops after epoch", 4, last),
            compare("best epoch, its loss", [2, 1], [stopping.best_epoch, stopping.best_loss]),
            compare("weight put back", 2, network.weight),
        ],
    )
