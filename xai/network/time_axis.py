"""Which axis of three is time: the one that the first layer reads whose order of axes is fixed."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from xai.network.hooks import StopForward, first_tensor

__all__ = ["time_axis"]

# Layers that read (N, channels, time), and those that read (N, time, channels).
CHANNELS_FIRST = (
    nn.Conv1d, nn.ConvTranspose1d, nn.BatchNorm1d, nn.InstanceNorm1d, nn.MaxPool1d, nn.AvgPool1d, nn.LPPool1d,
    nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d,
)  # fmt: skip
CHANNELS_LAST = (nn.Linear, nn.RNNBase, nn.LayerNorm, nn.MultiheadAttention)


def time_axis(network: nn.Module, run: Callable[[Tensor], object], row: Tensor) -> int:
    """Return the axis of time of an input (1, a, b): 2 where the first such layer reads it as (1, channels, time).

    Args:
        network: Whose layers are looked at; to be called inside `untouched`.
        run: Makes a forward pass.
        row: The input.
    """
    found: list[int] = []

    def check(module: nn.Module, inputs: tuple) -> None:
        seen = first_tensor(inputs)
        if seen is None or seen.ndim != row.ndim:
            return
        whole = torch.equal(seen.cpu(), row.cpu()) if seen.shape == row.shape else False
        as_given = whole or (seen.shape == row.shape and seen.shape != row.mT.shape)
        found.append(2 if as_given and isinstance(module, CHANNELS_FIRST) else 1)
        raise StopForward

    handles = [
        module.register_forward_pre_hook(check)
        for module in network.modules()
        if isinstance(module, CHANNELS_FIRST + CHANNELS_LAST)
    ]
    try:
        with torch.no_grad():
            run(row)
    except Exception:
        pass  # what the network cannot run is said where it is explained
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else 1
