"""Stop when the validation loss has not improved for a while, and go back to where it was best."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xai.base.arguments import whole_number
from xai.base.errors import InputError, names_errors

__all__ = ["EarlyStopping"]


class EarlyStopping:
    """Called after each epoch with its number and validation loss; True once training should stop.

    patience: so many epochs in a row without an improvement of more than `least` are waited for. The weights and
    buffers of the best epoch are kept in `best_state`, copied, and `restore()` puts them back. A loss that is not
    finite is no improvement.

    >>> stopping = EarlyStopping(nn.Linear(1, 1), patience=2)
    >>> [stopping(epoch, loss) for epoch, loss in enumerate([3.0, 1.0, 2.0, 1.5])]
    [False, False, False, True]
    >>> stopping.best_epoch
    1
    """

    @names_errors("EarlyStopping")
    def __init__(self, network: nn.Module, patience: int = 5, least: float = 0.0) -> None:
        if not 0 <= least < float("inf"):
            raise InputError("least", expected="a finite number from 0", got=least)
        self.patience = whole_number("patience", patience, 1)
        self.network, self.least = network, least
        self.best_epoch: int | None = None
        self.best_loss = float("inf")
        self.best_state: dict[str, Tensor] | None = None
        self.waited = 0

    def __call__(self, epoch: int, loss: float) -> bool:
        if loss < self.best_loss - self.least:
            self.best_epoch, self.best_loss, self.waited = epoch, float(loss), 0
            self.best_state = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        else:
            self.waited += 1
        return self.waited >= self.patience

    def restore(self) -> None:
        """Give the network the weights of its best epoch; raises InputError where there was none."""
        if self.best_state is None:
            raise InputError("loss", expected="a finite one in at least one epoch", got="none")
        with torch.no_grad():
            self.network.load_state_dict(self.best_state)
