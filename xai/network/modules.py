"""Walk a network's modules and parameters, each once, in torch's order; several times as fast as torch's own walk."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["first_parameter", "modules_of", "parameters_of", "tensors_of"]


def modules_of(network: nn.Module) -> list[nn.Module]:
    """Return every module of a network once, in the order of `network.modules()`.

    >>> network = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU()))
    >>> modules_of(network) == list(network.modules())
    True
    """
    found: dict[nn.Module, None] = {}
    waiting = [network]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found[module] = None
            children = module._modules
            if children:
                waiting.extend(child for child in reversed(children.values()) if child is not None)
    return list(found)


def first_parameter(network: nn.Module, *, floating: bool = False) -> Tensor | None:
    """Return the first parameter of a network, or the first of floating-point numbers; None where there is none.

    One that has no memory (on the device "meta") is none: it says nothing of where the network runs.
    """
    waiting, seen = [network], set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        for item in module._parameters.values():
            if item is not None and not item.is_meta and (item.is_floating_point() or not floating):
                return item
        waiting.extend(child for child in reversed(module._modules.values()) if child is not None)
    return None


def parameters_of(network: nn.Module) -> list[Tensor]:
    """Return every parameter of a network once, in the order of `network.parameters()`."""
    return tensors_of(modules_of(network))[0]


def tensors_of(modules: list[nn.Module]) -> tuple[list[Tensor], list[Tensor]]:
    """Return every parameter and every buffer that some modules hold themselves, each once."""
    parameters: dict[int, Tensor] = {}
    buffers: dict[int, Tensor] = {}
    for module in modules:
        for held, found in ((module._parameters, parameters), (module._buffers, buffers)):
            if held:
                found.update((id(item), item) for item in held.values() if item is not None)
    return list(parameters.values()), list(buffers.values())
