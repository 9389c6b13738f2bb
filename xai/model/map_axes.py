"""In which axes of what a layer puts out the positions lie: rows and columns, steps, or the sides of a volume."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from torch import Tensor, nn

from xai.network.receptive import Known, side_axes
from xai.network.token_grids import TokenGrids

__all__ = ["Layout", "Layouts"]

# Layers that put out (N, C, ...), by the number of axes behind the channels.
CHANNELS_FIRST = {
    1: (nn.Conv1d, nn.ConvTranspose1d, nn.BatchNorm1d, nn.InstanceNorm1d, nn.GroupNorm, nn.MaxPool1d, nn.AvgPool1d,
        nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d, nn.Upsample),
    2: (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.InstanceNorm2d, nn.GroupNorm, nn.MaxPool2d, nn.AvgPool2d,
        nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Upsample),
    3: (nn.Conv3d, nn.ConvTranspose3d, nn.BatchNorm3d, nn.InstanceNorm3d, nn.GroupNorm, nn.MaxPool3d, nn.AvgPool3d,
        nn.AdaptiveAvgPool3d, nn.AdaptiveMaxPool3d, nn.Upsample),
}  # fmt: skip


class Layout(NamedTuple):
    """The axes of the positions and how many lie along each; of tokens (N, T, C), how many stand `before` them."""

    axes: tuple[int, ...]
    grid: tuple[int, ...]
    before: int | None = None


class Layouts:
    """The layouts of one pass, to be asked for the layers in the order in which they run.

    batch: what the pass begins with: images (N, C, H, W), series (two more axes), or volumes (N, C, D, H, W).
    positions: how many lie along each axis of the input.
    """

    def __init__(self, batch: Tensor, positions: tuple[int, ...]) -> None:
        self._batch, self._sides = batch, len(positions)
        self._known: Known = {}
        self._tokens = TokenGrids(batch, self._known)
        self._grid = positions
        self._like: dict[tuple[int, ...], Layout] = {}  # by the shape of what was told for certain
        self.steps_last = False  # does a convolution read the input as (N, C, T)?

    def of(self, module: nn.Module, tensor: Tensor, source: Tensor | None) -> Layout | None:
        """Return where the positions lie in what a module made of what it was given; None where that is not known."""
        if isinstance(module, nn.Conv1d) and source is not None and source.shape == self._batch.shape:
            self.steps_last = True
        if len(tensor) != len(self._batch):
            return None
        found = self._of_image(module, tensor) if self._sides == 2 else self._of_other(module, tensor)
        if found is not None:
            self._grid = found.grid
        return found

    def _of_image(self, module: nn.Module, tensor: Tensor) -> Layout | None:
        if tensor.ndim == 3:
            found = self._tokens.of(tensor)
            return None if found is None else Layout((1,), found.grid, found.before)
        if tensor.ndim != 4:
            return None
        axes = self._image_axes(module, tensor)
        return None if axes is None else Layout(axes, (tensor.shape[axes[0]], tensor.shape[axes[1]]))

    def _image_axes(self, module: nn.Module, tensor: Tensor) -> tuple[int, int] | None:
        """Return what the graph says, else the kind of layer, else the shape alone."""
        followed = side_axes(tensor, self._batch, self._known)
        if followed is not None or isinstance(module, CHANNELS_FIRST[2]):
            return followed or (2, 3)
        first, second, third = tensor.shape[1:]
        if self._batch.shape[2] != self._batch.shape[3]:
            return None
        if second == third != first:
            return 2, 3
        return (1, 2) if first == second != third else None

    def _of_other(self, module: nn.Module, tensor: Tensor) -> Layout | None:
        """Of a series or a volume: by the kind of layer, else as the same shape before, else by the known lengths."""
        shape, count = tuple(tensor.shape), self._sides
        if isinstance(module, CHANNELS_FIRST[count]) and tensor.ndim == count + 2:
            found = Layout(tuple(range(2, count + 2)), shape[2:])
            self._like[shape[1:]] = found
            return found
        if count == 1 and isinstance(module, nn.RNNBase) and module.batch_first:
            return Layout((1,), shape[1:2])
        if shape[1:] in self._like:
            return self._like[shape[1:]]
        if tensor.ndim == 3 and count > 1:
            return Layout((1,), self._grid, 0) if shape[1] == prod(self._grid) != shape[2] else None
        if tensor.ndim != count + 2:
            return None
        last, first = shape[2:] == self._grid, shape[1:-1] == self._grid
        if last == first:
            return None
        return Layout(tuple(range(2, count + 2)) if last else tuple(range(1, count + 1)), self._grid)
