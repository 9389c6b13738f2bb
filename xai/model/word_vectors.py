"""Words as something that can change a little: the vectors that a network's embedding turns them into."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from xai.base.errors import InputError, describe
from xai.inputs.base import Input
from xai.inputs.text import PADDING, TextInput, to_texts
from xai.network.hooks import StopForward, replacing

__all__ = ["Words", "embed"]


@dataclass(frozen=True)
class Words:
    """Texts as the caller gave them, as numbers (N, L), and the nn.Embedding that reads those.

    padding: the vector (D,) of PADDING.
    """

    given: Tensor
    numbers: Tensor
    layer: str
    padding: Tensor
    input: TextInput

    @cached_property
    def counts(self) -> list[int]:
        """Return how many words each text has: up to the last one that is no padding."""
        places = torch.arange(1, self.numbers.shape[1] + 1, device=self.numbers.device)
        return ((self.numbers != PADDING) * places).amax(1).tolist()

    @cached_property
    def present(self) -> Tensor:
        """Return which places hold a word, (N, L)."""
        places = torch.arange(self.numbers.shape[1], device=self.numbers.device)
        return places < torch.tensor(self.counts, device=places.device)[:, None]

    @property
    def lengths(self) -> list[int]:
        """Return how many places each text's explanation has: its words; of texts given as numbers also the padding."""
        return [self.numbers.shape[1]] * len(self.numbers) if self.given.dtype == torch.int64 else self.counts

    def run(self, network: nn.Module, vectors: Tensor, rows: Tensor, forward: Callable[[Tensor], Tensor]) -> Tensor:
        """Run a forward pass on the words of some rows, with vectors (n, L, D) in place of what the embedding says."""
        numbers = self.numbers[rows]

        def swap(inputs: tuple, output: Tensor) -> Tensor | None:
            return vectors.to(output.dtype) if _reads(inputs, numbers) else None

        with replacing(network, self.layer, swap):
            return forward(numbers)

    def names(self) -> tuple[tuple[str, ...], ...]:
        """Return the words of each text, as they stand there; of one given as numbers as the vocabulary has them."""
        if self.given.dtype == torch.int64:
            known = ("(padding)", "(unknown)", *self.input.vocabulary)
            return tuple(tuple(known[number] for number in row) for row in self.given.tolist())
        texts = to_texts(self.given)
        return tuple(tuple(text[start:stop] for start, stop in self.input.spans(text)) for text in texts)

    def owners(self) -> Tensor | None:
        """Return each character's word, (N, characters), -1 for none; None where the texts were given as numbers."""
        if self.given.dtype == torch.int64:
            return None
        owners = torch.full(self.given.shape, -1, dtype=torch.int64)
        for row, text in zip(owners, to_texts(self.given), strict=True):
            for number, (start, stop) in enumerate(self.input.spans(text)):
                row[start:stop] = number
        return owners


def embed(
    network: nn.Module, input: Input, given: Tensor, forward: Callable[[Tensor], Tensor], size: int
) -> tuple[Tensor, Words]:
    """Return the vectors (N, L, D) of texts, at least float32, and what leads back from them.

    They are what the first nn.Embedding puts out that reads the words' numbers as they are; forward: runs the network
    on such numbers (n, L), `size` rows at a time. Raises InputError where there is none, or a text has no word.
    """
    if not input.embedded:
        wanted = "a TextInput with a vocabulary, whose words the network reads as numbers"
        got = "one without; explain such texts with a perturbation method (lime_text)"
        raise InputError("model", expected=wanted, got=got)
    texts = TextInput.of(input)
    numbers = texts.as_numbers(given)
    for row, counted in enumerate((numbers != PADDING).any(1).tolist()):
        if not counted:
            raise InputError("inputs", expected="texts with at least one word", got=f"none in row {row}")
    layer = _reader(network, numbers[:1], forward)
    parts: list[Tensor] = []
    padded = torch.cat([numbers, torch.full_like(numbers[:1], PADDING)])
    for part in padded.split(size):

        def keep(inputs: tuple, output: Tensor, part: Tensor = part) -> None:
            if _reads(inputs, part):
                parts.append(output.detach())
                raise StopForward

        with torch.no_grad(), replacing(network, layer, keep), suppress(StopForward):
            forward(part)
    vectors = torch.cat(parts)
    vectors = vectors.to(torch.promote_types(vectors.dtype, torch.float32))
    return vectors[:-1], Words(given, numbers, layer, vectors[-1, 0], texts)


def _reader(network: nn.Module, numbers: Tensor, forward: Callable[[Tensor], Tensor]) -> str:
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Embedding)]
    for name in names:

        def look(inputs: tuple, output: Tensor) -> None:
            if _reads(inputs, numbers) and output.ndim == 3:
                raise StopForward

        try:
            with torch.no_grad(), replacing(network, name, look, optional=True):
                forward(numbers)
        except StopForward:
            return name
    got = f"{len(names)} that do not" if names else "none"
    wanted = f"an nn.Embedding that reads the words' numbers ({describe(numbers)}); else a perturbation method will do"
    raise InputError("network", expected=wanted, got=got)


def _reads(inputs: tuple, numbers: Tensor) -> bool:
    words = inputs[0] if inputs else None
    return isinstance(words, Tensor) and words.shape == numbers.shape and bool((words == numbers).all())
