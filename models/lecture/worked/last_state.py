"""Sequence to sequence without attention: all that the decoder gets is the encoder's last state, of one fixed size."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from models.lecture.worked.comparing import compare
from models.networks.seq2seq import EncoderDecoder, encoder_decoder
from xai.base.experiment import WorkedExample

__all__ = ["still_network", "worked"]


def still_network(attention: str) -> EncoderDecoder:
    """Return an encoder-decoder whose states follow from its biases alone: all gates 1/2, the reader's candidate 3/5.

    A reader's state after S steps is 3/5·(1 - 1/2^S); the writer halves what it starts with. Two units, two classes.
    """
    network = encoder_decoder(9, 2, hidden=2, embedding=1, attention=attention).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for name in ("bias_ih_l0", "bias_ih_l0_reverse"):
            getattr(network.encoder, name)[2] = math.log(2)  # rows r, z, n: the candidate is tanh(ln 2)
        network.logits.weight.copy_(torch.eye(2))
    return network


def worked(row: str) -> WorkedExample:
    """Return what a reader hands over after two and after ten steps, and what a writer makes of it."""
    network = still_network("none")
    short, long = torch.tensor([[3, 4]]), torch.tensor([[3, 4, 5, 6, 7, 8, 3, 4, 5, 6]])
    with torch.no_grad():
        states, _, last = network.encode(short)
        written = network.follow(short, torch.tensor([[0, 0]])).logits
        after_ten = network.encode(long)[2]
    return WorkedExample(
        name="last_state",
        row=row,
        shown="A reader in both directions of one unit each: with all weights 0, gates of 1/2 and a candidate of "
        "tanh(ln 2) = 3/5 its state after S steps is 3/5·(1 - 1/2^S). The writer starts there, halves its "
        "state at each step, and puts it out.",
        comparisons=[
            compare("states at step 1: forward, backward", [0.3, 0.45], states[0, 0]),
            compare("states at step 2: forward, backward", [0.45, 0.3], states[0, 1]),
            compare("handed over: each direction's last", [0.45, 0.45], last),
            compare("written at step 1 and at step 2", [0.225, 0.225, 0.1125, 0.1125], written),
            compare("handed over after ten steps", [0.6 * (1 - 2**-10)] * 2, after_ten),
            compare("numbers handed over, of two steps and of ten", [2, 2], [_count(last), _count(after_ten)]),
        ],
    )


def _count(state: Tensor) -> int:
    return state.numel()
