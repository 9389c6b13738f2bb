"""Which layer Grad-CAM reads, and where in its output the positions of the input lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from numbers import Integral

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.nn.utils.parametrize import is_parametrized

from xai.base.errors import InputError, LayerError, describe, describe_error
from xai.model.map_axes import Layout, Layouts
from xai.model.session import Session
from xai.network.gradients import gradient_of, nodes_before
from xai.network.hooks import find_layer, first_tensor
from xai.network.token_grids import TokenGrid

__all__ = ["MapLayer", "Reshape", "given_grid", "map_layer", "noted"]

PUT_OUT = {1: "(C, T)", 2: "(C, H, W)", 3: "(C, D, H, W)"}  # by the sides of the input

# What a caller says of tokens: a function to (N, C, H, W), or how many stand before the grid, and its sides.
Reshape = Callable[[Tensor], Tensor] | tuple[int, ...]


@dataclass(frozen=True)
class MapLayer:
    """A layer that puts out maps: where their positions lie, and how often it runs in a forward pass.

    axes: those of rows and columns (of the steps of a series; of a volume's three sides); of tokens all lie in axis 1,
    behind `before` others. steps_last: whether convolutions read a series as (N, C, T). Of several runs the last one is
    read.
    """

    name: str
    axes: tuple[int, ...]
    grid: tuple[int, ...]
    calls: int = 1
    before: int | None = None
    reshape: Callable[[Tensor], Tensor] | None = None
    steps_last: bool = False

    def channels_first(self, maps: Tensor) -> Tensor:
        """Return maps, or gradients of them, as (N, C, H, W), with one axis or three in place of two as the grid."""
        if self.reshape is not None:
            return self.reshape(maps)
        if self.before is not None:
            patches = maps[:, self.before : self.before + prod(self.grid)]
            return patches.transpose(1, 2).unflatten(2, self.grid)
        (channels,) = set(range(1, maps.ndim)) - set(self.axes)
        return maps.permute(0, channels, *self.axes)

    def named_axes(self) -> dict[str, object]:
        """Return what an explanation says of where rows and columns lie: nothing, where they are the last axes."""
        if self.before is not None:
            return {"tokens_before": self.before, "grid": list(self.grid)}
        return {} if self.axes == tuple(range(2, 2 + len(self.axes))) else {"axes": list(self.axes)}

    def run(self) -> dict[str, object]:
        """Return what an explanation says of how the layer was read."""
        described: dict[str, object] = {"grid": list(self.grid), **self.named_axes()}
        if self.calls > 1:
            described["call"] = f"{self.calls} of {self.calls}"
        return described


@dataclass(frozen=True)
class _Met:
    """What a layer put out when it last ran, and the node of the graph that it was then."""

    name: str
    module: nn.Module
    shape: tuple[int, ...]
    node: Node | None
    position: int
    layout: Layout | None
    calls: int

    def layer(self) -> MapLayer | None:
        made = self.layout
        return None if made is None else MapLayer(self.name, made.axes, made.grid, self.calls, made.before)


def map_layer(session: Session, name: str | None, reshape: Reshape | None = None) -> MapLayer:
    """Return the layer of that name, or the one to read by default, from a pass of one row.

    By default it is the last layer with maps that the scores depend on, on the grid of the last one that has weights:
    behind its norm, its activation and what is added to it, but before a pool. Where several put out the same, it is
    the innermost that runs once. Of tokens it is the last norm whose patches the scores read (`_read_by_scores`).
    Raises LayerError where there is none, or where its axes cannot be told, and InputError for a `reshape` that does
    not fit.
    """
    if name is not None:
        find_layer(session.model.network, name)
    elif reshape is not None:
        raise InputError("layer", expected="the name of the layer that `reshape` is for", got="None")
    met, score, batch, steps_last = _pass(session)
    used = nodes_before(score)  # nothing, where there is no graph: the gradient will say so
    if name is not None:
        return replace(_named(session, name, met, used, reshape), steps_last=steps_last)
    met = [one for one in met if one.node in used or not used]
    maps = [(one, made) for one in met if (made := one.layer()) is not None and max(made.grid) > 1]
    if score.requires_grad and any(made.before is not None for _, made in maps):
        maps = _read_by_scores(maps, score, batch)
    if not maps:
        raise LayerError("layer", expected="a network with (C, H, W) feature maps", got="none")
    grid = ([made.grid for one, made in maps if _has_weights(one.module)] or [maps[-1][1].grid])[-1]
    node = [one.node for one, made in maps if made.grid == grid][-1]
    # Of layers that put out the same tensor; the sort keeps the order of what runs equally often.
    chosen = min((made for one, made in maps if one.node is node), key=lambda made: made.calls > 1)
    return replace(chosen, steps_last=steps_last)


def _read_by_scores(maps: list[tuple[_Met, MapLayer]], score: Tensor, batch: Tensor) -> list[tuple[_Met, MapLayer]]:
    """Return maps without those of tokens whose patches the scores do not read, and of tokens the norms if there are.

    Behind the last attention a class token alone is read: the gradient at the patches is 0 in all that the last block
    puts out, and so would the map be. The last layer whose patches the scores still depend on is what goes into that
    attention: the norm before it. Its queries, keys and values are behind that norm, but stand for something else than
    the features of a patch, so that norms come first. Where scores are a mean over tokens, it is the last norm.
    """
    read = _patches_with_gradient(maps, score, batch)
    kept = [(one, made) for one, made in maps if made.before is None or one.name in read]
    norms = [one.name for one, made in kept if made.before is not None and "Norm" in type(one.module).__name__]
    return [(one, made) for one, made in kept if made.before is None or not norms or one.name in norms]


def _patches_with_gradient(maps: list[tuple[_Met, MapLayer]], score: Tensor, batch: Tensor) -> set[str]:
    """Return the names of the layers of tokens where more than one patch has a gradient."""
    found: set[str] = set()

    def record_layer(one: _Met, made: MapLayer) -> Callable[[tuple[Tensor | None, ...]], None]:
        def hook(gradients: tuple[Tensor | None, ...]) -> None:
            gradient = gradients[one.position]
            if gradient is not None and int(made.channels_first(gradient).flatten(2).any(1).sum(1).max()) > 1:
                found.add(one.name)

        return hook

    tokens = [(one, made) for one, made in maps if made.before is not None]
    handles = [one.node.register_prehook(record_layer(one, made)) for one, made in tokens if one.node is not None]
    try:
        gradient_of(score, batch)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _named(session: Session, name: str, met: list[_Met], used: set[object], reshape: Reshape | None) -> MapLayer:
    found = next((one for one in met if one.name == name), None)
    if found is None:
        raise LayerError("layer", expected="a layer that the forward pass reaches", got=repr(name))
    if reshape is not None:
        made = _as_asked(found, reshape)
    else:
        made = found.layer()
        sides = len(session.inputs.shape[2:])
        if made is None and len(found.shape) not in (3, sides + 2):
            wanted = f"one that puts out {PUT_OUT[sides]}"
            raise LayerError("layer", expected=wanted, got=f"{name}: {found.shape[1:]}")
        if made is None and len(found.shape) == 3 and sides > 1:
            wanted = "a function, or (tokens before the grid, H, W): which tokens are the patches is not known"
            raise InputError("reshape", expected=wanted, got=f"none, for {name}: {found.shape[1:]}")
        if made is None:
            wanted = "one whose rows and columns can be told from its other axes"
            raise LayerError("layer", expected=wanted, got=f"{name}: {found.shape[1:]}")
    if used and found.node not in used:
        raise LayerError("layer", expected="one that the scores depend on", got=repr(name))
    return made


def _as_asked(found: _Met, reshape: Reshape) -> MapLayer:
    """Return a layer as the caller says that it is to be read."""
    if not isinstance(reshape, tuple | list) and callable(reshape):
        shape = _tried(reshape, found.shape)
        return MapLayer(found.name, tuple(range(2, len(shape))), shape[2:], found.calls, None, reshape)
    before, grid = given_grid(reshape, "a function, or whole numbers (tokens before the grid, H, W)")
    if len(found.shape) != 3 or before + prod(grid) > found.shape[1]:
        wanted = f"no more tokens than {found.name} puts out, (N, T, C)"
        raise InputError("reshape", expected=wanted, got=f"{tuple(reshape)} for {found.shape}")
    return MapLayer(found.name, (1,), grid, found.calls, before)


def given_grid(reshape: Reshape, wanted: str) -> TokenGrid:
    """Return what a caller says of tokens: how many stand before the grid, and its sides; `wanted` is for an error."""
    whole = isinstance(reshape, tuple | list) and all(
        isinstance(item, Integral) and not isinstance(item, bool) for item in reshape
    )
    if not whole or len(reshape) < 2 or reshape[0] < 0 or min(reshape[1:]) < 1:
        raise InputError("reshape", expected=wanted, got=describe(reshape))
    before, *grid = (int(item) for item in reshape)
    return TokenGrid(before, tuple(grid))


def _tried(reshape: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> tuple[int, ...]:
    wanted = f"a function from {shape} to (N, C, H, W), or another number of sides"
    try:
        made = reshape(torch.zeros(shape))
    except Exception as error:
        raise InputError("reshape", expected=wanted, got=describe_error(error)) from error
    if not isinstance(made, Tensor) or made.ndim not in (3, 4, 5) or len(made) != shape[0]:
        raise InputError("reshape", expected=wanted, got=describe(made))
    return tuple(made.shape)


def noted(reshape: Reshape | None) -> dict[str, object]:
    """Return what the options say of a caller's reshape: a function is not written down."""
    if reshape is None:
        return {}
    return {"reshape": list(reshape) if isinstance(reshape, tuple | list) else "given"}


def _pass(session: Session) -> tuple[list[_Met], Tensor, Tensor, bool]:
    """Return the layers that put out tensors, in the order in which they last ran, and scores and inputs of one row.

    Last, whether a series is read as (N, C, T).
    """
    network, met = session.model.network, {}
    count = session.model.memory.rows.fewest  # of one row, as often as a pass wants it
    batch = session.inputs[:1].detach().repeat_interleave(count, 0).requires_grad_()
    layouts = Layouts(batch, _positions(session))

    def record_layer(name: str, module: nn.Module, inputs: tuple, output: object) -> None:
        tensor = first_tensor(output)
        if tensor is None:
            return
        calls = met.pop(name).calls + 1 if name in met else 1
        layout = layouts.of(module, tensor, first_tensor(inputs))
        met[name] = _Met(name, module, tuple(tensor.shape), tensor.grad_fn, tensor.output_nr, layout, calls)

    handles = [
        module.register_forward_hook(
            lambda module, inputs, output, name=name: record_layer(name, module, inputs, output)
        )
        for name, module in network.named_modules()
        if name and not isinstance(module, torch.jit.ScriptModule)
    ]
    try:
        score = session.score(batch, torch.zeros(count, dtype=torch.long, device=batch.device))
    finally:
        for handle in handles:
            handle.remove()
    return list(met.values()), score, batch, layouts.steps_last


def _positions(session: Session) -> tuple[int, ...]:
    """Return how many steps, rows and columns, or depths, rows and columns an input has."""
    known = session.kind.positions(session.inputs)
    return known or tuple(session.inputs.shape[2:])


def _has_weights(module: nn.Module) -> bool:
    return is_parametrized(module) or any(True for _ in module.parameters(recurse=False))
