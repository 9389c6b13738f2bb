"""Series with an interval that decides: a shape in one channel, somewhere among events that are as large.

Series of 48 steps and two channels. In the first channel an interval of 10 steps is raised or lowered: that is the
class; without either it is "neither". Two decoys are as long and as large: the same in the second channel, and a fast
oscillation in the first. Each step of the interval speaks for the class, so that a part of it is no other class.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

import xai
from benchmarks.worlds.case import ACCURACY, Case, Family, Rejected
from benchmarks.worlds.networks import LSTM, seeded, train
from benchmarks.worlds.pictures import TRIES, Pictures, accepted_rows

__all__ = ["FAMILY"]

STEPS_LONG, INTERVAL, CHANNELS = 48, 10, 2
CLASSES = ("neither", "raised", "lowered")
STEPS, RATE = {"conv": 250, "lstm": 400}, {"conv": 0.01, "lstm": 0.02}
BLANK = 1e-6  # "no event": not exactly 0, which would be taken for padding


def make(seed: int, shape: str, rows: int) -> Case:
    """Return a case of a seed; raises Rejected where the network has not learned the interval alone."""
    generator = torch.Generator().manual_seed(seed)
    network = seeded(seed, _conv if shape == "conv" else lambda: LSTM(CHANNELS, len(CLASSES)))

    def draw(count: int) -> tuple[Tensor, Tensor]:
        made = _series(count, generator)[0]
        share = torch.rand(count, 1, generator=generator)
        holes = (torch.rand(count, STEPS_LONG // 4, generator=generator) < share).repeat_interleave(4, 1)
        return made.images.masked_fill((holes & (made.masks == 0))[:, :, None], BLANK), made.labels

    train(network, draw, steps=STEPS[shape], rate=RATE[shape])
    model = xai.Model(network, input=xai.SequenceInput(["first", "second"], STEPS_LONG), classes=CLASSES)
    fresh = _series(300, generator)[0]
    accuracy = float((model.predict(fresh.images).argmax(1) == fresh.labels).double().mean())
    if accuracy < ACCURACY:
        raise Rejected(f"{accuracy:.0%} of fresh series are right")
    drawn, decoys = _series(TRIES * rows, generator, kinds=(1, 3))
    strangers = _series(TRIES * rows, generator, kinds=(0, 1))[0].images
    baseline = torch.full((1, STEPS_LONG, CHANNELS), BLANK)
    return accepted_rows(
        "series", shape, seed, model, drawn, None, 3 - drawn.labels, strangers, baseline, rows, accuracy, decoys=decoys
    )


def _series(count: int, generator: torch.Generator, kinds: tuple[int, int] = (0, 3)) -> tuple[Pictures, Tensor]:
    """Return series (N, T, 2), their labels and the masks (N, T) of what decides, and the masks of all decoys."""
    labels = torch.randint(*kinds, (count,), generator=generator)
    series = 0.15 * torch.randn(count, STEPS_LONG, CHANNELS, generator=generator)
    time = torch.linspace(0, math.pi, INTERVAL + 2)[1:-1]
    wave, fast = 0.6 + 0.4 * time.sin(), (10 * time).cos()
    masks = torch.zeros(2, count, STEPS_LONG)  # what decides, and decoys
    cells = torch.rand(count, STEPS_LONG // 12, generator=generator).argsort(1)[:, :3]
    starts = 12 * cells + torch.randint(0, 3, (count, 3), generator=generator)
    signs = torch.randint(0, 2, (count,), generator=generator) * 2 - 1
    for row, (label, sign, (first, second, third)) in enumerate(
        zip(labels.tolist(), signs.tolist(), starts.tolist(), strict=True)
    ):
        if label:
            series[row, first : first + INTERVAL, 0] += wave * (1 if label == 1 else -1)
            masks[0, row, first : first + INTERVAL] = 1
        series[row, second : second + INTERVAL, 1] += wave * sign
        series[row, third : third + INTERVAL, 0] += fast
        for start in (second, third):
            masks[1, row, start : start + INTERVAL] = 1
    return Pictures(series, labels, masks[0]), masks[1]


class _StepsLast(nn.Module):
    def forward(self, series: Tensor) -> Tensor:
        return series.transpose(1, 2)


def _conv() -> nn.Sequential:
    return nn.Sequential(
        _StepsLast(), nn.Conv1d(CHANNELS, 16, 9, padding=4), nn.BatchNorm1d(16), nn.ReLU(),
        nn.Conv1d(16, 16, 5, padding=2), nn.ReLU(), nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(16, len(CLASSES)),
    )  # fmt: skip


FAMILY = Family(make, ("conv", "lstm"))
