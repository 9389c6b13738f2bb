"""Networks, data and a short training that the tests of pruning and quantization share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

ARGUMENTS = {"shape": [1, 8, 8], "classes": 3, "channels": [6, 8], "hidden": 10}


def trained_like(network: nn.Module) -> nn.Module:
    """Give batch norms statistics and scales other than 0 and 1, as after training."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0, 0.3)
    return network.eval()


class Reader(nn.Module):
    """A recurrent network that answers from its last output, or from its final state."""

    def __init__(self, kind: str, layers: int = 1, from_state: bool = False, relu: bool = False) -> None:
        super().__init__()
        settings = {"nonlinearity": "relu"} if relu else {}
        self.rnn = getattr(nn, kind)(3, 7, layers, batch_first=True, **settings)
        self.head = nn.Linear(7, 2)
        self.from_state = from_state

    def forward(self, x: Tensor) -> Tensor:
        output, state = self.rnn(x)
        state = state[0] if isinstance(state, tuple) else state
        return self.head(state[-1] if self.from_state else output[:, -1])


def blobs() -> tuple[Tensor, Tensor]:
    labels = torch.arange(120) % 3
    draw = torch.Generator().manual_seed(0)
    return torch.randn(120, 6, generator=draw) + 3 * functional.one_hot(labels, 6), labels


def fit(network: nn.Module, steps: int = 150, around=None) -> float:
    inputs, labels = blobs()
    stepper = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(steps):
        stepper.zero_grad()
        if around is None:
            functional.cross_entropy(network(inputs), labels).backward()
        else:
            with around(network):
                functional.cross_entropy(network(inputs), labels).backward()
        stepper.step()
    return right(network)


def right(network: nn.Module) -> float:
    inputs, labels = blobs()
    with torch.no_grad():
        return float((network(inputs).argmax(1) == labels).double().mean())


def dense() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 3))
