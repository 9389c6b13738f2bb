"""Texts, as they are optimized: shares of words at each position, which end as the nearest real words.

A word number has no gradient. The optimization therefore mixes the vectors of all words (a relaxed one-hot), ever more
sharply, takes the word with the largest share at each position, and then tries single words in place of others, those
first whose gradient promises most, for as long as the network's answer to the real words rises (Ebrahimi et al. 2018,
arXiv:1712.06751).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xai.base.errors import InputError
from xai.inputs.text import FIRST_WORD, TextInput
from xai.network.gradients import gradient_of
from xai.visualization.parameterization import Measure, Parameterization, unchanged
from xai.visualization.problem import Problem

__all__ = ["TextProblem", "text_parameterization", "token_count", "words_of"]

WORDS = 8  # of a text, where the caller does not say
WARM, COLD = 1.0, 0.05  # temperature of the mixture at the start and the end
START_WEIGHT = 2.0  # how much more a word that it starts from weighs, before the softmax
TRIES = 16  # replacements tried in a round
ROUNDS = 4  # rounds of replacements for each word of the text


class TextProblem(Problem):
    """Texts of so many words of the model's vocabulary; start and real are numbers of words."""

    real_noun = "real texts"
    rate = 0.3

    @property
    def texts(self) -> TextInput:
        """The model's kind of input, with the words that it knows."""
        return TextInput.of(self.input)

    def set_limits(self) -> None:
        self.shape = (token_count(self.texts, self.config.size),)
        self.start, self.real = (None if item is None else self._numbers(item) for item in (self.start, self.real))

    def blank(self) -> Tensor:
        return torch.full((1, *self.shape), FIRST_WORD, device=self.model.device)

    def parameterize(self, generators: Sequence[torch.Generator], start: Tensor | None) -> Parameterization:
        return text_parameterization(self.texts, *self.shape, generators, start=start, vary=self.varies)

    def as_inputs(self, snapshot: Tensor) -> Tensor:
        """Return the numbers of the most likely words, of shares (N, L, V) or of numbers themselves."""
        return snapshot.argmax(2) + FIRST_WORD if snapshot.is_floating_point() else snapshot

    def words(self, inputs: Tensor) -> tuple[tuple[str, ...], ...]:
        return tuple(words_of(self.texts, row) for row in inputs)

    def _numbers(self, texts: Tensor) -> Tensor:
        numbers = self.texts.as_numbers(texts)
        room = max(0, self.shape[0] - numbers.shape[1])
        return torch.nn.functional.pad(numbers, (0, room)).to(self.model.device)


def token_count(input: TextInput, size: object) -> int:
    """Return how many words a text is to have; raises InputError for a model without a vocabulary."""
    if not input.vocabulary:
        wanted = "TextInput(vocabulary=...), since words that the network numbers itself have no gradient"
        raise InputError("model", expected=f"one with input={wanted}", got="no vocabulary")
    most = input.length or 10_000
    count = min(WORDS, most) if size is None else size
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= most:
        raise InputError("size", expected=f"a number of words from 1 to {most}", got=size)
    return count


def words_of(input: TextInput, numbers: Tensor) -> tuple[str, ...]:
    """Return the words behind numbers (L,); padding is left out."""
    known = dict(enumerate(input.vocabulary, start=FIRST_WORD))
    return tuple(known.get(number, "?") for number in numbers.tolist() if number)


def text_parameterization(
    input: TextInput, count: int, generators: Sequence[torch.Generator], *, start: Tensor | None, vary: bool
) -> Parameterization:
    """Return the parameterization of texts of so many words; `start` are numbers of words (N, count)."""
    vocabulary = len(input.vocabulary)
    values = torch.stack([torch.randn(count, vocabulary, generator=draw) * 0.01 for draw in generators])
    if start is not None:
        values = values + START_WEIGHT * _shares(start, vocabulary)

    def draw(values: Tensor, progress: float) -> Tensor:
        return torch.softmax(values / (WARM * (COLD / WARM) ** progress), 2)

    def random_word(texts: Tensor, draws: Sequence[torch.Generator]) -> Tensor:
        """Put a random word at a random position of each text: numbers of words, or shares of them."""
        texts = texts.clone()
        for row, generator in enumerate(draws):
            present = max(1, int((texts[row] != 0).sum())) if texts.ndim == 2 else texts.shape[1]
            position = int(torch.randint(present, (1,), generator=generator))
            word = int(torch.randint(vocabulary, (1,), generator=generator))
            if texts.ndim == 2:
                texts[row, position] = word + FIRST_WORD
            else:
                texts[row, position] = 0.0
                texts[row, position, word] = 1.0
        return texts

    return Parameterization(
        values=values,
        draw=draw,
        noise=lambda generator, number: torch.randint(vocabulary, (number, count), generator=generator) + FIRST_WORD,
        vary=random_word if vary else unchanged,
        change=random_word,
        finish=lambda values, measure: _replace(values.argmax(2) + FIRST_WORD, vocabulary, measure),
    )


def _replace(numbers: Tensor, vocabulary: int, measure: Measure) -> Tensor:
    """Return texts (N, L) in which no promising single replacement raises the objective further."""
    count, length = numbers.shape
    reached = measure(numbers, 1).detach()
    going = torch.ones(count, dtype=torch.bool, device=numbers.device)
    for _ in range(ROUNDS * length):
        shares = _shares(numbers, vocabulary).requires_grad_()
        gradient = gradient_of(measure(shares, 1), shares)
        # By how much the objective would rise were it linear, for every word in every position.
        promise = gradient - (gradient * shares.detach()).sum(2, keepdim=True)
        best = promise.flatten(1).topk(min(TRIES, promise[0].numel()), dim=1).indices
        tried = numbers[:, None].repeat(1, best.shape[1], 1)
        tried.scatter_(2, (best // vocabulary)[:, :, None], (best % vocabulary)[:, :, None] + FIRST_WORD)
        with torch.no_grad():
            values = measure(tried.flatten(0, 1), best.shape[1]).view(count, -1)
        most, position = values.max(1)
        going = going & (most > reached)
        if not bool(going.any()):
            return numbers
        numbers = torch.where(going[:, None], tried[torch.arange(count), position], numbers)
        reached = torch.where(going, most, reached)
    return numbers


def _shares(numbers: Tensor, vocabulary: int) -> Tensor:
    """Return the one-hot form (N, L, V) of numbers of words; of one that is no word, equal shares."""
    shares = torch.zeros(*numbers.shape, vocabulary, device=numbers.device)
    known = numbers >= FIRST_WORD
    shares[~known] = 1 / vocabulary
    return shares.scatter(
        2, (numbers - FIRST_WORD).clamp_min(0)[:, :, None], known[:, :, None].float() + shares.amin(2, keepdim=True)
    )
