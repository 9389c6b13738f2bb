"""Fewer bits per number and fewer units per layer: quantizers of a tensor, and the ranking of a layer's units."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from xai.base.errors import InputError, describe, names_errors

__all__ = [
    "QUANTIZERS",
    "Quantized",
    "binary",
    "int8_affine",
    "int8_symmetric",
    "keep_largest",
    "powers_of_two",
    "quantizer",
    "ternary",
    "unit_norms",
]


@dataclass(frozen=True)
class Quantized:
    """A tensor in few levels.

    codes: whole numbers (int8) of the tensor's shape. values: what they stand for, in the tensor's dtype.
    scale, zero_point: broadcast against the tensor; values = scale * (codes - zero_point), except for powers of two,
    where scale is the smallest exponent e and code c stands for sign(c) * 2**(e + |c| - 1).
    bits: of one code, log2 of the number of levels it can take.
    """

    codes: Tensor
    values: Tensor
    scale: Tensor
    zero_point: Tensor
    bits: float


@names_errors("int8_symmetric")
def int8_symmetric(tensor: Tensor, axis: int | None = None) -> Quantized:
    """Round to 255 even steps from -max|w| to max|w|; 0 stays 0.

    axis: one scale for each index along this axis, or one for all. An error is at most half a step.

    >>> int8_symmetric(torch.tensor([-1.27, 0.004, 0.5])).codes.tolist()
    [-127, 0, 50]
    """
    tensor = _checked(tensor, axis)
    scale = _reduce(tensor.abs(), axis, "max") / 127
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    codes = (tensor / scale).round().clamp(-127, 127)
    return Quantized(codes.to(torch.int8), codes * scale, scale, torch.zeros_like(scale), math.log2(255))


@names_errors("int8_affine")
def int8_affine(tensor: Tensor, axis: int | None = None) -> Quantized:
    """Round to 256 even steps from the smallest to the largest value (0 is always among them).

    What is never negative, as after ReLU, gets twice the resolution of the symmetric form.
    Source: Jacob et al. 2018, arXiv:1712.05877.

    >>> int8_affine(torch.tensor([0.0, 1.0, 2.55])).codes.tolist()
    [-128, -28, 127]
    """
    tensor = _checked(tensor, axis)
    low = _reduce(tensor, axis, "min").clamp(max=0)
    high = _reduce(tensor, axis, "max").clamp(min=0)
    scale = (high - low) / 255
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    zero_point = (-128 - low / scale).round().clamp(-128, 127)
    codes = ((tensor / scale).round() + zero_point).clamp(-128, 127)
    return Quantized(codes.to(torch.int8), (codes - zero_point) * scale, scale, zero_point, 8.0)


@names_errors("binary")
def binary(tensor: Tensor, axis: int | None = None) -> Quantized:
    """Keep the sign alone, {-1, 1}, times mean|w|: of all such pairs the nearest in squares; 0 counts as positive.

    Source: Rastegari et al. 2016, arXiv:1603.05279.

    >>> binary(torch.tensor([-1.0, 2.0, 3.0])).values.tolist()
    [-2.0, 2.0, 2.0]
    """
    tensor = _checked(tensor, axis)
    scale = _reduce(tensor.abs(), axis, "mean")
    codes = torch.where(tensor < 0, -torch.ones_like(tensor), torch.ones_like(tensor))
    return Quantized(codes.to(torch.int8), codes * scale, scale, torch.zeros_like(scale), 1.0)


@names_errors("ternary")
def ternary(tensor: Tensor, axis: int | None = None) -> Quantized:
    """Keep the k largest magnitudes as {-1, 1} times their mean and set the rest to 0, with the best k in squares.

    The error is sum w^2 - (sum of the k largest)^2 / k, so that the best k is found by sorting; Li et al. 2016
    (arXiv:1605.04711) approximate it by the threshold 0.7 mean|w|.

    >>> ternary(torch.tensor([-1.0, 0.1, 1.0, 0.0])).codes.tolist()
    [-1, 0, 1, 0]
    """
    tensor = _checked(tensor, axis)
    rows = _rows(tensor.abs(), axis)  # (groups, members)
    ordered = rows.sort(dim=1, descending=True).values
    counts = torch.arange(1, rows.shape[1] + 1, device=tensor.device, dtype=tensor.dtype)
    sums = ordered.cumsum(1)
    best = (sums**2 / counts).argmax(1, keepdim=True)  # (groups, 1): the index of the smallest one kept
    scale = _broadcast(sums.gather(1, best) / counts[best], tensor, axis)
    threshold = _broadcast(ordered.gather(1, best), tensor, axis)
    codes = tensor.sign() * (tensor.abs() >= threshold)
    return Quantized(codes.to(torch.int8), codes * scale, scale, torch.zeros_like(scale), math.log2(3))


@names_errors("powers_of_two")
def powers_of_two(tensor: Tensor, axis: int | None = None) -> Quantized:
    """Round each magnitude to the power of two nearest in log2; 0 stays 0. Multiplying becomes shifting.

    The lecture's table rounds 1.27 up to 2^1 and loses the sign of -0.38; nearest in log2 are 2^0 and -2^-1.
    Exponents span at most 126 below the largest; what is smaller becomes 0.

    >>> powers_of_two(torch.tensor([1.27, -0.38, -7.67, 0.0])).values.tolist()
    [1.0, -0.5, -8.0, 0.0]
    """
    tensor = _checked(tensor, axis)
    magnitude = tensor.abs()
    exponent = torch.log2(torch.where(magnitude > 0, magnitude, torch.ones_like(magnitude))).round()
    absent = torch.full_like(exponent, -torch.inf)
    largest = _reduce(torch.where(magnitude > 0, exponent, absent), axis, "max")
    kept = (magnitude > 0) & (exponent >= largest - 126)
    lowest = -_reduce(torch.where(kept, -exponent, absent), axis, "max")
    lowest = torch.where(lowest.isfinite(), lowest, torch.zeros_like(lowest))
    codes = torch.where(kept, tensor.sign() * (exponent - lowest + 1), torch.zeros_like(tensor))
    values = torch.where(kept, tensor.sign() * torch.exp2(exponent), torch.zeros_like(tensor))
    levels = 2 * int(codes.abs().max()) + 1 if codes.numel() else 1
    return Quantized(codes.to(torch.int8), values, lowest, torch.zeros_like(lowest), math.log2(levels))


QUANTIZERS: dict[str, Callable[[Tensor, int | None], Quantized]] = {
    "int8": int8_symmetric,
    "int8_affine": int8_affine,
    "ternary": ternary,
    "binary": binary,
    "powers_of_two": powers_of_two,
}


@names_errors("quantizer")
def quantizer(name: str) -> Callable[[Tensor, int | None], Quantized]:
    """Return the quantizer of that name; raises InputError with the known names for another."""
    if name not in QUANTIZERS:
        raise InputError("kind", expected=f"one of {', '.join(QUANTIZERS)}", got=repr(name))
    return QUANTIZERS[name]


@names_errors("unit_norms")
def unit_norms(weight: Tensor, norm: str = "l1") -> Tensor:
    """Return the L1 or L2 norm of each unit's incoming weights: (units, ...) -> (units,).

    >>> unit_norms(torch.tensor([[3.0, -4.0], [1.0, 0.0]]), "l2").tolist()
    [5.0, 1.0]
    """
    if norm not in ("l1", "l2"):
        raise InputError("norm", expected="l1 or l2", got=repr(norm))
    if weight.ndim < 2:
        raise InputError("weight", expected="a tensor (units, inputs, ...)", got=describe(weight))
    return torch.linalg.vector_norm(weight.detach().flatten(1).double(), 1 if norm == "l1" else 2, dim=1)


@names_errors("keep_largest")
def keep_largest(norms: Tensor, share: float) -> Tensor:
    """Return the indices, ascending, of the units that stay when a share of them goes, lowest norm first.

    At least one stays. Of equal norms the one with the lower index stays.

    >>> keep_largest(torch.tensor([5.0, 1.0, 3.0, 4.0]), 0.5).tolist()
    [0, 3]
    """
    if not 0 <= share < 1:
        raise InputError("share", expected="a number from 0 and below 1", got=share)
    count = max(1, len(norms) - int(share * len(norms) + 1e-9))
    return norms.argsort(descending=True, stable=True)[:count].sort().values


def _checked(tensor: Tensor, axis: int | None) -> Tensor:
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point() or tensor.numel() == 0:
        raise InputError("tensor", expected="a floating-point tensor that is not empty", got=describe(tensor))
    if not bool(torch.isfinite(tensor).all()):
        raise InputError("tensor", expected="finite numbers", got="NaN or infinity")
    if axis is not None and not -tensor.ndim <= axis < tensor.ndim:
        raise InputError("axis", expected=f"None or an axis of {tensor.ndim}", got=axis)
    return tensor.detach()


def _rows(tensor: Tensor, axis: int | None) -> Tensor:
    return tensor.reshape(1, -1) if axis is None else tensor.movedim(axis, 0).flatten(1).reshape(tensor.shape[axis], -1)


def _broadcast(column: Tensor, tensor: Tensor, axis: int | None) -> Tensor:
    """Bring one number for each group into a shape that broadcasts against the tensor."""
    if axis is None:
        return column.reshape([1] * tensor.ndim)
    shape = [1] * tensor.ndim
    shape[axis] = tensor.shape[axis]
    return column.reshape(shape)


def _reduce(tensor: Tensor, axis: int | None, how: str) -> Tensor:
    rows = _rows(tensor, axis)
    reduced = {"max": lambda: rows.amax(1), "min": lambda: rows.amin(1), "mean": lambda: rows.mean(1)}[how]()
    return _broadcast(reduced, tensor, axis)
