"""Japanese vowels: which of nine men says "ae"? Series of 7 to 29 steps."""

from __future__ import annotations

import torch
from torch import Tensor

from models.datasets import Dataset, read_vendored
from models.networks.columns import mean_and_std
from xai.base.errors import names_errors
from xai.inputs.series import SequenceInput

__all__ = ["japanese_vowels"]

NAMES = [f"cepstrum {number}" for number in range(1, 13)]
STEPS = 29


@names_errors("japanese_vowels")
def japanese_vowels() -> Dataset:
    """Return 270 utterances to train on (30 of each speaker) and 370 to test, as the source splits them.

    Each is a series of 12 cepstrum coefficients per step, padded with zeros to 29 steps. Source: see
    data/japanese_vowels.NOTICE.
    """
    train, train_labels = _read("japanese_vowels_TRAIN.ts.gz")
    test, test_labels = _read("japanese_vowels_TEST.ts.gz")
    mean, std = mean_and_std(torch.cat(train), NAMES)
    input = SequenceInput(
        NAMES, STEPS, mean=[round(value, 4) for value in mean.tolist()], std=[round(value, 4) for value in std.tolist()]
    )
    return Dataset(
        name="Japanese vowels",
        input=input,
        classes=tuple(f"speaker {number}" for number in range(1, 10)),
        train_inputs=input.prepare(train),
        train_labels=train_labels,
        test_inputs=input.prepare(test),
        test_labels=test_labels,
    )


def _read(name: str) -> tuple[list[Tensor], Tensor]:
    series, labels = [], []
    lines = read_vendored(name).splitlines()
    for line in lines[lines.index("@data") + 1 :]:
        *channels, label = line.split(":")
        values = [[float(value) for value in channel.split(",")] for channel in channels]
        series.append(torch.tensor(values).T.contiguous())  # (T, 12)
        labels.append(int(label) - 1)
    return series, torch.tensor(labels)
