"""What a recurrent layer of torch does inside: its states and gates at every step, connected to the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from xai.base.errors import LayerError

__all__ = ["GATES", "gates_of", "states_of"]

# In the order in which torch stacks their weights.
GATES: dict[type[nn.RNNBase], tuple[str, ...]] = {
    nn.LSTM: ("input", "forget", "cell", "output"),
    nn.GRU: ("reset", "update", "new"),
}


def states_of(module: nn.RNNBase, sequence: Tensor | PackedSequence) -> Tensor:
    """Return a recurrent layer's output as (N, T, H), NaN behind the end of a shorter sequence."""
    if isinstance(sequence, PackedSequence):
        return pad_packed_sequence(sequence, batch_first=True, padding_value=torch.nan)[0]
    if sequence.ndim == 2:
        return sequence[None]
    return sequence if module.batch_first else sequence.transpose(0, 1)


def gates_of(module: nn.RNNBase, inputs: tuple, gate: str) -> Tensor:
    """Return a gate (N, T, H) from what the layer was called with; both directions, forward first.

    gate: its name in GATES, or with `_l0` and so on behind it, where the last of several layers is not meant.
    Raises LayerError for a gate that the layer does not have.
    """
    kind = next((kind for kind in GATES if isinstance(module, kind)), None)
    name, _, number = gate.rpartition("_l")
    name, level = (name, int(number)) if name and number.isdecimal() else (gate, module.num_layers - 1)
    if kind is None or name not in GATES[kind] or level >= module.num_layers or getattr(module, "proj_size", 0):
        known = ", ".join(GATES[kind]) if kind is not None else "nn.LSTM or nn.GRU"
        raise LayerError("gate", expected=f"a gate of the layer ({known})", got=repr(gate))
    sequence, first = inputs[0], inputs[1] if len(inputs) > 1 else None
    below = sequence if level == 0 else _lowest(module, level)(sequence, _start(first, module, level))[0]
    here = _lowest(module, level + 1)(sequence, _start(first, module, level + 1))[0]
    x, h = states_of(module, below), states_of(module, here)
    present = ~h.isnan()
    going_on = torch.cat([present[:, 1:, :1], torch.zeros_like(present[:, :1, :1])], 1)  # is there a step behind this?
    x, h = x.nan_to_num(), h.nan_to_num()
    sides = h.chunk(2, 2) if module.bidirectional else (h,)
    directions = len(sides)
    opened = []
    for side, states in enumerate(sides):
        end = f"_l{level}{'_reverse' if side else ''}"
        initial = states.new_zeros(len(states), 1, states.shape[2])
        if first is not None:
            first_states = first[0] if isinstance(first, tuple) else first
            initial = first_states[level * directions + side][:, None]
        # Backward, the state before a step is that of the step behind it.
        if side:
            before = torch.where(going_on, torch.cat([states[:, 1:], initial], 1), initial)
        else:
            before = torch.cat([initial, states[:, :-1]], 1)
        opened.append(_gate(module, GATES[kind].index(name), name, end, x, before))
    return torch.where(present, torch.cat(opened, 2), torch.nan)


def _gate(module: nn.RNNBase, position: int, name: str, end: str, x: Tensor, before: Tensor) -> Tensor:
    def part(kind: str, number: int) -> Tensor:
        whole = getattr(module, f"{kind}{end}")
        return whole.chunk(len(whole) // module.hidden_size)[number]

    def sums(number: int) -> tuple[Tensor, Tensor]:
        of_input, of_state = x @ part("weight_ih", number).T, before @ part("weight_hh", number).T
        if not module.bias:
            return of_input, of_state
        return of_input + part("bias_ih", number), of_state + part("bias_hh", number)

    of_input, of_state = sums(position)
    if name == "new":  # torch resets the product with the state, its bias too
        reset = torch.add(*sums(0))
        return (of_input + torch.sigmoid(reset) * of_state).tanh()
    return (of_input + of_state).tanh() if name == "cell" else (of_input + of_state).sigmoid()


def _lowest(module: nn.RNNBase, levels: int) -> nn.RNNBase:
    """Return a layer of the lowest `levels` of a stack, with its very weights."""
    settings = {"bias": module.bias, "batch_first": module.batch_first, "bidirectional": module.bidirectional}
    with torch.random.fork_rng(devices=[]):
        kind = cast(Callable[..., nn.RNNBase], type(module))  # an LSTM or GRU, which take no mode as their base does
        part = kind(module.input_size, module.hidden_size, levels, **settings)
    for key, _ in list(part.named_parameters()):
        setattr(part, key, getattr(module, key))
    return part.train(module.training)


def _start(
    first: Tensor | tuple[Tensor, ...] | None, module: nn.RNNBase, levels: int
) -> Tensor | tuple[Tensor, ...] | None:
    count = levels * (2 if module.bidirectional else 1)
    if first is None:
        return None
    return tuple(item[:count] for item in first) if isinstance(first, tuple) else first[:count]
