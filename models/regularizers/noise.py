"""Gaussian noise: mean 0 and a standard deviation of 1 times a scale, on whatever passes through the training step.

The scale is in units of what it is added to; inputs are standardized by then, so that 0.1 is a tenth of their spread.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from xai.base.errors import InputError, describe, names_errors, within
from xai.network.hooks import find_layer

__all__ = [
    "activation_noise",
    "add_to_gradients",
    "gaussian",
    "gradient_noise",
    "noisy_activations",
    "replaced",
    "target_noise",
    "weight_noise",
]

Noise = Callable[[Tensor, torch.Generator], Tensor]


def gaussian(scale: float) -> Noise:
    """Return (tensor, generator) -> the tensor plus noise: for inputs, gradients, and the functions below.

    >>> gaussian(0.0)(torch.ones(2), torch.Generator()).tolist()
    [1.0, 1.0]
    """
    if not 0 <= scale < float("inf"):
        raise InputError("scale", expected="a finite number from 0", got=scale, operation="noise")
    return lambda tensor, generator: tensor + scale * _normal(tensor, generator)


@names_errors("target_noise")
def target_noise(scale: float) -> Noise:
    """Return noise for the targets of a regression.

    Class numbers are no quantity: for them put `activation_noise` on the network's output, the layer named "".
    """
    add = gaussian(scale)

    def change(target: Tensor, generator: torch.Generator) -> Tensor:
        if not target.is_floating_point():
            raise InputError("target", expected="floating-point targets", got=describe(target))
        return add(target, generator)

    return change


def gradient_noise(scale: float) -> Callable[[nn.Module, torch.Generator], None]:
    """Return (network, generator) -> None: adds noise to each gradient, as a recipe names it."""
    noise = gaussian(scale)
    return lambda network, generator: add_to_gradients(network, noise, generator)


def noisy_activations(
    layers: Sequence[str], scale: float
) -> Callable[[nn.Module, torch.Generator], AbstractContextManager[None]]:
    """Return (network, generator) -> the context of `activation_noise`, as a recipe names it."""
    return lambda network, generator: activation_noise(network, layers, scale, generator)


def add_to_gradients(network: nn.Module, noise: Noise, generator: torch.Generator) -> None:
    """Change each gradient by the noise, between backward and the step; the scale is in units of the gradient itself.

    Neelakantan et al. 2015 (arXiv:1511.06807) let the scale decay over training.
    """
    for parameter in network.parameters():
        if parameter.grad is not None:
            parameter.grad = noise(parameter.grad, generator)


@contextmanager
def activation_noise(
    network: nn.Module, layers: Iterable[str], scale: float, generator: torch.Generator
) -> Generator[None]:
    """Add noise to the output of each named layer inside the body; "" is the network's own output. Leaves no hook."""
    add = gaussian(scale)
    with within("activation_noise"):
        found = [network if name == "" else find_layer(network, name) for name in layers]

    def hook(module: nn.Module, inputs: tuple, output: object) -> object:
        if not isinstance(output, Tensor):
            wanted = "a layer that puts out one tensor"
            raise InputError("layers", expected=wanted, got=type(output).__name__)
        return add(output, generator)

    handles = []
    try:
        handles += [layer.register_forward_hook(hook) for layer in found]
        yield
    finally:
        for handle in handles:
            handle.remove()


def weight_noise(scale: float) -> Callable[[nn.Module, torch.Generator], AbstractContextManager[None]]:
    """Return (network, generator) -> a context: inside it the trained parameters carry noise, after it none at all.

    Hold it around forward and backward, so that the gradient is the one at the noisy weights. What comes back is a
    copy made before, not a subtraction: bit for bit the same.
    """
    add = gaussian(scale)

    def change(network: nn.Module, generator: torch.Generator) -> AbstractContextManager[None]:
        return replaced(network, lambda parameter: add(parameter.detach(), generator))

    return change


@contextmanager
def replaced(network: nn.Module, change: Callable[[Tensor], Tensor], least_axes: int = 0) -> Generator[None]:
    """Let trained parameters (with so many axes) have other values inside the body and their own again after it."""
    chosen = [p for p in network.parameters() if p.requires_grad and p.ndim >= least_axes]
    kept = [parameter.detach().clone() for parameter in chosen]
    try:
        # Through .data, or autograd would refuse the backward pass after the values come back.
        for parameter in chosen:
            parameter.data.copy_(change(parameter))
        yield
    finally:
        for parameter, before in zip(chosen, kept, strict=True):
            parameter.data.copy_(before)


def _normal(tensor: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype).to(tensor.device)
