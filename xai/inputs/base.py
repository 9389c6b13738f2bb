"""What every kind of input is: what a caller may hand over, and how it becomes the batch that the network sees.

Explanations are made in the caller's units: pixels of an image, columns of a table. The network's own normalization
is a differentiable step behind them, so that a gradient is a gradient per pixel value and a baseline is a picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import torch
from torch import Tensor

from xai.base.arrays import check_finite, to_tensor
from xai.base.errors import InputError, describe

__all__ = ["Input"]


class Input(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True, omit_defaults=True):
    """A kind of input: a frozen struct whose tag is the kind's name, in a model folder's TOML too.

    What stands here is true of any floating-point batch; a kind overrides what it knows better.

    >>> class Spectrogram(Input, frozen=True, tag="spectrogram"):
    ...     bands: int
    >>> Spectrogram(bands=40).kind
    'spectrogram'
    """

    @property
    def kind(self) -> str:
        """Return the name of the kind."""
        return str(self.__struct_config__.tag)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Return the shape of one input without the batch axis, None where inputs may have several."""
        return None

    @property
    def names(self) -> Sequence[str]:
        """Return a name for each number along the last axis, none where they have no names."""
        return ()

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        """Return what a caller handed over as a batch in the caller's units, shape (N, ...), all numbers finite.

        Args:
            value: a tensor, an array, a list of numbers, or another form that the kind takes.
            argument: its name, for the error.

        Raises:
            InputError: where it is something else.
        """
        batch = to_tensor(value, argument)
        if batch.ndim < 2:
            raise InputError(argument, expected="a batch of shape (N, ...)", got=describe(batch))
        return check_finite(batch, argument)

    def feed(self, batch: Tensor) -> Tensor | list[str]:
        """Return what the network is called with, from a batch (N, ...) in the caller's units; differentiable."""
        return batch

    def present(self, batch: Tensor) -> Tensor | None:
        """Return which positions of a batch are data rather than padding, (N, L) of bool; None where none is padded."""
        return None

    def blank(self, count: int = 1) -> Tensor | None:
        """Return inputs (count, ...) that mean nothing, to trace a network with; None where their size is not known."""
        return None if self.shape is None else torch.zeros(count, *self.shape)

    def draws_from(self, row: Tensor) -> Tensor:
        """Return what the random draws for one row (...) depend on: not its padding, which depends on the batch."""
        return row
