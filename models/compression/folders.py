"""Factories that rebuild a compressed network, so that it is a model folder like any other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.compression.chain import layers_in_order, shape_units
from models.compression.quantization import quantize_activations
from models.compression.structural import Keep, prune_units
from xai.base.errors import InputError
from xai.model.factory import build_network

LARGEST_EXAMPLE = 10**8  # numbers of one input; a folder says its shape, and a batch of it is run

__all__ = ["coarse", "coarse_arguments", "smaller", "smaller_arguments"]


def smaller(
    factory: str, arguments: dict, sizes: dict[str, int], shape: Sequence[int], tokens: bool = False
) -> nn.Module:
    """Build the network of a factory and leave `sizes` units in each named layer; the weights come from the folder.

    shape: of one input without the batch axis. tokens: the input is whole numbers.

    >>> factory, arguments = "models.networks.convolutional:convolutional", {"shape": [1, 8, 8], "classes": 3}
    >>> network = smaller(factory, {**arguments, "channels": [4, 8]}, {"conv1": 2, "hidden": 5}, [1, 8, 8])
    >>> network.conv1.out_channels, network.conv2.in_channels, network.logits.in_features
    (2, 2, 5)
    """
    network = build_network(None, factory, arguments, trust_code=False)
    keep: Keep = {name: torch.arange(size) for name, size in sizes.items()}
    return prune_units(network, keep, _example(shape, tokens))


def smaller_arguments(
    factory: str, arguments: dict, network: nn.Module, keep: Keep, shape: Sequence[int], tokens: bool = False
) -> dict[str, object]:
    """Return the arguments with which `smaller` rebuilds a network that `prune_units` made."""
    order = layers_in_order(network, _example(shape, tokens))
    sizes = {name: shape_units(order[name]) for name in keep}
    made: dict[str, object] = {"factory": factory, "arguments": arguments, "sizes": sizes, "shape": list(shape)}
    return {**made, "tokens": True} if tokens else made


def coarse(factory: str, arguments: dict, kind: str, layers: Sequence[str]) -> nn.Module:
    """Build the network of a factory with quantized activations; quantized weights are plain weights of the folder."""
    return quantize_activations(build_network(None, factory, arguments, trust_code=False), kind, layers)


def coarse_arguments(factory: str, arguments: dict, kind: str, layers: Sequence[str]) -> dict[str, object]:
    """Return the arguments with which `coarse` rebuilds a network."""
    return {"factory": factory, "arguments": arguments, "kind": kind, "layers": list(layers)}


def _example(shape: Sequence[int], tokens: bool) -> Tensor:
    if math.prod(shape) > LARGEST_EXAMPLE:
        raise InputError(
            "shape", expected=f"at most {LARGEST_EXAMPLE:,} numbers", got=math.prod(shape), operation="smaller"
        )
    if tokens:
        return torch.zeros(2, *shape, dtype=torch.int64)
    return torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
