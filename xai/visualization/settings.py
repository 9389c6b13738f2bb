"""The keyword arguments of `visualize`, for functions that hand them on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from xai.model.model import Model
from xai.visualization.constraints import Constraint
from xai.visualization.transforms import Transform

__all__ = ["VisualizeSettings"]


class VisualizeSettings(TypedDict, total=False):
    """What `visualize` can be asked besides a model and objectives; see there."""

    steps: int
    size: int | tuple[int, int] | None
    parameters: str | None
    transforms: Sequence[Transform] | None
    constraints: Sequence[Constraint] | None
    optimizer: str
    learning_rate: float | None
    start: object
    bounds: object
    copies: int
    patience: int | None
    snapshots: Sequence[int]
    reference: object
    source: str | None
    features: Model | str | None
    seed: int
    exact: bool
    batch_size: int | None
