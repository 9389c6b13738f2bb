"""Leave no trace: everything a network and the process had before an explanation, they have after it."""

from __future__ import annotations

import random
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np
import torch
from torch import nn

__all__ = ["same_random_state", "untouched"]

# A network that one thread has in eval mode must not be put back by another: explanations of a process take turns.
TURN = threading.RLock()


@contextmanager
def untouched(network: nn.Module) -> Iterator[None]:
    """Run the body with the network in eval mode, frozen, and gradients on; undo every change, also after an exception.

    Restores each submodule's train/eval mode, attributes (and what a dictionary, list or set among them holds), hooks
    and buffers, the `.grad` and `requires_grad` of each parameter, and the global random state of torch (CPU and the
    network's devices), numpy and random. Threads take turns, since all this is shared by them.
    """
    with TURN:
        yield from _guarded(network)


def _guarded(network: nn.Module) -> Iterator[None]:
    modules = list(network.modules())
    training = [module.training for module in modules]
    plain = [module for module in modules if not isinstance(module, torch.jit.ScriptModule)]
    # Shallow copies of the registries too (hooks, parameters, buffers), so that an entry added or removed is undone.
    attributes = [{key: _copy(value) for key, value in vars(module).items()} for module in plain]
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    parameters = [(parameter, parameter.grad, parameter.requires_grad) for parameter in network.parameters()]
    with same_random_state(network), torch.inference_mode(False), torch.enable_grad(), _uncompiled():
        try:
            network.eval()
            # No explanation needs the gradient of a weight: without it a backward pass keeps and computes less.
            for parameter, _, requires_grad in parameters:
                if requires_grad:
                    parameter.requires_grad = False
            yield
        finally:
            for module, before in zip(plain, attributes):
                _restore(vars(module), before)
            for module, mode in zip(modules, training):
                module.training = mode
            with torch.no_grad():
                for buffer, before in buffers:
                    if not torch.equal(buffer, before):
                        buffer.copy_(before)
            for parameter, gradient, requires_grad in parameters:
                parameter.grad, parameter.requires_grad = gradient, requires_grad


def _uncompiled() -> AbstractContextManager:
    """Run what torch.compile has made as it was written: with hooks or rules in it, it would be compiled each time."""
    used = "torch._dynamo" in sys.modules
    return torch.compiler.set_stance("force_eager") if used else nullcontext()


@contextmanager
def same_random_state(network: nn.Module) -> Iterator[None]:
    """Run the body, then put the global random state of torch, numpy and random back."""
    devices = sorted({tensor.device.index for tensor in network.parameters() if tensor.device.type == "cuda"})
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - the global state is what we guard
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)


def _copy(value: object) -> tuple[object, object]:
    """Return a value and what it holds, where it is a container; one level deep."""
    return value, type(value)(value) if type(value) in (dict, OrderedDict, list, set) else None


def _restore(now: dict, before: dict) -> None:
    for key in now.keys() - before.keys():
        del now[key]
    for key, (value, content) in before.items():
        now[key] = value
        if content is None:
            continue
        if isinstance(value, list):
            value[:] = content
        else:
            value.clear()
            value.update(content)
