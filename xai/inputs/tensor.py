"""Tensors as a kind of input: any batch of numbers, handed to the network as it is."""

from __future__ import annotations

from xai.inputs.base import Input

__all__ = ["TensorInput"]


class TensorInput(Input, frozen=True, tag="tensor"):
    """Any floating-point batch, first axis the batch, handed to the network as it is.

    >>> TensorInput().prepare([[1, 2.5]])
    tensor([[1.0000, 2.5000]])
    """
