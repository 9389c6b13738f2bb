"""Two steps of a simple RNN of one unit, the gradients back through them, and a product of many."""

from __future__ import annotations

import math

import torch

from models.lecture.recurrent_gradients import jacobian_norms, make_cell
from models.lecture.worked.comparing import compare
from models.networks.cells import run_cell
from xai.base.experiment import WorkedExample

__all__ = ["worked"]


def worked(row: str) -> WorkedExample:
    """Return states of 3/5 and 4/5, the parts of the gradient by each weight, and norms after ten steps at rest."""
    weight = torch.tensor([[0.5, 1.0]], dtype=torch.float64, requires_grad=True)  # [h, x]
    first, second = math.log(2), math.log(3) - 0.3
    inputs = torch.tensor([[[first], [second]]], dtype=torch.float64, requires_grad=True)
    states = run_cell("rnn", inputs, {"weight_h": weight, "bias_h": torch.zeros(1, dtype=torch.float64)}).states
    by_weight, by_input = torch.autograd.grad(states[0, 1, 0], (weight, inputs))
    return WorkedExample(
        name="simple_rnn",
        row=row,
        shown="h ← tanh(h/2 + x), inputs ln 2 and ln 3 - 0.3. tanh' is 1 - h²: 0.64 and 0.36, so that over one step "
        "dh₂/dh₁ = 0.36/2 = 0.18. At rest tanh' is 1 and ten steps multiply by the weight ten times.",
        comparisons=[
            compare("h₁ = tanh(ln 2), h₂ = tanh(0.3 + ln 3 - 0.3)", [3 / 5, 4 / 5], states),
            compare("dh₂/dx₁ = 0.18·0.64, dh₂/dx₂ = 0.36", [0.1152, 0.36], by_input),
            compare("dh₂/dw_h: 0.36·h₁, and through h₁ nothing (h₀ is 0)", 0.216, by_weight[0, 0]),
            compare("dh₂/dw_x: 0.36·x₂ + 0.18·0.64·x₁", 0.36 * second + 0.1152 * first, by_weight[0, 1]),
            compare("ten steps at rest, weight 1/2: vanishes", 1 / 1024, _after_ten(0.5)),
            compare("ten steps at rest, weight 3/2: explodes", (3 / 2) ** 10, _after_ten(1.5)),
        ],
        errata=("backpropagation through time",),
    )


def _after_ten(weight: float) -> float:
    cell = make_cell("RNN", 1)
    with torch.no_grad():
        cell.weight_hh.fill_(weight)
        cell.bias_ih.zero_()
        cell.bias_hh.zero_()
    return jacobian_norms(cell, torch.zeros(10, 1, dtype=torch.float64))[10]
