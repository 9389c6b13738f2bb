"""A data set small enough to train on within a test, and a network for it."""

from __future__ import annotations

import torch
from torch import nn

from models.datasets import Dataset
from models.networks.feedforward import feedforward
from xai.inputs.tensor import TensorInput

__all__ = ["Patient", "blobs", "network"]


def blobs(rows: int = 60, **fields: object) -> Dataset:
    """Return points of three classes around three corners."""
    generator = torch.Generator().manual_seed(0)
    corners = torch.tensor([[2.0, 0.0], [-1.0, 2.0], [-1.0, -2.0]])
    labels = torch.arange(rows) % 3
    points = corners[labels] + 0.5 * torch.randn(rows, 2, generator=generator)
    held = rows // 4
    return Dataset(
        **{
            "name": "blobs",
            "input": TensorInput(),
            "classes": ("a", "b", "c"),
            "train_inputs": points[held:],
            "train_labels": labels[held:],
            "test_inputs": points[:held],
            "test_labels": labels[:held],
            **fields,
        }
    )


def network(dropout: float = 0.5, seed: int = 0) -> nn.Module:
    """Return a dense network with dropout, so that a run depends on every random state there is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return feedforward(2, 3, hidden=[8], dropout=dropout)


class Patient:
    """A stopping rule that is given the network and never stops before its epoch."""

    def __init__(self, network: nn.Module, at: int) -> None:
        self.network, self.at = network, at

    def __call__(self, epoch: int, loss: float) -> bool:
        return epoch >= self.at
