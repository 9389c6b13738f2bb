"""The only place that hooks a network: record what layers put out, and stop where nothing later is needed."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, nn

from xai.base.errors import LayerError, NetworkError, describe
from xai.network.recurrent_states import gates_of, states_of

__all__ = [
    "ACTIVATIONS",
    "StopForward",
    "check_reached",
    "find_layer",
    "first_tensor",
    "is_recording",
    "looking_up",
    "recording",
    "replacing",
    "run_recorded",
    "running",
]

# Activation functions: a unit is read before them.
ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Sigmoid, nn.Tanh, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.Softplus, nn.Softsign, nn.LogSigmoid,
    nn.Softmax, nn.LogSoftmax,
)  # fmt: skip


_recording: ContextVar[bool] = ContextVar("recording", default=False)
Output = TypeVar("Output")


def is_recording() -> bool:
    """Say whether what layers put out is being recorded: then a batch has to run in one pass."""
    return _recording.get()


class StopForward(Exception):
    """Ends a forward pass once everything asked for is recorded."""


def find_layer(network: nn.Module, name: object) -> nn.Module:
    """Return the submodule of that name, or raise LayerError with the nearest names."""
    modules = dict(network.named_modules())
    if isinstance(name, str) and name and name in modules:
        return modules[name]
    known = [key for key in modules if key]
    near = difflib.get_close_matches(str(name), known, n=5, cutoff=0.3) or known[:5]
    if not isinstance(name, str):
        raise LayerError(
            "layer", expected=f"the name of a layer, like {next(iter(near), 'conv')!r}", got=describe(name)
        )
    raise LayerError("layer", expected=f"one like {', '.join(near) or '(the network has none)'}", got=repr(name))


def first_tensor(value: object) -> Tensor | None:
    """Return the first tensor in an output: itself, or the first of a tuple, list, dict or dataclass."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, list | tuple):
        return next((tensor for item in value if (tensor := first_tensor(item)) is not None), None)
    if is_dataclass(value):
        return first_tensor(tuple(getattr(value, item.name) for item in fields(value)))
    return None


@contextmanager
def recording(
    network: nn.Module, names: Iterable[str], *, before: bool = False, stop: bool = False
) -> Generator[dict[str, Tensor]]:
    """Record the output of each named layer in the yielded dictionary, connected to the graph.

    A recurrent layer gives its states (N, T, H), and under "layer:gate" one of its gates. With `before`, layers that
    are activation functions give their input instead. The network goes on with a clone, so that an in-place operation
    behind the layer cannot overwrite what was recorded. With `stop`, the forward pass ends when the last one is there.
    """
    names = list(names)
    for name in names:
        if not isinstance(name, str):
            find_layer(network, name)  # raises for a name that no layer has
    names = list(dict.fromkeys(names))
    recorded: dict[str, Tensor] = {}
    handles = []

    def keep(name: str, tensor: Tensor | None) -> Tensor:
        if tensor is None:
            raise LayerError("layer", expected=f"{name!r} to put out a tensor", got="none")
        recorded[name] = tensor
        if stop and len(recorded) == len(names):
            raise StopForward
        return tensor.clone()

    def output_hook(name: str) -> Callable:
        def hook(module: nn.Module, inputs: tuple, output: object) -> object:
            clone = keep(name, first_tensor(output))
            return clone if isinstance(output, Tensor) else None

        return hook

    def recurrent_hook(name: str, gate: str) -> Callable:
        def hook(module: nn.RNNBase, inputs: tuple, output: tuple) -> None:
            keep(name, gates_of(module, inputs, gate) if gate else states_of(module, output[0]))

        return hook

    def input_hook(name: str) -> Callable:
        def hook(module: nn.Module, inputs: tuple) -> tuple:
            return (keep(name, first_tensor(inputs)), *inputs[1:])

        return hook

    token = _recording.set(True)
    try:
        for name in names:
            layer_name, _, gate = name.partition(":")
            layer = find_layer(network, layer_name)
            if isinstance(layer, nn.RNNBase):
                handles.append(layer.register_forward_hook(recurrent_hook(name, gate)))
            elif gate:
                raise LayerError(name, expected="a recurrent layer", got=type(layer).__name__)
            elif before and isinstance(layer, ACTIVATIONS):
                handles.append(layer.register_forward_pre_hook(input_hook(name)))
            else:
                handles.append(layer.register_forward_hook(output_hook(name)))
        yield recorded
    finally:
        _recording.reset(token)
        for handle in handles:
            handle.remove()


@contextmanager
def replacing(
    network: nn.Module,
    name: str,
    change: Callable[[tuple, Tensor], Tensor | None],
    *,
    once: bool = False,
    optional: bool = False,
) -> Generator[None]:
    """Put change(inputs, output) in the place of what a layer puts out, at each of its calls; None leaves it.

    inputs: its arguments in order, those by name among them. Of a tuple that is its first element.
    Raises LayerError where it puts out neither, where it runs more than `once` in the body, and where the body never
    reached it (unless it is `optional`).
    """
    calls = 0

    def hook(module: nn.Module, inputs: tuple, named: dict[str, object], output: object) -> object:
        nonlocal calls
        calls += 1
        if named:
            bound = inspect.signature(module.forward).bind(*inputs, **named)
            bound.apply_defaults()
            inputs = tuple(bound.arguments.values())
        if once and calls > 1:
            raise LayerError("layer", expected="one that runs once in a forward pass", got=f"{name!r}, several")
        put_out = first_tensor(output)
        if put_out is not None and put_out is output:
            return change(inputs, put_out)
        if put_out is not None and isinstance(output, tuple) and output[0] is put_out:
            changed = change(inputs, put_out)
            return None if changed is None else (changed, *output[1:])
        raise LayerError("layer", expected=f"{name!r} to put out a tensor", got=type(output).__name__)

    handle = find_layer(network, name).register_forward_hook(hook, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
    if not calls and not optional:
        raise LayerError("layer", expected="a layer that the forward pass reaches", got=repr(name))


@contextmanager
def running(network: nn.Module) -> Generator[list[str]]:
    """Lend a list of the names of the modules that are at work, the innermost last; the network itself is ""."""
    at_work, handles = [""], []

    def enter(name: str) -> Callable:
        def hook(module: nn.Module, inputs: tuple) -> None:
            at_work.append(name)

        return hook

    def leave(module: nn.Module, inputs: tuple, output: object) -> None:
        at_work.pop()

    try:
        for name, module in network.named_modules():
            if name and not isinstance(module, torch.jit.ScriptModule):
                handles += [module.register_forward_pre_hook(enter(name)), module.register_forward_hook(leave)]
        yield at_work
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def looking_up(network: nn.Module, shares: Tensor, first: int) -> Generator[None]:
    """Let the network's embedding answer with mixtures of words: shares (N, L, V) of the words from number `first` on.

    It is the first nn.Embedding that is called with N x L word numbers and knows V words. Raises NetworkError, at the
    end of the body, where none was.
    """
    answered: list[nn.Module] = []
    last = first + shares.shape[2]

    def answer(embedding: nn.Embedding, inputs: tuple, output: Tensor) -> Tensor | None:
        if inputs[0].shape != shares.shape[:2] or embedding.num_embeddings < last or answered not in ([], [embedding]):
            return None
        answered[:] = [embedding]
        return shares.to(output.dtype) @ embedding.weight[first:last]

    with ExitStack() as around:
        for name, module in network.named_modules():
            if isinstance(module, nn.Embedding):
                around.enter_context(replacing(network, name, partial(answer, module), optional=True))
        yield
    if not answered:
        raise NetworkError("network", expected="one that looks its words up in an nn.Embedding", got="none")


def run_recorded(run: Callable[[], Output], recorded: Mapping[str, Tensor], names: Iterable[str]) -> Output | None:
    """Run a forward pass inside `recording`; None where it was stopped early.

    Raises LayerError where a layer was not reached.
    """
    try:
        output = run()
    except StopForward:
        output = None
    check_reached(recorded, names)
    return output


def check_reached(recorded: Mapping[str, Tensor], names: Iterable[str]) -> None:
    """Raise LayerError where a layer was not reached by the forward pass inside `recording`."""
    missing = [name for name in names if name not in recorded]
    if missing:
        raise LayerError("layer", expected="a layer that the forward pass reaches", got=repr(missing[0]))
