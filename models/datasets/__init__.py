"""Reference data sets, vendored with their notices; a loader never downloads anything."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from xai.core.inputs import Input

__all__ = ["Dataset"]


@dataclass(frozen=True)
class Dataset:
    """Inputs and goals, split once and for all; inputs in the caller's units (pixels 0..1 for images)."""

    name: str
    input: Input
    classes: tuple[str, ...]
    train_inputs: Tensor
    train_goals: Tensor
    test_inputs: Tensor
    test_goals: Tensor
