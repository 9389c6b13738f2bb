"""A number by hand beside the code's, from whatever holds it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from xai.base.experiment import Comparison

__all__ = ["compare", "gradient"]

Numbers = float | Sequence | Tensor


def compare(name: str, wanted: Numbers, got: Numbers, *, slide: str = "", tolerance: float = 1e-6) -> Comparison:
    """Return both as flat lists of floats. slide: what the slide has in their place, where it errs.

    >>> compare("a row", [1, 2], Tensor([[1.0, 2.5]])).difference
    0.5
    """
    return Comparison(name, _flat(wanted), _flat(got), slide, tolerance)


def gradient(weight: Tensor) -> Tensor:
    """Return what a backward pass left at a weight; raises ValueError where there was none."""
    if weight.grad is None:
        raise ValueError("expected a weight that a backward pass has reached")
    return weight.grad


def _flat(value: Numbers) -> list[float]:
    if isinstance(value, Tensor):
        return value.detach().double().flatten().tolist()
    if isinstance(value, Sequence):
        return [number for item in value for number in _flat(item)]
    return [float(value)]
