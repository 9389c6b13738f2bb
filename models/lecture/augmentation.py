"""Claim 15: augmentation helps, and the wrong one harms."""

from __future__ import annotations

import torch

from models.lecture.common import convolutions, fit, handwritten, mean_error, percent, right
from models.regularizers.augmentation import augmentation, augmentation_for
from xai.base.experiment import Outcome, Panel, Series

__all__ = ["experiment"]


def experiment(train: int = 300, epochs: int = 15, seeds: int = 3, test: int = 1000) -> Outcome:
    """Train on few digits without augmentation, with one that suits digits, and with flips both ways."""
    ways = {
        "none": None,
        "shift, zoom, rotate": augmentation_for("mnist"),
        "flips both ways": augmentation(flip=0.5, flip_vertical=0.5),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    by_digit: dict[str, list[float]] = {}
    for seed in range(seeds):
        data = handwritten(train, test, seed)
        for name, change in ways.items():
            torch.manual_seed(seed)
            network = convolutions()
            fit(network, data.inputs, data.labels, epochs=epochs, batch=50, rate=3e-3, seed=seed, change=change)
            found[name].append(right(network, data.test_inputs, data.test_labels))
            if seed == 0:
                rows = [data.test_labels == digit for digit in range(10)]
                by_digit[name] = [right(network, data.test_inputs[row], data.test_labels[row]) for row in rows]
    none, good, bad = (mean_error(values) for values in found.values())
    return Outcome(
        name="augmentation",
        sentence="Augmentation that keeps the class helps; one that changes it, such as flips of digits, harms.",
        done=f"Small convolutional network on {train} MNIST digits, {epochs} epochs, {seeds} seeds; shifts by 2 "
        "pixels, "
        f"zooms by 10 % and rotations by 10 degrees, or flips along both axes; {test:,} test digits.",
        criterion="The fitting augmentation gains at least one point on average over no augmentation, and the flips "
        "lose "
        "at least one.",
        measured=f"{percent(none[0], 1)} without, {percent(good[0], 1)} with shifts, zooms and rotations, "
        f"{percent(bad[0], 1)} with flips",
        held=good[0] >= none[0] + 0.01 and bad[0] <= none[0] - 0.01,
        numbers={
            **{f"accuracy, {name}": mean_error(values)[0] for name, values in found.items()},
            **{f"its standard error, {name}": mean_error(values)[1] for name, values in found.items()},
        },
        panels=[
            Panel(
                "Accuracy",
                "augmentation",
                "share of test digits right",
                [
                    Series(
                        "mean of the seeds",
                        [0.0, 1.0, 2.0],
                        [none[0], good[0], bad[0]],
                        [none[1], good[1], bad[1]],
                        "bars",
                    )
                ],
                categories=["none", "shift, zoom,\nrotate", "flips"],
            ),
            Panel(
                "By digit, one seed",
                "digit",
                "share found",
                [
                    Series(name, [float(digit) for digit in range(10)], values, style="bars")
                    for name, values in by_digit.items()
                ],
                categories=[str(digit) for digit in range(10)],
            ),
        ],
        remark="A 6 turned by flips along both axes is a 9, a 2 flipped once is close to a 5.",
    )
