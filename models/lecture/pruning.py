"""Claim 13: 75 to 90 % of the neurons can go."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from models.compression.connections import cut_connections, finish_cutting
from models.compression.speed import savings
from models.compression.structural import choose_units, prune_units
from models.lecture.common import Split, dense, fit, handwritten, mean_error, percent, right
from xai.base.experiment import Outcome, Panel, Series

__all__ = ["experiment"]


SHARES = (0.25, 0.5, 0.75, 0.9, 0.95)


def experiment(
    train: int = 4000,
    epochs: int = 6,
    tuning: int = 3,
    sizes: tuple[int, int] = (256, 128),
    test: int = 1000,
    seeds: int = 5,
) -> Outcome:
    """Remove hidden neurons by L1 norm, or at random, or single connections; with fine-tuning and without."""
    data = handwritten(train, test)
    data = data._replace(inputs=data.inputs.flatten(1), test_inputs=data.test_inputs.flatten(1))
    removed = (0.0, *SHARES)
    runs = [_prune(data, sizes, epochs, tuning, seed) for seed in range(seeds)]
    found = {
        name: [mean_error([run.right[name][index] for run in runs]) for index in range(len(removed))]
        for name in runs[0].right
    }
    mean = {name: dict(zip(removed, (value[0] for value in row), strict=True)) for name, row in found.items()}
    tuned, raw, anyone = (mean[f"neurons{end}"] for end in (", fine-tuned", " by L1 norm", " at random"))
    speed = {share: mean_error([run.speed[share] for run in runs])[0] for share in SHARES}
    fewer, whole = runs[0].fewer, tuned[0.0]
    return Outcome(
        name="pruning",
        sentence="75 to 90 % of a network's neurons can be removed without a significant loss, and what remains is "
        "smaller and faster.",
        done=f"Dense network 784-{sizes[0]}-{sizes[1]}-10 on {train:,} MNIST digits, {epochs} epochs; hidden neurons "
        f"of lowest L1 norm removed for real, fine-tuned for {tuning} epochs; random neurons and single connections "
        f"beside; {test:,} test digits; means over {seeds} seeds.",
        criterion="With 75 % and with 90 % of the hidden neurons gone and fine-tuning, the test accuracy is at most "
        "one point below the whole network's, and the forward pass is faster.",
        measured=f"{percent(whole, 1)} whole, {percent(tuned[0.75], 1)} without 75 % (untuned "
        f"{percent(raw[0.75], 1)}), {percent(tuned[0.9], 1)} without "
        f"90 % ({percent(raw[0.9], 1)}); {speed[0.75]:.1f} and {speed[0.9]:.1f} times as fast",
        held=min(tuned[0.75], tuned[0.9]) >= whole - 0.01 and min(speed[0.75], speed[0.9]) > 1,
        numbers={
            **{
                f"accuracy without {percent(share)}, {name}": v
                for name, row in mean.items()
                for share, v in row.items()
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
                    Series(
                        name,
                        [*removed],
                        [value for value, _ in row],
                        [error for _, error in row],
                        style="line" if "tuned" in name else "dashed",
                    )
                    for name, row in found.items()
                ],
            ),
            Panel(
                "Speed",
                "share of neurons removed",
                "times as fast",
                [Series("forward pass, measured", [*removed], [1.0, *speed.values()])],
            ),
        ],
        remark=f"At 75 % the fine-tuned network is {100 * (tuned[0.75] - whole):+.1f} points from the whole one, at "
        f"90 % {100 * (tuned[0.9] - whole):+.1f}. Fine-tuning does most of the work. Without it, ranking by norm keeps "
        f"{percent(raw[0.75])} at 75 % and {percent(raw[0.9])} at 90 %, a random choice {percent(anyone[0.75])} and "
        f"{percent(anyone[0.9])}.",
    )


class _Run(NamedTuple):
    """right: name -> share right by share removed, 0 first. speed, fewer: times as fast, share of parameters left."""

    right: dict[str, list[float]]
    speed: dict[float, float]
    fewer: dict[float, float]


def _prune(data: Split, sizes: tuple[int, int], epochs: int, tuning: int, seed: int) -> _Run:
    torch.manual_seed(seed)
    network = dense(784, *sizes, 10)
    example = data.test_inputs[:4]
    fit(network, data.inputs, data.labels, epochs=epochs, rate=2e-3, seed=seed)
    whole = right(network, data.test_inputs, data.test_labels)
    run = _Run({}, {}, {})

    def note(name: str, made: nn.Module) -> None:
        run.right.setdefault(name, [whole]).append(right(made, data.test_inputs, data.test_labels))

    def tune(made: nn.Module) -> nn.Module:
        return fit(made, data.inputs, data.labels, epochs=tuning, rate=2e-3, seed=seed)

    for share in SHARES:
        keep = choose_units(network, share, example)
        small = prune_units(network, keep, example)
        measured = savings(network, small, data.test_inputs, repeats=7)
        run.speed[share] = measured.speedup
        run.fewer[share] = measured.parameters_after / measured.parameters_before
        note("neurons by L1 norm", small)
        note("neurons, fine-tuned", tune(small))
        draw = torch.Generator().manual_seed(seed)
        any_units = {
            name: torch.randperm(size, generator=draw)[: len(kept)].sort().values
            for (name, kept), size in zip(keep.items(), sizes, strict=True)
        }
        note("neurons at random", prune_units(network, any_units, example))
        cut = cut_connections(network, share)
        note("connections", cut)
        note("connections, fine-tuned", finish_cutting(tune(cut)))
    return run
