"""Claim 11: early stopping on a holdout stops near the best epoch."""

from __future__ import annotations

import torch

from models.lecture.common import dense, digits, fit, loss_of, mean_error, percent
from models.regularizers.early_stopping import EarlyStopping
from xai.base.experiment import Outcome, Panel, Series

__all__ = ["experiment"]


def experiment(train: int = 200, epochs: int = 60, patience: int = 5, seeds: int = 8) -> Outcome:
    """Train on to the end, let early stopping look on, and compare where it would have stopped with the best epoch."""
    holdout = slice(train, train + 100)
    restored, last, best, stopped, curves = [], [], [], [], []
    for seed in range(seeds):
        data = digits(train + 100, seed, wrong=0.15, everywhere=True)
        torch.manual_seed(seed)
        network = dense(data.inputs.shape[1], 64, 10)
        stopping, path, ended = EarlyStopping(network, patience), ([], [], []), []

        def note(epoch: int, network=network, data=data, stopping=stopping, path=path, ended=ended) -> None:
            path[0].append(loss_of(network, data.inputs[:train], data.labels[:train]))
            path[1].append(loss_of(network, data.inputs[holdout], data.labels[holdout]))
            path[2].append(loss_of(network, data.test_inputs, data.test_labels))
            if not ended and stopping(epoch, path[1][-1]):
                ended.append(epoch)

        fit(
            network,
            data.inputs[:train],
            data.labels[:train],
            epochs=epochs,
            batch=32,
            rate=2e-3,
            seed=seed,
            after_epoch=note,
        )
        if stopping.best_state is not None:
            stopping.restore()
        restored.append(loss_of(network, data.test_inputs, data.test_labels))
        last.append(path[2][-1])
        best.append(min(path[2]))
        stopped.append(float(ended[0] + 1 if ended else epochs))
        curves.append((path, stopping.best_epoch))
    over = mean_error([a / b - 1 for a, b in zip(restored, best, strict=True)])
    over_last = mean_error([a / b - 1 for a, b in zip(last, best, strict=True)])
    steps = [float(epoch) for epoch in range(1, epochs + 1)]
    (training, validation, test), chosen = curves[0]
    return Outcome(
        name="early_stopping",
        sentence="Stopping when the loss on a holdout stops falling ends near the best epoch.",
        done=f"Dense network (64 hidden units) on {train} digits of 8 x 8 pixels and 100 held out, 15 % of all "
        f"labels wrong, at most {epochs} epochs, patience {patience}, best weights restored, {seeds} seeds.",
        criterion="On average over the seeds, the restored weights' test loss is at most 10 % above the lowest of all "
        "epochs, and closer to it than the last epoch's.",
        measured=f"test loss {percent(over[0], 1)} above the best epoch's when stopped, {percent(over_last[0])} after "
        "the last "
        "epoch",
        held=over[0] <= 0.1 and over[0] < over_last[0],
        numbers={
            "test loss above the best, stopped": over[0],
            "its standard error": over[1],
            "test loss above the best, last epoch": over_last[0],
            "epochs run until it stops": mean_error(stopped)[0],
        },
        panels=[
            Panel(
                "Loss while training, one seed",
                "epoch",
                "cross entropy",
                [
                    Series("holdout", steps, validation),
                    Series("test", steps, test),
                    Series("training", steps, training, style="dashed"),
                    Series("restored", [float(chosen + 1)], [test[chosen]], style="points"),
                ],
            ),
            Panel(
                "Test loss above the best epoch's",
                "seed",
                "share above",
                [
                    Series(
                        "stopped and restored",
                        [float(i) for i in range(seeds)],
                        [a / b - 1 for a, b in zip(restored, best, strict=True)],
                        style="bars",
                    ),
                    Series(
                        "last epoch",
                        [float(i) for i in range(seeds)],
                        [a / b - 1 for a, b in zip(last, best, strict=True)],
                        style="bars",
                    ),
                ],
                categories=[str(i) for i in range(seeds)],
            ),
        ],
        remark="The best epoch is known only with the test data in hand; the holdout stands in for them, so it must "
        "be like "
        "them. With wrong labels in training and holdout but none in the test, it stopped at the wrong place.",
    )
