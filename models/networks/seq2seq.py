"""Encoder and decoder: one network reads a sequence, another writes one; dot-product attention lifts the bottleneck.

Shapes: N sequences, S steps of the source, T of the target, H numbers in a state. Number 0 pads a sequence at its
end; in a target, 1 ends it and, before the first step, starts it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from xai.base.errors import InputError, names_errors

__all__ = ["PADDING", "STOP", "WIRINGS", "EncoderDecoder", "Written", "dot_product_attention", "encoder_decoder"]

PADDING, STOP = 0, 1
# Where the context goes: beside the decoder's new state into the output layer, or beside the embedding of the output
# before into the decoder. Without attention there is none.
WIRINGS = ("none", "state", "previous_output")


class Written(NamedTuple):
    """What a decoder wrote: symbols (N, T), padded behind STOP, logits (N, T, K), attention (N, T, S) or None."""

    symbols: Tensor
    logits: Tensor
    attention: Tensor | None


def dot_product_attention(
    query: Tensor,
    states: Tensor,
    present: Tensor | None = None,
    through: Callable[[Tensor], Tensor] = lambda weights: weights,
) -> tuple[Tensor, Tensor]:
    """Return contexts (N, T, H) and weights (N, T, S): scores, softmax, weighted states, their sum.

    query: decoder states (N, T, H). states: encoder states (N, S, H). present: (N, S), False where there is padding,
    which gets weight 0. through: what the weights pass before they are used.
    Source: Luong et al. 2015, arXiv:1508.04025, the score "dot".

    >>> states = torch.tensor([[[0.0, 1, 1], [5, 0, 1], [1, 1, 0], [0, 5, 1]]])
    >>> context, weights = dot_product_attention(torch.tensor([[[10.0, 5, 10]]]), states)
    >>> context.round().tolist(), weights.round().tolist()
    ([[[5.0, 0.0, 1.0]]], [[[0.0, 1.0, 0.0, 0.0]]])
    """
    scores = query @ states.transpose(1, 2)  # (N, T, S)
    if present is not None:
        scores = scores.masked_fill(~present[:, None, :], -torch.inf)
    weights = through(scores.softmax(2))
    return weights @ states, weights


class EncoderDecoder(nn.Module):
    """A bidirectional GRU that reads and a GRU that writes; see `encoder_decoder`."""

    def __init__(
        self, symbols: int, classes: int, hidden: int, embedding: int, attention: str, dropout: float, longest: int
    ) -> None:
        super().__init__()
        self.attention, self.longest = attention, longest
        self.source_embedding = nn.Embedding(symbols, embedding, padding_idx=PADDING)
        self.encoder = nn.GRU(embedding, hidden // 2, batch_first=True, bidirectional=True)
        self.goal_embedding = nn.Embedding(classes, embedding)
        context = hidden if attention == "previous_output" else 0
        self.decoder = nn.GRU(embedding + context, hidden, batch_first=True)
        # Weights pass through a module, so that a hook can read and replace them (see xai.alignment).
        self.attention_weights = None if attention == "none" else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.combine = nn.Linear(2 * hidden, hidden) if attention == "state" else None
        self.logits = nn.Linear(hidden, classes)

    def forward(self, source: Tensor, target: Tensor | None = None) -> Tensor:
        """Return logits (N, T, K): of each step given the target (N, T) before it; without one, of what it writes."""
        return self.write(source).logits if target is None else self.follow(source, target).logits

    def follow(self, source: Tensor, target: Tensor) -> Written:
        """Run the decoder along a target (N, T): at each step it is told the right symbol before (teacher forcing)."""
        states, present, state = self.encode(source)
        start = target.new_full((len(target), 1), STOP)
        before = self.dropout(self.goal_embedding(torch.cat([start, target[:, :-1]], 1)))  # (N, T, E)
        if self.attention != "previous_output":
            decoded, _ = self.decoder(before, state)  # all steps at once: nothing of the output is fed back
            logits, weights = self._answer(decoded, states, present)
            return Written(target, logits, weights)
        answers, looked = [], []
        for step in range(target.shape[1]):
            logits, weights, state = self._step(before[:, step : step + 1], state, states, present)
            answers.append(logits)
            looked += [] if weights is None else [weights]
        return Written(target, torch.cat(answers, 1), torch.cat(looked, 1))

    def write(self, source: Tensor, longest: int | None = None) -> Written:
        """Decode greedily: the most probable symbol is the next step's input, until STOP or `longest` steps."""
        states, present, state = self.encode(source)
        symbol = torch.full((len(states), 1), STOP, device=states.device)
        done = torch.zeros(len(states), dtype=torch.bool, device=states.device)
        written: list[tuple[Tensor, Tensor, Tensor | None]] = []
        for _ in range(longest or self.longest):
            logits, weights, state = self._step(self.goal_embedding(symbol), state, states, present)
            symbol = logits.argmax(2)
            written.append((symbol.masked_fill(done[:, None], PADDING), logits, weights))
            done = done | (symbol[:, 0] == STOP)
            if bool(done.all()):
                break
        symbols, logits, weights = zip(*written, strict=True)
        return Written(
            torch.cat(symbols, 1), torch.cat(logits, 1), None if weights[0] is None else torch.cat(weights, 1)
        )

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the encoder's states (N, S, H), which of them are no padding (N, S), and its last state (1, N, H)."""
        source = source.long()
        present = source != PADDING
        lengths = (present * torch.arange(1, source.shape[1] + 1, device=source.device)).amax(1).clamp_min(1)
        present = torch.arange(source.shape[1], device=source.device) < lengths[:, None]
        packed = pack_padded_sequence(
            self.dropout(self.source_embedding(source)), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        output, last = self.encoder(packed)
        states, _ = pad_packed_sequence(output, batch_first=True, total_length=source.shape[1])
        return states, present, torch.cat([last[0], last[1]], 1)[None]

    def _step(
        self, before: Tensor, state: Tensor, states: Tensor, present: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        if self.attention == "previous_output" and self.attention_weights is not None:
            context, weights = dot_product_attention(state.transpose(0, 1), states, present, self.attention_weights)
            decoded, state = self.decoder(torch.cat([before, context], 2), state)
            return self.logits(self.dropout(decoded)), weights, state
        decoded, state = self.decoder(before, state)
        return *self._answer(decoded, states, present), state

    def _answer(self, decoded: Tensor, states: Tensor, present: Tensor) -> tuple[Tensor, Tensor | None]:
        if self.combine is None or self.attention_weights is None:
            return self.logits(self.dropout(decoded)), None
        context, weights = dot_product_attention(decoded, states, present, self.attention_weights)
        return self.logits(self.dropout(self.combine(torch.cat([context, decoded], 2)).tanh())), weights


@names_errors("encoder_decoder")
def encoder_decoder(
    symbols: int,
    classes: int,
    hidden: int = 256,
    embedding: int = 64,
    attention: str = "state",
    dropout: float = 0.0,
    longest: int = 24,
) -> EncoderDecoder:
    """Return a network from symbols (N, S), whole numbers below `symbols`, to logits (N, T, classes).

    attention: "none": the decoder gets nothing but the encoder's last state; "state": the context stands beside the
    decoder's state before the output layer; "previous_output": beside the output before, as the decoder's input.
    longest: steps after which greedy decoding gives up. Raises InputError for an unknown wiring or an odd `hidden`.

    >>> network = encoder_decoder(30, 40, hidden=8)
    >>> network(torch.tensor([[3, 4, 5, 0]]), torch.tensor([[7, 8, 1]])).shape
    torch.Size([1, 3, 40])
    """
    if attention not in WIRINGS:
        raise InputError("attention", expected=f"one of {', '.join(WIRINGS)}", got=repr(attention))
    if hidden < 2 or hidden % 2:
        wanted = "an even number, half for each direction of the encoder"
        raise InputError("hidden", expected=wanted, got=hidden)
    return EncoderDecoder(symbols, classes, hidden, embedding, attention, dropout, longest)
