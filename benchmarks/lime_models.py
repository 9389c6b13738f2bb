"""Small trained models for the LIME benchmarks: an image network, a text network and a network on tables."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from xai.inputs.image import ImageInput
from xai.inputs.table import TabularInput
from xai.inputs.text import TextInput
from xai.model.model import Model

__all__ = ["Recurrent", "digits_model", "documents", "table_model", "text_model"]


class Bag(nn.Module):
    """Word vectors, summed, and two layers: a light text network."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(words + 2, 32, padding_idx=0, mode="mean")
        self.layers = nn.Sequential(nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 2))

    def forward(self, numbers: Tensor) -> Tensor:
        return self.layers(self.bag(numbers))


class Recurrent(nn.Module):
    """An LSTM that reads each text to its own end."""

    def __init__(self, words: int, hidden: int = 64) -> None:
        super().__init__()
        self.words = nn.Embedding(words + 2, 32, padding_idx=0)
        self.lstm = nn.LSTM(32, hidden, batch_first=True)
        self.last = nn.Linear(hidden, 2)

    def forward(self, numbers: Tensor) -> Tensor:
        outputs, _ = self.lstm(self.words(numbers))
        end = (numbers != 0).sum(1).clamp_min(1) - 1
        return self.last(outputs[torch.arange(len(numbers)), end])


def fitted(network: nn.Module, inputs: Tensor, labels: Tensor, steps: int = 300, rate: float = 3e-3) -> nn.Module:
    """Train for a few seconds with Adam on random batches."""
    optimizer = torch.optim.Adam(network.parameters(), rate)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        chosen = torch.randint(len(inputs), (128,), generator=generator)
        loss = nn.functional.cross_entropy(network(inputs[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


def table_model(columns: int = 12) -> tuple[Model, Tensor]:
    """Return a trained network on columns of different shapes, and its training data."""
    torch.manual_seed(0)
    data = torch.randn(2000, columns)
    data[:, ::3] = data[:, ::3].exp()
    score = data[:, 0] - data[:, 1] * data[:, 2] + 1.5 * data[:, 3].sin() + 0.7 * data[:, 4] - data[:, 5].abs()
    network = nn.Sequential(nn.Linear(columns, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
    network = fitted(network, data, (score > score.median()).long())
    return Model(network, input=TabularInput([f"column {number}" for number in range(columns)])), data


def documents(count: int, length: int = 40, vocabulary: int = 500) -> tuple[list[str], Tensor]:
    """Return texts by Zipf's law and labels that hang on words, and on pairs of words."""
    rng = np.random.default_rng(0)
    chance = 1 / (np.arange(vocabulary) + 10.0)
    words = rng.choice(vocabulary, (count, length), p=chance / chance.sum())
    present = np.stack([(words == number).any(1) for number in range(vocabulary)], 1)
    score = present[:, :60] @ rng.normal(0, 1, 60) + 2 * (present[:, 3] & present[:, 7])
    labels = torch.from_numpy((score > np.median(score)).astype(np.int64))
    return [" ".join(f"w{number}" for number in row) for row in words], labels


def text_model(recurrent: bool = False) -> tuple[Model, list[str]]:
    """Return a trained network on texts (light, or an LSTM), and its texts."""
    torch.manual_seed(0)
    texts, labels = documents(2000)
    kind = TextInput(vocabulary=[f"w{number}" for number in range(500)])
    network = Recurrent(500) if recurrent else Bag(500)
    network = fitted(network, kind.feed(texts), labels, 200 if recurrent else 400, 1e-2)
    return Model(network, input=kind), texts


def digits_model() -> tuple[Model, Tensor]:
    """Return a small convolutional network trained on 28 x 28 pictures of bars and spots, and some pictures."""
    torch.manual_seed(0)
    labels = torch.randint(0, 10, (3000,))
    pictures = torch.rand(3000, 1, 28, 28) * 0.3
    for number in range(10):
        row, column = divmod(number, 4)
        chosen = labels == number
        pictures[chosen, :, 3 + 7 * row : 8 + 7 * row, 2 + 6 * column : 8 + 6 * column] += 0.5
        pictures[chosen, :, 4 + 2 * number : 6 + 2 * number, 4:24] += 0.3
    pictures = pictures.clamp(0, 1)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 49, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    network = fitted(network, pictures, labels, 60, 1e-3)
    return Model(network, input=ImageInput((1, 28, 28))), pictures[:20]
