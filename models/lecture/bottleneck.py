"""Claim 7: one state between encoder and decoder is a bottleneck that grows with length; attention removes it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.lecture.common import percent
from xai.core.experiment import Outcome, Panel, Series

__all__ = ["Translator", "attend", "experiment", "words"]

LETTERS = 12
START = LETTERS  # the decoder's first input


def words(count: int, length: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return random words (count, length) and their "pronunciation": each letter replaced by a sound, in order.

    A sound depends on the letter and the one before it, so that a letter alone does not decide.
    """
    letters = torch.randint(LETTERS, (count, length), generator=draw)
    before = functional.pad(letters[:, :-1], (1, 0))
    return letters, (letters + (before % 3) * 5) % LETTERS


def attend(decoder: Tensor, encoder: Tensor) -> tuple[Tensor, Tensor]:
    """Return contexts (N, T, H) and weights (N, T, S): softmax of the dot products of (N, T, H) with (N, S, H).

    >>> encoder = torch.tensor([[[0.0, 1, 1], [5, 0, 1], [1, 1, 0], [0, 5, 1]]])
    >>> context, weights = attend(torch.tensor([[[10.0, 5, 10]]]), encoder)
    >>> context.round().tolist()
    [[[5.0, 0.0, 1.0]]]
    """
    weights = (decoder @ encoder.transpose(1, 2)).softmax(2)
    return weights @ encoder, weights


class Translator(nn.Module):
    """GRU encoder and decoder; with attention, the decoder's state is joined by what it attends to."""

    def __init__(self, size: int, attention: bool) -> None:
        super().__init__()
        self.attention = attention
        self.embed, self.sounds = nn.Embedding(LETTERS, size), nn.Embedding(LETTERS + 1, size)
        self.encoder, self.decoder = nn.GRU(size, size, batch_first=True), nn.GRU(size, size, batch_first=True)
        self.join, self.head = nn.Linear(2 * size, size), nn.Linear(size, LETTERS)

    def forward(self, letters: Tensor, given: Tensor) -> Tensor:
        """Return logits (N, T, sounds) from letters (N, S) and the sounds before each step (N, T)."""
        encoded, state = self.encoder(self.embed(letters))
        return self._decode(encoded, state, given)[0]

    def _decode(self, encoded: Tensor, state: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        decoded, state = self.decoder(self.sounds(given), state)
        # Without attention the same layers see zeros: both networks have the same number of parameters.
        context = attend(decoded, encoded)[0] if self.attention else torch.zeros_like(decoded)
        return self.head(torch.tanh(self.join(torch.cat([decoded, context], 2)))), state

    @torch.no_grad()
    def speak(self, letters: Tensor) -> Tensor:
        """Return the sounds (N, S) decoded one by one, each from the ones said before."""
        encoded, state = self.encoder(self.embed(letters))
        last, said = torch.full((len(letters), 1), START), []
        for _ in range(letters.shape[1]):
            logits, state = self._decode(encoded, state, last)
            last = logits.argmax(2)
            said.append(last)
        return torch.cat(said, 1)


def experiment(steps: int = 1000, size: int = 32, batch: int = 64, longest: int = 14, test: int = 300) -> Outcome:
    """Train both on words of 3 to 14 letters and measure whole words right by length."""
    lengths = list(range(2, longest + 1, 2))
    found: dict[str, list[float]] = {}
    for name, attention in (("last state alone", False), ("with attention", True)):
        torch.manual_seed(0)
        network = Translator(size, attention)
        _train(network, steps, batch, longest)
        found[name] = []
        for length in lengths:
            letters, sounds = words(test, length, torch.Generator().manual_seed(999 + length))
            found[name].append(float((network.speak(letters) == sounds).all(1).double().mean()))
    plain, attending = found.values()
    short, long = 1, len(lengths) - 1  # places of length 4 and of the longest
    falls = plain[short] - plain[long]
    return Outcome(
        name="bottleneck",
        sentence="Squeezing the input into the encoder's last state is a bottleneck that grows with length; attention "
        "removes it.",
        done=f"Made-up spelling to sounds ({LETTERS} letters; a sound depends on the letter and the one before it), "
        f"words of 2 to {longest} letters; GRU encoder and decoder of {size} units with and without dot-product "
        "attention, "
        f"the same number of parameters, {steps:,} Adam steps with batches of {batch}; {test} new words of each "
        "length.",
        criterion=f"Without attention whole words right fall by at least 30 points from length 4 to {longest}; with it "
        f"they are at least 30 points better at {longest}, and fall less.",
        measured=f"words right at {longest} letters: {percent(plain[long])} without, {percent(attending[long])} with "
        "attention",
        held=falls >= 0.3 and attending[long] - plain[long] >= 0.3 and attending[short] - attending[long] < falls,
        numbers={
            f"words right, {n} letters, {name}": v for name, values in found.items() for n, v in zip(lengths, values)
        },
        panels=[
            Panel(
                "Whole words right by length",
                "letters",
                "share right",
                [Series(name, [float(length) for length in lengths], values) for name, values in found.items()],
            ),
        ],
        remark="A made-up language keeps this short; the recipes train the same two networks on real pronunciations.",
    )


def _train(network: Translator, steps: int, batch: int, longest: int) -> None:
    stepper = torch.optim.Adam(network.parameters(), 5e-3)
    pace = torch.optim.lr_scheduler.LinearLR(stepper, 1.0, 0.05, steps)
    draw = torch.Generator().manual_seed(0)
    for _ in range(steps):
        length = int(torch.randint(2, longest + 1, (), generator=draw))
        letters, sounds = words(batch, length, draw)
        given = functional.pad(sounds[:, :-1], (1, 0), value=START)
        stepper.zero_grad()
        functional.cross_entropy(network(letters, given).flatten(0, 1), sounds.flatten()).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        stepper.step()
        pace.step()
