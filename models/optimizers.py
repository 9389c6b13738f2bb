"""The lecture's seven optimizers by name, over torch.optim.

In the rules, w is a weight, g the gradient of the loss at w, and a the learning rate; everything is per weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from xai.base.errors import InputError

__all__ = ["OPTIMIZERS", "make_optimizer"]

Parameters = Iterable[Tensor]


def gradient_descent(parameters: Parameters, learning_rate: float) -> torch.optim.Optimizer:
    """w <- w - a g."""
    return torch.optim.SGD(parameters, lr=learning_rate)


def momentum(parameters: Parameters, learning_rate: float) -> torch.optim.Optimizer:
    """v <- 0.9 v + g; w <- w - a v: a decaying sum of all past gradients.

    torch keeps the learning rate out of v, Polyak's form has v <- 0.9 v + a g; the paths differ only where a changes.
    Source: Polyak 1964, doi:10.1016/0041-5553(64)90137-5.
    """
    return torch.optim.SGD(parameters, lr=learning_rate, momentum=0.9)


def nesterov(parameters: Parameters, learning_rate: float) -> torch.optim.Optimizer:
    """v <- 0.9 v + g; w <- w - a (g + 0.9 v).

    Nesterov takes the gradient at the point ahead, u = w - a 0.9 v: v <- 0.9 v + gradient(u), w <- w - a v. torch
    stores u in place of w: the same path, read one look-ahead further on.
    Source: Nesterov 1983; the reparametrization in Bengio et al. 2013, arXiv:1212.0901.
    """
    return torch.optim.SGD(parameters, lr=learning_rate, momentum=0.9, nesterov=True)


def adagrad(parameters: Parameters, learning_rate: float) -> torch.optim.Optimizer:
    """s <- s + g^2; w <- w - a g / (sqrt(s) + 1e-10). Source: Duchi et al. 2011, JMLR 12."""
    return torch.optim.Adagrad(parameters, lr=learning_rate)


def adadelta(parameters: Parameters, learning_rate: float) -> torch.optim.Optimizer:
    """s <- 0.9 s + 0.1 g^2; d = g sqrt(u + 1e-6) / sqrt(s + 1e-6); u <- 0.9 u + 0.1 d^2; w <- w - a d.

    The paper has no learning rate: a = 1. Source: Zeiler 2012, arXiv:1212.5701.
    """
    return torch.optim.Adadelta(parameters, lr=learning_rate, rho=0.9, eps=1e-6)


def rmsprop(parameters: Parameters, learning_rate: float) -> torch.optim.Optimizer:
    """s <- 0.99 s + 0.01 g^2; w <- w - a g / (sqrt(s) + 1e-8).

    Hinton's lecture has 0.9 and 0.1; 0.99 is torch's default. Source: Tieleman, Hinton 2012, lecture 6.5.
    """
    return torch.optim.RMSprop(parameters, lr=learning_rate)


def adam(parameters: Parameters, learning_rate: float) -> torch.optim.Optimizer:
    """m <- 0.9 m + 0.1 g; v <- 0.999 v + 0.001 g^2; w <- w - a M / (sqrt(V) + 1e-8).

    M = m / (1 - 0.9^t) and V = v / (1 - 0.999^t) at step t undo that m and v begin at 0.
    Source: Kingma, Ba 2015, arXiv:1412.6980.
    """
    return torch.optim.Adam(parameters, lr=learning_rate)


OPTIMIZERS: dict[str, Callable[[Parameters, float], torch.optim.Optimizer]] = {
    "sgd": gradient_descent,
    "momentum": momentum,
    "nag": nesterov,
    "adagrad": adagrad,
    "adadelta": adadelta,
    "rmsprop": rmsprop,
    "adam": adam,
    "gradient_descent": gradient_descent,  # the lecture's name for sgd
}


def make_optimizer(name: str, parameters: Parameters, learning_rate: float) -> torch.optim.Optimizer:
    """Return the optimizer of that name; raises InputError with the known names for another."""
    if name not in OPTIMIZERS:
        raise InputError("optimizer", expected=f"one of {', '.join(OPTIMIZERS)}", got=repr(name), operation="train")
    if not (learning_rate > 0 and math.isfinite(learning_rate)):
        raise InputError("learning_rate", expected="a number above 0", got=learning_rate, operation="train")
    return OPTIMIZERS[name](parameters, learning_rate)
