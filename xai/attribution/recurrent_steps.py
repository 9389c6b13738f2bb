"""Recurrent layers as the steps that they consist of, so that each has its rule: torch runs them in one piece.

What comes in and the state before are one linear layer (as in Arras et al. 2017, doi:10.18653/v1/W17-5221). All
directions, layers, projections and packed sequences of torch are written; the state is (rows, features) in each step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from xai.attribution.backward_rules import Rewritten

__all__ = ["RECURRENT_STEPS"]

State = tuple[Tensor, ...]
Weights = Sequence[Tensor]  # from input, from state, both biases where there are any, and of the projection
Step = Callable[[Tensor, State, Weights, bool], State]


def _joined(x: Tensor, hidden: Tensor, weights: Weights, biased: bool, rows: slice = slice(None)) -> Tensor:
    """Return what a linear layer makes of input and state side by side, its units given by rows of the weights."""
    weight = torch.cat([weights[0][rows], weights[1][rows]], 1)
    bias = weights[2][rows] + weights[3][rows] if biased else None
    return functional.linear(torch.cat([x, hidden], 1), weight, bias)


def _lstm_step(x: Tensor, state: State, weights: Weights, biased: bool) -> State:
    enter, keep, new, leave = _joined(x, state[0], weights, biased).chunk(4, 1)
    cell = keep.sigmoid() * state[1] + enter.sigmoid() * new.tanh()
    hidden = leave.sigmoid() * cell.tanh()
    projection = weights[2 + 2 * biased :]
    return (functional.linear(hidden, projection[0]) if projection else hidden), cell


def _gru_step(x: Tensor, state: State, weights: Weights, biased: bool) -> State:
    (hidden,), size = state, state[0].shape[1]
    reset, keep = (gate.sigmoid() for gate in _joined(x, hidden, weights, biased, slice(2 * size)).chunk(2, 1))
    from_x, from_state = (weights[position][2 * size :] for position in (0, 1))
    biases = [weights[position][2 * size :] for position in (2, 3)] if biased else [None, None]
    before = functional.linear(hidden, from_state, biases[1])
    new = (functional.linear(x, from_x, biases[0]) + reset * before).tanh()
    return ((1 - keep) * new + keep * hidden,)


def _plain_step(x: Tensor, state: State, weights: Weights, biased: bool, bend: Callable) -> State:
    return (bend(_joined(x, state[0], weights, biased)),)


def _direction(step: Callable[[Tensor, State], State], parts: list[Tensor], state: State, back: bool) -> tuple:
    """Return what one direction puts out at each step, and its last state; later steps may have fewer rows."""
    outputs = [parts[0]] * len(parts)
    # The first state is a constant, which a gate would meet alone: in the graph it takes what the gate does not.
    nothing = (parts[0] * 0.0).sum(1, keepdim=True)
    state = tuple(item + nothing for item in state)
    for position in reversed(range(len(parts))) if back else range(len(parts)):
        count = len(parts[position])
        new = step(parts[position], tuple(item[:count] for item in state))
        outputs[position] = new[0]
        # Rows that are over keep their state, and those that have not begun in the other direction their first one.
        state = tuple(
            item if count == len(old) else torch.cat([item, old[count:]]) for item, old in zip(new, state, strict=True)
        )
    return outputs, state


def _layers(step: Step, *args: Any) -> tuple[Tensor, ...]:
    """Return what torch's function puts out for the same arguments, with its last states (layers, N, H)."""
    packed = isinstance(args[1], Tensor) and not args[1].is_floating_point()
    if packed:
        data, sizes, start, flat, biased, count, dropout, training, both = args
        parts, steps_first = list(data.split(sizes.tolist())), False
    else:
        data, start, flat, biased, count, dropout, training, both, rows_first = args
        steps_first = not rows_first
        parts = list(data.unbind(0 if steps_first else 1))
    start = (start,) if isinstance(start, Tensor) else tuple(start)
    ways, each = 1 + both, len(flat) // (count * (1 + both))
    ends: list[State] = []
    for layer in range(count):
        outputs = []
        for way in range(ways):
            position = layer * ways + way
            weights = flat[position * each : (position + 1) * each]
            made = _direction(
                partial(_weighted, step, weights, biased), parts, tuple(item[position] for item in start), bool(way)
            )
            outputs.append(made[0])
            ends.append(made[1])
        parts = [torch.cat(both_ways, 1) for both_ways in zip(*outputs, strict=True)] if both else outputs[0]
        if dropout and training and layer + 1 < count:
            parts = [functional.dropout(part, dropout) for part in parts]
    output = torch.cat(parts) if packed else torch.stack(parts, 0 if steps_first else 1)
    return output, *(torch.stack(states) for states in zip(*ends, strict=True))


def _weighted(step: Step, weights: Weights, biased: bool, x: Tensor, state: State) -> State:
    return step(x, state, weights, biased)


def _cell(step: Step, x: Tensor, state: Tensor | Sequence[Tensor], *weights: Tensor) -> Tensor | State:
    """Return what torch's function of one step puts out: the state, or of an LSTM both."""
    alone = isinstance(state, Tensor)
    known = [weight for weight in weights if weight is not None]
    made = step(x, (state,) if isinstance(state, Tensor) else tuple(state), known, len(known) == 4)
    return made[0] if alone else made


STEPS: dict[str, Step] = {
    "lstm": _lstm_step,
    "gru": _gru_step,
    "rnn_tanh": partial(_plain_step, bend=torch.tanh),
    "rnn_relu": partial(_plain_step, bend=torch.relu),
}
RECURRENT_STEPS: dict[str, Rewritten] = {
    **{name: Rewritten(partial(_layers, step)) for name, step in STEPS.items()},
    **{f"{name}_cell": Rewritten(partial(_cell, step)) for name, step in STEPS.items()},
}
