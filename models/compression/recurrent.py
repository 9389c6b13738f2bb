"""Fewer hidden units in torch.nn.RNN, LSTM and GRU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xai.core.compress import unit_norms
from xai.core.errors import LayerError, expected

__all__ = ["hidden_norms", "ignore_hidden", "shrink_hidden", "shrink_inputs"]

GATES = {nn.RNN: 1, nn.LSTM: 4, nn.GRU: 3}


def hidden_norms(module: nn.RNNBase, norm: str = "l1") -> Tensor:
    """Return the norm of each hidden unit's incoming weights over all gates, (layers, hidden)."""
    gates, layers = GATES[type(module)], []
    for number in range(module.num_layers):
        weight = torch.cat([getattr(module, f"weight_{kind}_l{number}").detach() for kind in ("ih", "hh")], 1)
        by_unit = weight.unflatten(0, (gates, module.hidden_size)).transpose(0, 1)  # (hidden, gates, inputs)
        layers.append(unit_norms(by_unit, norm))
    return torch.stack(layers)


def shrink_hidden(module: nn.RNNBase, keep: Tensor) -> nn.RNNBase:
    """Return a smaller module with the hidden units `keep`: (K,) for every layer, or (layers, K)."""
    _check(module)
    rows = keep.expand(module.num_layers, -1)
    settings: dict[str, object] = {
        "num_layers": module.num_layers,
        "bias": module.bias,
        "batch_first": module.batch_first,
        "dropout": module.dropout,
    }
    if isinstance(module, nn.RNN):
        settings["nonlinearity"] = module.nonlinearity
    with torch.random.fork_rng(devices=[]):
        small = type(module)(module.input_size, rows.shape[1], **settings)
    small = small.to(module.weight_ih_l0).train(module.training)
    gates, hidden = GATES[type(module)], module.hidden_size
    with torch.no_grad():
        for number in range(module.num_layers):
            kept = rows[number]
            every = torch.cat([kept + gate * hidden for gate in range(gates)])  # the gates lie one below the other
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh") if module.bias else ("weight_ih", "weight_hh"):
                values = getattr(module, f"{name}_l{number}")[every]
                if name == "weight_hh":
                    values = values[:, kept]
                if name == "weight_ih" and number:
                    values = values[:, rows[number - 1]]
                getattr(small, f"{name}_l{number}").copy_(values)
    return small


def shrink_inputs(module: nn.RNNBase, columns: Tensor) -> None:
    """Let a module read only these inputs, in place."""
    module.input_size = len(columns)
    module.weight_ih_l0 = nn.Parameter(module.weight_ih_l0.detach()[:, columns].clone())


def ignore_hidden(module: nn.RNNBase, keep: Tensor) -> None:
    """Let nothing inside the module read the other hidden units, in place: they are masked, initial states too."""
    _check(module)
    rows = keep.expand(module.num_layers, -1)
    with torch.no_grad():
        for number in range(module.num_layers):
            gone = torch.ones(module.hidden_size, dtype=torch.bool)
            gone[rows[number]] = False
            getattr(module, f"weight_hh_l{number}")[:, gone] = 0
            if number + 1 < module.num_layers:
                getattr(module, f"weight_ih_l{number + 1}")[:, gone] = 0


def _check(module: nn.RNNBase) -> None:
    if module.bidirectional or module.proj_size:
        raise LayerError(expected("prune", "layer", "one direction and no projection", str(module)))
