"""Smaller networks against masked ones made by other means, and quantized ones against their formulas."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.compression.connections import SparseLinear, cut_connections, finish_cutting, sparse_copy, sparsity
from models.compression.folders import coarse_arguments, smaller_arguments
from models.compression.int8 import has_torchao, run_in_int8
from models.compression.quantization import (
    QuantizedOutput,
    SignActivation,
    quantize_activations,
    quantize_weights,
    straight_through,
)
from models.compression.speed import parameter_count, savings
from models.compression.structural import choose_units, mask_units, prune_units
from models.networks.cells import CELLS, from_torch
from models.networks.convolutional import convolutional
from models.networks.recurrent import recurrent
from tests.trace_state import differences, state_of
from xai.base.errors import InputError, LayerError, NetworkError, XaiError
from xai.inputs.image import ImageInput
from xai.inputs.series import SequenceInput
from xai.model.folder import load, save_model
from xai.model.model import Model
from xai.network.compress import int8_symmetric, ternary


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


FACTORY = "models.networks.convolutional:convolutional"
ARGUMENTS = {"shape": [1, 8, 8], "classes": 3, "channels": [6, 8], "hidden": 10}


def trained_like(network: nn.Module) -> nn.Module:
    """Give batch norms statistics and scales other than 0 and 1, as after training."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0, 0.3)
    return network.eval()


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


class Reader(nn.Module):
    """A recurrent network that answers from its last output, or from its final state."""

    def __init__(self, kind: str, layers: int = 1, from_state: bool = False, relu: bool = False) -> None:
        super().__init__()
        settings = {"nonlinearity": "relu"} if relu else {}
        self.rnn = getattr(nn, kind)(3, 7, layers, batch_first=True, **settings)
        self.head = nn.Linear(7, 2)
        self.from_state = from_state

    def forward(self, x: Tensor) -> Tensor:
        output, state = self.rnn(x)
        state = state[0] if isinstance(state, tuple) else state
        return self.head(state[-1] if self.from_state else output[:, -1])


def stepped(kind: str, network: Reader, keep: list[Tensor], inputs: Tensor) -> Tensor:
    """Return the answers step by step from the equations, the state multiplied by a mask after each step."""
    rnn, below = network.rnn, inputs
    for layer, kept in enumerate(keep):
        w_x, w_h = getattr(rnn, f"weight_ih_l{layer}"), getattr(rnn, f"weight_hh_l{layer}")
        b_x, b_h = getattr(rnn, f"bias_ih_l{layer}"), getattr(rnn, f"bias_hh_l{layer}")
        mask = torch.zeros(7)
        mask[kept] = 1
        h, c, outputs = torch.zeros(len(inputs), 7), torch.zeros(len(inputs), 7), []
        for x in below.unbind(1):
            a, b = x @ w_x.T + b_x, h @ w_h.T + b_h
            if kind == "RNN":
                h = torch.tanh(a + b)
            elif kind == "GRU":
                (ar, az, an), (br, bz, bn) = a.chunk(3, 1), b.chunk(3, 1)
                z = torch.sigmoid(az + bz)
                h = z * h + (1 - z) * torch.tanh(an + torch.sigmoid(ar + br) * bn)
            else:
                i, f, g, o = (a + b).chunk(4, 1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            h = h * mask
            outputs.append(h)
        below = torch.stack(outputs, 1)
    return network.head(below[:, -1])


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("from_state", [False, True])
def test_hidden_units_go(kind: str, from_state: bool) -> None:
    network = Reader(kind, 2, from_state)
    inputs = torch.randn(4, 6, 3)
    keep = torch.tensor([[0, 3, 6], [1, 2, 5]])
    small = prune_units(network, {"rnn": keep}, inputs)
    with torch.no_grad():
        wanted = stepped(kind, network, list(keep), inputs)
        torch.testing.assert_close(small(inputs), wanted, rtol=0, atol=1e-6)
        # The equations themselves are torch's, and the mask does change the answers.
        everything = [torch.arange(7)] * 2
        torch.testing.assert_close(network(inputs), stepped(kind, network, everything, inputs), rtol=0, atol=1e-6)
    assert not torch.allclose(network(inputs), wanted)
    assert small.rnn.hidden_size == 3
    assert parameter_count(small) < parameter_count(network) / 2
    loss = small(inputs).sum()
    loss.backward()  # the smaller network still learns
    assert small.rnn.weight_hh_l0.grad.shape[1] == 3


def test_a_recurrent_layer_between_others() -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.before, self.rnn = nn.Embedding(9, 4), nn.Linear(4, 6), nn.GRU(6, 7, batch_first=True)
            self.head = nn.Linear(7, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.rnn(self.before(self.embed(x)).relu())[0].mean(1))

    network, tokens = Words(), torch.randint(0, 9, (3, 5))
    keep = choose_units(network, 0.5, tokens)
    assert {name: indices.shape[-1] for name, indices in keep.items()} == {"before": 3, "rnn": 4}
    small = prune_units(network, keep, tokens)
    assert (small.rnn.input_size, small.rnn.hidden_size, small.head.in_features) == (3, 4, 4)
    large = Reader("LSTM")
    units = large.rnn.weight_ih_l0.detach().abs().sum(1) + large.rnn.weight_hh_l0.detach().abs().sum(1)
    by_hand = units.view(4, 7).sum(0)
    assert choose_units(large, 0.7, torch.randn(1, 2, 3))["rnn"].tolist() == [sorted(by_hand.topk(3).indices.tolist())]


class BothWays(nn.Module):
    """Reads in both directions, two layers deep, behind a dense layer; answers from the mean, or the final states."""

    def __init__(self, kind: str, from_state: bool) -> None:
        super().__init__()
        self.before = nn.Linear(3, 5)
        self.rnn = getattr(nn, kind)(5, 6, 2, batch_first=True, bidirectional=True)
        self.head, self.from_state = nn.Linear(12, 2), from_state

    def forward(self, x: Tensor) -> Tensor:
        output, state = self.rnn(self.before(x).tanh())
        state = state[0] if isinstance(state, tuple) else state
        return self.head(torch.cat([state[-2], state[-1]], 1) if self.from_state else output.mean(1))


def both_ways(network: BothWays, dense: Tensor, rows: list[Tensor], inputs: Tensor) -> Tensor:
    """Return the answers from the cells' equations, what is not kept multiplied by 0 where it arises."""
    below = network.before(inputs).tanh() * torch.zeros(5).index_fill(0, dense, 1)
    for layer in range(2):
        read = []
        for direction in range(2):
            name, weights = from_torch(network.rnn, layer, backward=bool(direction))
            mask = torch.zeros(6).index_fill(0, rows[2 * layer + direction], 1)
            state = (torch.zeros(len(inputs), 6),) * CELLS[name].states
            steps = []
            for x in below.flip(1).unbind(1) if direction else below.unbind(1):
                state = CELLS[name].step(x, state, weights)[0]
                state = (state[0] * mask, *state[1:])
                steps.append(state[0])
            read.append(torch.stack(steps[::-1] if direction else steps, 1))
        below = torch.cat(read, 2)
    final = torch.cat([below[:, -1, :6], below[:, 0, 6:]], 1)
    return network.head(final if network.from_state else below.mean(1))


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("from_state", [False, True])
def test_hidden_units_go_in_both_directions(kind: str, from_state: bool) -> None:
    """Other units in each direction of each layer, and fewer inputs from the layer before."""
    network, inputs = BothWays(kind, from_state), torch.randn(4, 5, 3)
    keep = {"before": torch.tensor([1, 4]), "rnn": torch.tensor([[0, 3], [1, 5], [2, 4], [0, 5]])}
    small = prune_units(network, keep, inputs)
    every = [torch.arange(6)] * 4
    with torch.no_grad():
        wanted = both_ways(network, keep["before"], list(keep["rnn"]), inputs)
        torch.testing.assert_close(small(inputs), wanted, rtol=0, atol=1e-6)
        torch.testing.assert_close(mask_units(network, keep, inputs)(inputs), wanted, rtol=0, atol=1e-6)
        torch.testing.assert_close(
            network(inputs), both_ways(network, torch.arange(5), every, inputs), rtol=0, atol=1e-6
        )
    assert not torch.allclose(network(inputs), wanted, atol=1e-3)
    assert (small.rnn.input_size, small.rnn.hidden_size, small.head.in_features) == (2, 2, 4)
    chosen = choose_units(network, 0.5, inputs)["rnn"]
    assert chosen.shape == (4, 3)
    backward = network.rnn.weight_ih_l0_reverse.abs().sum(1) + network.rnn.weight_hh_l0_reverse.abs().sum(1)
    by_hand = backward.view(-1, 6).sum(0).topk(3).indices
    assert chosen[1].tolist() == sorted(by_hand.tolist())


def test_a_reference_network_reads_both_ways_and_is_pruned(tmp_path) -> None:
    """As vowels-lstm and reviews-gru: series and words of their own length, saved and loaded as a folder."""
    arguments = {"inputs": 3, "outputs": 2, "cell": "lstm", "hidden": 8, "bidirectional": True}
    network, inputs = recurrent(**arguments).eval(), torch.randn(4, 6, 3)
    inputs[0, 3:] = 0  # a shorter one
    keep = choose_units(network, 0.75, inputs)
    small = prune_units(network, keep, inputs)
    masked = mask_units(network, keep, inputs)
    torch.testing.assert_close(small(inputs), masked(inputs), rtol=0, atol=1e-6)
    factory = "models.networks.recurrent:recurrent"
    made = smaller_arguments(factory, arguments, small, keep, [6, 3])
    folder = save_model(
        Model(small, input=SequenceInput(["a", "b", "c"], 6)),
        tmp_path,
        factory="models.compression.folders:smaller",
        arguments=made,
    )
    torch.testing.assert_close(load(folder).network(inputs), small(inputs))


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_a_projection_is_refused() -> None:
    network = Reader("LSTM")
    network.rnn, network.head = nn.LSTM(3, 7, batch_first=True, proj_size=4), nn.Linear(4, 2)
    with pytest.raises(LayerError, match="without a projection"):
        prune_units(network, {"rnn": torch.tensor([0])}, torch.randn(2, 2, 3))


def test_relu_rnn_keeps_its_nonlinearity() -> None:
    network = Reader("RNN", relu=True)
    assert prune_units(network, {"rnn": torch.arange(4)}, torch.randn(2, 3, 3)).rnn.nonlinearity == "relu"


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


# Fine-tuning: the same few steps of training, before and after pruning


def blobs() -> tuple[Tensor, Tensor]:
    labels = torch.arange(120) % 3
    draw = torch.Generator().manual_seed(0)
    return torch.randn(120, 6, generator=draw) + 3 * functional.one_hot(labels, 6), labels


def fit(network: nn.Module, steps: int = 150, around=None) -> float:
    inputs, labels = blobs()
    stepper = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(steps):
        stepper.zero_grad()
        if around is None:
            functional.cross_entropy(network(inputs), labels).backward()
        else:
            with around(network):
                functional.cross_entropy(network(inputs), labels).backward()
        stepper.step()
    return right(network)


def right(network: nn.Module) -> float:
    inputs, labels = blobs()
    with torch.no_grad():
        return float((network(inputs).argmax(1) == labels).double().mean())


def dense() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 3))


def test_fine_tuning_brings_back_what_pruning_lost() -> None:
    network = dense()
    assert fit(network) > 0.9
    inputs = blobs()[0]
    small = prune_units(network, choose_units(network, 0.75, inputs), inputs)
    before = right(small)
    assert fit(small) >= max(before, 0.9)


def test_connections_stay_cut_while_the_rest_learns() -> None:
    network = dense()
    fit(network)
    cut = cut_connections(network, 0.8)
    assert sparsity(network) == 0
    assert sparsity(cut) == pytest.approx(0.8, abs=0.002)
    # By hand: the smallest 80 % of all magnitudes together.
    magnitudes = torch.cat([p.detach().abs().flatten() for p in network.parameters() if p.ndim == 2])
    threshold = magnitudes.sort().values[round(0.8 * len(magnitudes)) - 1]
    for index in (0, 2, 4):
        kept = network[index].weight.detach().abs() > threshold
        assert torch.equal(cut[index].weight.detach(), network[index].weight.detach() * kept)
    zeros = [cut[index].weight.detach() == 0 for index in (0, 2, 4)]
    assert fit(cut) > 0.85
    assert all(torch.equal(cut[index].weight.detach() == 0, zero) for index, zero in zip((0, 2, 4), zeros, strict=True))
    plain = finish_cutting(cut)
    assert set(plain.state_dict()) == set(network.state_dict())
    assert sparsity(plain) == pytest.approx(0.8, abs=0.002)
    sparse = sparse_copy(plain)
    assert isinstance(sparse[2], SparseLinear)
    assert sparse[2].matrix._nnz() == int((plain[2].weight != 0).sum())
    with torch.no_grad():
        torch.testing.assert_close(sparse(blobs()[0]), plain(blobs()[0]), rtol=0, atol=1e-5)
    each = cut_connections(network, 0.5, together=False)
    assert [round(float((each[index].weight == 0).double().mean()), 2) for index in (0, 2, 4)] == [0.5] * 3


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_recurrent_connections(kind: str) -> None:
    network, inputs = Reader(kind), torch.randn(4, 6, 3)
    cut = cut_connections(network, 0.6)
    stepper = torch.optim.Adam(cut.parameters(), 0.05)
    zeros = cut.rnn.weight_hh_l0.detach() == 0
    for _ in range(3):
        stepper.zero_grad()
        cut(inputs).square().sum().backward()
        stepper.step()
    cut(inputs)
    answers = cut(inputs)
    plain = finish_cutting(cut)
    assert torch.equal(plain.rnn.weight_hh_l0.detach() == 0, zeros)
    assert not torch.equal(plain.rnn.weight_hh_l0.detach()[~zeros], network.rnn.weight_hh_l0.detach()[~zeros])
    fresh = Reader(kind)
    fresh.load_state_dict(plain.state_dict())
    torch.testing.assert_close(fresh(inputs), answers)


# Quantization


@pytest.mark.parametrize("kind", ["int8", "int8_affine", "binary", "ternary", "powers_of_two"])
def test_weights_after_training_have_few_values(kind: str) -> None:
    network = dense()
    made = quantize_weights(network, kind, skip=["0.weight"])
    assert torch.equal(made[0].weight, network[0].weight)
    assert torch.equal(made[2].bias, network[2].bias)
    most = {"int8": 255, "int8_affine": 256, "binary": 2, "ternary": 3, "powers_of_two": 64}[kind]
    for row in made[2].weight.detach():
        assert len(row.unique()) <= most
    assert len(made[2].weight.unique()) > 3  # a scale for each row
    with pytest.raises(InputError, match="one of int8"):
        quantize_weights(network, "int9")
    with pytest.raises(LayerError, match=r"names among 0\.weight"):
        quantize_weights(network, kind, skip=["7.weight"])


def test_straight_through_applies_the_coarse_gradient_to_the_fine_weights() -> None:
    network = dense()
    inputs, labels = blobs()
    coarse = quantize_weights(network, "ternary")
    functional.cross_entropy(coarse(inputs), labels).backward()
    fine = network[2].weight.detach().clone()
    with straight_through("ternary")(network):
        torch.testing.assert_close(network[2].weight.detach(), ternary(fine, 0).values)
        functional.cross_entropy(network(inputs), labels).backward()
    assert torch.equal(network[2].weight.detach(), fine)
    for mine, other in zip(network.parameters(), coarse.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_straight_through_recurrent_layers(kind: str) -> None:
    network, inputs = Reader(kind), torch.randn(4, 6, 3)
    coarse = quantize_weights(network, "int8")
    coarse(inputs).square().sum().backward()
    fine = network.rnn.weight_hh_l0.detach().clone()
    with straight_through("int8")(network):
        network(inputs).square().sum().backward()
    assert torch.equal(network.rnn.weight_hh_l0.detach(), fine)
    for mine, other in zip(network.parameters(), coarse.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


@pytest.mark.parametrize("kind", ["binary", "ternary"])
def test_training_through_it_beats_rounding_after(kind: str) -> None:
    network = dense()
    fit(network)
    after = right(quantize_weights(network, kind))
    fit(network, 150, straight_through(kind))
    assert right(quantize_weights(network, kind)) >= max(after, 0.85)


def test_quantized_activations() -> None:
    network = dense()
    inputs = blobs()[0][:4].clone().requires_grad_()
    made = quantize_activations(network, "int8")
    assert [name for name, module in made.named_modules() if isinstance(module, QuantizedOutput)] == ["1", "3"]
    hidden = int8_symmetric(network[0](inputs).relu(), 0).values
    hidden = int8_symmetric(network[2](hidden).relu(), 0).values
    torch.testing.assert_close(made(inputs), network[4](hidden))
    # An answer does not depend on the batch it came in, and the gradient passes as if nothing were rounded.
    torch.testing.assert_close(made(inputs)[:1], made(inputs[:1]))
    first = torch.autograd.grad(QuantizedOutput(nn.Tanh(), "binary")(inputs).sum(), inputs)[0]
    torch.testing.assert_close(first, 1 - inputs.tanh() ** 2)
    signs = quantize_activations(network, "binary")
    assert isinstance(signs[1], SignActivation)
    given = torch.tensor([[-2.0, 0.5, 3.0, -0.5]], requires_grad=True)
    assert signs[1](given).tolist() == [[-1.5, 1.5, 1.5, -1.5]]  # the mean magnitude is 1.5
    signs[1](given).sum().backward()
    assert given.grad.tolist() == [[0, 1, 0, 1]]  # no gradient beyond 1
    recurrent = quantize_activations(Reader("LSTM"), "int8", ["rnn"])
    assert recurrent(torch.randn(2, 4, 3)).shape == (2, 2)
    with pytest.raises(LayerError, match="activation function that is a layer"):
        quantize_activations(Reader("GRU"), "int8")
    with pytest.raises(LayerError, match="batch_first"):
        quantize_activations(nn.Sequential(nn.GRU(2, 2)), "int8", ["0"])


@pytest.mark.skipif(not has_torchao(), reason="torchao is not installed")
@pytest.mark.filterwarnings("ignore")
def test_int8_really_runs_in_int8() -> None:
    network = dense().eval()
    inputs = blobs()[0]
    made = run_in_int8(network)
    assert made[2].weight.qdata.dtype == torch.int8
    torch.testing.assert_close(
        made[2].weight.qdata.float(), int8_symmetric(network[2].weight, 0).codes.float(), atol=1, rtol=0
    )
    with torch.no_grad():
        wanted = network(inputs)
        assert float((made(inputs) - wanted).abs().max()) < 0.03 * float(wanted.abs().max())


def test_int8_says_what_it_needs() -> None:
    if not has_torchao():
        with pytest.raises(InputError, match=r"xai-toolkit\[quantize\]"):
            run_in_int8(dense())
    else:
        with pytest.raises(InputError, match=r"torch\.nn\.Linear"):
            run_in_int8(nn.Sequential(nn.ReLU()))


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
