"""Claim 10: dropout lowers overfitting."""

from __future__ import annotations

import torch

from models.lecture.common import dense, digits, fit, loss_of, mean_error
from xai.base.experiment import Outcome, Panel, Series

__all__ = ["experiment"]


def experiment(
    train: int = 150, epochs: int = 80, seeds: int = 12, chances: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75)
) -> Outcome:
    """Train a network that overfits with several drop chances, over several seeds."""
    gap: list[list[float]] = []
    test: list[list[float]] = []
    curves: list[tuple[list[float], list[float]]] = []
    for chance in chances:
        gap.append([])
        test.append([])
        for seed in range(seeds):
            data = digits(train, seed, wrong=0.1)
            torch.manual_seed(seed)
            network = dense(data.inputs.shape[1], 128, 128, 10, dropout=chance)
            path: tuple[list[float], list[float]] = ([], [])

            def note(_: int, network=network, data=data, path=path) -> None:
                path[0].append(loss_of(network, data.inputs, data.labels))
                path[1].append(loss_of(network, data.test_inputs, data.test_labels))

            record = note if seed == 0 else None  # one seed is drawn, and looking takes time
            fit(network, data.inputs, data.labels, epochs=epochs, batch=32, rate=2e-3, seed=seed, after_epoch=record)
            if record is None:
                note(epochs)
            gap[-1].append(path[1][-1] - path[0][-1])
            test[-1].append(path[1][-1])
            if seed == 0:
                curves.append(path)
    half = chances.index(0.5)
    narrower, error = mean_error([a - b for a, b in zip(gap[0], gap[half], strict=True)])
    better, test_error = mean_error([a - b for a, b in zip(test[0], test[half], strict=True)])
    gaps, tests = [mean_error(values) for values in gap], [mean_error(values) for values in test]
    steps = [float(epoch) for epoch in range(1, epochs + 1)]
    return Outcome(
        name="dropout",
        sentence="Dropout lowers overfitting.",
        done=f"Dense network (128-128 hidden units) on {train} digits of 8 x 8 pixels, a tenth of their labels wrong, "
        f"{epochs} epochs, drop chance {', '.join(map(str, chances))} on both hidden layers, {seeds} seeds.",
        criterion="At a drop chance of one half, the gap between test and training loss is smaller, and the test loss "
        "too, "
        "each by more than two standard errors of the paired difference.",
        measured=f"gap {gaps[0][0]:.2f} without, {gaps[half][0]:.2f} with dropout; test loss {tests[0][0]:.2f} and "
        f"{tests[half][0]:.2f}",
        held=narrower > 2 * error and better > 2 * test_error,
        numbers={
            **{f"gap, chance {chance}": value[0] for chance, value in zip(chances, gaps, strict=True)},
            **{f"test loss, chance {chance}": value[0] for chance, value in zip(chances, tests, strict=True)},
            "gap lowered by": narrower,
            "its standard error": error,
            "test loss lowered by": better,
            "its standard error, test loss": test_error,
        },
        panels=[
            Panel(
                "Loss while training, one seed",
                "epoch",
                "cross entropy",
                [
                    series
                    for rate, name in ((0, "without"), (half, "dropout 0.5"))
                    for series in (
                        Series(f"{name}, test", steps, curves[rate][1]),
                        Series(f"{name}, training", steps, [max(v, 1e-4) for v in curves[rate][0]], style="dashed"),
                    )
                ],
                log_y=True,
            ),
            Panel(
                "By drop chance, after the last epoch",
                "drop chance",
                "cross entropy",
                [
                    Series("test loss", list(chances), [v[0] for v in tests], [v[1] for v in tests]),
                    Series("gap to the training loss", list(chances), [v[0] for v in gaps], [v[1] for v in gaps]),
                ],
            ),
        ],
        remark="Both losses are measured without dropping anything. At one half the effect is small here: with 5 "
        "seeds the "
        "verdict depended on the draw of the data, so that there are more now.",
    )
