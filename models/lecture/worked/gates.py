"""One step of LSTM and of both GRUs, with gates that are fractions, and how long an open forget gate keeps."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from models.lecture.worked.comparing import compare
from models.networks.cells import from_torch, run_cell
from xai.base.experiment import WorkedExample

__all__ = ["worked"]

LN = math.log


def worked(row: str) -> WorkedExample:
    """Return each gate from either the state or the input, what they make, and torch's own answer."""
    input = torch.full((1, 1, 1), LN(3), dtype=torch.float64)
    # i from x with weight 0 and no bias: 1/2. f = sigmoid(x): 3/4. o = sigmoid(x + ln 4/3): 4/5. g = tanh(h): 3/5.
    lstm = _weights(i=(0, 0, 0), f=(0, 1, 0), o=(0, 1, LN(4 / 3)), g=(1, 0, 0))
    ran = run_cell("lstm", input, lstm, _state(LN(2), 1.0), record=True)
    # z = sigmoid(-x): 1/4. r = 1/2.
    gru = _weights(z=(0, -1, 0), r=(0, 0, 0), g=(1, 0, 2 * LN(1.5)))
    before = run_cell("gru", input, gru, _state(2 * LN(2)), record=True)
    module = _torch_gru()
    name, weights = from_torch(module)
    after = run_cell(name, input, weights, _state(2 * LN(2)), record=True)
    torchs = module(input, _state(2 * LN(2))[0][None])[0]
    kept = _weights(i=(0, 0, 0), f=(0, 0, LN(3)), o=(0, 0, 0), g=(0, 0, 0))
    past = run_cell("lstm", torch.zeros(1, 10, 1, dtype=torch.float64), kept, _state(0.0, 1.0)).last[1]
    candidate = (4.5 - 1 / 4.5) / (4.5 + 1 / 4.5)  # tanh(ln 4.5)
    state = 2 * LN(2)
    return WorkedExample(
        name="gates",
        row=row,
        shown="Input ln 3. LSTM from h = ln 2, c = 1: i = 1/2, f = σ(x), o = σ(x + ln 4/3), g = tanh(h). GRU from h "
        "= 2 ln 2: z = σ(-x), r = 1/2, and a bias of 2 ln 3/2 in its candidate, outside of the reset in the "
        "lecture's form, inside it in torch's.",
        comparisons=[
            compare("LSTM: i, f, o, g", [1 / 2, 3 / 4, 4 / 5, 3 / 5], [ran.gates[key] for key in "ifog"]),
            compare("LSTM: c ← 3/4·1 + 1/2·3/5", 1.05, ran.last[1]),
            compare("LSTM: h ← 4/5·tanh(1.05)", 0.8 * math.tanh(1.05), ran.last[0]),
            compare("LSTM: a cell at f = 3/4 after ten steps", (3 / 4) ** 10, past, slide="kept until the gate closes"),
            compare("GRU: z, r", [1 / 4, 1 / 2], [before.gates[key] for key in "zr"]),
            compare("GRU, the lecture's: g = tanh(ln 2 + 2 ln 3/2)", candidate, before.gates["g"],
                    slide="called output gate"),
            compare("GRU, the lecture's: h ← 1/4·h + 3/4·g", state / 4 + 3 / 4 * candidate, before.last[0]),
            compare("GRU, torch's: g = tanh((2 ln 2 + 2 ln 3/2)/2)", 4 / 5, after.gates["g"]),
            compare("GRU, torch's: h ← 1/4·h + 3/4·4/5", state / 4 + 3 / 5, after.last[0]),
            compare("GRU, torch.nn.GRU itself", state / 4 + 3 / 5, torchs),
        ],
        errata=("the GRU's output gate", "the LSTM's past"),
    )  # fmt: skip


def _weights(**gates: tuple[float, float, float]) -> dict[str, Tensor]:
    """Return for each gate the weight of the state, that of the input, and the bias."""
    made = {}
    for name, (of_state, of_input, bias) in gates.items():
        made[f"weight_{name}"] = torch.tensor([[of_state, of_input]], dtype=torch.float64)
        made[f"bias_{name}"] = torch.tensor([bias], dtype=torch.float64)
    return made


def _state(*values: float) -> tuple[Tensor, ...]:
    return tuple(torch.tensor([[value]], dtype=torch.float64) for value in values)


def _torch_gru() -> nn.GRU:
    module = nn.GRU(1, 1, batch_first=True).double()
    with torch.no_grad():  # rows: r, z, n
        module.get_parameter("weight_ih_l0").copy_(torch.tensor([[0.0], [-1.0], [0.0]]))
        module.get_parameter("weight_hh_l0").copy_(torch.tensor([[0.0], [0.0], [1.0]]))
        module.get_parameter("bias_ih_l0").zero_()
        module.get_parameter("bias_hh_l0").copy_(torch.tensor([0.0, 0.0, 2 * LN(1.5)], dtype=torch.float64))
    return module
