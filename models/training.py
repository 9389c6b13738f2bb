"""The training loop: mini-batches, one optimizer, curves of what happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from models.datasets import Dataset
from models.heads import HEADS
from models.optimizers import make_optimizer
from xai.core.errors import InputError, NetworkError, expected
from xai.core.inputs import Input
from xai.core.progress import track

__all__ = ["Curves", "accuracy", "seeded", "train"]

SCHEDULES = ("constant", "one-cycle")


@dataclass
class Curves:
    """What was measured after each epoch; the losses are means over examples."""

    train_loss: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run the body on a random state of its own (weights and dropout draw from the global one), then restore it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def train(
    network: nn.Module,
    data: Dataset,
    *,
    task: str = "classification",
    optimizer: str = "adam",
    learning_rate: float = 1e-3,
    schedule: str = "constant",
    epochs: int = 10,
    batch_size: int = 64,
    seed: int = 0,
) -> Curves:
    """Train a network in place and return its curves; the same seed on the same machine gives the same weights.

    schedule: "constant", or "one-cycle": the learning rate rises to `learning_rate` and falls to almost 0.
    Raises InputError for an unknown optimizer or settings that cannot be, NetworkError when the loss is not finite.
    """
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(expected("train", name, "a whole number from 1", repr(value)))
    if schedule not in SCHEDULES:
        raise InputError(expected("train", "schedule", f"one of {', '.join(SCHEDULES)}", repr(schedule)))
    head = HEADS[task]
    curves = Curves()
    order = torch.Generator().manual_seed(seed)
    with seeded(seed):
        stepper = make_optimizer(optimizer, network.parameters(), learning_rate)
        batches = -(-len(data.train_inputs) // batch_size)
        pace = None
        if schedule == "one-cycle":
            pace = torch.optim.lr_scheduler.OneCycleLR(stepper, learning_rate, total_steps=epochs * batches)
        for epoch in track(range(epochs), "training", epochs):
            network.train()
            losses = []
            for rows in torch.randperm(len(data.train_inputs), generator=order).split(batch_size):
                loss = head.loss(network(data.input.normalize(data.train_inputs[rows])), data.train_goals[rows])
                if not bool(torch.isfinite(loss)):
                    wanted = "a finite loss; a smaller learning rate may help"
                    raise NetworkError(expected("train", f"epoch {epoch + 1}", wanted, loss.item()))
                stepper.zero_grad()
                loss.backward()
                stepper.step()
                if pace is not None:
                    pace.step()
                losses.append(float(loss.detach()) * len(rows))
            curves.train_loss.append(sum(losses) / len(data.train_inputs))
            logits = _logits(network, data.input, data.test_inputs)
            curves.test_loss.append(float(head.loss(logits, data.test_goals)))
            curves.test_accuracy.append(float(head.correct(logits, data.test_goals).double().mean()))
    network.eval()
    return curves


def accuracy(network: nn.Module, data: Dataset, task: str = "classification") -> float:
    """Return the share of test examples that the network gets right."""
    correct = HEADS[task].correct(_logits(network, data.input, data.test_inputs), data.test_goals)
    return float(correct.double().mean())


def _logits(network: nn.Module, input: Input, inputs: Tensor) -> Tensor:
    network.eval()
    with torch.no_grad():
        return torch.cat([network(input.normalize(part)) for part in inputs.split(500)])
