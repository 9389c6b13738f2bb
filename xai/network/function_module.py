"""Any function on arrays as a module, so that what explains a network explains it too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xai.base.errors import InputError, NetworkError, describe

__all__ = ["FunctionModule"]


class FunctionModule(nn.Module):
    """A function on NumPy arrays as a module without parameters and without gradients."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        if not callable(function):
            hint = " (of an estimator: xai.from_sklearn, or its predict_proba)" if hasattr(function, "predict") else ""
            raise InputError("function", expected=f"one from a batch to numbers{hint}", got=describe(function))
        self.function = function

    def forward(self, batch: Tensor | list[str]) -> Tensor:
        if isinstance(batch, list):
            return torch.as_tensor(_numbers(self.function(batch)).astype(np.float64))
        result = torch.as_tensor(_numbers(self.function(batch.detach().cpu().numpy())), device=batch.device)
        return result.to(batch.dtype if batch.is_floating_point() else torch.float64)


def _numbers(answer: object) -> np.ndarray:
    """Return what a function answered as an array; raises NetworkError where it holds no numbers."""
    array = np.asarray(answer)
    if array.dtype.kind not in "biuf":
        raise NetworkError("function", expected="numbers (N, K), K for each item", got=describe(answer))
    return array
