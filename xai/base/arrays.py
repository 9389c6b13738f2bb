"""From what a caller hands over to a tensor, or to an error that says what was wrong with it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from xai.base.errors import InputError, describe

__all__ = ["all_finite", "as_tensor", "check_finite", "same_numbers", "single", "to_tensor"]


def to_tensor(value: object, argument: str) -> Tensor:
    """Return a floating-point tensor of any array, list of numbers or tensor; integers become float32."""
    tensor = as_tensor(value, argument)
    return tensor if tensor.is_floating_point() else tensor.to(torch.float32)


def as_tensor(value: object, argument: str) -> Tensor:
    """Return a tensor of any array, list of numbers or tensor, in the machine's byte order, detached."""
    if isinstance(value, torch.Tensor):
        tensor = value.detach()
        if tensor.is_nested:
            raise InputError(argument, expected="a dense tensor of numbers", got="a nested one")
        if tensor.is_meta or tensor.is_quantized or tensor.layout != torch.strided:
            kind = "meta" if tensor.is_meta else "quantized" if tensor.is_quantized else "sparse"
            raise InputError(argument, expected="a dense tensor of numbers", got=f"a {kind} one ({describe(tensor)})")
        if tensor.is_floating_point() and tensor.element_size() == 1:  # eight bits can be kept, and not computed with
            tensor = tensor.to(torch.float32)
    elif hasattr(value, "toarray"):
        got = f"a sparse one of shape {getattr(value, 'shape', '')}"
        raise InputError(argument, expected="a dense array (x.toarray() makes one)", got=got)
    else:
        try:
            array = np.asarray(value)
            tensor = torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))
            if array.dtype == np.float64 and not isinstance(value, np.ndarray):
                tensor = tensor.to(torch.float32)
        except (TypeError, ValueError) as error:
            raise InputError(argument, expected="numbers", got=describe(value)) from error
    if tensor.is_complex():
        raise InputError(argument, expected="real numbers", got=describe(tensor))
    return tensor


def all_finite(tensor: Tensor) -> bool:
    """Say whether a tensor holds no NaN or infinity.

    >>> all_finite(torch.tensor([1.0, 2.0])), all_finite(torch.tensor([1.0, float("nan")]))
    (True, False)
    """
    # A finite sum is one of finite numbers, and one pass in place of three; finite numbers may add up to infinity.
    return math.isfinite(tensor.sum().item()) or bool(torch.isfinite(tensor).all())


def same_numbers(first: Tensor, second: Tensor) -> bool:
    """Say whether two tensors hold the same numbers in the same places; a gap (NaN) is the same as a gap.

    >>> same_numbers(torch.tensor([1.0, torch.nan]), torch.tensor([1.0, torch.nan]))
    True
    """
    if first.shape != second.shape or first.dtype != second.dtype:
        return False
    return torch.equal(first, second) or bool(((first == second) | ((first != first) & (second != second))).all())


def check_finite(batch: Tensor, argument: str, names: Sequence[str] = ()) -> Tensor:
    """Return the batch, or raise InputError where it is empty or holds NaN or infinity.

    names: of the last axis, for the error, which says where the first such number is (rows from 0).
    """
    if batch.numel() == 0:
        raise InputError(argument, expected="at least one row", got=describe(batch))
    if not all_finite(batch):
        position = (~torch.isfinite(batch)).nonzero()[0].tolist()
        if not position:  # one number
            raise InputError(argument, expected="a finite number", got=f"{batch.item()}")
        column = f", column {names[position[-1]]!r}" if names else ""
        got = (
            f"NaN or infinity in row {position[0]}"
            + (f", step {position[1]}" if names and batch.ndim == 3 else "")
            + column
        )
        raise InputError(argument, expected="finite numbers", got=got)
    return batch


def single(batch: Tensor, argument: str, names: Sequence[str] = ()) -> Tensor:
    """Return the batch in float32, or raise InputError for a number that is too large for it.

    names: of the last axis where there are as many, for the error.
    """
    rounded = batch.to(torch.float32)
    if batch.dtype != torch.float64 or all_finite(rounded):
        return rounded
    position = (rounded.isinf() & ~batch.isinf()).nonzero()
    if len(position):
        index = position[0].tolist()
        column = f", column {names[index[-1]]!r}" if len(names) == batch.shape[-1] else ""
        got = f"{batch[tuple(index)].item():.4g} in row {index[0]}{column}"
        raise InputError(argument, expected="numbers that float32 holds, as the network reads them", got=got)
    return rounded
