"""Fewer hidden units in torch.nn.RNN, LSTM and GRU.

A module has one row of units for each layer and direction, in torch's order: a layer forward, then the same backward.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from xai.base.errors import LayerError
from xai.network.compress import unit_norms

__all__ = [
    "hidden_norms",
    "ignore_hidden",
    "input_weights",
    "output_units",
    "row_count",
    "shrink_hidden",
    "shrink_inputs",
]

GATES: dict[type[nn.RNNBase], int] = {nn.RNN: 1, nn.LSTM: 4, nn.GRU: 3}


def row_count(module: nn.RNNBase) -> int:
    """Return how many rows of units a module has: layers times directions."""
    return module.num_layers * _directions(module)


def hidden_norms(module: nn.RNNBase, norm: str = "l1") -> Tensor:
    """Return the norm of each hidden unit's incoming weights over all gates, (rows, hidden)."""
    gates, rows = GATES[type(module)], []
    for end in _ends(module):
        weight = torch.cat([getattr(module, f"weight_{kind}{end}").detach() for kind in ("ih", "hh")], 1)
        by_unit = weight.unflatten(0, (gates, module.hidden_size)).transpose(0, 1)  # (hidden, gates, inputs)
        rows.append(unit_norms(by_unit, norm))
    return torch.stack(rows)


def output_units(module: nn.RNNBase, keep: Tensor) -> tuple[Tensor, int]:
    """Return the places in a module's output that stay with `keep`, and how many there are: the last layer's."""
    rows = keep.expand(row_count(module), -1)
    return _output_indices(module, rows, module.num_layers - 1), module.hidden_size * _directions(module)


def shrink_hidden(module: nn.RNNBase, keep: Tensor) -> nn.RNNBase:
    """Return a smaller module with the hidden units `keep`: (K,) for every layer and direction, or (rows, K)."""
    _check(module)
    rows = keep.expand(row_count(module), -1)
    settings: dict[str, Any] = {
        "num_layers": module.num_layers,
        "bias": module.bias,
        "batch_first": module.batch_first,
        "dropout": module.dropout,
        "bidirectional": module.bidirectional,
    }
    if isinstance(module, nn.RNN):
        settings["nonlinearity"] = module.nonlinearity
    with torch.random.fork_rng(devices=[]):
        make = cast(
            Callable[..., nn.RNNBase], type(module)
        )  # an LSTM, GRU or RNN, which take no mode as their base does
        small = make(module.input_size, rows.shape[1], **settings)
    small = small.to(cast(Tensor, module.weight_ih_l0)).train(module.training)
    gates, hidden = GATES[type(module)], module.hidden_size
    with torch.no_grad():
        for number, (end, kept) in enumerate(zip(_ends(module), rows, strict=True)):
            layer = number // _directions(module)
            every = torch.cat([kept + gate * hidden for gate in range(gates)])  # the gates lie one below the other
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh") if module.bias else ("weight_ih", "weight_hh"):
                values = getattr(module, f"{name}{end}")[every]
                if name == "weight_hh":
                    values = values[:, kept]
                if name == "weight_ih" and layer:
                    values = values[:, _output_indices(module, rows, layer - 1)]
                getattr(small, f"{name}{end}").copy_(values)
    return small


def input_weights(module: nn.RNNBase) -> list[Tensor]:
    """Return what reads a module's inputs, (gates * hidden, inputs) of each direction."""
    return [getattr(module, f"weight_ih{end}") for end in _ends(module)[: _directions(module)]]


def shrink_inputs(module: nn.RNNBase, columns: Tensor) -> None:
    """Let a module read only these inputs, in place."""
    module.input_size = len(columns)
    for end in _ends(module)[: _directions(module)]:
        weight = getattr(module, f"weight_ih{end}").detach()
        setattr(module, f"weight_ih{end}", nn.Parameter(weight[:, columns].clone()))


def ignore_hidden(module: nn.RNNBase, keep: Tensor) -> None:
    """Let nothing inside the module read the other hidden units, in place: they are masked, initial states too."""
    _check(module)
    rows = keep.expand(row_count(module), -1)
    ends, each = _ends(module), _directions(module)
    with torch.no_grad():
        for number, (end, kept) in enumerate(zip(ends, rows, strict=True)):
            layer = number // each
            getattr(module, f"weight_hh{end}")[:, _others(kept, module.hidden_size)] = 0
            if layer:
                gone = _others(_output_indices(module, rows, layer - 1), module.hidden_size * each)
                getattr(module, f"weight_ih{end}")[:, gone] = 0


def _directions(module: nn.RNNBase) -> int:
    return 2 if module.bidirectional else 1


def _ends(module: nn.RNNBase) -> list[str]:
    """Return how the names of each row's weights end."""
    directions = ("", "_reverse")[: _directions(module)]
    return [f"_l{layer}{direction}" for layer in range(module.num_layers) for direction in directions]


def _output_indices(module: nn.RNNBase, rows: Tensor, layer: int) -> Tensor:
    """Return the places of the kept units in what a layer puts out: forward, then backward."""
    each = _directions(module)
    return torch.cat([rows[layer * each + direction] + direction * module.hidden_size for direction in range(each)])


def _others(kept: Tensor, count: int) -> Tensor:
    gone = torch.ones(count, dtype=torch.bool)
    gone[kept] = False
    return gone


def _check(module: nn.RNNBase) -> None:
    if module.proj_size:
        raise LayerError("layer", expected="a recurrent layer without a projection", got=str(module), operation="prune")
