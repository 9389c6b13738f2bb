"""Inputs that have an order in time: series of numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from xai.base.arrays import check_finite, to_tensor
from xai.base.errors import InputError, describe, names_errors
from xai.inputs.base import Input
from xai.inputs.padding import up_to_last

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SequenceInput"]


class SequenceInput(Input, frozen=True, tag="sequence"):
    """Series of up to `length` steps of numbers, one per name; a step of zeros behind the last other one is padding.

    `mean` and `std` (one number per name) are what the network was trained with; a step of zeros stays one.
    """

    names: list[str]
    length: int
    mean: list[float] | None = None
    std: list[float] | None = None

    @names_errors("SequenceInput")
    def __post_init__(self) -> None:
        if not self.names or self.length < 1:
            raise InputError("names, length", expected="at least one of each", got=(self.names, self.length))
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) != len(self.names):
                raise InputError(name, expected=f"{len(self.names)} numbers, one per name", got=values)
        if self.std is not None and not all(value > 0 and math.isfinite(value) for value in self.std):
            raise InputError("std", expected="numbers above 0", got=self.std)

    @property
    def shape(self) -> tuple[int, int]:
        """Return (steps, numbers per step) of one padded series."""
        return (self.length, len(self.names))

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        """Return series as a float batch (N, length, D), padded with zeros; takes one (T, D), a batch, or a list.

        >>> SequenceInput(["a", "b"], 3).prepare([[1.0, 2.0]])
        tensor([[[1., 2.],
                 [0., 0.],
                 [0., 0.]]])
        """
        several = isinstance(value, list | tuple) and len(value) and np.ndim(value[0]) == 2
        parts = [to_tensor(item, argument) for item in (value if several else [value])]
        wanted = f"series of at most {self.length} steps of {len(self.names)} numbers"
        for part in parts:
            fits = part.ndim in (2, 3) and part.shape[-1] == len(self.names) and part.shape[-2] <= self.length
            if not fits:
                raise InputError(argument, expected=wanted, got=describe(part))
        batches = [part if part.ndim == 3 else part[None] for part in parts]
        padded = [torch.nn.functional.pad(part, (0, 0, 0, self.length - part.shape[1])) for part in batches]
        return check_finite(torch.cat(padded), argument, self.names)

    def present(self, batch: Tensor) -> Tensor:
        """Return which steps of series (N, T, D) are data, (N, T): all up to the last that is not zero."""
        return up_to_last((batch != 0).any(2))

    def feed(self, batch: Tensor) -> Tensor:
        """Standardize the steps (N, T, D) that are there; differentiable."""
        seen = batch
        if self.mean is not None:
            seen = seen - batch.new_tensor(self.mean)
        if self.std is not None:
            seen = seen / batch.new_tensor(self.std)
        return torch.where((batch != 0).any(2, keepdim=True), seen, torch.zeros_like(seen))
