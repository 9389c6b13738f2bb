"""The training loop: mini-batches, an optimizer, what regularizes, curves of what happened, going on after a kill."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from models.batches import hold_out, shuffled_batches
from models.checkpoint import Position, load_checkpoint, save_checkpoint, save_weights
from models.datasets import Dataset
from models.heads import Head, find_head
from models.networks.columns import Columns, Rescale
from models.optimizers import make_optimizer
from models.schedules import SCHEDULES
from models.scoring import accuracy, run_in_parts, summarize, trimmed
from xai.base.arguments import whole_number
from xai.base.errors import InputError, NetworkError, names_errors
from xai.base.progress import track

__all__ = ["Curves", "Extras", "accuracy", "seeded", "train"]

# An epoch whose loss is so many times that of the first is no learning, even where it is finite.
DIVERGED = 1e4

Change = Callable[[Tensor, torch.Generator], Tensor]
Around = Callable[[nn.Module, torch.Generator], AbstractContextManager]


@runtime_checkable
class Keeping(Protocol):
    """A stopping rule that keeps the best weights, to put them back at the end."""

    best_state: dict[str, Tensor] | None

    def restore(self) -> None: ...


@dataclass(frozen=True)
class Extras:
    """What a training step does beside descending; all of it composes, None is left out.

    penalty: network -> number added to the loss. augment: inputs in the caller's units (N, ...) -> others.
    input_noise: the same on normalized inputs. target_noise: the same on targets. activation_noise, weight_noise:
    (network, generator) -> context around the forward and backward pass. gradient_noise: (network, generator) -> None,
    changes `.grad` before the step. stopping: (epoch, validation loss) -> whether to stop; the weights that it keeps in
    `best_state` are put back at the end by its `restore()`.
    """

    penalty: Callable[[nn.Module], Tensor] | None = None
    augment: Change | None = None
    input_noise: Change | None = None
    target_noise: Change | None = None
    activation_noise: Around | None = None
    weight_noise: Around | None = None
    gradient_noise: Callable[[nn.Module, torch.Generator], None] | None = None
    stopping: Callable[[int, float], bool] | None = None


@dataclass
class Curves:
    """What was measured in each epoch: means over examples (losses, without the penalty) or steps (gradient norm).

    The training curves are taken while the weights change and dropout is on; the validation curves after the epoch.
    Accuracy is the head's metric: R2 for a regression. Without a validation part its curves stay empty.
    """

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)


@contextmanager
def seeded(seed: int) -> Generator[None]:
    """Run the body on a random state of its own (weights and dropout draw from the global one), then restore it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@names_errors("train")
def train(
    network: nn.Module,
    data: Dataset,
    *,
    task: str = "classification",
    optimizer: str = "adam",
    learning_rate: float = 1e-3,
    schedule: str = "constant",
    epochs: int = 10,
    batch_size: int | None = 64,
    validation: float = 0.1,
    clip: float | None = None,
    seed: int = 0,
    extras: Extras = Extras(),
    checkpoint: Path | None = None,
    keep: Path | None = None,
    recipe: str | None = None,
) -> Curves:
    """Train a network in place and return its curves; the same seed on the same machine gives the same weights.

    batch_size: rows per step, None for all of them. schedule: how the learning rate changes, a name in SCHEDULES.
    validation: the share of the training part that is only looked at; the test part is not touched. clip: the largest
    norm of the gradient. checkpoint: a file written after each epoch; where it is there already, the run goes on from
    it, to the same weights as without the break. keep: a folder for the weights after each epoch. recipe: what else
    the weights depend on (the network, the extras), as a digest; a checkpoint of another one is refused.
    Raises InputError for settings or targets that cannot be, NetworkError when the loss is not finite or explodes.
    """
    epochs, seed = whole_number("epochs", epochs, 1), whole_number("seed", seed)
    batch_size = None if batch_size is None else whole_number("batch_size", batch_size, 1)
    _check_pace(schedule, clip)
    head = find_head(task)
    rows, held = hold_out(data, validation, seed)
    size = min(batch_size or len(rows), len(rows))
    generators = {name: torch.Generator().manual_seed(seed + index) for index, name in enumerate(("order", "noise"))}
    with seeded(seed):
        stepper = make_optimizer(optimizer, network.parameters(), learning_rate)
        settings: dict[str, object] = {
            "task": task,
            "optimizer": optimizer,
            "learning_rate": learning_rate,
            "schedule": schedule,
        }
        settings |= {"epochs": epochs, "batch_size": batch_size, "validation": validation, "clip": clip, "seed": seed}
        settings |= {"data": data.name, "rows": len(rows), "recipe": recipe}
        position = Position(network, stepper, generators, settings)
        curves, stopped = Curves(), False
        if checkpoint is not None and load_checkpoint(checkpoint, position):
            curves = Curves(**(position.curves or {}))
            stopped = _recall(extras, curves, position)
        else:
            _fit_statistics(network, data, rows)
            _check_targets(network, data, head)
        total = epochs * math.ceil(len(rows) / size)
        for epoch in track(range(position.epoch, epochs), "training", epochs - position.epoch):
            if stopped:
                break
            network.train()
            batches = shuffled_batches(rows, size, generators["order"], data.train_lengths)
            losses, scores, norms = 0.0, 0.0, 0.0
            for number, batch in enumerate(batches):
                factor = SCHEDULES[schedule]((epoch * len(batches) + number) / total)
                for group in stepper.param_groups:
                    group["lr"] = learning_rate * factor
                loss, score, norm = _step(network, data, batch, head, stepper, extras, generators["noise"], clip)
                if not (math.isfinite(loss) and math.isfinite(norm)):
                    _give_up(epoch, learning_rate, f"a loss of {loss:g} and a gradient of norm {norm:g}")
                losses, scores, norms = losses + loss * len(batch), scores + score, norms + norm
            curves.train_loss.append(losses / len(rows))
            curves.train_accuracy.append(summarize(head, scores / len(rows), data.train_labels[rows]))
            curves.gradient_norm.append(norms / len(batches))
            if curves.train_loss[-1] > DIVERGED * max(curves.train_loss[0], 1e-3):
                got = f"{curves.train_loss[-1]:g} after {curves.train_loss[0]:g} in the first epoch"
                _give_up(epoch, learning_rate, got)
            if len(held):
                targets = data.train_labels[held]
                loss, score = run_in_parts(network, data.input, data.train_inputs[held], targets, head)
                curves.validation_loss.append(loss)
                curves.validation_accuracy.append(summarize(head, score, targets))
            if extras.stopping is not None:
                watched = (curves.validation_loss or curves.train_loss)[-1]
                stopped = bool(extras.stopping(epoch, watched))
            if keep is not None:
                save_weights(keep / f"epoch-{epoch + 1:03d}.safetensors", network)
            if checkpoint is not None:
                best = getattr(extras.stopping, "best_state", None)
                position.epoch, position.curves, position.best = epoch + 1, asdict(curves), best
                save_checkpoint(checkpoint, position)
    if isinstance(extras.stopping, Keeping) and extras.stopping.best_state is not None:
        extras.stopping.restore()
    network.eval()
    return curves


def _step(
    network: nn.Module,
    data: Dataset,
    batch: Tensor,
    head: Head,
    stepper: torch.optim.Optimizer,
    extras: Extras,
    noise: torch.Generator,
    clip: float | None,
) -> tuple[float, float, float]:
    """Learn from one batch; returns its mean loss, the sum of its scores, and the norm of the gradient."""
    inputs, targets = data.train_inputs[batch], data.train_labels[batch]
    targets = trimmed(targets) if head.teacher else targets
    right = targets
    if extras.augment is not None:
        inputs = extras.augment(inputs, noise)
    seen = data.input.feed(inputs)
    if extras.input_noise is not None and isinstance(seen, Tensor):
        seen = extras.input_noise(seen, noise)
    if extras.target_noise is not None:
        targets = extras.target_noise(targets, noise)
    with ExitStack() as around:
        for change in (extras.weight_noise, extras.activation_noise):
            if change is not None:
                around.enter_context(change(network, noise))
        logits = network(seen, targets) if head.teacher else network(seen)
        loss = head.loss(logits, targets)
        penalty = extras.penalty(network) if extras.penalty is not None else 0.0
        stepper.zero_grad()
        (loss + penalty).backward()
    if extras.gradient_noise is not None:
        extras.gradient_noise(network, noise)
    trained = [parameter for parameter in network.parameters() if parameter.grad is not None]
    norm = nn.utils.clip_grad_norm_(trained, math.inf if clip is None else clip)
    stepper.step()
    return float(loss.detach()), float(head.score(logits.detach(), right).double().sum()), float(norm)


def _check_pace(schedule: str, clip: float | None) -> None:
    if schedule not in SCHEDULES:
        raise InputError("schedule", expected=f"one of {', '.join(SCHEDULES)}", got=repr(schedule), operation="train")
    if clip is not None and not clip > 0:
        raise InputError("clip", expected="a number above 0, or None", got=clip, operation="train")


def _fit_statistics(network: nn.Module, data: Dataset, rows: Tensor) -> None:
    # Means and spreads are learned too: from the rows to learn from, not from those to validate or test on.
    for module in network.modules():
        if isinstance(module, Columns):
            module.fit(data.train_inputs[rows], data.input.names or None)
        if isinstance(module, Rescale):
            module.fit(data.train_labels[rows])


def _check_targets(network: nn.Module, data: Dataset, head: Head) -> None:
    network.eval()
    with torch.no_grad():
        seen = data.input.feed(data.train_inputs[:2])
        logits = network(seen, data.train_labels[:2]) if head.teacher else network(seen)
    head.check(logits, data.train_labels)


def _recall(extras: Extras, curves: Curves, position: Position) -> bool:
    """Let a stopping rule see again what it saw before the break, and have its best weights back; whether it stops."""
    stopped = False
    if extras.stopping is not None:
        for epoch, loss in enumerate(curves.validation_loss or curves.train_loss):
            stopped = bool(extras.stopping(epoch, loss))
        if position.best is not None and isinstance(extras.stopping, Keeping):
            extras.stopping.best_state = position.best
    return stopped


def _give_up(epoch: int, learning_rate: float, got: str) -> None:
    wanted = f"a finite loss that falls; a learning rate smaller than {learning_rate:g} may help"
    raise NetworkError(f"epoch {epoch + 1}", expected=wanted, got=got, operation="train")
