"""A fingerprint of a network's weights: names, shapes, types and bytes, in SHA-256."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn

__all__ = ["network_digest", "tensor_digest", "text_digest", "version_key"]


def network_digest(network: nn.Module) -> str:
    """Return the hexadecimal SHA-256 of every parameter and buffer, in the order of their names."""
    digest = hashlib.sha256()
    state = network.state_dict()
    for name in sorted(state):
        if isinstance(state[name], Tensor):
            _update(digest, name, state[name])
    return digest.hexdigest()


def tensor_digest(tensor: Tensor) -> str:
    """Return the hexadecimal SHA-256 of one tensor."""
    digest = hashlib.sha256()
    _update(digest, "", tensor)
    return digest.hexdigest()


def text_digest(text: str) -> str:
    """Return the hexadecimal SHA-256 of a text as it is written to a file."""
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()


def version_key(network: nn.Module) -> tuple:
    """Return a cheap value that changes when a weight is replaced or written in place; for caches.

    Autograd counts what is written in place, but not through `.data`: that shows in the sum of the bits.
    """
    tensors = [*network.parameters(), *network.buffers()]
    return tuple(
        (id(tensor), tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version, _sum_of_bits(tensor))
        for tensor in tensors
    )


def _sum_of_bits(tensor: Tensor) -> int:
    kind = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}.get(tensor.element_size())
    if kind is None or tensor.layout != torch.strided or type(tensor.data) is not Tensor:
        return 0
    return int(tensor.detach().view(kind).sum())


def _update(digest: hashlib._Hash, name: str, tensor: Tensor) -> None:
    digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    digest.update(flat.view(torch.uint8).numpy() if flat.numel() else b"")
