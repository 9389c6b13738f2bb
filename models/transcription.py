"""What an encoder-decoder writes for each text, in words: `predict` gives one answer a row, and this gives many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from models.networks.seq2seq import PADDING, STOP, EncoderDecoder
from xai.base.errors import InputError, names_errors
from xai.inputs.text import TextInput
from xai.model.model import Model
from xai.network.guard import untouched

__all__ = ["Transcription", "transcribe"]


class Transcription(NamedTuple):
    """symbols: written for a text, without its end. chances: of each of them as it was written.

    attention: how far each looked at each sign of the text, (symbols, signs); None of a network without attention.
    """

    symbols: list[str]
    chances: list[float]
    attention: list[list[float]] | None


@names_errors("transcribe")
def transcribe(model: Model, texts: str | Sequence[str]) -> list[Transcription]:
    """Return what the network of a spelling recipe writes on its own for each text.

    A score of one step, to explain, is a model of its own: `Model(model.network, classes=model.classes,
    input=model.input, forward=lambda network, batch: network(batch)[:, step])`.
    Raises InputError for a model of another kind, or texts of which it knows no sign.

    >>> from models.networks.seq2seq import encoder_decoder
    >>> network = encoder_decoder(4, 3, hidden=2, longest=5)
    >>> model = Model(network, classes=["-", "end", "A"], input=TextInput(["a", "b"]))
    >>> [len(written.symbols) <= 5 for written in transcribe(model, ["a b", "b"])]
    [True, True]
    """
    network, input = model.network, model.input
    if not isinstance(network, EncoderDecoder) or not isinstance(input, TextInput) or model.classes is None:
        wanted = "an encoder-decoder that reads texts and writes named symbols, as of `xai train spelling-attention`"
        raise InputError("model", expected=wanted, got=repr(model))
    batch = model.prepare(texts, "texts")
    signs = input.as_numbers(batch).to(model.device)
    if not bool((signs != PADDING).any(1).all()):
        row = int((signs == PADDING).all(1).nonzero()[0])
        raise InputError("texts", expected="texts with at least one sign to read", got=f"none in row {row}")
    with untouched(network), torch.no_grad():
        written = network.write(signs)
    chances = written.logits.softmax(2).gather(2, written.symbols[:, :, None])[:, :, 0]
    rows = []
    for row, (numbers, source) in enumerate(zip(written.symbols.tolist(), signs.tolist(), strict=True)):
        count = numbers.index(STOP) if STOP in numbers else len(numbers)
        read = max(position for position, sign in enumerate(source, start=1) if sign != PADDING)
        looked = None if written.attention is None else written.attention[row, :count, :read].tolist()
        symbols = [model.classes[number] for number in numbers[:count]]
        rows.append(Transcription(symbols, chances[row, :count].tolist(), looked))
    return rows
