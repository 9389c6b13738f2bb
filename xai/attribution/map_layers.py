"""Which layer Grad-CAM reads, and in which axes of its output the rows and columns of the image lie."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from xai.base.errors import LayerError
from xai.model.session import Session
from xai.network.hooks import find_layer, first_tensor
from xai.network.receptive import Known, side_axes

__all__ = ["MapLayer", "map_layer"]

CHANNELS_FIRST = (
    nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.InstanceNorm2d, nn.GroupNorm, nn.MaxPool2d, nn.AvgPool2d,
    nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Upsample,
)  # fmt: skip


@dataclass(frozen=True)
class MapLayer:
    """A layer that puts out maps: the axes of their rows and columns, and how often it runs in a forward pass.

    Of several runs the last one is read.
    """

    name: str
    axes: tuple[int, int]
    grid: tuple[int, int]
    calls: int = 1

    def channels_first(self, maps: Tensor) -> Tensor:
        """Return maps, or gradients of them, as (N, C, H, W)."""
        (channels,) = {1, 2, 3} - set(self.axes)
        return maps.permute(0, channels, *self.axes)

    def named_axes(self) -> dict[str, object]:
        """Return what an explanation says of where rows and columns lie: nothing, where they are the last two axes."""
        return {} if self.axes == (2, 3) else {"axes": list(self.axes)}

    def run(self) -> dict[str, object]:
        """Return what an explanation says of how the layer was read."""
        said: dict[str, object] = {"grid": list(self.grid), **self.named_axes()}
        if self.calls > 1:
            said["call"] = f"{self.calls} of {self.calls}"
        return said


@dataclass(frozen=True)
class _Met:
    """What a layer put out when it last ran, and the node of the graph that it was then."""

    name: str
    module: nn.Module
    shape: tuple[int, ...]
    node: object
    axes: tuple[int, int] | None
    calls: int

    def layer(self) -> MapLayer | None:
        if self.axes is None:
            return None
        grid = (self.shape[self.axes[0]], self.shape[self.axes[1]])
        return MapLayer(self.name, self.axes, grid, self.calls)


def map_layer(session: Session, name: str | None) -> MapLayer:
    """Return the layer of that name, or the one to read by default, from a pass of one row.

    By default it is the last layer with maps that the scores depend on, on the grid of the last one that has weights:
    behind its norm, its activation and what is added to it, but before a pool. Where several put out the same, it is
    the innermost that runs once. Raises LayerError where there is none, or where its axes cannot be told.
    """
    if name is not None:
        find_layer(session.model.network, name)
    met, output = _pass(session)
    used = _behind(output)  # nothing, where there is no graph: the gradient will say so
    if name is not None:
        return _named(session, name, met, used)
    met = [one for one in met if one.node in used or not used]
    maps = [(one, made) for one in met if (made := one.layer()) is not None and max(made.grid) > 1]
    if not maps:
        raise LayerError("layer", expected="a network with (C, H, W) feature maps", got="none")
    grid = ([made.grid for one, made in maps if _has_weights(one.module)] or [maps[-1][1].grid])[-1]
    node = [one.node for one, made in maps if made.grid == grid][-1]
    # Of layers that put out the same tensor; the sort keeps the order of what runs equally often.
    return min((made for one, made in maps if one.node is node), key=lambda made: made.calls > 1)


def _named(session: Session, name: str, met: list[_Met], used: set[object]) -> MapLayer:
    found = next((one for one in met if one.name == name), None)
    if found is None:
        raise LayerError("layer", expected="a layer that the forward pass reaches", got=repr(name))
    if len(found.shape) != 4:
        raise LayerError("layer", expected="one that puts out (C, H, W)", got=f"{name}: {found.shape[1:]}")
    made = found.layer()
    if made is None:
        wanted = "one whose rows and columns can be told from its other axes"
        raise LayerError("layer", expected=wanted, got=f"{name}: {found.shape[1:]}")
    if used and found.node not in used:
        raise LayerError("layer", expected="one that the scores depend on", got=repr(name))
    return made


def _pass(session: Session) -> tuple[list[_Met], Tensor]:
    """Return the layers that put out tensors, in the order in which they last ran, and the scores of one row."""
    network, met = session.model.network, {}
    count = session.model.memory.rows.fewest  # of one row, as often as a pass wants it
    image = session.inputs[:1].detach().repeat_interleave(count, 0).requires_grad_()
    known: Known = {}

    def look(name: str, module: nn.Module, output: object) -> None:
        tensor = first_tensor(output)
        if tensor is None:
            return
        calls = met.pop(name).calls + 1 if name in met else 1
        axes = _axes(tensor, image, module, known)
        met[name] = _Met(name, module, tuple(tensor.shape), tensor.grad_fn, axes, calls)

    handles = [
        module.register_forward_hook(lambda module, inputs, output, name=name: look(name, module, output))
        for name, module in network.named_modules()
        if name and not isinstance(module, torch.jit.ScriptModule)
    ]
    try:
        output = session.model.forward_on(network, image)
    finally:
        for handle in handles:
            handle.remove()
    return list(met.values()), output


def _axes(tensor: Tensor, image: Tensor, module: nn.Module, known: Known) -> tuple[int, int] | None:
    """Return the axes of the rows and columns: what the graph says, else the kind of layer, else the shape alone."""
    if tensor.ndim != 4 or len(tensor) != len(image):
        return None
    followed = side_axes(tensor, image, known)
    if followed is not None or isinstance(module, CHANNELS_FIRST):
        return followed or (2, 3)
    first, second, third = tensor.shape[1:]
    if image.shape[2] != image.shape[3]:
        return None
    if second == third != first:
        return 2, 3
    return (1, 2) if first == second != third else None


def _has_weights(module: nn.Module) -> bool:
    return is_parametrized(module) or any(True for _ in module.parameters(recurse=False))


def _behind(output: Tensor) -> set[object]:
    """Return all nodes of the graph that an output depends on."""
    used, waiting = set(), [output.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in used:
            used.add(node)
            waiting.extend(source for source, _ in node.next_functions)
    return used
