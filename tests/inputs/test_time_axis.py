"""Series as torch's convolutions read them, (N, channels, time): found from the network, or declared."""

from __future__ import annotations

import captum.attr as captum
import pytest
import torch
from torch import Tensor, nn

import xai
from tests.trace_state import differences, state_of
from xai.base.errors import InputError


def convolutional() -> nn.Sequential:
    torch.manual_seed(0)
    head = (nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(6, 2))
    return nn.Sequential(nn.Conv1d(2, 6, 5, padding=2), nn.BatchNorm1d(6), nn.ReLU(), *head)


SERIES = torch.randn(2, 2, 30, generator=torch.Generator().manual_seed(1))


class Turned(nn.Module):
    """Takes (N, time, channels), and turns them itself."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = convolutional().eval()

    def forward(self, steps: Tensor) -> Tensor:
        return self.inner(steps.mT)


def test_steps_and_not_channels_are_explained() -> None:
    model = xai.Model(convolutional())
    before = state_of(model.network)
    e = xai.lime_series(model, SERIES, 0, window=5, samples=60)
    assert differences(before, state_of(model.network)) == []
    assert e.value_names() == ["0 to 4", "5 to 9", "10 to 14", "15 to 19", "20 to 24", "25 to 29"]
    assert len(xai.kernel_shap(model, SERIES[:1], 0, samples=70).values[0]) == 30
    assert xai.occlusion(model, SERIES, 0, window=5).values.shape == SERIES.shape
    assert model.input == xai.TensorInput(time=2)


def test_it_is_what_the_same_network_says_that_takes_steps_first() -> None:
    turned = xai.Model(Turned(), input=xai.SequenceInput(["u", "v"], 30))
    model = xai.Model(turned.network.inner)
    for method, settings in (
        (xai.occlusion, {}),
        (xai.occlusion, {"window": 7, "baseline": "zero"}),
        (xai.integrated_gradients, {"baseline": "mean", "steps": 8}),
        (xai.deeplift, {"baseline": "mean"}),
    ):
        there, here = method(turned, SERIES.mT, 1, **settings), method(model, SERIES, 1, **settings)
        assert torch.allclose(here.values, there.values.mT, atol=1e-5), (method.__name__, settings)
    for settings in ({"segments": 6}, {"segments": 6, "channels": "apart"}):
        there, here = (
            xai.kernel_shap(one, rows[:1], 1, **settings, samples=100)
            for one, rows in ((turned, SERIES.mT), (model, SERIES))
        )
        called = [name.replace("u:", "channel 0:").replace("v:", "channel 1:") for name in there.value_names()]
        assert here.value_names() == called
        assert torch.allclose(here.values[0], there.values[0], atol=1e-5), settings


def test_the_mean_is_over_time() -> None:
    network = convolutional().eval()
    behind = SERIES.mean(2, keepdim=True).expand_as(SERIES)
    wanted = captum.IntegratedGradients(network).attribute(SERIES, behind, target=0, n_steps=50)
    e = xai.integrated_gradients(xai.Model(network), SERIES, 0, baseline="mean")
    assert torch.allclose(e.values, wanted, atol=1e-5)


@pytest.mark.parametrize(
    "network",
    [
        Turned(),
        nn.Sequential(nn.Linear(4, 3), nn.Flatten(), nn.Linear(12, 2)),
        nn.Sequential(nn.Flatten(), nn.Linear(16, 2)),
    ],
    ids=["turned", "linear", "flat"],
)
def test_other_networks_read_steps_first(network: nn.Module) -> None:
    rows = SERIES.mT if isinstance(network, Turned) else torch.rand(2, 4, 4)
    model = xai.Model(network)
    assert len(xai.lime_series(model, rows, 0, samples=60).values[0]) == rows.shape[1]
    assert model.input == xai.TensorInput()


def test_what_is_declared_counts() -> None:
    model = xai.Model(convolutional(), input=xai.TensorInput())
    assert len(xai.kernel_shap(model, SERIES[:1], 0).values[0]) == 2
    square = nn.Sequential(nn.Flatten(), nn.Linear(60, 2))
    assert len(xai.kernel_shap(xai.Model(square, input=xai.TensorInput(time=2)), SERIES[:1], 0).values[0]) == 30
    with pytest.raises(InputError, match="time: expected 1 of"):
        xai.TensorInput(time=0)


def test_models_made_of_it_find_it_too() -> None:
    model = xai.Model(convolutional())
    for other in (model.with_network(convolutional()), model.unit("0", 1)):
        assert len(xai.kernel_shap(other, SERIES[:1], 0, samples=70).values[0]) == 30
