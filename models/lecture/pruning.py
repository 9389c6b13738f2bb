"""Claim 13: 75 to 90 % of the neurons can go."""

from __future__ import annotations

import torch
from torch import Tensor

from models.compression.connections import cut_connections, finish_cutting
from models.compression.speed import savings
from models.compression.structural import choose_units, prune_units
from models.lecture.common import dense, fit, handwritten, percent, right
from xai.core.experiment import Outcome, Panel, Series

__all__ = ["experiment"]


def experiment(
    train: int = 4000, epochs: int = 6, tuning: int = 3, sizes: tuple[int, int] = (256, 128), test: int = 1000
) -> Outcome:
    """Remove hidden neurons by L1 norm, or at random, or single connections; with fine-tuning and without."""
    data = handwritten(train, test)
    inputs, test_inputs = data.inputs.flatten(1), data.test_inputs.flatten(1)
    network = dense(784, *sizes, 10)
    fit(network, inputs, data.goals, epochs=epochs, rate=2e-3)
    whole = right(network, test_inputs, data.test_goals)
    shares = [0.25, 0.5, 0.75, 0.9, 0.95]
    found: dict[str, list[float]] = {}
    speed: dict[float, float] = {}
    fewer: dict[float, float] = {}

    def note(name: str, made) -> None:
        found.setdefault(name, [whole]).append(right(made, test_inputs, data.test_goals))

    for share in shares:
        keep = choose_units(network, share, test_inputs[:4])
        small = prune_units(network, keep, test_inputs[:4])
        measured = savings(network, small, test_inputs, repeats=7)
        speed[share], fewer[share] = measured.speedup, measured.parameters_after / measured.parameters_before
        note("neurons by L1 norm", small)
        note("neurons, fine-tuned", fit(small, inputs, data.goals, epochs=tuning, rate=2e-3))
        draw = torch.Generator().manual_seed(0)
        any_units: dict[str, Tensor] = {}
        for (name, kept), size in zip(keep.items(), sizes):
            any_units[name] = torch.randperm(size, generator=draw)[: len(kept)].sort().values
        note("neurons at random", prune_units(network, any_units, test_inputs[:4]))
        cut = cut_connections(network, share)
        note("connections", cut)
        note("connections, fine-tuned", finish_cutting(fit(cut, inputs, data.goals, epochs=tuning, rate=2e-3)))
    tuned = dict(zip([0.0, *shares], found["neurons, fine-tuned"]))
    anyone = dict(zip([0.0, *shares], found["neurons at random"]))
    raw = dict(zip([0.0, *shares], found["neurons by L1 norm"]))
    return Outcome(
        name="pruning",
        sentence="75 to 90 % of a network's neurons can be removed without a significant loss, and what remains is "
        "smaller and faster.",
        done=f"Dense network 784-{sizes[0]}-{sizes[1]}-10 on {train:,} MNIST digits, {epochs} epochs; hidden neurons "
        "of "
        f"lowest L1 norm removed for real, fine-tuned for {tuning} epochs; random neurons and single connections "
        "beside; "
        f"{test:,} test digits.",
        criterion="With 75 % and with 90 % of the hidden neurons gone and fine-tuning, the test accuracy is at most "
        "one "
        "point below the whole network's, and the forward pass is faster.",
        measured=f"{percent(whole, 1)} whole, {percent(tuned[0.75], 1)} without 75 % (untuned "
        f"{percent(raw[0.75], 1)}), {percent(tuned[0.9], 1)} "
        "without "
        f"90 % ({percent(raw[0.9], 1)}); {speed[0.75]:.1f} and {speed[0.9]:.1f} times as fast",
        held=min(tuned[0.75], tuned[0.9]) >= whole - 0.01 and min(speed[0.75], speed[0.9]) > 1,
        numbers={
            **{
                f"accuracy without {percent(share)}, {name}": v
                for name, row in found.items()
                for share, v in zip([0.0, *shares], row)
            },
            **{f"times as fast without {percent(share)}": value for share, value in speed.items()},
            **{f"share of parameters left without {percent(share)}": value for share, value in fewer.items()},
        },
        panels=[
            Panel(
                "Accuracy by share removed",
                "share removed",
                "share of test digits right",
                [
                    Series(name, [0.0, *shares], values, style="line" if "tuned" in name else "dashed")
                    for name, values in found.items()
                ],
            ),
            Panel(
                "Speed",
                "share of neurons removed",
                "times as fast",
                [Series("forward pass, measured", [0.0, *shares], [1.0, *speed.values()])],
            ),
        ],
        remark="Fine-tuning does most of the work. Without it, ranking by norm keeps "
        f"{percent(raw[0.75])} at 75 % and {percent(raw[0.9])} at 90 %, a random choice {percent(anyone[0.75])} and "
        f"{percent(anyone[0.9])}.",
    )
