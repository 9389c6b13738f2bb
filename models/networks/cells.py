"""Recurrent cells as the lecture's equations; torch.nn computes the same (but for one), much faster.

A state h of H numbers and an input x of D numbers, N sequences at a time: every gate is activation(W [h, x] + b) with W
of shape (H, H + D). `*` is element by element.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from xai.base.errors import InputError, describe, names_errors

__all__ = ["CELLS", "Cell", "Run", "from_torch", "run_cell"]

Weights = Mapping[str, Tensor]
State = tuple[Tensor, ...]  # (h,), or (h, c) for the LSTM
Step = Callable[[Tensor, State, Weights], tuple[State, dict[str, Tensor]]]


def rnn(x: Tensor, state: State, weights: Weights) -> tuple[State, dict[str, Tensor]]:
    """h <- tanh(W_h [h, x] + b_h)."""
    (h,) = state
    return (_affine(weights, "h", torch.cat([h, x], 1)).tanh(),), {}


def lstm(x: Tensor, state: State, weights: Weights) -> tuple[State, dict[str, Tensor]]:
    """g = tanh(W_g [h, x] + b_g); i, f, o = sigmoid(W [h, x] + b); c <- f * c + i * g; h <- o * tanh(c).

    Source: Hochreiter, Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; the forget gate: Gers et al. 2000.
    """
    h, c = state
    both = torch.cat([h, x], 1)
    gates = {name: _affine(weights, name, both).sigmoid() for name in ("i", "f", "o")}
    gates["g"] = _affine(weights, "g", both).tanh()
    c = gates["f"] * c + gates["i"] * gates["g"]
    return (gates["o"] * c.tanh(), c), gates


def gru(x: Tensor, state: State, weights: Weights) -> tuple[State, dict[str, Tensor]]:
    """z, r = sigmoid(W [h, x] + b); g = tanh(W_g [r * h, x] + b_g); h <- z * h + (1 - z) * g.

    The lecture's: the state is reset before the product. Source: Cho et al. 2014, arXiv:1406.1078.
    """
    (h,) = state
    gates = {name: _affine(weights, name, torch.cat([h, x], 1)).sigmoid() for name in ("z", "r")}
    gates["g"] = _affine(weights, "g", torch.cat([gates["r"] * h, x], 1)).tanh()
    return (gates["z"] * h + (1 - gates["z"]) * gates["g"],), gates


def gru_reset_after(x: Tensor, state: State, weights: Weights) -> tuple[State, dict[str, Tensor]]:
    """z, r = sigmoid(W [h, x] + b); g = tanh(W_gx x + b_gx + r * (W_gh h + b_gh)); h <- z * h + (1 - z) * g.

    torch's and cuDNN's: the product with the state is reset, its bias too, so that W_g cannot be one matrix.
    """
    (h,) = state
    gates = {name: _affine(weights, name, torch.cat([h, x], 1)).sigmoid() for name in ("z", "r")}
    gates["g"] = (_affine(weights, "gx", x) + gates["r"] * _affine(weights, "gh", h)).tanh()
    return (gates["z"] * h + (1 - gates["z"]) * gates["g"],), gates


@dataclass(frozen=True)
class Cell:
    """A step, how many parts its state has, and the weights that it needs: name -> what they act on."""

    step: Step
    states: int
    acts_on: dict[str, str]


CELLS: dict[str, Cell] = {
    "rnn": Cell(rnn, 1, {"h": "both"}),
    "lstm": Cell(lstm, 2, {"i": "both", "f": "both", "g": "both", "o": "both"}),
    "gru": Cell(gru, 1, {"z": "both", "r": "both", "g": "both"}),
    "gru_reset_after": Cell(gru_reset_after, 1, {"z": "both", "r": "both", "gx": "input", "gh": "state"}),
}


@dataclass
class Run:
    """states: h after each step (N, T, H); last: each part of the state (N, H) after each sequence's last own step.

    gates: name -> (N, T, H), where they were recorded. Steps of padding hold the last state, and gates of 0.
    """

    states: Tensor
    last: State
    gates: dict[str, Tensor] = field(default_factory=dict)


@names_errors("run_cell")
def run_cell(
    name: str,
    inputs: Tensor,
    weights: Weights,
    state: State | None = None,
    lengths: Tensor | None = None,
    record: bool = False,
) -> Run:
    """Run a cell over sequences (N, T, D) from a state (zeros by default), each for its own length (N,).

    Raises InputError for an unknown cell or weights that it lacks.
    """
    if name not in CELLS:
        raise InputError("name", expected=f"one of {', '.join(CELLS)}", got=repr(name))
    cell = CELLS[name]
    missing = [key for key in cell.acts_on if f"weight_{key}" not in weights or f"bias_{key}" not in weights]
    if missing:
        raise InputError("weights", expected=f"weight and bias of {', '.join(cell.acts_on)}", got=f"no {missing[0]}")
    if inputs.ndim != 3:
        raise InputError("inputs", expected="sequences (N, T, D)", got=describe(inputs))
    count, steps, _ = inputs.shape
    size = len(weights[f"bias_{next(iter(cell.acts_on))}"])
    state = state if state is not None else tuple(inputs.new_zeros(count, size) for _ in range(cell.states))
    states, gates = [], []
    for step in range(steps):
        after, opened = cell.step(inputs[:, step], state, weights)
        if lengths is not None:
            going = (step < lengths)[:, None]
            after = tuple(torch.where(going, new, old) for new, old in zip(after, state, strict=True))
            opened = {key: gate * going for key, gate in opened.items()}
        state = after
        states.append(state[0])
        gates.append(opened)
    recorded = {key: torch.stack([gate[key] for gate in gates], 1) for key in gates[0]} if record else {}
    return Run(torch.stack(states, 1), state, recorded)


@names_errors("from_torch")
def from_torch(module: nn.RNNBase, layer: int = 0, backward: bool = False) -> tuple[str, dict[str, Tensor]]:
    """Return the cell's name and weights that compute what one layer of nn.RNN, nn.LSTM or nn.GRU does.

    torch keeps a matrix for the input and one for the state, and two biases that only the GRU's candidate needs apart.
    """
    end = f"_l{layer}{'_reverse' if backward else ''}"
    kinds = {nn.RNN: ("rnn", "h"), nn.LSTM: ("lstm", "ifgo"), nn.GRU: ("gru_reset_after", "rzn")}
    found = next((value for kind, value in kinds.items() if isinstance(module, kind)), None)
    if found is None or not hasattr(module, f"weight_ih{end}") or getattr(module, "nonlinearity", "tanh") != "tanh":
        raise InputError("module", expected=f"nn.RNN (tanh), nn.LSTM or nn.GRU with a layer {layer}", got=module)
    name, order = found
    zero = module.get_parameter("weight_ih_l0").new_zeros(len(order) * module.hidden_size)
    parts = [
        getattr(module, f"{key}{end}", zero).chunk(len(order))
        for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    weights: dict[str, Tensor] = {}
    for gate, of_input, of_state, input_bias, state_bias in zip(order, *parts, strict=True):
        if gate == "n":
            weights |= {"weight_gx": of_input, "weight_gh": of_state, "bias_gx": input_bias, "bias_gh": state_bias}
        else:
            weights[f"weight_{gate}"] = torch.cat([of_state, of_input], 1)  # [h, x]
            weights[f"bias_{gate}"] = input_bias + state_bias
    return name, weights


def _affine(weights: Weights, name: str, values: Tensor) -> Tensor:
    return values @ weights[f"weight_{name}"].T + weights[f"bias_{name}"]
