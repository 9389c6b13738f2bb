"""What a network is made of, read off one forward pass: layers in order, their shapes, and what can be folded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xai.network.gradients import has_no_rule
from xai.network.hooks import first_tensor

__all__ = ["Layer", "Trace", "trace"]

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Layer:
    """One submodule as the forward pass met it; `shape` is that of its output without the batch axis."""

    name: str
    kind: str
    shape: tuple[int, ...]
    calls: int
    parameters: int
    leaf: bool
    convolution: bool = False
    linear: bool = False


@dataclass(frozen=True)
class Trace:
    """The layers in the order in which they finish, pairs of convolution and batch norm, and the size of one row.

    blocked: whether the scores depend on an operation that has no gradient, such as one of a quantized layer.
    """

    layers: tuple[Layer, ...]
    foldable: tuple[tuple[str, str], ...]
    elements: int
    blocked: bool = False

    def units(self) -> list[Layer]:
        """Return the layers whose channels are a network's units, in order: each convolution or linear layer.

        A batch norm behind a convolution stands for it: what follows sees the sum after its scale, perhaps negative.
        """
        norm_of = dict(self.foldable)  # by convolution
        by_name = {layer.name: layer for layer in self.layers}
        found = [layer for layer in self.layers if layer.convolution or layer.linear]
        return [by_name[norm_of.get(layer.name, layer.name)] for layer in found]

    def titles(self) -> dict[str, str]:
        """Say how each unit layer is called: a batch norm by the convolution that it follows."""
        return {norm: f"{convolution}, read after {norm}" for convolution, norm in self.foldable}


def trace(network: nn.Module, run: Callable[[], Tensor]) -> Trace:
    """Run the network once on one row, with a graph, and record what each submodule did."""
    names = {id(module): name for name, module in network.named_modules()}
    order: list[str] = []
    calls: dict[str, int] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    producers: dict[int, str] = {}
    kept: list[Tensor] = []  # keeps ids valid while they are compared
    follows: dict[str, str] = {}
    nodes: dict[str, object] = {}

    def hook(module: nn.Module, inputs: tuple, output: object) -> None:
        name = names[id(module)]
        calls[name] = calls.get(name, 0) + 1
        tensor = first_tensor(output)
        if name and tensor is not None:
            if name not in shapes:
                order.append(name)
            shapes[name] = tuple(tensor.shape[1:])
        if isinstance(module, BATCH_NORMS) and inputs and id(inputs[0]) in producers:
            follows[name] = producers[id(inputs[0])]
        if isinstance(module, CONVOLUTIONS) and tensor is not None:
            producers[id(tensor)] = name
            nodes[name] = tensor.grad_fn
            kept.append(tensor)

    modules = dict(network.named_modules())
    handles = [
        module.register_forward_hook(hook)
        for module in modules.values()
        if not isinstance(module, torch.jit.ScriptModule)
    ]
    try:
        output = run()
    finally:
        for handle in handles:
            handle.remove()
    layers = tuple(
        Layer(
            name=name,
            kind=type(modules[name]).__name__,
            shape=shapes[name],
            calls=calls[name],
            parameters=sum(p.numel() for p in modules[name].parameters()),
            leaf=not any(True for _ in modules[name].children()),
            convolution=isinstance(modules[name], CONVOLUTIONS),
            linear=isinstance(modules[name], nn.Linear),
        )
        for name in order
    )
    readers = _readers(output)
    foldable = tuple(
        (convolution, norm)
        for norm, convolution in follows.items()
        if calls[norm] == calls[convolution] == 1
        and _has_statistics(modules[norm])
        and readers.get(nodes[convolution], 0) == 1  # nothing beside the batch norm reads the convolution
    )
    elements = sum(_size(layer.shape) * layer.calls for layer in layers if layer.leaf or layer.convolution)
    blocked = any(has_no_rule(node) for node in readers)
    return Trace(layers, foldable, elements, blocked)


def _readers(output: Tensor) -> dict[object, int]:
    """Count, for every node of the graph behind an output, how many others read it."""
    counts: dict[object, int] = {}
    waiting, seen = [output.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        for source, _ in node.next_functions:
            counts[source] = counts.get(source, 0) + 1
            waiting.append(source)
    return counts


def _has_statistics(norm: nn.Module) -> bool:
    return norm.running_mean is not None and norm.weight is not None


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
