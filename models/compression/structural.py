"""Remove units for real: a smaller network that answers as the large one does with those units masked."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from models.compression.chain import (
    RECURRENT,
    WEIGHTED,
    BatchNorm,
    Feedforward,
    batch_norm,
    consumer_of,
    feedforward,
    layers_in_order,
    shape_units,
)
from models.compression.recurrent import (
    hidden_norms,
    ignore_hidden,
    input_weights,
    output_units,
    row_count,
    shrink_hidden,
    shrink_inputs,
)
from xai.base.errors import InputError, LayerError, NetworkError, describe
from xai.network.compress import keep_largest, unit_norms
from xai.network.guard import untouched

__all__ = ["choose_units", "mask_units", "prune_units"]

Keep = dict[str, Tensor]


def choose_units(
    network: nn.Module, share: float, example: Tensor, *, norm: str = "l1", layers: list[str] | None = None
) -> Keep:
    """Return for each layer the units that stay when a share of them goes, those of lowest norm first.

    layers: by default every dense, convolutional and recurrent one but the last, whose units are the answers.
    The lecture's norm is that of a unit's incoming weights.
    """
    order = layers_in_order(network, example)
    weighted = [name for name, module in order.items() if isinstance(module, WEIGHTED)]
    keep: Keep = {}
    for name in weighted[:-1] if layers is None else layers:
        consumer_of(order, name)
        module = order[name]
        if isinstance(module, RECURRENT):
            keep[name] = torch.stack([keep_largest(row, share) for row in hidden_norms(module, norm)])
        else:
            keep[name] = keep_largest(unit_norms(feedforward(module).weight, norm), share)
    return keep


def prune_units(network: nn.Module, keep: Keep, example: Tensor) -> nn.Module:
    """Return a smaller copy that has only the units `keep` of the named layers.

    keep: for each layer the indices that stay, (K,); for a recurrent module of several layers or both directions also
    one row for each, (rows, K): layer by layer, forward before backward.
    example: a batch of inputs, to see which layer reads which. Works on chains: dense, convolutional and recurrent
    layers with batch norm, activations, pooling, dropout and flattening in between. The result is compared in float64
    with the copy of `mask_units` on the example; NetworkError where they differ, as with a skip connection.
    """
    order = layers_in_order(network, example)
    keep = {name: _checked(order, name, indices) for name, indices in keep.items()}
    small = copy.deepcopy(network)
    parts = dict(small.named_modules())
    for name, indices in keep.items():
        norms, reader = consumer_of(order, name)
        units = shape_units(order[name])
        before, part = order[name], parts[name]
        if isinstance(before, RECURRENT) and isinstance(part, RECURRENT):
            parts[name] = shrink_hidden(part, indices)
            _put(small, name, parts[name])
            indices, units = output_units(before, indices)  # what later layers see is the last one's states
        else:
            _shrink_outputs(feedforward(part), indices)
        for norm in norms:
            _shrink_norm(batch_norm(parts[norm]), _columns(indices, units, batch_norm(order[norm]).num_features, norm))
        _shrink_reader(parts[reader], indices, units, reader)
    _compare(small, mask_units(network, keep, example), example)
    return small


def mask_units(network: nn.Module, keep: Keep, example: Tensor) -> nn.Module:
    """Return a copy of the same size in which the other units, after their activation, are read by nothing.

    The same as multiplying them by 0 there; in recurrent layers at each step, their initial states too.
    """
    order = layers_in_order(network, example)
    masked = copy.deepcopy(network)
    parts = dict(masked.named_modules())
    for name, indices in keep.items():
        indices, units = _checked(order, name, indices), shape_units(order[name])
        part = parts[name]
        if isinstance(part, RECURRENT):
            ignore_hidden(part, indices)
            indices, units = output_units(part, indices)
        reader = consumer_of(order, name)[1]
        reads = parts[reader]
        weights = input_weights(reads) if isinstance(reads, RECURRENT) else [feedforward(reads).weight]
        width = weights[0].shape[1]
        gone = torch.ones(width, dtype=torch.bool)
        gone[_columns(indices, units, width, reader)] = False
        with torch.no_grad():
            for weight in weights:
                weight[:, gone] = 0
    return masked


def _checked(order: dict[str, nn.Module], name: str, indices: Tensor) -> Tensor:
    consumer_of(order, name)
    units = shape_units(order[name])
    indices = torch.as_tensor(indices)
    layer = order[name]
    lists = (1, 2) if isinstance(layer, RECURRENT) else (1,)
    fits = indices.ndim in lists and indices.dtype == torch.int64 and indices.shape[-1] > 0
    if fits and indices.ndim == 2 and isinstance(layer, RECURRENT):
        fits = len(indices) in (1, row_count(layer))
    if fits:
        rows = indices.reshape(-1, indices.shape[-1])
        fits = bool(((rows >= 0) & (rows < units)).all()) and bool((rows.diff(dim=1) > 0).all())
    if not fits:
        wanted = f"ascending indices below {units}, at least one"
        raise InputError(f"keep[{name!r}]", expected=wanted, got=describe(indices), operation="prune")
    return indices


def _columns(indices: Tensor, units: int, width: int, reader: str) -> Tensor:
    """Return the inputs of a reader that come from these units; a flattened channel feeds several."""
    if width % units:
        wanted = f"to read the {units} units before it"
        raise LayerError(f"layer {reader!r}", expected=wanted, got=f"one that reads {width} numbers", operation="prune")
    each = width // units
    return (indices[:, None] * each + torch.arange(each)).flatten()


def _shrink_outputs(module: Feedforward, indices: Tensor) -> None:
    if getattr(module, "groups", 1) != 1:
        raise LayerError("layer", expected="a convolution of one group", got=str(module), operation="prune")
    _replace(module, "weight", module.weight.detach()[indices])
    if module.bias is not None:
        _replace(module, "bias", module.bias.detach()[indices])
    setattr(module, "out_features" if isinstance(module, nn.Linear) else "out_channels", len(indices))


def _shrink_norm(module: BatchNorm, columns: Tensor) -> None:
    for name in ("weight", "bias"):
        if getattr(module, name) is not None:
            _replace(module, name, getattr(module, name).detach()[columns])
    for name in ("running_mean", "running_var"):
        if getattr(module, name) is not None:
            setattr(module, name, getattr(module, name)[columns].clone())
    module.num_features = len(columns)


def _shrink_reader(module: nn.Module, indices: Tensor, units: int, name: str) -> None:
    if isinstance(module, RECURRENT):
        shrink_inputs(module, _columns(indices, units, module.input_size, name))
        return
    if getattr(module, "groups", 1) != 1:
        raise LayerError("layer", expected="a convolution of one group", got=str(module), operation="prune")
    plain = feedforward(module)
    columns = _columns(indices, units, plain.weight.shape[1], name)
    _replace(plain, "weight", plain.weight.detach()[:, columns])
    setattr(module, "in_features" if isinstance(module, nn.Linear) else "in_channels", len(columns))


def _replace(module: nn.Module, name: str, values: Tensor) -> None:
    setattr(module, name, nn.Parameter(values.clone(), requires_grad=getattr(module, name).requires_grad))


def _put(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    if not last or not name:
        raise LayerError("network", expected="a layer inside a network", got=type(network).__name__, operation="prune")
    setattr(network.get_submodule(parent), last, module)


def _compare(small: nn.Module, masked: nn.Module, example: Tensor) -> None:
    exact = example.double() if example.is_floating_point() else example
    small, masked = copy.deepcopy(small).double(), masked.double()
    with untouched(small), untouched(masked), torch.no_grad():
        try:
            got = small(exact)
        except RuntimeError as error:
            wanted = "a chain of layers, each read by the next one alone"
            raise NetworkError(
                "network", expected=wanted, got=f"{type(error).__name__}: {error}", operation="prune"
            ) from error
        wanted = masked(exact)
    if not isinstance(got, Tensor) or not torch.allclose(got, wanted, rtol=1e-7, atol=1e-7):
        reason = "other answers" if isinstance(got, Tensor) else type(got).__name__
        raise NetworkError(
            "network", expected="the answers of the network with those units masked", got=reason, operation="prune"
        )
