"""Small networks of several shapes, and one way to train them in a few seconds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

__all__ = ["GRU", "LSTM", "EmbeddingMean", "plain_cnn", "seeded", "strided_cnn", "train"]


def plain_cnn(channels: int, outputs: int, *, size: int = 6, width: int = 16) -> nn.Sequential:
    """Return a CNN without normalization that ends in a global maximum."""
    return nn.Sequential(
        nn.Conv2d(channels, width, size, padding=size // 2), nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU(),
        nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(width, outputs),
    )  # fmt: skip


def strided_cnn(channels: int, outputs: int, *, size: int = 5, width: int = 16) -> nn.Sequential:
    """Return a CNN with batch normalization and strides that ends in a global mean."""
    return nn.Sequential(
        nn.Conv2d(channels, width, size, stride=2, padding=size // 2, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, padding=1, bias=False), nn.BatchNorm2d(2 * width), nn.ReLU(),
        nn.Conv2d(2 * width, width, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, outputs),
    )  # fmt: skip


class EmbeddingMean(nn.Module):
    """The mean of the words' vectors, padding (0) left out, and a small MLP."""

    def __init__(self, words: int, outputs: int, width: int = 12) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Linear(16, outputs))

    def forward(self, numbers: Tensor) -> Tensor:
        present = (numbers != 0).unsqueeze(2)
        vectors = self.embedding(numbers) * present
        return self.head(vectors.sum(1) / present.sum(1).clamp_min(1))


class GRU(nn.Module):
    """A GRU over the words' vectors; reads the maximum of its states, padding (0) left out."""

    def __init__(self, words: int, outputs: int, width: int = 12) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width, padding_idx=0)
        self.gru = nn.GRU(width, 16, batch_first=True)
        self.head = nn.Linear(16, outputs)

    def forward(self, numbers: Tensor) -> Tensor:
        states = self.gru(self.embedding(numbers))[0]
        return self.head(states.masked_fill((numbers == 0).unsqueeze(2), -1.0).amax(1))


class LSTM(nn.Module):
    """An LSTM over the steps of a series (N, T, D); reads the mean of its states."""

    def __init__(self, channels: int, outputs: int, width: int = 24) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, width, batch_first=True)
        self.head = nn.Linear(width, outputs)

    def forward(self, series: Tensor) -> Tensor:
        return self.head(self.lstm(series)[0].mean(1))


def seeded(seed: int, build: Callable[[], nn.Module]) -> nn.Module:
    """Return what `build` makes with the weights of a seed; the global generator stays where it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build()


def train(
    network: nn.Module,
    draw: Callable[[int], tuple[Tensor, Tensor]],
    *,
    steps: int,
    batch: int = 64,
    rate: float = 0.01,
    loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy,
) -> nn.Module:
    """Train on batches that `draw` makes anew, one cycle of the learning rate with Adam; returned in eval mode."""
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    network.train()
    for _ in range(steps):
        inputs, labels = draw(batch)
        optimizer.zero_grad()
        loss(network(inputs), labels).backward()
        optimizer.step()
        schedule.step()
    return network.eval()
