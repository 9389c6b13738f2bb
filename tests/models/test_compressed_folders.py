"""Compressed models are folders like any other, and copies of what they were made from."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from models.compression.connections import cut_connections
from models.compression.folders import coarse_arguments, smaller_arguments
from models.compression.quantization import (
    quantize_activations,
    quantize_weights,
)
from models.compression.structural import choose_units, prune_units
from models.networks.convolutional import convolutional
from tests.models.compressible import ARGUMENTS, Reader, blobs, dense, fit, trained_like
from xai.base.errors import XaiError
from xai.inputs.image import ImageInput
from xai.model.folder import load, save_model
from xai.model.model import Model

pytestmark = pytest.mark.usefixtures("seeded")


FACTORY = "models.networks.convolutional:convolutional"


# Folders


def test_pruned_and_quantized_models_are_folders(tmp_path) -> None:
    network = trained_like(convolutional(**ARGUMENTS))
    inputs = torch.rand(3, 1, 8, 8)
    keep = choose_units(network, 0.5, inputs)
    small = prune_units(network, keep, inputs)
    arguments = smaller_arguments(FACTORY, ARGUMENTS, small, keep, [1, 8, 8])
    by_name = {**ARGUMENTS, "channels": [3, 4], "hidden": 5}  # this factory takes the sizes themselves
    quantized = quantize_activations(quantize_weights(small, "ternary"), "int8")
    layers = ["relu1", "relu2", "relu_hidden"]
    folders = "models.compression.folders"
    for number, (made, factory, given) in enumerate([
        (small, f"{folders}:smaller", arguments),
        (small, FACTORY, by_name),
        (quantized, f"{folders}:coarse", coarse_arguments(f"{folders}:smaller", arguments, "int8", layers)),
    ]):  # fmt: skip
        model = Model(made, classes=["a", "b", "c"], input=ImageInput((1, 8, 8)))
        again = load(save_model(model, tmp_path / str(number), factory=factory, arguments=given))
        assert again.digest() == model.digest()
        torch.testing.assert_close(again.predict(inputs), model.predict(inputs), rtol=0, atol=1e-6)
    assert len(again.network.conv1.weight[0].unique()) <= 3


def reader(kind: str, layers: int = 1) -> nn.Module:
    """Build a recurrent network, as a factory does."""
    return Reader(kind, layers)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_recurrent_pruned_model_is_a_folder(tmp_path, kind: str) -> None:
    network, inputs, arguments = Reader(kind, 2), torch.randn(3, 5, 3), {"kind": kind, "layers": 2}
    keep = choose_units(network, 0.5, inputs)
    small = quantize_weights(prune_units(network, keep, inputs), "powers_of_two")
    factory = f"{reader.__module__}:reader"
    model = Model(small, classes=["a", "b"])
    given = smaller_arguments(factory, arguments, small, keep, [5, 3])
    folder = save_model(model, tmp_path / kind, factory="models.compression.folders:smaller", arguments=given)
    with pytest.raises(XaiError, match="--trust-code"):
        load(folder)  # the inner factory is none that is known
    again = load(folder, trust_code=True)
    assert again.network.rnn.hidden_size == 4
    torch.testing.assert_close(again.predict(inputs), model.predict(inputs), rtol=0, atol=1e-6)


def test_the_inner_factory_is_held_to_what_every_factory_is(tmp_path) -> None:
    small = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))
    arguments = {"factory": "os:system", "arguments": {"command": "true"}, "sizes": {}, "shape": [4]}
    save_model(Model(small), tmp_path, factory="models.compression.folders:smaller", arguments=arguments)
    with pytest.raises(XaiError, match="--trust-code"):
        load(tmp_path)


def test_copies_are_copies() -> None:
    network = dense()
    before = copy.deepcopy(network.state_dict())
    inputs = blobs()[0]
    for change in (
        lambda: prune_units(network, choose_units(network, 0.5, inputs), inputs),
        lambda: fit(cut_connections(network, 0.5), 2),
        lambda: quantize_activations(quantize_weights(network, "binary"), "binary"),
    ):
        change()
        assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
