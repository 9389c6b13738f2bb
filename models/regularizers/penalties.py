"""Weight penalties: J~ = J + alpha * Omega(weights)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from xai.base.errors import InputError, names_errors

__all__ = ["l1", "l2", "total", "weights"]

Penalty = Callable[[nn.Module], Tensor]


def weights(network: nn.Module) -> Iterator[nn.Parameter]:
    """Yield what a penalty counts: trained parameters with two axes or more, so no biases and no scales of a norm."""
    return (parameter for parameter in network.parameters() if parameter.requires_grad and parameter.ndim >= 2)


def l1(alpha: float) -> Penalty:
    """Return network -> alpha * sum |w|: a pull of the same strength on each weight, until it is zero.

    >>> network = nn.Linear(2, 1)
    >>> _ = nn.init.constant_(network.weight, -3.0)
    >>> float(l1(0.5)(network).detach())
    3.0
    """
    _check("l1", alpha)
    return lambda network: alpha * _sum(network, lambda weight: weight.abs().sum())


def l2(alpha: float) -> Penalty:
    """Return network -> alpha * 1/2 * sum w^2, whose gradient is alpha * w: the larger a weight, the harder the pull.

    (The lecture's second line takes the root of the sum, which is the norm and not the penalty.)

    >>> network = nn.Linear(2, 1)
    >>> _ = nn.init.constant_(network.weight, -3.0)
    >>> float(l2(0.5)(network).detach())
    4.5
    """
    _check("l2", alpha)
    return lambda network: alpha * _sum(network, lambda weight: weight.square().sum() / 2)


@names_errors("total")
def total(*penalties: Penalty) -> Penalty:
    """Return the sum of several penalties as one."""
    if not penalties:
        raise InputError("penalties", expected="at least one", got="none")
    return lambda network: torch.stack([penalty(network) for penalty in penalties]).sum()


def _sum(network: nn.Module, size: Callable[[Tensor], Tensor]) -> Tensor:
    sizes = [size(weight) for weight in weights(network)]
    return torch.stack(sizes).sum() if sizes else torch.zeros(())


def _check(operation: str, alpha: float) -> None:
    if not 0 <= alpha < float("inf"):
        raise InputError("alpha", expected="a finite number from 0", got=alpha, operation=operation)
