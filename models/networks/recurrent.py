"""Networks with memory: read a sequence of any length, answer once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from models.networks.cells import from_torch, run_cell
from xai.base.errors import InputError

__all__ = ["LAYERS", "POOLS", "Recurrent", "recurrent", "text_recurrent"]

LAYERS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
EMBEDDING_STD = 0.1  # of the embedding before training
POOLS = ("last", "max", "mean")


class Recurrent(nn.Module):
    """(Embedding,) recurrent layer, pooling over the steps that are no padding, dropout, linear; see `recurrent`."""

    def __init__(
        self,
        layer: nn.RNNBase,
        outputs: int,
        embedding: nn.Embedding | None = None,
        pool: str = "last",
        dropout: float = 0.0,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.recurrent = layer
        self.pool = pool
        self.dropout = nn.Dropout(dropout)
        self.word_dropout = word_dropout
        self.logits = nn.Linear(layer.hidden_size * (2 if layer.bidirectional else 1), outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits (N, K) of series (N, T, D) or words (N, T); what follows the last step of zeros is not read."""
        present = self.present(inputs)
        packed = pack_padded_sequence(self._embed(inputs), present.sum(1).cpu(), batch_first=True, enforce_sorted=False)
        output, state = self.recurrent(packed)
        if self.pool == "last":
            h = state[0] if isinstance(state, tuple) else state  # (layers * directions, N, H), at each one's last step
            return self.logits(self.dropout(torch.cat([*h[-2:]], 1) if self.recurrent.bidirectional else h[-1]))
        states, _ = pad_packed_sequence(output, batch_first=True, total_length=inputs.shape[1])
        if self.pool == "mean":  # padding is 0 in `states`
            return self.logits(self.dropout(states.sum(1) / present.sum(1, keepdim=True)))
        pooled = states.masked_fill(~present[:, :, None], -torch.inf).amax(1)
        return self.logits(self.dropout(pooled))

    def present(self, inputs: Tensor) -> Tensor:
        """Return which steps are no padding (N, T): all up to the last that is not zero, at least one."""
        used = inputs != 0 if inputs.ndim == 2 else (inputs != 0).any(2)
        steps = torch.arange(1, inputs.shape[1] + 1, device=inputs.device)
        return steps <= (used * steps).amax(1, keepdim=True).clamp_min(1)

    def gates(self, inputs: Tensor) -> dict[str, Tensor]:
        """Return the first layer's gates (N, T, H) by name and its states as "h", reading forward, without a graph."""
        name, weights = from_torch(self.recurrent)
        with torch.no_grad():
            series = inputs if self.embedding is None else self.embedding(inputs.long())
            run = run_cell(name, series, weights, lengths=self.present(inputs).sum(1), record=True)
        return {**run.gates, "h": run.states}

    def _embed(self, inputs: Tensor) -> Tensor:
        if self.embedding is None:
            return inputs
        words = self.dropout(self.embedding(inputs.long()))
        if self.training and self.word_dropout:
            words = words * (torch.rand_like(words[:, :, :1]) >= self.word_dropout)
        return words


def recurrent(
    inputs: int,
    outputs: int,
    cell: str = "lstm",
    hidden: int = 64,
    layers: int = 1,
    bidirectional: bool = False,
    pool: str = "last",
    dropout: float = 0.0,
) -> nn.Module:
    """Return a network from series (N, T, inputs), padded with zeros at the end, to logits (N, outputs).

    cell: "rnn", "lstm" or "gru" (torch.nn's; as equations in models.networks.cells). pool: what is read off: the state
    after each sequence's "last" own step, or the "max" or "mean" of each unit over its steps. dropout: before the last
    layer.

    >>> recurrent(12, 9, cell="gru")(torch.ones(2, 5, 12)).shape
    torch.Size([2, 9])
    """
    return Recurrent(_layer(inputs, cell, hidden, layers, bidirectional, pool), outputs, None, pool, dropout)


def text_recurrent(
    words: int,
    outputs: int,
    cell: str = "lstm",
    embedding: int = 64,
    hidden: int = 64,
    layers: int = 1,
    bidirectional: bool = False,
    pool: str = "last",
    dropout: float = 0.0,
    word_dropout: float = 0.0,
) -> nn.Module:
    """Return a network from texts as word numbers (N, T) below `words`, padded with 0, to logits (N, outputs).

    dropout: on the embedding and before the last layer. word_dropout: the chance that a whole word is left out while
    the network learns, so that it does not rest on single ones. Else as `recurrent`.

    >>> text_recurrent(100, 1, cell="rnn")(torch.tensor([[5, 7, 0]])).shape
    torch.Size([1, 1])
    """
    layer = _layer(embedding, cell, hidden, layers, bidirectional, pool)
    table = nn.Embedding(words, embedding, padding_idx=0)
    with torch.no_grad():  # torch draws with a spread of 1: a rare word would say more than one that was learned
        table.weight *= EMBEDDING_STD
    return Recurrent(layer, outputs, table, pool, dropout, word_dropout)


def _layer(inputs: int, cell: str, hidden: int, layers: int, bidirectional: bool, pool: str) -> nn.RNNBase:
    for argument, value, known in (("cell", cell, tuple(LAYERS)), ("pool", pool, POOLS)):
        if value not in known:
            raise InputError(argument, expected=f"one of {', '.join(known)}", got=repr(value), operation="recurrent")
    return LAYERS[cell](inputs, hidden, layers, batch_first=True, bidirectional=bidirectional)
