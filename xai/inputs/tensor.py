"""Tensors as a kind of input: any batch of numbers, handed to the network as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xai.base.arrays import check_finite, to_tensor
from xai.base.errors import InputError, describe
from xai.inputs.base import Input

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TensorInput"]


class TensorInput(Input, frozen=True, tag="tensor"):
    """Any floating-point batch, first axis the batch, handed to the network as it is."""

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        """Return a finite floating-point batch, shape (N, ...).

        >>> TensorInput().prepare([[1, 2.5]])
        tensor([[1.0000, 2.5000]])
        """
        batch = to_tensor(value, argument)
        if batch.ndim < 2:
            raise InputError(argument, expected="a batch of shape (N, ...)", got=describe(batch))
        return check_finite(batch, argument)

    def normalize(self, batch: Tensor) -> Tensor:
        return batch
