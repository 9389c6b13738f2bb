"""Claim 7: one state between encoder and decoder is a bottleneck that grows with length; attention removes it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from models.compression.speed import parameter_count
from models.datasets.cmudict import cmudict
from models.lecture.common import percent
from models.networks.seq2seq import EncoderDecoder, encoder_decoder
from models.recipes import subset
from models.scoring import words_right
from models.training import seeded, train
from xai.base.experiment import Outcome, Panel, Series
from xai.inputs.text import TextInput

__all__ = ["experiment", "share_by_length"]

SHORT, LONG = 5, 10  # letters: at most, and at least
FIRST, LAST = 3, 13  # the lengths shown one by one; the last stands for longer ones too


def share_by_length(right: Tensor, lengths: Tensor) -> tuple[list[float], list[float], list[float]]:
    """Return the lengths that occur from 3 on (13 stands for more), the share right (N,) of each, and its error.

    >>> share_by_length(torch.tensor([True, False, True]), torch.tensor([4, 4, 20]))[:2]
    ([4.0, 13.0], [0.5, 1.0])
    """
    shown, shares, errors = [], [], []
    for length in range(FIRST, LAST + 1):
        chosen = right[lengths.clamp(FIRST, LAST) == length].double()
        if len(chosen):
            share = float(chosen.mean())
            shown.append(float(length))
            shares.append(share)
            errors.append(math.sqrt(share * (1 - share) / len(chosen)))
    return shown, shares, errors


def experiment(rows: int = 20_000, test: int = 4_000, epochs: int = 6, size: int = 96, wider: int = 112) -> Outcome:
    """Train both on real spellings and pronunciations, and measure whole words right by length.

    size: units with attention. wider: units without, for at least as many parameters.
    """
    data = subset(cmudict(), rows)
    seen, answers = data.test_inputs[:test], data.test_labels[:test]
    lengths = (seen != 0).sum(1)
    found, parameters = {}, {}
    for name, attention, units in (("last state alone", "none", wider), ("with attention", "state", size)):
        with seeded(0):
            network = encoder_decoder(
                len(TextInput.of(data.input).vocabulary) + 2,
                len(data.classes),
                units,
                32,
                attention,
                longest=answers.shape[2],
            )
        train(
            network,
            data,
            task="sequence",
            learning_rate=5e-3,
            schedule="one-cycle",
            epochs=epochs,
            validation=0.0,
            clip=2.0,
        )
        found[name], parameters[name] = _right(network, seen, answers), parameter_count(network)
    short, long = lengths <= SHORT, lengths >= LONG
    (plain, far), (attending, afar) = (
        (float(right[short].double().mean()), float(right[long].double().mean())) for right in found.values()
    )
    return Outcome(
        name="bottleneck",
        sentence="Squeezing the input into the encoder's last state is a bottleneck that grows with length; attention "
        "removes it.",
        done=f"CMUdict, spelling to phonemes: {len(data.train_inputs):,} pronunciations to learn from, {len(seen):,} "
        f"other words to test on ({int(short.sum()):,} of at most {SHORT} letters, {int(long.sum()):,} of at least "
        f"{LONG}); GRU encoder and decoder of {size} units with dot-product attention "
        f"({parameters['with attention']:,} parameters) and of {wider} without "
        f"({parameters['last state alone']:,}), {epochs} epochs. A word is right where the network writes any listed "
        "pronunciation on its own.",
        criterion=f"From words of at most {SHORT} letters to words of at least {LONG}, whole words right fall by at "
        "least 30 points without attention; with it they are at least 20 points better on the long ones, and fall "
        "less.",
        measured=f"words right, at least {LONG} letters: {percent(far)} without, {percent(afar)} with attention; at "
        f"most {SHORT} letters: {percent(plain)} and {percent(attending)}",
        held=plain - far >= 0.3 and afar - far >= 0.2 and attending - afar < plain - far,
        numbers={
            **{f"words right, {name}": float(right.double().mean()) for name, right in found.items()},
            **{
                f"words right, {length:.0f} letters{' and more' if length == LAST else ''}, {name}": share
                for name, right in found.items()
                for length, share in zip(*share_by_length(right, lengths)[:2], strict=True)
            },
        },
        panels=[
            Panel(
                "Whole words right by length",
                f"letters ({LAST}: and more)",
                "share right",
                [Series(name, *share_by_length(right, lengths)) for name, right in found.items()],
            ),
        ],
        remark="The recipes spelling-plain and spelling-attention train larger ones on all of the dictionary. That "
        "attention falls with length as well has another reason: a word of more phonemes has more of them to miss.",
    )


def _right(network: EncoderDecoder, seen: Tensor, answers: Tensor) -> Tensor:
    with torch.no_grad():
        parts = zip(seen.split(500), answers.split(500), strict=True)
        return torch.cat([words_right(network.write(part).symbols, labels) for part, labels in parts])
