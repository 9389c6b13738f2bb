"""A network with the weights of some layers shuffled: it keeps their size and loses what was learned."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from xai.base.errors import InputError
from xai.model.model import Model
from xai.model.tracing import numbers_on
from xai.network.guard import same_random_state, untouched

__all__ = ["layers_with_weights", "layers_without_weights", "shuffled"]


def layers_with_weights(model: Model, inputs: Tensor) -> list[str]:
    """Name the modules with parameters of their own, in the order of the forward pass.

    What no hook saw run, such as a module whose weights are read directly, counts as early. Raises InputError where
    there are none.
    """
    with untouched(model.network):
        found = model.trace_of(inputs[:1])
    order = {layer.name: position for position, layer in enumerate(found.layers)}
    owners = [name for name, module in model.network.named_modules() if _has_parameters(module)]
    if not owners:
        raise InputError("network", expected="weights that can be shuffled", got="none")
    return sorted(owners, key=lambda name: order.get(name, -1))


def layers_without_weights(model: Model, inputs: Tensor) -> list[str]:
    """Name the innermost modules that have nothing to shuffle, in the order of the forward pass."""
    with untouched(model.network):
        found = model.trace_of(inputs[:1])
    return [layer.name for layer in found.layers if layer.leaf and not layer.parameters]


def _has_parameters(module: nn.Module) -> bool:
    return any(True for _ in module.parameters(recurse=False))


def shuffled(model: Model, inputs: Tensor, layers: Sequence[str], seed: int) -> Model:
    """Return the model with the parameters of these layers shuffled within each tensor, batch-norm statistics refitted.

    A layer is shuffled in the same way whichever others are. Raises InputError where the network cannot be copied, or
    shuffling changes nothing.
    """
    try:
        with torch.inference_mode(False):
            network = copy.deepcopy(model.network).eval()
    except Exception as error:
        got = type(error).__name__
        raise InputError("network", expected="one that can be copied", got=got) from error
    norms: list[_BatchNorm] = []
    with torch.inference_mode(False), torch.no_grad(), same_random_state(network):
        for position, (name, layer) in enumerate(network.named_modules()):
            if name not in layers:
                continue
            generator = torch.Generator().manual_seed(seed * 100_003 + position)
            for parameter in layer.parameters(recurse=False):
                order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
                parameter.copy_(parameter.flatten()[order].view_as(parameter))
            if isinstance(layer, _BatchNorm) and layer.running_mean is not None:
                norms.append(layer)
        copied = model.with_network(network)
        _refit(copied, norms, inputs)
    if copied.digest() == model.digest():
        raise InputError("network", expected="weights that can be shuffled", got="none")
    return copied


def _refit(model: Model, norms: list[_BatchNorm], inputs: Tensor) -> None:
    """Give each batch norm the statistics of what now reaches it, as training would; else random layers saturate."""
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    try:
        if norms:
            numbers_on(model, model.network, inputs)
    finally:
        for norm in norms:
            norm.eval()
