"""Convolve, pool, repeat, flatten, fully connected."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from xai.base.errors import InputError, names_errors

__all__ = ["convolutional"]


@names_errors("convolutional")
def convolutional(
    shape: Sequence[int], classes: int, channels: Sequence[int] = (16, 32, 32), hidden: int = 64, dropout: float = 0.25
) -> nn.Module:
    """Return a network of blocks (3 x 3 convolution, batch norm, ReLU, 2 x 2 max pooling) and two linear layers.

    shape: (channels, height, width) of the images. Puts out logits (N, classes). Layers are named conv1, norm1, ...

    >>> import torch
    >>> convolutional((1, 28, 28), 10)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    depth, height, width = shape
    if min(height, width) >> len(channels) < 1:
        wanted = f"images of at least {2 ** len(channels)} pixels a side for {len(channels)} blocks"
        raise InputError("shape", expected=wanted, got=tuple(shape))
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, size in enumerate(channels, start=1):
        layers[f"conv{number}"] = nn.Conv2d(depth, size, 3, padding=1)
        layers[f"norm{number}"] = nn.BatchNorm2d(size)
        layers[f"relu{number}"] = nn.ReLU()
        layers[f"pool{number}"] = nn.MaxPool2d(2)
        depth, height, width = size, height // 2, width // 2
    layers["flatten"] = nn.Flatten()
    layers["dropout"] = nn.Dropout(dropout)
    layers["hidden"] = nn.Linear(depth * height * width, hidden)
    layers["relu_hidden"] = nn.ReLU()
    layers["logits"] = nn.Linear(hidden, classes)
    return nn.Sequential(layers)
