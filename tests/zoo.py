"""Small networks, each with one thing that explanation libraries trip over. Every one takes a batch of 8 x 8 images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from xai.core.inputs import ImageInput
from xai.core.model import Model

SHAPE = (2, 8, 8)


@dataclass
class Scores:
    logits: Tensor
    hidden: Tensor


class Convolutions(nn.Module):
    """Two convolutions and a linear layer; `style` chooses the trap between them."""

    def __init__(self, style: str = "plain", outputs: int = 3) -> None:
        super().__init__()
        self.style = style
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=style == "inplace")
        self.other_relu = nn.ReLU()
        self.drop = nn.Dropout(0.5)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.linear = nn.Linear(64, outputs)

    def forward(self, x: Tensor) -> object:
        if self.style == "inplace":
            x.mul_(1.0).add_(0.0)
        first = self.norm(self.conv1(x))
        act = functional.relu if self.style == "functional" else self.relu
        hidden = self.drop(act(first))
        second = act if self.style in ("reused", "functional") else self.other_relu
        third = self.conv2(hidden)
        if self.style == "shared":
            third = self.conv2(second(third))
        if self.style == "residual":
            third = third + hidden
        pooled = functional.max_pool2d(second(third), 2)
        scores = self.linear(pooled.flatten(1))
        if self.style == "log":
            return scores.log_softmax(1)
        if self.style == "softmax":
            return scores.softmax(1)
        if self.style == "flat":
            return scores[:, 0]
        if self.style == "tuple":
            return scores, hidden
        if self.style == "dict":
            return {"hidden": hidden, "logits": scores}
        if self.style == "dataclass":
            return Scores(logits=scores, hidden=hidden)
        return scores


def _built(style: str = "plain", outputs: int = 3, **settings: object) -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        network = Convolutions(style, outputs)
        # Batch-norm statistics other than 0 and 1, as after training.
        network.norm.running_mean.normal_(0, 0.1)
        network.norm.running_var.uniform_(0.5, 1.5)
    if settings.pop("half", False):
        network = network.to(torch.bfloat16)
    if settings.pop("double", False):
        network = network.double()
    if settings.pop("frozen", False):
        network.requires_grad_(False)
    if settings.pop("mixed", False):
        network.train()
        network.norm.eval()
        network.conv1.weight.requires_grad_(False)
    else:
        network.train(settings.pop("training", False))
    return Model(network, input=ImageInput(SHAPE, mean=[0.4, 0.5], std=[0.3, 0.2]), **settings)


ZOO: dict[str, Callable[[], Model]] = {
    "plain": _built,
    "inplace": lambda: _built("inplace"),
    "reused_relu": lambda: _built("reused"),
    "functional_relu": lambda: _built("functional"),
    "shared_module": lambda: _built("shared"),
    "residual": lambda: _built("residual"),
    "train_mode": lambda: _built(training=True),
    "mixed_modes": lambda: _built(mixed=True),
    "frozen": lambda: _built(frozen=True),
    "bfloat16": lambda: _built(half=True),
    "float64": lambda: _built(double=True),
    "tuple_output": lambda: _built("tuple"),
    "dict_output": lambda: _built("dict"),
    "dataclass_output": lambda: _built("dataclass"),
    "log_probabilities": lambda: _built("log", output="log_probabilities"),
    "probabilities": lambda: _built("softmax", output="probabilities"),
    "one_logit": lambda: _built(outputs=1, task="binary"),
    "flat_output": lambda: _built("flat", outputs=1, task="regression"),
    "multilabel": lambda: _built(task="multilabel"),
}


def images(count: int = 3, seed: int = 0) -> Tensor:
    """Return random images (count, 2, 8, 8) in 0..1."""
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed))
