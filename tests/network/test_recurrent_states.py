"""Gates and states against the equations of the reference cells, step by step."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from models.networks.cells import from_torch, run_cell
from xai.base.errors import LayerError
from xai.network.hooks import recording
from xai.network.recurrent_states import gates_of, states_of

INPUTS = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
LENGTHS = torch.tensor([5, 2, 4])
NAMES = {"input": "i", "forget": "f", "cell": "g", "output": "o", "reset": "r", "update": "z"}


def layer(kind: type[nn.RNNBase], **settings: object) -> nn.RNNBase:
    torch.manual_seed(1)
    return kind(4, 6, batch_first=True, **settings)


@pytest.mark.parametrize(
    ("kind", "gate"),
    [(nn.LSTM, gate) for gate in ("input", "forget", "cell", "output")] + [(nn.GRU, "reset"), (nn.GRU, "update")],
)
def test_gates_are_those_of_the_equations(kind: type[nn.RNNBase], gate: str) -> None:
    module = layer(kind)
    run = run_cell(*(lambda name, weights: (name, INPUTS, weights))(*from_torch(module)), record=True)
    assert torch.allclose(gates_of(module, (INPUTS,), gate), run.gates[NAMES[gate]], atol=1e-5)


def test_the_grus_new_state_gives_its_next_state() -> None:
    """h = update * h_before + (1 - update) * new, which is torch's own output."""
    module = layer(nn.GRU)
    states = module(INPUTS)[0]
    before = torch.cat([torch.zeros(3, 1, 6), states[:, :-1]], 1)
    update, new = (gates_of(module, (INPUTS,), gate) for gate in ("update", "new"))
    assert torch.allclose(update * before + (1 - update) * new, states, atol=1e-5)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_shorter_sequences_directions_and_levels(kind: type[nn.RNNBase]) -> None:
    """In a packed batch each sequence has the gates it has alone, and NaN behind its end."""
    module = layer(kind, bidirectional=True, num_layers=2)
    packed = pack_padded_sequence(INPUTS, LENGTHS, batch_first=True, enforce_sorted=False)
    gate = "update" if kind is nn.GRU else "forget"
    for name in (gate, f"{gate}_l0", f"{gate}_l1"):
        together = gates_of(module, (packed,), name)
        assert together.shape == (3, 5, 12)
        for row, length in enumerate(LENGTHS.tolist()):
            alone = gates_of(module, (INPUTS[row : row + 1, :length],), name)
            assert torch.allclose(together[row, :length], alone[0], atol=1e-5)
            assert together[row, length:].isnan().all()
    states = states_of(module, module(packed)[0])
    assert torch.equal(states.isnan(), gates_of(module, (packed,), gate).isnan())
    assert not torch.equal(gates_of(module, (packed,), f"{gate}_l0"), gates_of(module, (packed,), gate))


def test_backward_gates_are_forward_gates_of_the_reversed_series() -> None:
    module = layer(nn.LSTM, bidirectional=True)
    forward = layer(nn.LSTM)
    for key, _ in list(forward.named_parameters()):
        with torch.no_grad():
            getattr(forward, key).copy_(getattr(module, f"{key}_reverse"))
    backward = gates_of(module, (INPUTS,), "forget")[:, :, 6:]
    assert torch.allclose(backward.flip(1), gates_of(forward, (INPUTS.flip(1),), "forget"), atol=1e-5)


def test_a_given_first_state_counts() -> None:
    module = layer(nn.LSTM)
    whole = gates_of(module, (INPUTS,), "output")
    state = module(INPUTS[:, :2])[1]
    rest = gates_of(module, (INPUTS[:, 2:], state), "output")
    assert torch.allclose(rest, whole[:, 2:], atol=1e-5)


def test_steps_first_is_turned() -> None:
    module = nn.GRU(4, 6)
    assert states_of(module, module(INPUTS.transpose(0, 1))[0]).shape == (3, 5, 6)


@pytest.mark.parametrize(
    ("kind", "gate"), [(nn.LSTM, "update"), (nn.GRU, "forget"), (nn.RNN, "input"), (nn.LSTM, "input_l1")]
)
def test_gates_that_are_not_there(kind: type[nn.RNNBase], gate: str) -> None:
    with pytest.raises(LayerError, match="gate"):
        gates_of(layer(kind), (INPUTS,), gate)


def test_a_gate_is_recorded_by_name_and_only_of_recurrent_layers() -> None:
    network = nn.Sequential(nn.Linear(4, 4), layer(nn.LSTM))
    with recording(network, ["1:forget", "1"]) as recorded:
        network(INPUTS)
    assert recorded["1:forget"].shape == recorded["1"].shape == (3, 5, 6)
    with pytest.raises(LayerError, match="a recurrent layer"), recording(network, ["0:forget"]):
        pass
