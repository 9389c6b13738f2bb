"""Build a network without its memory first, so that sizes from a file that no machine holds are refused by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from xai.network.function_modes import OwnMode, same_modes

__all__ = ["TooLarge", "machine_memory", "rehearse"]

MOST_STEPS = 20_000  # calls of torch while a network is built; a transformer of 100 layers makes about 10,000


class TooLarge(Exception):
    """What was asked for does not fit this machine."""


class _Counting(OwnMode):
    def __init__(self) -> None:
        super().__init__()
        self.bytes, self.steps = 0, 0

    def __torch_function__(self, func: Callable, types: object, args: tuple = (), kwargs: dict | None = None) -> object:
        result = func(*args, **(kwargs or {}))
        self.steps += 1
        if isinstance(result, Tensor) and result._base is None and not (args and result is args[0]):
            self.bytes += result.numel() * result.element_size()
        if self.bytes > machine_memory():
            raise TooLarge(f"a network of more than the {machine_memory() / 2**30:.0f} GiB of this machine")
        if self.steps > MOST_STEPS:
            raise TooLarge("a network of more layers than can be built")
        return result


def rehearse(build: Callable, arguments: Mapping[str, object]) -> None:
    """Call a factory with tensors that have a shape and no memory; raises TooLarge, and what the factory raises."""
    with same_modes(), torch.device("meta"), _Counting():
        build(**arguments)


def machine_memory() -> int:
    """Return the bytes of memory that this machine has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # no such question on Windows
        return 2**40
