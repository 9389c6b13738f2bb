"""Networks without memory: the neuron, dense layers, tables in and units out, convolution as the lecture counts it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import conv2d

from models.networks.activations import ACTIVATIONS, make_activation
from models.networks.columns import Columns, Rescale
from models.networks.convolutional import convolutional
from models.networks.feedforward import feedforward
from models.networks.neuron import neuron, train_neuron
from xai.base.errors import InputError, NetworkError

IMAGE = [
    [0, 1, 0, 0, 1, 0],
    [0, 1, 0, 0, 1, 0],
    [0, 1, 0, 0, 1, 0],
    [1, 0, 0, 0, 0, 1],
    [0, 1, 0, 0, 1, 0],
    [0, 0, 1, 1, 0, 0],
]
FILTER = [[-1, 1, -1]] * 3
ASYMMETRIC = [[1, 2, 0], [0, 0, -1], [3, 0, 0]]


class TestNeuron:
    @settings(max_examples=30, deadline=None)
    @given(x=st.floats(-2, 2), target=st.floats(-2, 2), weight=st.floats(-2, 2), alpha=st.floats(0.01, 0.4))
    def test_every_step_has_a_closed_form(self, x: float, target: float, weight: float, alpha: float) -> None:
        """w_t x - target shrinks by the factor 1 - alpha x^2 at each step."""
        steps = train_neuron([x], [target], weight=weight, alpha=alpha, epochs=5)
        for number, step in enumerate(steps):
            off = (1 - alpha * x * x) ** number * (x * weight - target)
            assert step.prediction - target == pytest.approx(off, abs=1e-9)
            assert step.error == pytest.approx(off * off, abs=1e-9)
            assert step.updated == pytest.approx(step.weight - alpha * x * off, abs=1e-9)

    def test_the_derivative_is_half_the_errors(self) -> None:
        x, target, w, tiny = 1.5, 0.7, 0.2, 1e-6
        step = train_neuron([x], [target], weight=w)[0]
        slope = ((x * (w + tiny) - target) ** 2 - (x * (w - tiny) - target) ** 2) / (2 * tiny)
        assert 2 * step.derivative == pytest.approx(slope, rel=1e-6)

    def test_a_large_input_diverges_and_says_so(self) -> None:
        """One example descends while alpha * input^2 < 2."""
        assert abs(train_neuron([2.0], [1.0], alpha=0.49, epochs=400)[-1].prediction - 1) < 1e-3
        with pytest.raises(NetworkError, match=r"learning rate \(alpha\) smaller than 0.51"):
            train_neuron([2.0], [1.0], alpha=0.51, epochs=20_000)

    def test_examples_that_do_not_fit_are_named(self) -> None:
        for inputs, targets in (([], []), ([1.0], [1.0, 2.0])):
            with pytest.raises(InputError, match="as many targets as inputs"):
                train_neuron(inputs, targets)

    def test_on_standardized_data_the_best_weight_is_the_correlation(self) -> None:
        generator = np.random.default_rng(0)
        x = generator.normal(5, 3, 200)
        y = 2 * x + generator.normal(0, 4, 200)
        network = neuron()
        inputs, targets = torch.tensor(x).float()[:, None], torch.tensor(y).float()[:, None]
        network.columns.fit(inputs)
        network.rescale.fit(targets)
        network.weight.data.fill_(np.corrcoef(x, y)[0, 1])
        nn.functional.mse_loss(network(inputs), targets).backward()
        assert abs(float(network.weight.grad)) < 1e-3


class TestFeedforward:
    @pytest.mark.parametrize(
        ("name", "function"),
        [
            ("linear", lambda x: x),
            ("sigmoid", lambda x: 1 / (1 + math.exp(-x))),
            ("tanh", lambda x: (math.exp(x) - math.exp(-x)) / (math.exp(x) + math.exp(-x))),
            ("relu", lambda x: max(0, x)),
            ("leaky_relu", lambda x: x if x >= 0 else 0.01 * x),
        ],
    )
    def test_activations_are_the_formulas(self, name: str, function: object) -> None:
        points = [-3.0, -0.5, 0.0, 0.5, 3.0]
        values = make_activation(name)(torch.tensor([points], dtype=torch.float64))[0]
        assert values.tolist() == pytest.approx([function(x) for x in points], abs=1e-12)

    def test_softmax_is_over_a_rows_units(self) -> None:
        values = make_activation("softmax")(torch.tensor([[1.0, 2.0], [0.0, 0.0]]))
        e = math.e
        assert values.flatten().tolist() == pytest.approx([1 / (1 + e), e / (1 + e), 0.5, 0.5], abs=1e-6)

    def test_layers_are_matrix_products(self) -> None:
        network = feedforward(3, 2, hidden=[4, 5], activation="tanh").double()
        x = torch.randn(6, 3, dtype=torch.float64)
        h = x.numpy()
        for layer in ("linear1", "linear2", "logits"):
            linear = network.get_submodule(layer)
            h = h @ linear.weight.detach().numpy().T + linear.bias.detach().numpy()
            h = np.tanh(h) if layer != "logits" else h
        assert np.allclose(network(x).detach().numpy(), h)

    def test_dropout_is_off_in_eval_mode(self) -> None:
        network = feedforward(3, 2, hidden=[50], dropout=0.5)
        x = torch.ones(1, 3)
        assert not torch.equal(network.train()(x), network(x))
        assert torch.equal(network.eval()(x), network(x))

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"activation": "swish"}, f"one of {', '.join(ACTIVATIONS)}"),
            ({"hidden": [0]}, "hidden: expected a whole number from 1"),
            ({"inputs": 2.5}, "inputs: expected a whole number from 1"),
            ({"dropout": 1.0}, "a chance from 0, below 1"),
            ({"categories": [0]}, "3 numbers, one per column"),
            ({"categories": [0, 1, 0]}, "at least 2"),
        ],
    )
    def test_what_cannot_be_is_named(self, settings: dict, message: str) -> None:
        with pytest.raises(InputError, match=message):
            feedforward(**{"inputs": 3, "outputs": 2, **settings})


class TestColumns:
    def test_numbers_are_standardized_and_codes_spread(self) -> None:
        rows = torch.tensor([[1.0, 2, 10], [3.0, 0, 30], [5.0, 1, 20]])
        columns = Columns([0, 3, 0])
        columns.fit(rows)
        seen = columns(rows)
        assert columns.width == 5
        assert torch.allclose(seen[:, :2].mean(0), torch.zeros(2), atol=1e-6)
        assert torch.allclose(seen[:, :2].std(0, correction=0), torch.ones(2))
        assert torch.equal(seen[:, 2:], torch.eye(3)[[2, 0, 1]])

    def test_a_column_without_variance_is_named(self) -> None:
        rows = torch.tensor([[1.0, 0.1], [2.0, 0.1], [3.0, 0.1]])
        with pytest.raises(
            InputError, match=r"column 'flat': expected values that differ .* got 0.1 in each of 3 rows"
        ):
            Columns([0, 0]).fit(rows, ["one", "flat"])
        with pytest.raises(InputError, match="target 0"):
            Rescale().fit(torch.ones(4, 1))

    def test_statistics_are_saved_with_the_weights(self) -> None:
        network = feedforward(2, 1, categories=[0, 2], rescale=True)
        assert {"columns.mean", "columns.std", "rescale.mean", "rescale.std"} <= set(network.state_dict())


class TestConvolution:
    def run(self, kernel: list) -> list:
        image = torch.tensor([[IMAGE]], dtype=torch.float32)
        network = convolutional((1, 6, 6), 2, channels=[1])
        network.conv1.weight.data.copy_(torch.tensor([[kernel]], dtype=torch.float32))
        network.conv1.bias.data.zero_()
        return network.conv1(image)[0, 0, 1:-1, 1:-1].tolist()  # the inner part, where the padding is not met

    def test_the_lectures_feature_map(self) -> None:
        assert self.run(FILTER) == [[3, -3, -3, 3], [1, -2, -2, 1], [1, -2, -2, 1], [-1, -1, -1, -1]]

    def test_it_is_a_cross_correlation(self) -> None:
        """An asymmetric filter tells: nothing is flipped, out[i, j] = sum filter[a, b] image[i + a, j + b]."""
        image, kernel = np.array(IMAGE), np.array(ASYMMETRIC)
        straight = [[int((image[i : i + 3, j : j + 3] * kernel).sum()) for j in range(4)] for i in range(4)]
        flipped = [[int((image[i : i + 3, j : j + 3] * kernel[::-1, ::-1]).sum()) for j in range(4)] for i in range(4)]
        assert straight != flipped
        assert self.run(ASYMMETRIC) == straight

    def test_pooling_keeps_the_largest(self) -> None:
        feature_map = conv2d(torch.tensor([[IMAGE]]).float(), torch.tensor([[FILTER]]).float())
        pool = convolutional((1, 4, 4), 2, channels=[1]).pool1
        assert pool(feature_map)[0, 0].tolist() == [[3, 3], [1, 1]]

    def test_any_shape_and_number_of_labels(self) -> None:
        assert convolutional((3, 12, 20), 5, channels=[2, 4])(torch.zeros(2, 3, 12, 20)).shape == (2, 5)
        with pytest.raises(InputError, match="at least 8 pixels a side for 3 blocks"):
            convolutional((1, 4, 28), 2, channels=[1, 1, 1])
