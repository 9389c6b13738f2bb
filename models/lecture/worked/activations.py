"""Stacked linear layers as the one they equal, and each activation function where its value is a fraction."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from models.lecture.linear_stacks import collapse
from models.lecture.worked.comparing import compare
from models.networks.activations import make_activation
from models.networks.feedforward import feedforward
from xai.base.experiment import WorkedExample

__all__ = ["worked"]


def worked(row: str) -> WorkedExample:
    """Return two linear layers multiplied out, and six functions at logarithms."""
    stack = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    _set(stack[0], [[1.0, 2.0], [0.0, 1.0]], [1.0, -1.0])
    _set(stack[1], [[2.0, 1.0]], [3.0])
    weight, bias = collapse(stack)
    xor = feedforward(2, 1, hidden=[2])
    _set(xor.get_submodule("linear1"), [[1.0, 1.0], [1.0, 1.0]], [0.0, -1.0])
    _set(xor.get_submodule("logits"), [[1.0, -2.0]], [0.0])
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    ln = math.log
    return WorkedExample(
        name="activations",
        row=row,
        shown="Two linear layers, [[1,2],[0,1]]x + [1,-1] and then [2,1]h + 3, are one: [2,5]x + 4. One hidden "
        "layer of two ReLU units is XOR exactly. Each function is taken where e^x is a whole number.",
        comparisons=[
            compare("the product of the layers: weights", [2, 5], weight),
            compare("the product of the layers: bias", 4, bias),
            compare("XOR by ReLU at 00, 01, 10, 11", [0, 1, 1, 0], xor(corners)),
            compare("linear at -2, 3", [-2, 3], _at("linear", [-2, 3])),
            compare("sigmoid at -ln 3, 0, ln 3", [1 / 4, 1 / 2, 3 / 4], _at("sigmoid", [-ln(3), 0, ln(3)]),
                    slide="3/4, 1/2, 1/4"),
            compare("tanh at -ln 2, ln 2", [-3 / 5, 3 / 5], _at("tanh", [-ln(2), ln(2)])),
            compare("ReLU at -2, -1, 3", [0, 0, 3], _at("relu", [-2, -1, 3]),
                    slide="injective, which -2 and -1 deny"),
            compare("leaky ReLU at -2, 3", [-0.02, 3], _at("leaky_relu", [-2, 3])),
            compare("softmax of ln 1, ln 2, ln 5", [1 / 8, 2 / 8, 5 / 8], _at("softmax", [0, ln(2), ln(5)]),
                    slide="divided by e^1 + e^2 + e^3"),
        ],
        errata=("sigmoid", "softmax", "injectivity"),
    )  # fmt: skip


def _at(name: str, values: list[float]) -> Tensor:
    return make_activation(name)(torch.tensor([values], dtype=torch.float64))


def _set(layer: nn.Module, weight: list, bias: list) -> None:
    with torch.no_grad():
        layer.get_parameter("weight").copy_(torch.tensor(weight))
        layer.get_parameter("bias").copy_(torch.tensor(bias))
