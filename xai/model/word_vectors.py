"""Words as something that can change a little: the vectors that a network's embedding turns them into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from xai.base.errors import InputError
from xai.inputs.base import Input
from xai.inputs.text import TextInput, to_texts
from xai.inputs.token_owners import WordParts
from xai.model.embeddings import find_embedding, put_out, reads, vectors_of
from xai.network.hooks import StopForward, find_layer, replacing

__all__ = ["Words", "embed"]


@dataclass(frozen=True)
class Words:
    """Texts as the caller gave them, as numbers (N, L) of words or tokens, and the embedding that reads those.

    tokens: the vectors (D,) of tokens that stand for what is absent, by name: "padding", "mask", "unknown".
    """

    raw: Tensor
    numbers: Tensor
    layer: str
    tokens: dict[str, Tensor]
    input: TextInput

    @cached_property
    def present(self) -> Tensor:
        """Return which positions hold a word, (N, L)."""
        return self.input.reader.present(self.numbers)

    @cached_property
    def counts(self) -> list[int]:
        """Return how many words each text has: up to the last one that is no padding."""
        return self.present.sum(1).tolist()

    @cached_property
    def replaceable(self) -> Tensor:
        """Return which positions hold a part of the text, (N, L): baselines leave padding and special tokens alone."""
        return ~self.input.reader.ends(self.numbers)

    @cached_property
    def parts(self) -> WordParts:
        """Return which positions are which words: what an explanation has a value of."""
        texts = None if self.raw.dtype == torch.int64 else to_texts(self.raw)
        return self.input.reader.word_parts(texts, self.numbers, self.raw.shape[1])

    def own(self, row: int) -> Tensor:
        """Return which positions of a row its explanation is of, (L,), however long the texts beside it are."""
        return self.parts.owner[row] >= 0

    def of_words(self, values: Tensor, rows: Tensor) -> Tensor:
        """Return values (n, L, D) of some rows' positions as one per word, (n, most words); padding has none."""
        owner = self.parts.owner.to(values.device)[rows]
        most = max(map(len, self.parts.names))
        summed = values.new_zeros(len(values), most + 1)  # the last column is of no word
        by_position = torch.where(self.present[rows], values.sum(2), 0)
        return summed.scatter_add(1, torch.where(owner < 0, most, owner), by_position)[:, :most]

    def run(
        self,
        network: nn.Module,
        vectors: Tensor,
        rows: Tensor,
        forward: Callable[[Tensor], Tensor],
        alike: Sequence[tuple[Tensor, slice]] = (),
    ) -> Tensor:
        """Run a forward pass on the words of some rows, with vectors (n, L, D) in place of what the embedding says.

        alike: which of these rows are run together, and where they have words; none runs all as they are.
        """
        numbers = self.numbers[rows]
        if not alike:
            return self._run(network, vectors, numbers, forward)
        parts = [self._run(network, vectors[part, span], numbers[part, span], forward) for part, span in alike]
        return torch.cat(parts)[torch.cat([part for part, _ in alike]).argsort()]

    def _run(self, network: nn.Module, vectors: Tensor, numbers: Tensor, forward: Callable[[Tensor], Tensor]) -> Tensor:
        layer, reader = find_layer(network, self.layer), self.input.reader
        ids, mask = reader.ids(numbers), reader.present(numbers)

        def swap(inputs: tuple, output: Tensor) -> Tensor | None:
            return put_out(layer, inputs, vectors, mask, output) if reads(layer, inputs, ids, mask) else None

        with replacing(network, self.layer, swap):
            return forward(numbers)

    def names(self) -> tuple[tuple[str, ...], ...]:
        """Return the words of each text, as they stand there; of one given as numbers as the vocabulary has them."""
        return self.parts.names

    def steps(self) -> tuple[tuple[str, ...], ...]:
        """Return the name of each position that the network reads: a word, or of a tokenizer each piece of one."""
        if self.input.tokenizer is None:
            return self.names()
        named = zip(self.input.reader.names(self.numbers), self.present.tolist(), strict=True)
        return tuple(tuple(name for name, here in zip(*row, strict=True) if here) for row in named)

    def owners(self) -> Tensor | None:
        """Return each character's word, (N, characters), -1 for none; None where the texts were given as numbers."""
        return self.parts.labels


def embed(
    network: nn.Module,
    input: Input,
    raw: Tensor,
    forward: Callable[[Tensor], Tensor],
    size: int,
    wide_enough: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Words]:
    """Return the vectors (N, L, D) of texts, at least float32, and what leads back from them.

    They are what the embedding puts out that reads the words' numbers; forward: runs the network on such numbers
    (n, L), `size` rows at a time. wide_enough: puts the padding behind them that the network needs. Raises InputError
    where there is no embedding, or a text has no word.
    """
    if not input.embedded:
        wanted = "a TextInput with a vocabulary or a tokenizer, whose words the network reads as numbers"
        got = "one without; explain such texts with a perturbation method (lime_text)"
        raise InputError("model", expected=wanted, got=got)
    texts = TextInput.of(input)
    numbers, reader = texts.as_numbers(raw), texts.reader
    numbers = numbers if wide_enough is None else wide_enough(numbers)
    for row, counted in enumerate((~reader.ends(numbers)).any(1).tolist()):
        if not counted:
            raise InputError("inputs", expected="texts with at least one word", got=f"none in row {row}")
    # The network knows what it reads by the first row; its width is that of all, so that padding is asked for as well.
    ids, mask = reader.ids(numbers), reader.present(numbers)
    layer = find_embedding(network, ids[:1], mask[:1], lambda: forward(numbers[:1]))
    embedding = find_layer(network, layer)
    parts: list[Tensor] = []
    for rows in torch.arange(len(numbers), device=numbers.device).split(size):

        def keep(inputs: tuple, output: Tensor, rows: Tensor = rows) -> None:
            if reads(embedding, inputs, ids[rows], mask[rows]):
                parts.append(vectors_of(embedding, ids[rows], output).detach())
                raise StopForward

        with torch.no_grad(), replacing(network, layer, keep), suppress(StopForward):
            forward(numbers[rows])
    vectors = torch.cat(parts)
    vectors = vectors.to(torch.promote_types(vectors.dtype, torch.float32))
    absent = {name: reader.token(name) for name in ("padding", "mask", "unknown")}
    named = {name: number for name, number in absent.items() if number is not None}
    with torch.no_grad():
        looked = embedding(numbers.new_tensor(list(named.values()))[:, None]).flatten(1).to(vectors)
    return vectors, Words(raw, numbers, layer, dict(zip(named, looked, strict=True)), texts)
