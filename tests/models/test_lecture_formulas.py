"""Formulas behind the experiments of the lecture, each by another way."""

from __future__ import annotations

import inspect
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from models.compression.speed import parameter_count
from models.lecture import (
    bottleneck,
    common,
    complexity,
    correlation,
    divergence,
    layer_probes,
    linear_stacks,
    max_pooling,
    mini_batches,
    optimizers,
    recall,
    recurrent_gradients,
)
from models.networks.seq2seq import encoder_decoder

# 1


def test_no_weighted_sum_does_xor() -> None:
    assert linear_stacks.best_linear_error() == pytest.approx(0.25)
    stack = nn.Sequential(nn.Linear(2, 5), nn.Linear(5, 3), nn.Linear(3, 1))
    weight, bias = linear_stacks.collapse(stack)
    inputs = torch.randn(6, 2)
    torch.testing.assert_close(stack(inputs).double(), inputs.double() @ weight.T + bias, rtol=1e-5, atol=1e-5)


# 2


@given(st.floats(1e-4, 0.02))
@settings(deadline=None, max_examples=30)
def test_gradient_descent_in_the_valley(rate: float) -> None:
    place = torch.tensor(optimizers.START, dtype=torch.float64, requires_grad=True)
    stepper = torch.optim.SGD([place], rate)
    for _ in range(5):
        stepper.zero_grad()
        optimizers.surface(place[0], place[1]).backward()
        stepper.step()
    x, y = optimizers.START
    wanted = [x * (1 - rate) ** 5, y * (1 - 200 * rate) ** 5]
    np.testing.assert_allclose(place.detach().numpy(), wanted, rtol=1e-9, atol=1e-12)
    assert (optimizers.slowest_direction(rate) > 1) == (rate > 2 / 200)
    assert optimizers.slowest_direction(rate) >= optimizers.slowest_direction(2 / 201) == pytest.approx(199 / 201)


# 3


def test_a_lone_weight_is_pearsons_correlation_and_many_are_least_squares() -> None:
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(50, 3, generator=draw, dtype=torch.float64)
    rows[:, 1] += rows[:, 0]
    labels = rows @ torch.tensor([1.0, -1.0, 0.5], dtype=torch.float64) + torch.randn(50, generator=draw).double()
    rows, labels = ((part - part.mean(0)) / part.std(0, correction=0) for part in (rows, labels))
    for place in range(3):
        alone = correlation.descend(rows[:, [place]], labels, 500, 0.1)
        assert float(alone) == pytest.approx(np.corrcoef(rows[:, place], labels)[0, 1])
    together = correlation.descend(rows, labels, 5000, 0.2)
    np.testing.assert_allclose(together, np.linalg.lstsq(rows.numpy(), labels.numpy())[0], atol=1e-8)


# 4


def test_a_shift_goes_right_and_keeps_the_border() -> None:
    image = torch.arange(6.0).view(1, 1, 2, 3)
    assert max_pooling.shifted(image, 1)[0, 0].tolist() == [[0, 0, 1], [3, 3, 4]]
    assert max_pooling.shifted(image, 0) is image
    # A maximum that stays in its 2 x 2 block changes nothing after pooling, and all where pixels are skipped.
    dot = torch.zeros(1, 1, 2, 4)
    dot[..., 0, 2] = 1
    moved = max_pooling.shifted(dot, 1)
    assert max_pooling.change(functional.max_pool2d(dot, 2), functional.max_pool2d(moved, 2)) == 0
    assert max_pooling.change(dot[..., ::2, ::2], moved[..., ::2, ::2]) == 1


# 5


@pytest.mark.parametrize("bias", [0.0, 1.0, 3.0])
def test_the_cell_path_decays_by_the_forget_gate(bias: float) -> None:
    """With every weight 0, c' = f c and h' = tanh(c') / 2: the Jacobian over a lag has norm f^lag sqrt(1 + 1/4)."""
    cell = recurrent_gradients.make_cell("LSTM", 3, bias)
    with torch.no_grad():
        for name, parameter in cell.named_parameters():
            if "weight" in name:
                parameter.zero_()
            else:
                gates = parameter.view(4, 3)
                gates[[0, 2, 3]] = 0
    norms = recurrent_gradients.jacobian_norms(cell, torch.zeros(6, 3, dtype=torch.float64))
    forget = 1 / (1 + math.exp(-bias))
    np.testing.assert_allclose(norms, [1, *(forget**lag * math.sqrt(1.25) for lag in range(1, 7))], rtol=1e-9)


def test_at_rest_the_rnn_multiplies_by_its_matrix() -> None:
    cell = recurrent_gradients.make_cell("RNN", 4)
    with torch.no_grad():
        cell.bias_ih.zero_()
        cell.bias_hh.zero_()
    norms = recurrent_gradients.jacobian_norms(cell, torch.zeros(5, 4, dtype=torch.float64))
    matrix = cell.weight_hh.detach().numpy()
    wanted = [np.linalg.norm(np.linalg.matrix_power(matrix, lag), 2) for lag in range(6)]
    np.testing.assert_allclose(norms, wanted, rtol=1e-9)
    scaled = recurrent_gradients.make_cell("RNN", 4, scale=3.0).weight_hh.detach()
    torch.testing.assert_close(scaled @ scaled.T, 9 * torch.eye(4, dtype=torch.float64))


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_jacobians_are_finite_differences(kind: str) -> None:
    torch.manual_seed(0)
    size, cell = 3, recurrent_gradients.make_cell(kind, 3, 1.0)
    inputs = torch.randn(4, 3, dtype=torch.float64)

    def last(state: torch.Tensor, first: int) -> torch.Tensor:
        parts = state.view(-1, 1, size)
        for x in inputs[first:]:
            parts = torch.stack(cell(x[None], tuple(parts))) if kind == "LSTM" else cell(x[None], parts[0])[None]
        return parts.reshape(-1)

    width = 2 * size if kind == "LSTM" else size
    with torch.no_grad():
        start = torch.zeros(width, dtype=torch.float64)
        step = 1e-6 * torch.eye(width, dtype=torch.float64)
        columns = [(last(start + row, 0) - last(start - row, 0)) / 2e-6 for row in step]
    wanted = float(torch.linalg.matrix_norm(torch.stack(columns, 1), 2))
    assert recurrent_gradients.jacobian_norms(cell, inputs)[4] == pytest.approx(wanted, rel=1e-6)


# 6


def test_the_symbol_to_recall_comes_first() -> None:
    inputs, labels = recall.sequences(20, 7, torch.Generator().manual_seed(0))
    assert inputs.shape == (20, 8, 6)
    assert torch.equal(inputs.argmax(2)[:, 0], labels)
    assert bool((inputs.argmax(2)[:, 1:] >= 4).all())
    assert bool((inputs.sum(2) == 1).all())


# 7


def test_shares_right_by_length() -> None:
    right = torch.tensor([True, False, True, True, False, True])
    lengths = torch.tensor([2, 3, 4, 13, 14, 20])  # 2 counts among the shortest, 14 and 20 among the longest
    shown, shares, errors = bottleneck.share_by_length(right, lengths)
    assert shown == [3, 4, 13]
    assert shares == pytest.approx([1 / 2, 1, 2 / 3])
    assert errors == pytest.approx([math.sqrt(1 / 4 / 2), 0, math.sqrt(2 / 9 / 3)])


def test_the_network_without_attention_has_no_fewer_parameters() -> None:
    sizes = inspect.signature(bottleneck.experiment).parameters
    plain = parameter_count(encoder_decoder(29, 41, sizes["wider"].default, 32, "none"))
    assert 0 <= plain - parameter_count(encoder_decoder(29, 41, sizes["size"].default, 32, "state")) < plain / 100


# 12


@given(st.lists(st.lists(st.floats(-5, 5), min_size=3, max_size=3), min_size=1, max_size=6))
@settings(deadline=None, max_examples=30)
def test_bias_and_variance_add_up(rows: list[list[float]]) -> None:
    predictions, truth = torch.tensor(rows, dtype=torch.float64), torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    bias, variance, error = complexity.split_error(predictions, truth)
    assert error == pytest.approx(bias + variance)
    assert error == pytest.approx(float((predictions - truth).square().mean()), abs=1e-9)


# 16


def test_gradients_of_single_examples_and_their_variance() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    inputs, labels = torch.randn(4, 2), torch.tensor([0, 1, 1, 0])
    each = mini_batches.each_gradient(network, inputs, labels)
    for row, x, label in zip(each, inputs, labels, strict=True):
        network.zero_grad()
        functional.cross_entropy(network(x[None]), label[None]).backward()
        torch.testing.assert_close(row, torch.cat([p.grad.flatten() for p in network.parameters()]))
    # Every mini-batch of two, drawn with replacement: their variance is half that of one, exactly.
    pairs = torch.stack([(each[i] + each[j]) / 2 for i, j in itertools.product(range(4), repeat=2)]).double()
    assert float(pairs.var(0, correction=0).sum()) == pytest.approx(float(each.double().var(0, correction=0).sum()) / 2)
    assert mini_batches.total_variance(torch.tensor([[0.0, 1.0], [2.0, 1.0]])) == 2


# 17


def test_both_forms_of_the_probe_agree() -> None:
    """With copies of the features the wide form solves what the narrow one solved."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(40) % 10
    rows = functional.one_hot(labels, 10).float() + 0.3 * torch.randn(40, 10, generator=draw)
    test = functional.one_hot(labels, 10).float() + 0.3 * torch.randn(40, 10, generator=draw)
    narrow = layer_probes.probe(rows, labels, test, labels, 0.1)
    # Five copies, five times the ridge.
    wide = layer_probes.probe(rows.repeat(1, 5), labels, test.repeat(1, 5), labels, 0.5)
    assert narrow == wide
    assert narrow > 0.8
    assert layer_probes.probe(rows, labels, test[torch.randperm(40, generator=draw)], labels) < 0.4


# 18


@given(st.floats(0.01, 5), st.floats(0.1, 5), st.floats(-2, 2), st.floats(-2, 2))
@settings(deadline=None, max_examples=100)
def test_one_sample_diverges_when_alpha_x_squared_is_above_two(alpha: float, x: float, label: float, w: float) -> None:
    path = divergence.errors(alpha, x, 12, label, w)
    first = abs(w * x - label)
    np.testing.assert_allclose(
        path, [first * abs(1 - alpha * x * x) ** k for k in range(len(path))], rtol=1e-6, atol=1e-9
    )
    if first > 1e-3 and abs(alpha * x * x - 2) > 1e-3 and alpha * x * x > 1e-3:
        assert (path[-1] > path[0]) == (alpha * x * x > 2)


# What they share


def test_wrong_labels_are_where_they_were_asked_for() -> None:
    clean, training, everywhere = common.digits(200), common.digits(200, wrong=0.3), common.digits(200, 0, 0.3, True)
    assert torch.equal(clean.inputs, training.inputs)
    assert torch.equal(clean.test_labels, training.test_labels)
    assert 0.2 < float((clean.labels != training.labels).double().mean()) < 0.4
    assert 0.25 < float((clean.test_labels != everywhere.test_labels).double().mean()) < 0.35
    assert float(clean.inputs.mean().abs()) < 1e-5
    assert bool((clean.inputs.std(0) > 0).all())
