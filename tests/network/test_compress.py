"""Quantizers against formulas by hand and brute force; unit ranking against numpy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xai.base.errors import InputError
from xai.network.compress import (
    QUANTIZERS,
    binary,
    int8_affine,
    int8_symmetric,
    keep_largest,
    powers_of_two,
    quantizer,
    ternary,
    unit_norms,
)

numbers = st.floats(-100, 100, allow_nan=False, width=32).filter(lambda value: value == 0 or abs(value) > 1e-3)
tensors = st.lists(numbers, min_size=1, max_size=8).map(lambda row: torch.tensor(row, dtype=torch.float64))


@given(tensors)
@settings(deadline=None, max_examples=60)
def test_int8_is_off_by_at_most_half_a_step(tensor: torch.Tensor) -> None:
    symmetric, affine = int8_symmetric(tensor), int8_affine(tensor)
    largest = float(tensor.abs().max())
    assert float((symmetric.values - tensor).abs().max()) <= largest / 254 * (1 + 1e-9)
    width = float(tensor.max().clamp(min=0) - tensor.min().clamp(max=0))
    # Rounding the zero point may move an end of the range by half a step more.
    assert float((affine.values - tensor).abs().max()) <= width / 255 * (1 + 1e-9)
    for result in (symmetric, affine):
        assert result.codes.dtype == torch.int8
        rebuilt = result.scale * (result.codes.double() - result.zero_point)
        torch.testing.assert_close(rebuilt, result.values)
        assert bool((result.values[tensor == 0] == 0).all())


@given(tensors)
@settings(deadline=None, max_examples=60)
def test_binary_and_ternary_are_the_nearest_in_squares(tensor: torch.Tensor) -> None:
    """Every pattern of codes with its best scale, by brute force."""

    def best(levels: tuple[int, ...]) -> float:
        errors = []
        for codes in itertools.product(levels, repeat=len(tensor)):
            pattern = torch.tensor(codes, dtype=torch.float64)
            norm = float(pattern.square().sum())
            scale = max(float(pattern @ tensor), 0) / norm if norm else 0.0
            errors.append(float((tensor - scale * pattern).square().sum()))
        return min(errors)

    if len(tensor) > 6:
        tensor = tensor[:6]
    size = float(tensor.square().sum()) + 1
    assert float((binary(tensor).values - tensor).square().sum()) == pytest.approx(best((-1, 1)), abs=1e-9 * size)
    assert float((ternary(tensor).values - tensor).square().sum()) == pytest.approx(best((-1, 0, 1)), abs=1e-9 * size)


@given(tensors)
@settings(deadline=None, max_examples=60)
def test_powers_of_two_are_nearest_in_log2(tensor: torch.Tensor) -> None:
    result = powers_of_two(tensor)
    for value, rounded, code in zip(tensor.tolist(), result.values.tolist(), result.codes.tolist(), strict=True):
        if value == 0:
            assert rounded == 0 == code
            continue
        distances = {e: abs(np.log2(abs(value)) - e) for e in range(-20, 10)}
        assert distances[round(np.log2(abs(rounded)))] == pytest.approx(min(distances.values()))
        assert np.sign(rounded) == np.sign(value) == np.sign(code)
        assert rounded == np.sign(code) * 2.0 ** (float(result.scale) + abs(code) - 1)


def test_the_table_of_the_lecture() -> None:
    """Seven entries agree with the slide; the two that no rounding rule gives are the errata's."""
    table = torch.tensor([[-0.38, 1.74, 1.93], [2.56, 1.27, 3.71], [-0.95, -7.67, -0.86]])
    assert powers_of_two(table).values.tolist() == [[-0.5, 2, 2], [2, 1, 4], [-1, -8, -1]]


@pytest.mark.parametrize("name", QUANTIZERS)
def test_one_scale_for_each_row_is_the_rows_alone(name: str) -> None:
    tensor = torch.randn(4, 3, 2, generator=torch.Generator().manual_seed(0))
    for axis in (0, 1, -1):
        together = QUANTIZERS[name](tensor, axis)
        for index in range(tensor.shape[axis]):
            alone = QUANTIZERS[name](tensor.select(axis, index), None)
            torch.testing.assert_close(together.values.select(axis, index), alone.values)
    assert together.values.shape == together.codes.shape == tensor.shape


@pytest.mark.parametrize("name", QUANTIZERS)
def test_twice_is_once(name: str) -> None:
    values = QUANTIZERS[name](torch.randn(5, 7, generator=torch.Generator().manual_seed(1)), 0).values
    torch.testing.assert_close(QUANTIZERS[name](values, 0).values, values, rtol=1e-5, atol=1e-6)
    zeros = QUANTIZERS[name](torch.zeros(3), None).values
    assert zeros.tolist() == [0, 0, 0]


def test_bad_input() -> None:
    with pytest.raises(InputError, match=r"kind: expected one of int8, .*got 'int7'"):
        quantizer("int7")
    for tensor in (torch.arange(3), torch.zeros(0), torch.tensor([float("nan")])):
        with pytest.raises(InputError, match="int8_symmetric: tensor"):
            int8_symmetric(tensor)
    with pytest.raises(InputError, match="axis"):
        binary(torch.zeros(2, 2), 2)
    with pytest.raises(InputError, match="l1 or l2"):
        unit_norms(torch.zeros(2, 2), "max")
    with pytest.raises(InputError, match="share"):
        keep_largest(torch.ones(3), 1.0)


def test_norms_and_ranking() -> None:
    weight = torch.randn(6, 3, 2, generator=torch.Generator().manual_seed(2))
    rows = weight.numpy().reshape(6, -1)
    np.testing.assert_allclose(unit_norms(weight, "l1"), np.abs(rows).sum(1), rtol=1e-6)
    np.testing.assert_allclose(unit_norms(weight, "l2"), np.sqrt((rows**2).sum(1)), rtol=1e-6)
    norms = torch.tensor([2.0, 5.0, 5.0, 1.0])
    assert keep_largest(norms, 0.5).tolist() == [1, 2]
    assert keep_largest(norms, 0.75).tolist() == [1]
    assert keep_largest(norms, 0.99).tolist() == [1]
    assert keep_largest(norms, 0.0).tolist() == [0, 1, 2, 3]
