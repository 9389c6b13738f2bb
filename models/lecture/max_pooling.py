"""Claim 4: max pooling tolerates small shifts of the input."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.lecture.common import fit, handwritten, mean_error, percent, right
from xai.base.experiment import Outcome, Panel, Series

__all__ = ["change", "experiment", "shifted"]


def shifted(images: Tensor, pixels: int) -> Tensor:
    """Return images (N, C, H, W) moved right, going on with their border pixels."""
    if pixels == 0:
        return images
    return functional.pad(images, (pixels, 0, 0, 0), mode="replicate")[..., : images.shape[3]]


def change(before: Tensor, after: Tensor) -> float:
    """Return how much feature maps changed, as a share of their norm; a mean over examples."""
    change_of_each = (after - before).flatten(1).norm(dim=1) / before.flatten(1).norm(dim=1).clamp(min=1e-12)
    return float(change_of_each.mean())


class _EverySecond(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return maps[..., ::2, ::2]


def experiment(train: int = 1500, epochs: int = 4, seeds: int = 2, test: int = 1000) -> Outcome:
    """Train the same network with 2 x 2 max pooling and with every second pixel in its place; shift the test images."""
    data = handwritten(train, test)
    shifts = [0, 1, 2, 3, 4]
    accuracy: dict[str, list[list[float]]] = {"max pooling": [], "every second pixel": []}
    changes: dict[str, list[float]] = {name: [] for name in accuracy}
    for seed in range(seeds):
        for name, reduce in (("max pooling", nn.MaxPool2d(2)), ("every second pixel", _EverySecond())):
            torch.manual_seed(seed)
            network = nn.Sequential(
                nn.Conv2d(1, 8, 3, padding=1),
                nn.ReLU(),
                reduce,
                nn.Conv2d(8, 16, 3, padding=1),
                nn.ReLU(),
                reduce,
                nn.Flatten(),
                nn.Linear(784, 10),
            )
            fit(network, data.inputs, data.labels, epochs=epochs, rate=3e-3, seed=seed)
            accuracy[name].append([right(network, shifted(data.test_inputs, s), data.test_labels) for s in shifts])
            if name == "max pooling":  # the same filters for both ways to reduce
                pooled, filters = network, network[:2]
        with torch.no_grad():
            images = data.test_inputs[:200]
            maps, after_shift = filters(images), filters(shifted(images, 1))
            for name, reduce in (("max pooling", pooled[2]), ("every second pixel", _EverySecond())):
                changes[name].append(change(reduce(maps), reduce(after_shift)))
    means = {
        name: [mean_error([row[i] for row in rows])[0] for i in range(len(shifts))] for name, rows in accuracy.items()
    }
    change_by = {name: mean_error(values)[0] for name, values in changes.items()}
    lost = {name: values[0] - values[2] for name, values in means.items()}
    first, second = accuracy
    return Outcome(
        name="max_pooling",
        sentence="Max pooling makes a network tolerate small shifts of the input.",
        done=f"{train:,} MNIST digits, two convolutions (8, 16 filters), {epochs} epochs, {seeds} seeds; each 2 x 2 "
        "block "
        f"reduced to its maximum, or to its first pixel. {test:,} test digits moved right by 0 to 4 pixels.",
        criterion="At a shift of 1 pixel the pooled feature maps of the same filters change less than the subsampled "
        "ones; and at 2 pixels the pooled network loses less accuracy.",
        measured=f"maps change by {percent(change_by[first])} pooled, {percent(change_by[second])} subsampled; at 2 "
        "pixels "
        f"{100 * lost[first]:.1f} and {100 * lost[second]:.1f} points lost",
        held=change_by[first] < change_by[second] and lost[first] < lost[second],
        numbers={
            **{f"change of maps at 1 pixel, {name}": value for name, value in change_by.items()},
            **{f"accuracy at {s} pixels, {name}": means[name][s] for name in means for s in (0, 2, 4)},
        },
        panels=[
            Panel(
                "Accuracy on shifted digits",
                "shift, pixels",
                "share right",
                [Series(name, [float(s) for s in shifts], values) for name, values in means.items()],
            ),
            Panel(
                "Change of the first feature maps at 1 pixel",
                "reduced by",
                "share of their norm",
                [Series("change", [0.0, 1.0], list(change_by.values()), style="bars")],
                categories=list(change_by),
            ),
        ],
        remark="Tolerant is not invariant: the pooled maps change as well, and at 4 pixels both networks fail often.",
    )
