"""Cells against torch.nn and against the equations in NumPy; padding must not matter; gates can be read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from models.networks.cells import CELLS, from_torch, run_cell
from models.networks.recurrent import LAYERS, recurrent, text_recurrent
from xai.base.errors import InputError
from xai.inputs.series import SequenceInput
from xai.model.model import Model


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def drawn_weights(name: str, inputs: int, size: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    width = {"both": size + inputs, "input": inputs, "state": size}
    weights = {}
    for key, acts_on in CELLS[name].acts_on.items():
        weights[f"weight_{key}"] = torch.randn(size, width[acts_on], generator=generator, dtype=torch.float64)
        weights[f"bias_{key}"] = torch.randn(size, generator=generator, dtype=torch.float64)
    return weights


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
@settings(max_examples=8, deadline=None)
@given(inputs=st.integers(1, 5), size=st.integers(1, 6), steps=st.integers(1, 7), seed=st.integers(0, 1000))
def test_cells_equal_torch(kind: type, bias: bool, inputs: int, size: int, steps: int, seed: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = kind(inputs, size, batch_first=True, bias=bias)
        x, h = torch.randn(3, steps, inputs), torch.randn(1, 3, size)
        c = torch.randn(1, 3, size)
    states, last = module(x, (h, c) if kind is nn.LSTM else h)
    name, weights = from_torch(module)
    run = run_cell(name, x, weights, (h[0], c[0]) if kind is nn.LSTM else (h[0],))
    assert torch.allclose(run.states, states, atol=1e-6)
    for ours, theirs in zip(run.last, last if kind is nn.LSTM else (last,), strict=True):
        assert torch.allclose(ours, theirs[0], atol=1e-6)


def test_the_backward_direction_and_deeper_layers_map_too() -> None:
    module = nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True)
    x = torch.randn(2, 5, 3)
    first = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
    first.load_state_dict({key: value for key, value in module.state_dict().items() if "_l0" in key})
    below, _ = first(x)
    name, weights = from_torch(module, layer=1, backward=True)
    states = run_cell(name, below.flip(1), weights).states.flip(1)
    assert torch.allclose(states, module(x)[0][:, :, 4:], atol=1e-6)


@pytest.mark.parametrize("swap", [("i", "f"), ("i", "o"), ("f", "g")])
def test_a_swapped_gate_is_seen(swap: tuple[str, str]) -> None:
    """A planted fault: two gates mapped the wrong way around do not pass for torch's."""
    module = nn.LSTM(3, 4, batch_first=True)
    _, weights = from_torch(module)
    for part in ("weight", "bias"):
        first, second = (f"{part}_{gate}" for gate in swap)
        weights[first], weights[second] = weights[second], weights[first]
    x = torch.randn(2, 5, 3)
    assert not torch.allclose(run_cell("lstm", x, weights).states, module(x)[0], atol=1e-3)


def test_the_lectures_gru_is_its_own_equations() -> None:
    """Derived in NumPy, gate by gate: the state is reset before the product."""
    weights = drawn_weights("gru", 2, 3)
    plain = {key: value.numpy() for key, value in weights.items()}
    x = torch.randn(1, 4, 2, dtype=torch.float64)
    h = np.zeros(3)
    expected = []
    for step in x[0].numpy():
        both = np.concatenate([h, step])
        z = sigmoid(plain["weight_z"] @ both + plain["bias_z"])
        r = sigmoid(plain["weight_r"] @ both + plain["bias_r"])
        g = np.tanh(plain["weight_g"] @ np.concatenate([r * h, step]) + plain["bias_g"])
        h = z * h + (1 - z) * g
        expected.append(h)
    assert np.allclose(run_cell("gru", x, weights).states[0].numpy(), expected, atol=1e-12)


def test_reset_before_and_after_differ_only_through_the_reset_gate() -> None:
    """With the reset gate open (r = 1) both candidates are one formula; with it anywhere else they are not."""
    after = drawn_weights("gru_reset_after", 2, 3)
    before = {key: value for key, value in after.items() if key[-1] in "zr"}
    before["weight_g"] = torch.cat([after["weight_gh"], after["weight_gx"]], 1)
    before["bias_g"] = after["bias_gh"] + after["bias_gx"]
    x = torch.randn(2, 5, 2, dtype=torch.float64)
    assert not torch.allclose(
        run_cell("gru", x, before).states, run_cell("gru_reset_after", x, after).states, atol=1e-3
    )
    for weights in (before, after):
        weights["bias_r"] = torch.full((3,), 100.0, dtype=torch.float64)
    assert torch.allclose(run_cell("gru", x, before).states, run_cell("gru_reset_after", x, after).states)


def test_what_a_cell_lacks_is_named() -> None:
    x = torch.zeros(1, 2, 2)
    with pytest.raises(InputError, match="one of rnn, lstm, gru, gru_reset_after"):
        run_cell("elman", x, {})
    with pytest.raises(InputError, match="weight and bias of i, f, g, o, got no i"):
        run_cell("lstm", x, {})
    with pytest.raises(InputError, match="sequences"):
        run_cell("rnn", x[0], drawn_weights("rnn", 2, 3))
    for module, layer in ((nn.Linear(1, 1), 0), (nn.GRU(1, 1), 1), (nn.RNN(1, 1, nonlinearity="relu"), 0)):
        with pytest.raises(InputError, match="from_torch: module"):
            from_torch(module, layer)


@pytest.mark.parametrize("pool", ["last", "max", "mean"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", LAYERS)
class TestClassifiers:
    def test_padding_does_not_matter(self, cell: str, bidirectional: bool, pool: str) -> None:
        network = recurrent(3, 2, cell, hidden=4, layers=2, bidirectional=bidirectional, pool=pool).eval()
        x = torch.randn(1, 5, 3)
        alone = network(x)
        padded = torch.cat([x, torch.zeros(1, 4, 3)], 1)
        others = torch.randn(3, 9, 3)
        assert torch.allclose(network(padded), alone, atol=1e-6)
        assert torch.allclose(network(torch.cat([others, padded]))[3:], alone, atol=1e-6)
        text = text_recurrent(10, 2, cell, 4, 4, bidirectional=bidirectional, pool=pool).eval()
        assert torch.allclose(text(torch.tensor([[5, 7, 0, 0]])), text(torch.tensor([[5, 7]])), atol=1e-6)

    def test_the_last_own_state_is_read(self, cell: str, bidirectional: bool, pool: str) -> None:
        """Against the cells: the state after the last own step (or the largest of all), backward after the first."""
        network = recurrent(3, 2, cell, hidden=4, bidirectional=bidirectional, pool=pool).eval()
        x = torch.randn(1, 6, 3)
        name, weights = from_torch(network.recurrent)
        states = run_cell(name, x, weights).states[0]
        read = {"last": lambda s: s[-1], "max": lambda s: s.amax(0), "mean": lambda s: s.mean(0)}[pool]
        parts = [read(states)]
        if bidirectional:
            name, weights = from_torch(network.recurrent, backward=True)
            states = run_cell(name, x.flip(1), weights).states[0]
            parts.append(read(states))
        expected = network.logits(torch.cat(parts))
        assert torch.allclose(network(torch.cat([x, torch.zeros(1, 2, 3)], 1))[0], expected, atol=1e-6)


def test_a_step_of_zeros_inside_is_no_padding() -> None:
    network = recurrent(2, 2, "rnn", hidden=3).eval()
    inside = torch.tensor([[[1.0, 2], [0, 0], [3, 4], [0, 0]]])
    assert network.present(inside).tolist() == [[True, True, True, False]]
    assert network.present(torch.zeros(1, 3, 2)).tolist() == [[True, False, False]]
    assert torch.isfinite(network(torch.zeros(2, 3, 2))).all()


@pytest.mark.parametrize(("cell", "gates"), [("rnn", ""), ("lstm", "fgio"), ("gru", "grz")])
def test_gates_can_be_recorded(cell: str, gates: str) -> None:
    network = text_recurrent(10, 2, cell, 4, 5, dropout=0.5)
    recorded = network.gates(torch.tensor([[5, 7, 2], [5, 0, 0]]))
    assert sorted(recorded) == sorted([*gates, "h"])
    for name, values in recorded.items():
        assert values.shape == (2, 3, 5)
        assert values.abs().max() <= 1
        assert torch.allclose(values[1, 0], values[0, 0])
        if name not in "gh":
            assert (values[0] > 0).all()
            assert (values[1, 1:] == 0).all()  # nothing opens for padding
    states, _ = network.recurrent(network.embedding(torch.tensor([[5, 7, 2]])))
    assert torch.allclose(recorded["h"][0], states[0], atol=1e-6)


def test_a_model_takes_series_of_any_length() -> None:
    kind = SequenceInput(["a", "b"], 6, mean=[0.5, 0.5], std=[2.0, 2.0])
    model = Model(recurrent(2, 3, "gru", hidden=4), input=kind)
    short, long = torch.rand(2, 2) + 0.1, torch.rand(6, 2) + 0.1
    together = model.predict([short, long])
    assert torch.allclose(together[:1], model.predict(short), atol=1e-6)


def test_unknown_names_list_what_exists() -> None:
    with pytest.raises(InputError, match="one of rnn, lstm, gru"):
        recurrent(2, 2, "transformer")
    with pytest.raises(InputError, match="one of last, max, mean"):
        recurrent(2, 2, pool="sum")
