"""What a layer puts out for many inputs: one number per unit, or all of its numbers, or what it reads."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xai.base.errors import LayerError, describe
from xai.model.session import Session
from xai.network.hooks import find_layer, recording, replacing, run_recorded

__all__ = ["flat", "last_hidden", "layer_values", "unit_values"]

# In these, the axis behind the rows is that of the channels; elsewhere the last one is.
CHANNELS_FIRST = (
    nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm, nn.InstanceNorm1d,
    nn.InstanceNorm2d, nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d,
)  # fmt: skip


def layer_values(session: Session, layer: str, *, reads: bool = False) -> list[Tensor]:
    """Return what a layer puts out (or what it reads) for the session's inputs, a tensor (n, ...) per batch.

    An activation function is read before it: after a ReLU, 0 says nothing. A recurrent layer gives its states, NaN
    behind the end of a shorter sequence.
    Raises LayerError for a layer that does not exist, is not reached, or puts out no tensor with a row per input.
    """
    network = session.plan.network
    found = []
    for rows in session.chunks(len(session)):
        with session.model.memory.rows.with_padding():  # a layer has one row for each text, as long as the longest
            value = (_read if reads else _put_out)(session, network, layer, rows)
        if value.ndim < 2 or len(value) != len(rows):
            wanted = "one with a tensor (N, ...), a row per input"
            raise LayerError(f"layer {layer!r}", expected=wanted, got=describe(value))
        found.append(value.detach().to(torch.promote_types(value.dtype, torch.float32)))
    return found


def _put_out(session: Session, network: nn.Module, layer: str, rows: Tensor) -> Tensor:
    with torch.no_grad(), recording(network, [layer], before=True) as recorded:
        run_recorded(lambda: session.score(session.inputs[rows], rows), recorded, [layer])
    return recorded[layer]


def _read(session: Session, network: nn.Module, layer: str, rows: Tensor) -> Tensor:
    seen: list[Tensor] = []
    with replacing(network, layer, lambda inputs, output: seen.append(inputs[0])):
        session.scores(session.inputs[rows], rows)
    return seen[-1]


def unit_values(session: Session, layer: str) -> Tensor:
    """Return one number per unit of a layer, (N, U): a channel's mean over positions, a state's largest over steps."""
    module = find_layer(session.plan.network, layer)
    first = isinstance(module, CHANNELS_FIRST)
    present, parts, start = session.present, [], 0
    for values in layer_values(session, layer):
        count = len(values)
        if values.ndim == 2:
            parts.append(values)
        elif first or values.ndim == 4:
            parts.append(values.flatten(2).mean(2))
        else:
            steps = values.flatten(1, -2)  # (n, T, U)
            gone = steps.isnan()
            if present is not None and steps.shape[1] <= present.shape[1]:
                gone = gone | ~present[start : start + count, : steps.shape[1], None]
            parts.append(steps.masked_fill(gone, -torch.inf).amax(1))
        start += count
    return torch.cat(parts)


def last_hidden(session: Session) -> tuple[str, Tensor]:
    """Return the name of the last linear layer, and what it reads, (N, H): the network's last view of an input."""
    linear = [layer.name for layer in session.trace.layers if layer.linear]
    if not linear:
        raise LayerError("layer", expected="a name, since the network has no linear layer", got="none")
    return linear[-1], flat(layer_values(session, linear[-1], reads=True), linear[-1])


def flat(parts: list[Tensor], layer: str) -> Tensor:
    """Return values as rows (N, H); raises LayerError where rows differ in length, as those of texts may."""
    rows = [part.flatten(1) for part in parts]
    if len({part.shape[1] for part in rows}) > 1 or any(bool(part.isnan().any()) for part in rows):
        wanted = "one with as many numbers for each input, such as the one behind the pooling over steps"
        raise LayerError(f"layer {layer!r}", expected=wanted, got="lengths that differ")
    return torch.cat(rows)
