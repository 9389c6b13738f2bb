"""The lecture's example of attention in five steps, and both ways to take the fifth."""

from __future__ import annotations

import math

import torch

from models.lecture.worked.comparing import compare
from models.lecture.worked.last_state import still_network
from models.networks.seq2seq import dot_product_attention
from xai.base.experiment import WorkedExample

__all__ = ["worked"]

DECODER = [10.0, 5.0, 10.0]
ENCODER = [[0.0, 1.0, 1.0], [5.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 5.0, 1.0]]


def worked(row: str) -> WorkedExample:
    """Return scores, weights, alignment vectors and context of the slide, then the two wirings of a small network."""
    query, states = torch.tensor([[DECODER]], dtype=torch.float64), torch.tensor([ENCODER], dtype=torch.float64)
    context, weights = dot_product_attention(query, states)
    # Logarithms of the weights are the scores less the logarithm of their sum, which is 60 but for 1e-11.
    scores = weights.log() + 60
    aligned = weights[0, 0, :, None] * states[0]
    tanh = math.tanh
    return WorkedExample(
        name="attention",
        row=row,
        shown="Decoder state [10, 5, 10], encoder states [0,1,1], [5,0,1], [1,1,0], [0,5,1]. The slide rounds the "
        "weights; they differ from 0 and 1 by at most 1.4·10⁻¹¹. Step five in the network of the row before: "
        "the two encoder states score alike, so that their mean [0.375, 0.375] is the context.",
        comparisons=[
            compare("1. scores: dot products", [15, 60, 15, 35], scores),
            compare("2. weights: their softmax", [0, 1, 0, 0], weights),
            compare("3. alignment vectors", [[0, 0, 0], [5, 0, 1], [0, 0, 0], [0, 0, 0]], aligned),
            compare("4. context: their sum", [5, 0, 1], context),
            compare("5. beside the decoder's state 0.225: tanh of each", [tanh(0.375), tanh(0.225)], _beside_state()),
            compare("5. beside the output before, 0.2, into the decoder: 0.225 + tanh(·)/2",
                    [0.225 + tanh(0.2) / 2, 0.225 + tanh(0.375) / 2], _beside_output()),
        ],
    )  # fmt: skip


def _beside_state() -> torch.Tensor:
    network = still_network("state")
    with torch.no_grad():
        weight = network.get_parameter("combine.weight")
        weight[0, 0] = 1  # of [context, decoder state] the context's first number
        weight[1, 2] = 1  # and the state's first
        return network.follow(torch.tensor([[3, 4]]), torch.tensor([[0]])).logits


def _beside_output() -> torch.Tensor:
    network = still_network("previous_output")
    with torch.no_grad():
        network.goal_embedding.weight.fill_(0.2)
        candidate = network.decoder.get_parameter("weight_ih_l0")[4:]  # (2, [output before, context])
        candidate[0, 0] = 1
        candidate[1, 1] = 1
        return network.follow(torch.tensor([[3, 4]]), torch.tensor([[0]])).logits
