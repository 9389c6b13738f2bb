"""Values as JSON has them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

__all__ = ["as_plain", "visible_text"]


def as_plain(value: Any) -> Any:
    """Return a value as JSON has it: numbers, words, lists and dictionaries; what is not finite as None.

    >>> as_plain({"score": np.float64("nan"), 1: (torch.tensor([1, 2]), "a")})
    {'score': None, '1': [[1, 2], 'a']}
    """
    kind = type(value)  # what most values are, first: that is three times as fast
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is list:
        return [as_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): as_plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | torch.Tensor):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [as_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def visible_text(text: str) -> str:
    """Return a text that any file can hold: half of a character (a lone surrogate) stands as its escape.

    >>> visible_text("a\\ud800b")
    'a\\\\ud800b'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
