"""Captum's own attribution tests, unmodified, through this library; and that the stand-in does what it says."""

from __future__ import annotations

import os
from pathlib import Path

import captum
import captum.attr
import pytest
import torch
from torch import nn

import xai
from tests.peers.captum_call import NotSaid
from tests.peers.captum_shim import through_attribute, through_methods, through_xai
from tests.peers.run_captum_tests import run

PASSED = {"methods": 370, "attribute": 400}  # of those of captum 0.9 at least


def _folder() -> Path | None:
    """Return captum's tests: what CAPTUM_TESTS names, or those beside the installed package (of a checkout)."""
    known = [os.environ.get("CAPTUM_TESTS", ""), Path(captum.__file__).parent.parent / "tests" / "attr"]
    return next((Path(place) for place in known if place and (Path(place) / "test_saliency.py").exists()), None)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("way", PASSED)
def test_captums_own_tests(way: str) -> None:
    folder = _folder()
    if folder is None:
        pytest.skip("captum's tests are not here (CAPTUM_TESTS=.../tests/attr, of a checkout of captum)")
    outcomes = run(folder, way)
    assert outcomes.by_file["test_saliency.py"]["passed"], outcomes.table()
    assert sum(counts["passed"] for counts in outcomes.by_file.values()) >= PASSED[way], outcomes.table()


class Sum(nn.Module):
    """Two inputs and a scale that is the same for all rows."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(3, 4)
        self.out = nn.Linear(4, 2)

    def forward(self, a: torch.Tensor, b: torch.Tensor, scale: float) -> torch.Tensor:
        return self.out(torch.tanh(self.hidden(a * b))) * scale


@pytest.fixture
def given() -> tuple[Sum, tuple[torch.Tensor, torch.Tensor]]:
    torch.manual_seed(0)
    return Sum(), (torch.rand(2, 3), torch.rand(2, 3))


@pytest.mark.parametrize("way", [through_methods, through_attribute])
def test_the_stand_in_gives_captums_values(given: tuple, way: object) -> None:
    network, inputs = given
    made = captum.attr.IntegratedGradients(network)
    expected = made.attribute(inputs, target=[1, 0], additional_forward_args=2.0, n_steps=20)
    with through_xai(way) as account:  # type: ignore[arg-type]
        found = made.attribute(inputs, target=[1, 0], additional_forward_args=2.0, n_steps=20)
    assert account.said == 1
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(found, expected, strict=True))
    assert captum.attr.IntegratedGradients.attribute.__module__.startswith("captum")


def test_what_has_no_form_here_is_named(given: tuple) -> None:
    network, inputs = given
    with through_xai(through_methods) as account, pytest.raises(NotSaid, match="no FeaturePermutation"):
        captum.attr.FeaturePermutation(network).attribute(inputs, target=0, additional_forward_args=1.0)
    assert not account.said


@pytest.mark.filterwarnings("ignore")
def test_a_target_function_reaches_captums_object() -> None:
    """It was told of the first class instead, whatever the function."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))
    model, rows = xai.Model(network), torch.rand(2, 3)
    target = xai.targets.outputs([1, 2])
    for method in ("Saliency", "LayerIntegratedGradients"):
        kind, layer = getattr(captum.attr, method), (network[0],) if method.startswith("Layer") else ()
        made = xai.attribute(model, kind(network, *layer), rows, target=target)
        expected = kind(lambda x: network(x)[:, 1:].sum(1), *layer).attribute(rows)
        assert torch.allclose(made.values, expected, atol=1e-6)
        assert made.target[0].name == "the sum of outputs 1, 2"


def test_captum_takes_several_inputs(given: tuple) -> None:
    network, (a, b) = given
    kind = xai.Inputs(a=xai.TensorInput(shape=(3,)), b=xai.TensorInput(shape=(3,)), scale=torch.ones(1))
    model = xai.Model(network, input=kind)
    batch = {"a": a, "b": b, "scale": torch.tensor([[1.0], [2.0]])}
    expected = captum.attr.IntegratedGradients(network).attribute(
        (a, b), target=1, additional_forward_args=batch["scale"]
    )
    for method in (captum.attr.IntegratedGradients, captum.attr.IntegratedGradients(network)):
        parts = kind.unpack(xai.attribute(model, method, batch, target=1).values)
        assert torch.equal(parts["a"], expected[0])
        assert torch.equal(parts["b"], expected[1])
        assert not parts["scale"].any()
