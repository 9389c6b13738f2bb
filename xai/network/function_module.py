"""Any function on arrays as a module, so that what explains a network explains it too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["FunctionModule"]


class FunctionModule(nn.Module):
    """A function on NumPy arrays as a module without parameters and without gradients."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, batch: Tensor | list[str]) -> Tensor:
        if isinstance(batch, list):
            return torch.as_tensor(np.asarray(self.function(batch), dtype=np.float64))
        result = torch.as_tensor(np.asarray(self.function(batch.detach().cpu().numpy())), device=batch.device)
        return result.to(batch.dtype if batch.is_floating_point() else torch.float64)
