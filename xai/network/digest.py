"""The fingerprint of a network's weights, and the cheap key that caches go by."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from xai.base.digest import add_tensor, value_digest
from xai.network.function_module import FunctionModule
from xai.network.modules import modules_of, tensors_of

__all__ = ["network_digest", "version_key"]


def network_digest(network: nn.Module) -> str:
    """Return the hexadecimal SHA-256 of every parameter and buffer in the order of their names, read anew each time.

    Buffers count, those too that a state dict leaves out. Of a module made of a function (`FunctionModule`) it is
    that of the function: see `value_digest`.
    """
    digest = hashlib.sha256()
    state = {**dict(network.named_buffers()), **network.state_dict()}
    for name in sorted(state):
        _add(digest, name, state[name])
    for name, module in network.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            # What was frozen into the code is no parameter any more.
            code, constants = module.code_with_constants if hasattr(module, "forward") else ("", None)
            digest.update(f"{name}|{code}".encode())
            for constant, value in sorted((constants.const_mapping if constants else {}).items()):
                _add(digest, constant, value)
        if isinstance(module, FunctionModule):
            digest.update(f"{name}|{value_digest(module.function)}".encode())
    return digest.hexdigest()


def _add(digest: hashlib._Hash, name: str, value: object) -> None:
    """Add a tensor, or those in a tuple: quantized layers keep weights and biases together."""
    if isinstance(value, Tensor) and is_lazy(value):
        digest.update(f"{name}|lazy".encode())
    elif isinstance(value, Tensor):
        add_tensor(digest, name, value)
    elif isinstance(value, tuple | list):
        for number, item in enumerate(value):
            _add(digest, f"{name}.{number}", item)


def version_key(network: nn.Module, *, buffers: bool = True) -> tuple:
    """Return a cheap value that changes when a weight is replaced, or written where autograd sees it; for caches.

    What is written through `.data` does not show: what is kept by this key has to be proved by the network's outputs.
    """
    parameters, others = tensors_of(modules_of(network))
    tensors = [*parameters, *others] if buffers else parameters
    return tuple([(id(item), 0 if item.is_inference() else item._version) for item in tensors])
