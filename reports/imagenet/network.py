"""EfficientNet-Lite0 as a factory for a model folder; the architecture comes from the `imagenet` extra."""

from __future__ import annotations

from efficientnet_lite_pytorch import EfficientNet
from torch import nn


def efficientnet_lite0() -> nn.Module:
    """Return the network with random weights; its folder holds the trained ones. Logits (N, 1000)."""
    return EfficientNet.from_name("efficientnet-lite0")
