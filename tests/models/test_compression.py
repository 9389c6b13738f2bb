"""Smaller networks against masked ones made by other means, and quantized ones against their formulas."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from models.compression.speed import parameter_count, savings
from models.compression.structural import choose_units, mask_units, prune_units
from models.networks.convolutional import convolutional
from tests.models.compressible import ARGUMENTS, Reader, trained_like
from tests.trace_state import differences, state_of
from xai.base.errors import InputError, LayerError, NetworkError

pytestmark = pytest.mark.usefixtures("seeded")


def hooked(network: nn.Module, masks: dict[str, Tensor], inputs: Tensor) -> Tensor:
    """Return the answers of the network with outputs of layers multiplied by 0 and 1: a mask after the activation."""
    handles = []
    for name, keep in masks.items():

        def hook(module: nn.Module, arguments: tuple, output: Tensor, keep: Tensor = keep) -> Tensor:
            mask = torch.zeros(output.shape[1])
            mask[keep] = 1
            return output * mask.view(1, -1, *[1] * (output.ndim - 2))

        handles.append(network.get_submodule(name).register_forward_hook(hook))
    try:
        with torch.no_grad():
            return network(inputs)
    finally:
        for handle in handles:
            handle.remove()


# Units of dense and convolutional layers


def test_a_smaller_convolutional_network_answers_as_the_masked_one() -> None:
    network = trained_like(convolutional(**ARGUMENTS))
    inputs = torch.rand(5, 1, 8, 8)
    keep = {"conv1": torch.tensor([0, 2, 5]), "conv2": torch.tensor([1, 3, 4, 6]), "hidden": torch.tensor([0, 7, 9])}
    state = state_of(network)
    small = prune_units(network, keep, inputs)
    assert not differences(state, state_of(network))
    after = {"relu1": keep["conv1"], "relu2": keep["conv2"], "relu_hidden": keep["hidden"]}
    wanted = hooked(network, after, inputs)
    with torch.no_grad():
        torch.testing.assert_close(small(inputs), wanted, rtol=0, atol=1e-6)
        torch.testing.assert_close(mask_units(network, keep, inputs)(inputs), wanted, rtol=0, atol=1e-6)
    # 3*9+3 and 4*3*9+4 in the convolutions, twice each in the norms, 3*(4*4)+3, 3*3+3.
    assert parameter_count(small) == 30 + 6 + 112 + 8 + 51 + 12
    # Masking before batch norm and ReLU is another network: the test can tell them apart.
    assert not torch.allclose(
        hooked(network, {"conv1": keep["conv1"]}, inputs), hooked(network, {"relu1": keep["conv1"]}, inputs)
    )


@pytest.mark.parametrize("activation", [nn.Sigmoid, nn.Tanh, nn.ReLU])
def test_dense_layers_with_any_activation(activation: type[nn.Module]) -> None:
    network = trained_like(nn.Sequential(
        nn.Linear(4, 12), nn.BatchNorm1d(12), activation(), nn.Dropout(),
        nn.Linear(12, 9, bias=False), activation(), nn.Linear(9, 2),
    ))  # fmt: skip
    inputs = torch.randn(7, 4)
    keep = {"0": torch.tensor([1, 2, 11]), "4": torch.tensor([0, 8])}
    wanted = hooked(network, {"2": keep["0"], "5": keep["4"]}, inputs)
    with torch.no_grad():
        torch.testing.assert_close(prune_units(network, keep, inputs)(inputs), wanted, rtol=0, atol=1e-6)


def test_units_are_chosen_by_norm() -> None:
    network = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        network[0].weight[:] = torch.tensor([[3.0, 0.0], [2.0, 2.0], [0.1, 0.1], [2.5, 0.0]])
    inputs = torch.randn(3, 2)
    assert {name: kept.tolist() for name, kept in choose_units(network, 0.5, inputs).items()} == {"0": [0, 1]}
    assert choose_units(network, 0.25, inputs, norm="l2")["0"].tolist() == [0, 1, 3]
    assert choose_units(network, 0.75, inputs, norm="l2")["0"].tolist() == [0]


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x).relu()
        return self.third(self.second(hidden).relu() + hidden)


class Twice(Residual):
    def forward(self, x: Tensor) -> Tensor:
        return self.third(self.second(self.second(x)))


class Backward(nn.Module):
    """Flattens positions before channels, so that a channel's inputs of the last layer do not lie side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear = nn.Conv1d(1, 4, 1), nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.conv(x).relu().transpose(1, 2).flatten(1))


def test_what_cannot_be_pruned_is_refused() -> None:
    inputs = torch.randn(3, 4)
    with pytest.raises(NetworkError, match="a chain of layers"):
        prune_units(Residual(), {"first": torch.tensor([0, 1])}, inputs)
    with pytest.raises(NetworkError, match="units masked, got other answers"):
        prune_units(Backward(), {"conv": torch.tensor([0, 1])}, torch.randn(2, 1, 3))
    with pytest.raises(LayerError, match="'second' used twice"):
        prune_units(Twice(), {"second": torch.tensor([0])}, inputs)
    network = nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 2))
    with pytest.raises(LayerError, match="batch norms, or layers without weights, got LayerNorm"):
        prune_units(network, {"0": torch.tensor([0])}, inputs)
    plain = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    for name in ("1", "nowhere"):
        with pytest.raises(LayerError, match="one of 0, 2"):
            prune_units(plain, {name: torch.tensor([0])}, inputs)
    with pytest.raises(LayerError, match="gives the answers"):
        prune_units(plain, {"2": torch.tensor([0])}, inputs)
    for indices in ([], [6], [-1], [1, 1], [2, 1], [0.5]):
        with pytest.raises(InputError, match="ascending indices below 6"):
            prune_units(plain, {"0": torch.tensor(indices)}, inputs)
    grouped = nn.Sequential(nn.Conv2d(4, 4, 1, groups=2), nn.Conv2d(4, 2, 1))
    with pytest.raises(LayerError, match="one group"):
        prune_units(grouped, {"0": torch.tensor([0])}, torch.rand(1, 4, 2, 2))


# Units of recurrent layers


def operations(network: nn.Module, inputs: torch.Tensor) -> int:
    """Return the operations of one forward pass: what speed follows from, the same on any machine."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(inputs)
    return counter.get_total_flops()


def test_smaller_has_less_to_compute() -> None:
    network = nn.Sequential(
        nn.Linear(256, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10)
    ).eval()
    inputs = torch.randn(64, 256)
    small = prune_units(network, choose_units(network, 0.75, inputs), inputs)
    # 16 times fewer multiplications in the middle, 4 times fewer at both ends.
    by_hand = 256 * 256 + 256 * 256 + 256 * 10
    assert operations(small, inputs) == 2 * 64 * by_hand
    assert operations(network, inputs) > 9 * operations(small, inputs)
    measured = savings(network, small, inputs, repeats=1)
    assert measured.parameters_after < measured.parameters_before / 8
    assert measured.seconds_before > 0 < measured.seconds_after


def test_smaller_convolutional_and_recurrent_networks_too() -> None:
    images = torch.rand(16, 1, 28, 28)
    large = convolutional([1, 28, 28], 10, [32, 64], 128).eval()
    small = prune_units(large, choose_units(large, 0.75, images[:2]), images[:2])
    assert operations(small, images) < operations(large, images) / 8
    reads = Reader("LSTM")
    reads.rnn, reads.head = nn.LSTM(3, 256, batch_first=True), nn.Linear(256, 2)
    small = prune_units(reads, choose_units(reads, 0.75, torch.randn(2, 20, 3)), torch.randn(2, 20, 3))
    assert parameter_count(small) < parameter_count(reads) / 10
