"""Fingerprints in SHA-256: of tensors, of texts, and of what a function holds."""

from __future__ import annotations

import hashlib
from types import CodeType, FunctionType, ModuleType

import numpy as np
import torch
from torch import Tensor

__all__ = ["add_tensor", "tensor_digest", "text_digest", "value_digest"]


def tensor_digest(tensor: Tensor) -> str:
    """Return the hexadecimal SHA-256 of one tensor: its type, shape and bytes."""
    digest = hashlib.sha256()
    add_tensor(digest, "", tensor)
    return digest.hexdigest()


def text_digest(text: str) -> str:
    """Return the hexadecimal SHA-256 of a text as it is written to a file."""
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()


def value_digest(value: object) -> str:
    """Return the hexadecimal SHA-256 of what a Python value holds, functions and objects included.

    Of a function that is its code, its defaults and what it closes over; of an object its type and its state. Two
    functions of one text that close over different numbers differ; what C code or a network holds is not covered.

    >>> value_digest(lambda x: x + 1) == value_digest(lambda x: x + 2)
    False
    """
    digest = hashlib.sha256()
    _add(digest, value, {})
    return digest.hexdigest()


def add_tensor(digest: hashlib._Hash, name: str, tensor: Tensor) -> None:
    """Add a tensor, under a name, to a digest."""
    digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
    tensor = tensor.detach()
    if tensor.is_meta:  # a shape without numbers
        return
    if tensor.is_quantized:
        per_channel = tensor.qscheme() in (torch.per_channel_affine, torch.per_channel_symmetric)
        scale = tensor.q_per_channel_scales() if per_channel else torch.tensor(tensor.q_scale())
        zero = tensor.q_per_channel_zero_points() if per_channel else torch.tensor(tensor.q_zero_point())
        parts = {"values": tensor.int_repr(), "scale": scale, "zero": zero}
    elif tensor.layout == torch.sparse_coo:
        whole = tensor.coalesce()
        parts = {"indices": whole.indices(), "values": whole.values()}
    elif tensor.layout != torch.strided:
        by_row = tensor.layout in (torch.sparse_csr, torch.sparse_bsr)
        first, second = ("crow_indices", "col_indices") if by_row else ("ccol_indices", "row_indices")
        parts = {first: getattr(tensor, first)(), second: getattr(tensor, second)(), "values": tensor.values()}
    else:
        parts = {}
    if parts:
        for part, numbers in parts.items():
            add_tensor(digest, part, numbers)
        return
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    digest.update(flat.view(torch.uint8).numpy() if flat.numel() else b"")


def _add(digest: hashlib._Hash, value: object, seen: dict[int, object]) -> None:
    """Add a value. seen: what was met, kept alive, so that no other object gets its number."""
    digest.update(f"{type(value).__module__}.{type(value).__qualname__}|".encode())
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | type):
        digest.update(repr(value).encode(errors="backslashreplace"))
        return
    if isinstance(value, ModuleType):  # its name: what it holds is the installation's
        digest.update(value.__name__.encode())
        return
    if id(value) in seen:  # what holds itself
        return
    seen[id(value)] = value
    if isinstance(value, Tensor):
        add_tensor(digest, "", value)
    elif isinstance(value, np.ndarray) and value.dtype != object:
        digest.update(f"{value.dtype}|{value.shape}|".encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        names = {name: value.__globals__[name] for name in value.__code__.co_names if name in value.__globals__}
        plain = {name: item for name, item in names.items() if isinstance(item, bool | int | float | str | np.ndarray)}
        for part in (value.__code__, value.__defaults__, value.__kwdefaults__, cells, plain):
            _add(digest, part, seen)
    elif isinstance(value, CodeType):
        digest.update(value.co_code)
        _add(digest, [*value.co_consts, *value.co_names], seen)
    elif isinstance(value, dict):
        for key, item in value.items():
            _add(digest, key, seen)
            _add(digest, item, seen)
    elif isinstance(value, np.ndarray):
        _add(digest, value.tolist(), seen)
    elif isinstance(value, list | tuple):
        for item in value:
            _add(digest, item, seen)
    elif isinstance(value, set | frozenset):
        digest.update("|".join(sorted(map(repr, value))).encode(errors="backslashreplace"))
    else:
        for part in (getattr(value, "__self__", None), getattr(value, "__func__", None)):  # a method and its object
            if part is not None:
                _add(digest, part, seen)
        _add(digest, _state(value), seen)


def _state(value: object) -> object:
    """Return what an object holds, as `copy` would see it; nothing where it does not say."""
    try:
        state = value.__getstate__()
        return vars(value) if state is None and hasattr(value, "__dict__") else state
    except Exception:  # what cannot be copied says nothing of itself
        return None
