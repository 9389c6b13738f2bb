"""The chain rule by hand against autograd, at every node."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from models.networks.activations import make_activation
from models.tracing import Tape, trace_network
from xai.base.errors import InputError


def network_of(activation: str, seed: int) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Linear(3, 4), make_activation(activation), nn.Linear(4, 2), make_activation(activation)]
        return nn.Sequential(*layers, nn.Linear(2, 2)).double()


@pytest.mark.parametrize("activation", ["linear", "sigmoid", "tanh", "relu", "leaky_relu"])
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_every_gradient_is_autograds(activation: str, seed: int) -> None:
    network = network_of(activation, seed)
    x = torch.randn(3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()
    target = torch.tensor([0.3, -0.2], dtype=torch.float64)
    tape = trace_network(network, x.detach(), target)
    outputs, value = {}, x[None]
    for name, layer in network.named_children():
        value = layer(value) if not isinstance(layer, nn.Identity) else value * 1
        value.retain_grad()
        outputs[name] = value
    loss = ((value[0] - target) ** 2).sum()
    loss.backward()
    assert tape["loss"].value == pytest.approx(loss.item())
    for place in range(3):
        assert tape[f"x[{place}]"].upstream == pytest.approx(x.grad[place].item(), abs=1e-10)
    for name, output in outputs.items():
        for unit in range(output.shape[1]):
            assert tape[f"{name}[{unit}]"].value == pytest.approx(output[0, unit].item(), abs=1e-10)
            assert tape[f"{name}[{unit}]"].upstream == pytest.approx(output.grad[0, unit].item(), abs=1e-10)
    for name, layer in network.named_children():
        for (unit, place), slope in (
            [((u, p), layer.weight.grad[u, p]) for u in range(layer.out_features) for p in range(layer.in_features)]
            if isinstance(layer, nn.Linear)
            else []
        ):
            assert tape[f"{name}.weight[{unit},{place}]"].upstream == pytest.approx(float(slope), abs=1e-10)


def test_gradients_add_at_branches() -> None:
    """f = x y + x: x is used twice, df/dx = y + 1."""
    tape = Tape()
    x, y = tape.leaf("x", 3.0), tape.leaf("y", -2.0)
    tape.add("f", tape.multiply("xy", x, y), x)
    tape.backward()
    assert (tape["x"].upstream, tape["y"].upstream) == (-1.0, 3.0)
    assert tape["xy"].local == (-2.0, 3.0)
    tape.backward()
    assert tape["x"].upstream == -1.0  # a second pass starts from zero


def test_a_wrong_local_gradient_is_seen() -> None:
    """A planted fault in one node changes what comes back to the input."""
    network = network_of("tanh", 0)
    tape = trace_network(network, [1.0, 2.0, 3.0], [0.0, 0.0])
    before = tape["x[0]"].upstream
    tape["1[0]"].local = (tape["1[0]"].local[0] * 1.01,)
    tape.backward()
    assert tape["x[0]"].upstream != before


def test_the_table_holds_every_node() -> None:
    tape = trace_network(network_of("relu", 1), [1.0, 2.0, 3.0], [0.0, 0.0])
    table = tape.to_frame()
    assert len(table) == len(tape.nodes) == 3 + 4 * 8 + 4 + 2 * 10 + 2 + 2 * 6 + 3
    assert list(table.columns) == ["node", "operation", "value", "of", "local", "upstream"]


def test_what_does_not_fit_is_named() -> None:
    for network, inputs, targets, message in (
        (nn.Sequential(nn.Linear(2, 1)), [1.0], [0.0], "2 numbers"),
        (nn.Sequential(nn.Linear(2, 1)), [1.0, 2.0], [0.0, 1.0], "targets: expected 1 numbers"),
        (nn.Sequential(nn.Conv2d(1, 1, 1)), [1.0], [0.0], "Linear or one of"),
    ):
        with pytest.raises(InputError, match=message):
            trace_network(network, inputs, targets)
