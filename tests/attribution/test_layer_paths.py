"""Conductance and internal influence against captum, dense integrals and closed forms; activations of layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import InternalInfluence, LayerConductance, NeuronConductance
from torch import Tensor, nn

import xai
from tests.evidence.planted import SIDE, Planted, planted_image
from xai.base.errors import InputError, LayerError
from xai.evidence.recompute import recompute


class Bent(nn.Module):
    """Two layers and something smooth behind each."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.first, self.second, self.out = nn.Linear(3, 4), nn.Linear(4, 3), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(self.second(torch.tanh(self.first(x)))))


ROWS = torch.tensor([[1.0, -0.5, 2.0], [0.3, 0.8, -1.0], [0.0, 0.1, 0.7]], dtype=torch.float64)


@pytest.fixture
def model() -> xai.Model:
    return xai.Model(Bent().double())


def by_integral(network: nn.Module, layer: str, row: Tensor, target: int) -> Tensor:
    """Return the integral over the path of the gradient at a layer times the speed of the layer, in float64."""
    kept: dict[str, Tensor] = {}
    handle = network.get_submodule(layer).register_forward_hook(lambda m, i, o: kept.update(o=o))
    points, weights = np.polynomial.legendre.leggauss(40)
    total = torch.zeros(())
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        share = torch.tensor(point, dtype=torch.float64, requires_grad=True)
        score = network((share * row)[None])[0, target]
        values = kept["o"]
        (gradient,) = torch.autograd.grad(score, values, retain_graph=True)
        speed = torch.stack([torch.autograd.grad(v, share, retain_graph=True)[0] for v in values[0]])
        total = total + weight * gradient[0] * speed
    handle.remove()
    return total


@pytest.mark.parametrize("layer", ["first", "second"])
def test_conductance_is_the_integral_along_the_path(model: xai.Model, layer: str) -> None:
    e = xai.conductance(model, ROWS, [0, 1, 1], layer=layer, steps=400)
    for row, target in enumerate((0, 1, 1)):
        assert torch.allclose(e.values[row], by_integral(model.network, layer, ROWS[row], target), atol=1e-5)
    full, empty = model.network(ROWS), model.network(torch.zeros_like(ROWS))
    assert torch.allclose(e.values.sum(1), (full - empty).gather(1, torch.tensor([[0], [1], [1]]))[:, 0], atol=1e-5)
    assert max(row["completeness_error"] for row in e.diagnostics) < 1e-4
    assert (e.over, e.options["layer"]) == ("layer", layer)


def test_conductance_of_captum_comes_to_the_same(model: xai.Model) -> None:
    """Captum's sum takes the left end of each piece: twice the pieces halve its error, which is taken out here."""
    theirs = LayerConductance(model.network, model.network.first)
    coarse, fine = (theirs.attribute(ROWS, target=1, n_steps=n, method="riemann_left") for n in (500, 1001))
    e = xai.conductance(model, ROWS, 1, layer="first", steps=400)
    assert torch.allclose(e.values, (2 * fine - coarse).detach(), atol=1e-5)


def test_what_each_value_sends_through_a_unit_is_captums_and_adds_up_both_ways(model: xai.Model) -> None:
    per_unit = []
    for unit in range(4):
        e = xai.conductance(model, ROWS, 1, layer="first", unit=unit, steps=60)
        theirs = NeuronConductance(model.network, model.network.first)
        theirs = theirs.attribute(ROWS, unit, target=1, n_steps=60, method="gausslegendre")
        assert torch.allclose(e.values, theirs.detach(), atol=1e-8)
        assert torch.equal(recompute(model, e).values, e.values)
        per_unit.append(e.values)
    whole = xai.conductance(model, ROWS, 1, layer="first", steps=2000).values
    assert torch.allclose(torch.stack(per_unit, 1).sum(2), whole, atol=1e-6)
    assert torch.allclose(sum(per_unit), xai.integrated_gradients(model, ROWS, 1, steps=60).values, atol=1e-8)
    assert e.options["unit"] == [3]
    for unit in (9, (0, 0), "a", True, ()):
        with pytest.raises(InputError, match="conductance: unit: expected"):
            xai.conductance(model, ROWS, 1, layer="first", unit=unit)


def test_a_channel_sends_what_its_positions_send() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8, 2)).double()
    model, x = xai.Model(network), torch.rand(2, 1, 4, 4).double()
    channel = xai.conductance(model, x, 0, layer="1", unit=1, batch_size=7).values
    places = [
        xai.conductance(model, x, 0, layer="1", unit=(1, row, column)).values for row in (0, 1) for column in (0, 1)
    ]
    assert torch.allclose(channel, sum(places), atol=1e-9)
    assert channel.shape == x.shape


def test_internal_influence_is_captums(model: xai.Model) -> None:
    theirs = InternalInfluence(model.network, model.network.first).attribute(ROWS, target=1, n_steps=20)
    e = xai.internal_influence(model, ROWS, 1, layer="first", steps=20)
    assert torch.allclose(e.values, theirs.detach(), atol=1e-9)
    small = xai.internal_influence(model, ROWS, 1, layer="first", steps=20, batch_size=7)
    assert torch.allclose(small.values, e.values, atol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_a_path_may_be_cut_anywhere(model: xai.Model, batch_size: int) -> None:
    whole = xai.conductance(model, ROWS, 1, layer="first", steps=9)
    cut = xai.conductance(model, ROWS, 1, layer="first", steps=9, batch_size=batch_size)
    assert torch.allclose(whole.values, cut.values, atol=1e-12)


def test_the_units_of_a_planted_network_are_verified() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), Planted())
    with torch.no_grad():
        network[0].weight.fill_(2.0)
    planted = xai.Model(network, input=xai.ImageInput((1, SIDE, SIDE)))
    for baseline in ("zero", torch.full((1, SIDE, SIDE), 0.1)):
        e = xai.conductance(planted, planted_image(), 1, layer="0", baseline=baseline)
        assert e.heatmap().shape == (1, SIDE, SIDE)
        assert torch.equal(recompute(planted, e).values, e.values)
        found = {
            item.check: item.status for item in xai.verify(planted, e, ["faithfulness", "completeness"]).evidence[0]
        }
        assert found == {"faithfulness": "pass", "completeness": "pass"}


def test_without_a_layer_it_is_that_of_gradcam_or_the_last_hidden_units(model: xai.Model) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 2))
    images = torch.rand(2, 1, 8, 8)
    seen = xai.Model(network, input=xai.ImageInput((1, 8, 8)))
    assert xai.conductance(seen, images).options["layer"] == xai.gradcam(seen, images).options["layer"]
    flat = xai.Model(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)))
    assert xai.conductance(flat, torch.rand(2, 3)).options["layer"] == "1"
    with pytest.raises(LayerError, match="conductance: layer: expected the name of one"):
        xai.conductance(xai.Model(nn.Linear(3, 2)), torch.rand(2, 3))
    with pytest.raises(LayerError, match="internal_influence: layer: expected one like first"):
        xai.internal_influence(model, ROWS, layer="frist")
    with pytest.raises(InputError, match="steps: expected a whole number from 1"):
        xai.conductance(model, ROWS, layer="first", steps=0)


def test_channels_behind_are_named_and_summed() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.mix, self.out = nn.Conv2d(1, 3, 1), nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.mix(self.conv(x).permute(0, 2, 3, 1)).relu().mean((1, 2)))

    model = xai.Model(Last(), input=xai.ImageInput((1, 4, 6)))
    e = xai.conductance(model, torch.rand(1, 1, 4, 6), 1, layer="mix")
    assert e.values.shape == (1, 4, 6, 3)
    assert torch.allclose(e.heatmap(), e.values.sum(3))
    assert list(e.to_frame()[["y", "x", "channel"]].iloc[-1]) == [3, 5, 2]


def test_activations_of_layers_before_and_behind_their_nonlinearity() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 2))
    model, rows = xai.Model(network), torch.randn(5, 3)
    hidden = network[0](rows)
    assert torch.allclose(model.activations(rows, "0"), hidden)
    assert torch.allclose(model.activations(rows, "1", batch_size=2), hidden.relu())
    both = model.activations(rows, ["1", "2"], before=True)
    assert torch.allclose(both["1"], hidden)
    assert torch.allclose(both["2"], network(rows))
    assert not both["1"].requires_grad
    for layer, message in (("3", "expected one like"), ([], "expected the name of a layer"), (5, "expected the name")):
        with pytest.raises(LayerError, match=f"activations: layer: {message}"):
            model.activations(rows, layer)
