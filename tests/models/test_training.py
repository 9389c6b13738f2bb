"""Training: optimizers against their formulas by hand, determinism, named errors, recipes end to end."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import xai
from models.datasets import Dataset
from models.networks.convolutional import convolutional
from models.optimizers import make_optimizer
from models.recipes import RECIPES, load_data, train_recipe
from models.training import accuracy, train
from xai.core.errors import InputError, NetworkError
from xai.core.inputs import TensorInput


def blobs(count: int = 200) -> Dataset:
    """Return two clouds that a line can part."""
    generator = torch.Generator().manual_seed(0)
    goals = torch.arange(count) % 2
    inputs = torch.randn(count, 2, generator=generator) + 4.0 * goals[:, None]
    half = count // 2
    return Dataset("blobs", TensorInput(), ("a", "b"), inputs[:half], goals[:half], inputs[half:], goals[half:])


def line() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return nn.Linear(2, 2)


def test_adam_and_descent_are_their_formulas() -> None:
    """Three steps on f(w) = w^2 from w = 1, by hand."""
    rate = 0.1
    w, m, v = 1.0, 0.0, 0.0
    adam = [w]
    for step in range(1, 4):
        gradient = 2 * w
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        w -= rate * (m / (1 - 0.9**step)) / ((v / (1 - 0.999**step)) ** 0.5 + 1e-8)
        adam.append(w)
    for name, expected in (("adam", adam), ("sgd", [1.0, 0.8, 0.64, 0.512])):
        weight = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
        stepper = make_optimizer(name, [weight], rate)
        seen = [1.0]
        for _ in range(3):
            stepper.zero_grad()
            (weight**2).backward()
            stepper.step()
            seen.append(weight.item())
        assert seen == pytest.approx(expected, rel=1e-6)


def test_training_learns_and_repeats_itself() -> None:
    states = []
    for _ in range(2):
        network = line()
        torch.rand(7)  # another user of the global state
        before = torch.get_rng_state()
        curves = train(network, blobs(), epochs=20, learning_rate=0.05, seed=3)
        assert torch.equal(before, torch.get_rng_state())
        states.append(network.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert curves.train_loss[-1] < 0.3 * curves.train_loss[0]
    assert curves.test_accuracy[-1] == accuracy(network, blobs()) > 0.95
    assert not network.training
    other = line()
    train(other, blobs(), epochs=20, learning_rate=0.05, seed=4)
    assert not torch.equal(other.weight, network.weight)


def test_a_loss_that_diverges_is_named() -> None:
    with pytest.raises(NetworkError, match="a smaller learning rate may help"):
        train(line(), blobs(), optimizer="sgd", learning_rate=1e38, epochs=5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "magic"}, "sgd, adam"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 1.5}, "batch_size"),
        ({"schedule": "wavy"}, "one-cycle"),
    ],
)
def test_settings_that_cannot_be(settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        train(line(), blobs(), **settings)


def test_an_unknown_recipe_lists_what_exists() -> None:
    with pytest.raises(InputError, match="mnist-cnn"):
        load_data("mnist")


def test_digits_are_split_once_and_for_all() -> None:
    data = load_data("mnist-cnn")
    assert torch.bincount(data.test_goals).tolist() == [100] * 10
    assert torch.bincount(data.train_goals).tolist() == [400] * 10
    train_rows = {row.numpy().tobytes() for row in data.train_inputs}
    assert not any(row.numpy().tobytes() in train_rows for row in data.test_inputs)
    assert data.input.mean[0] == pytest.approx(data.train_inputs.mean().item(), abs=5e-4)
    assert data.input.std[0] == pytest.approx(data.train_inputs.std().item(), abs=5e-4)


def test_a_recipe_becomes_a_folder_that_loads(digits_folder: Path, digit_images: tuple) -> None:
    model = xai.load(digits_folder)
    measured = xai.measure_performance(model, *digit_images)
    from xai.core.folder import read_description

    assert read_description(digits_folder).origin["test_accuracy"] == pytest.approx(measured.accuracy, abs=1e-4)
    assert measured.accuracy > 0.93  # after two epochs
    assert set(RECIPES) >= {"mnist-cnn"}


def test_the_same_recipe_and_seed_give_the_same_weights(tmp_path: Path) -> None:
    first, second = (xai.load(train_recipe("mnist-cnn", tmp_path / name, epochs=1)) for name in ("a", "b"))
    assert first.digest() == second.digest()


def test_a_network_too_deep_for_its_images_is_named() -> None:
    with pytest.raises(InputError, match="at least 16 pixels"):
        convolutional((1, 8, 8), 2, channels=(2, 2, 2, 2))
