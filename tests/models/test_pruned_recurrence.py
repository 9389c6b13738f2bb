"""Pruned recurrent networks answer as the masked ones: steps, both directions, and layers in between."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from models.compression.folders import smaller_arguments
from models.compression.speed import parameter_count
from models.compression.structural import choose_units, mask_units, prune_units
from models.networks.cells import CELLS, from_torch
from models.networks.recurrent import recurrent
from tests.models.compressible import Reader
from xai.base.errors import LayerError
from xai.inputs.series import SequenceInput
from xai.model.folder import load, save_model
from xai.model.model import Model

pytestmark = pytest.mark.usefixtures("seeded")


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
