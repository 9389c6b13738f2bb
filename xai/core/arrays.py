"""From what a caller hands over to a tensor, or to an error that says what was wrong with it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xai.core.errors import InputError, describe, expected

__all__ = ["as_tensor", "check_finite", "to_tensor"]


def to_tensor(value: object, operation: str, argument: str) -> Tensor:
    """Return a floating-point tensor of any array, list of numbers or tensor; integers become float32."""
    tensor = as_tensor(value, operation, argument)
    return tensor if tensor.is_floating_point() else tensor.to(torch.float32)


def as_tensor(value: object, operation: str, argument: str) -> Tensor:
    """Return a tensor of any array, list of numbers or tensor, in the machine's byte order, detached."""
    if isinstance(value, torch.Tensor):
        tensor = value.detach()
    else:
        try:
            array = np.asarray(value)
            tensor = torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))
            if array.dtype == np.float64 and not isinstance(value, np.ndarray):
                tensor = tensor.to(torch.float32)
        except (TypeError, ValueError) as error:
            raise InputError(expected(operation, argument, "numbers", describe(value))) from error
    if tensor.is_complex():
        raise InputError(expected(operation, argument, "real numbers", describe(tensor)))
    return tensor


def check_finite(batch: Tensor, operation: str, argument: str) -> Tensor:
    """Return the batch, or raise InputError where it is empty or holds NaN or infinity."""
    if batch.numel() == 0:
        raise InputError(expected(operation, argument, "at least one row", describe(batch)))
    if not bool(torch.isfinite(batch).all()):
        raise InputError(expected(operation, argument, "finite numbers", "NaN or infinity"))
    return batch
