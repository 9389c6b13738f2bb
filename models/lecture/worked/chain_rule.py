"""The chain rule through a branch: one input feeds three hidden units, one of them is off."""

from __future__ import annotations

import torch
from torch import nn

from models.lecture.worked.comparing import compare
from models.tracing import trace_network
from xai.base.experiment import WorkedExample

__all__ = ["worked"]


def worked(row: str) -> WorkedExample:
    """Return values, local and upstream gradients of 1-3-1 with ReLU, at input 2 and target 1.5."""
    hidden, output = nn.Linear(1, 3), nn.Linear(3, 1)
    network = nn.Sequential(hidden, nn.ReLU(), output)
    with torch.no_grad():
        hidden.weight.copy_(torch.tensor([[1.0], [3.0], [-1.0]]))
        hidden.bias.copy_(torch.tensor([1.0, -2.0, 0.0]))
        output.weight.copy_(torch.tensor([[2.0, -1.0, 5.0]]))
        output.bias.fill_(0.5)
    tape = trace_network(network, [2.0], [1.5])
    units = range(3)
    return WorkedExample(
        name="chain_rule",
        row=row,
        shown="Input 2; hidden sums 1·2 + 1, 3·2 - 2, -1·2; ReLU; output 2·3 - 1·4 + 5·0 + 0.5 = 2.5; target 1.5. "
        "What comes back to a node is the upstream gradient times the local one; at the branch it adds up.",
        comparisons=[
            compare("hidden sums", [3, 4, -2], [tape[f"0[{unit}]"].value for unit in units]),
            compare("output, loss", [2.5, 1], [tape["2[0]"].value, tape["loss"].value]),
            compare("local gradients of ReLU", [1, 1, 0], [tape[f"1[{unit}]"].local[0] for unit in units]),
            compare("local gradients of 3·2: by 3, by 2", [2, 3], tape["0.product[1,0]"].local),
            compare("back at the output, 2·(2.5 - 1.5)", 2, tape["2[0]"].upstream),
            compare(
                "at the output's weights, 2·(3, 4, 0)", [6, 8, 0], [tape[f"2.weight[0,{u}]"].upstream for u in units]
            ),
            compare("at the hidden units, 2·(2, -1, 5)", [4, -2, 10], [tape[f"1[{unit}]"].upstream for unit in units]),
            compare("at their weights, 2·(4, -2, 0)", [8, -4, 0], [tape[f"0.weight[{u},0]"].upstream for u in units]),
            compare("at the input, 1·4 + 3·(-2) - 1·0", -2, tape["x[0]"].upstream),
        ],
    )
