"""The units of a network over real rows: what they put out, how they vary, and whether the answer depends on them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xai.model.model import Model
from xai.network.hooks import check_reached, recording
from xai.network.trace import Layer, Trace

__all__ = ["UnitLayer", "measure_units", "unit_layers"]

SAMPLES = 4096  # values of a unit that are compared between units
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
RECURRENT = (nn.RNN, nn.LSTM, nn.GRU)
BOUNDED = {nn.Sigmoid: (0.0, 1.0), nn.Tanh: (-1.0, 1.0), nn.Hardtanh: (-1.0, 1.0), nn.Hardsigmoid: (0.0, 1.0)}


@dataclass(frozen=True)
class UnitLayer:
    """One layer: for each of its U units whether it is dead or saturated, and a sample (S, U) of what it puts out."""

    name: str
    kind: str
    dead: Tensor
    saturated: Tensor | None
    sample: Tensor

    @property
    def duplicates(self) -> Tensor:
        """Return which units (U,) put out the same as an earlier one: a correlation above 0.999, or below -0.999."""
        alive = ~self.dead
        values = self.sample.double()
        values = values - values.mean(0)
        values = values / values.norm(dim=0).clamp_min(1e-12)
        alike = (values.T @ values).abs() > 0.999
        alike &= alive[:, None] & alive
        return torch.tril(alike, -1).any(1)


def unit_layers(model: Model, trace: Trace) -> list[Layer]:
    """Return the layers whose units are looked at: convolutions, linear and recurrent layers, bounded activations."""
    modules = dict(model.network.named_modules())
    chosen = []
    for layer in trace.layers:
        module = modules[layer.name]
        if _convolves(layer, module) or layer.linear or isinstance(module, RECURRENT) or type(module) in BOUNDED:
            chosen.append(layer)
    return chosen


def measure_units(model: Model, inputs: Tensor, layers: list[Layer], seed: int) -> list[UnitLayer]:
    """Return each layer's units over inputs (N, ...), in batches.

    A unit is dead when no answer depends on it for any row (its gradient under a random mixture of the outputs is 0
    everywhere) or when it puts out the same number for all of them; saturated when it stays in the outer 2 % of its
    range for 95 of 100 values.
    """
    modules = dict(model.network.named_modules())
    names = [layer.name for layer in layers]
    first = _channels_first(layers, modules)
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, dict[str, Tensor]] = {}
    with model.explaining("audit", inputs, 0, exact=True) as session:
        mixture = torch.randn(session.prediction.shape[1] + 1, generator=generator)
        parts = list(session.chunks(len(session)))
        for part in parts:
            batch = session.inputs[part]
            batch = batch.clone().requires_grad_() if batch.is_floating_point() else batch
            for parameter in model.network.parameters():
                parameter.requires_grad_(parameter.is_floating_point())
            with recording(model.network, names) as recorded:
                output = model.forward_on(model.network, batch)
            check_reached(recorded, names)
            mixed = (output * mixture[: output.shape[1]].to(output)).sum()
            gradients = torch.autograd.grad(mixed, [recorded[name] for name in names], allow_unused=True)
            for name, gradient in zip(names, gradients, strict=True):
                values = _by_unit(recorded[name].detach(), name in first)
                flow = None if gradient is None else _by_unit(gradient, name in first)
                _add(state.setdefault(name, {}), values, flow, type(modules[name]), SAMPLES // len(parts) + 1)
    return [_layer(layer, state[layer.name], type(modules[layer.name])) for layer in layers]


def _channels_first(layers: list[Layer], modules: dict[str, nn.Module]) -> set[str]:
    """Return the layers whose units lie along the first axis of a row: convolutions, and activations of their maps.

    What feeds an activation is not known; it is taken for the nearest layer before it that has as many units on the
    axis where it has them. Without any, the first of three axes counts as channels, else the last axis.
    """
    found: set[str] = set()
    before: list[tuple[Layer, int]] = []
    for layer in layers:
        if type(modules[layer.name]) in BOUNDED:
            # Of a row with a single axis, or with none, there is nothing to choose.
            fits = [axis for other, axis in before if len(layer.shape) > 1 and layer.shape[axis] == other.shape[axis]]
            axis = fits[-1] if fits else 0 if len(layer.shape) == 3 else -1
        else:
            axis = 0 if _convolves(layer, modules[layer.name]) else -1
            before.append((layer, axis))
        if axis == 0:
            found.add(layer.name)
    return found


def _convolves(layer: Layer, module: nn.Module) -> bool:
    return layer.convolution or isinstance(module, TRANSPOSED)


def _by_unit(values: Tensor, channels_first: bool) -> Tensor:
    """Return values as (n, U): units lie along channels, else along the last axis; (N,) is one unit."""
    values = values.unsqueeze(-1) if values.ndim == 1 else values.movedim(1, -1) if channels_first else values
    return values.reshape(-1, values.shape[-1])


def _add(state: dict[str, Tensor], values: Tensor, flow: Tensor | None, kind: type, most: int) -> None:
    low, high = values.amin(0), values.amax(0)
    # Where no gradient comes back to what a recurrent layer puts out, its last state may be what is read.
    unread = torch.full_like(low, kind in RECURRENT, dtype=torch.bool)
    used = unread if flow is None else (flow != 0).any(0)
    outer = torch.zeros_like(low)
    if kind in BOUNDED or kind in RECURRENT:
        least, largest = BOUNDED.get(kind, (-1.0, 1.0))
        margin = 0.02 * (largest - least)
        outer = ((values < least + margin) | (values > largest - margin)).double().sum(0)
    step = max(1, len(values) // most)
    fresh = {"low": low, "high": high, "used": used, "outer": outer, "count": torch.tensor(len(values)),
             "sample": values[::step][:most].float().cpu()}  # fmt: skip
    if not state:
        state |= fresh
        return
    state["low"], state["high"] = torch.minimum(state["low"], low), torch.maximum(state["high"], high)
    state["used"] = state["used"] | used
    state["outer"], state["count"] = state["outer"] + outer, state["count"] + fresh["count"]
    state["sample"] = torch.cat([state["sample"], fresh["sample"]])


def _layer(layer: Layer, state: dict[str, Tensor], kind: type) -> UnitLayer:
    constant = state["high"] - state["low"] <= 1e-6 * torch.maximum(state["high"].abs(), state["low"].abs()).clamp_min(
        1e-6
    )
    bounded = kind in BOUNDED or kind in RECURRENT
    saturated = state["outer"] / state["count"] >= 0.95 if bounded else None
    return UnitLayer(
        layer.name,
        layer.kind,
        (constant | ~state["used"]).cpu(),
        None if saturated is None else saturated.cpu(),
        state["sample"],
    )
