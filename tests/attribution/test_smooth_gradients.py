"""Noise around a method: means, squares and variances where they are known, and around any method."""

from __future__ import annotations

import pytest
import torch
from captum.attr import DeepLiftShap
from torch import Tensor, nn

import xai
from xai.base.errors import InputError
from xai.evidence.claims import claim_of
from xai.evidence.recompute import recompute

MATRIX = torch.tensor([[1.0, 2.0], [2.0, -1.0]])


class Quadratic(nn.Module):
    """Its gradient is A x, so noise of spread s gives it the variance s² (A Aᵀ) on the diagonal."""

    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * torch.einsum("ni,ij,nj->n", x, MATRIX, x)


QUADRATIC, ROW = xai.Model(Quadratic(), task="regression"), torch.tensor([[0.0, 1.0]])


def test_squares_and_variances_of_a_gradient_that_is_known() -> None:
    settings = {"noise": 0.5, "samples": 4000}
    mean, square, variance = (
        xai.smoothgrad(QUADRATIC, ROW, statistic=name, **settings) for name in ("mean", "square", "variance")
    )
    gradient = (MATRIX @ ROW[0])[None]
    expected = 0.25 * (MATRIX @ MATRIX.T).diagonal()
    assert torch.allclose(square.values, variance.values + mean.values**2, rtol=1e-5)  # of the same draws
    assert ((square.values - gradient**2 - expected).abs() < 4 * square.standard_error[0]).all()
    assert torch.allclose(variance.values[0], expected, rtol=0.1)
    assert variance.standard_error is None
    assert [claim_of(e) for e in (mean, square, variance)] == ["sensitivity", "region", "region"]
    again = recompute(QUADRATIC, variance)
    assert torch.equal(again.values, variance.values)
    assert torch.allclose(xai.smoothgrad(QUADRATIC, ROW, batch_size=3).values, xai.smoothgrad(QUADRATIC, ROW).values)


def test_the_signed_gradient() -> None:
    e = xai.gradient(QUADRATIC, ROW)
    assert torch.equal(e.values, (MATRIX @ ROW[0])[None])
    assert torch.equal(xai.saliency(QUADRATIC, ROW).values, e.values.abs())


def test_around_another_method_it_is_that_on_the_same_noisy_copies() -> None:
    """The gradient by its own name and by saliency without a sign have the same draws: their squares agree."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(18, 4), nn.Tanh(), nn.Linear(4, 2))
    model, images = xai.Model(network, input=xai.ImageInput((2, 3, 3))), torch.rand(2, 2, 3, 3)
    ours = xai.smoothgrad(model, images, 1, samples=5, statistic="square")
    theirs = xai.smoothgrad(model, images, 1, samples=5, statistic="square", method="saliency")
    assert torch.allclose(ours.values, theirs.values, rtol=1e-5)
    e = xai.smoothgrad(
        model, images, 1, samples=4, noise=0, method="integrated_gradients", options={"steps": 9, "baseline": "mean"}
    )
    plain = xai.integrated_gradients(model, images, 1, steps=9, baseline="mean")
    assert torch.allclose(e.values, plain.values, atol=1e-6)
    assert (claim_of(e), e.baseline) == ("additive", "mean")
    assert torch.equal(recompute(model, e).values, e.values)
    found = {item.check for item in xai.verify(model, e, ["randomization", "faithfulness"]).evidence[0]}
    assert found == {"randomization", "faithfulness"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"noise": -0.1}, "noise: expected a finite number from 0, got"),
        ({"statistic": "median"}, "statistic: expected one of mean, square, variance"),
        ({"method": "no_such"}, "method: expected one of"),
        ({"method": "smoothgrad"}, "method: expected one of"),
        ({"options": {"steps": 3}}, "options: expected none"),
        ({"method": "saliency", "options": 3}, "options: expected a dictionary"),
        ({"method": "saliency", "layer": "0"}, "layer: expected none"),
        ({"method": "kernel_shap"}, "method: expected one whose values have the inputs' shape"),
    ],
)
def test_wrong_arguments_are_named(settings: dict, message: str) -> None:
    torch.manual_seed(1)  # of some weights the scores would look like probabilities
    model = xai.Model(nn.Sequential(nn.Linear(2, 2)))
    with pytest.raises(InputError, match=f"smoothgrad: {message}"):
        xai.smoothgrad(model, ROW, samples=2, **settings)


class TestSeveralBaselinesOfDeepLift:
    def model(self) -> xai.Model:
        torch.manual_seed(0)
        return xai.Model(
            nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 2)).double()
        )

    @pytest.mark.filterwarnings("ignore")
    def test_they_are_captums_deep_lift_shap(self) -> None:
        model = self.model()
        rows, background = torch.randn(4, 3).double(), torch.randn(6, 3).double()
        e = xai.deeplift(model, rows, [0, 1, 1, 0], background=background)
        theirs = DeepLiftShap(model.network).attribute(rows, background, target=torch.tensor([0, 1, 1, 0]))
        assert torch.allclose(e.values, theirs.detach(), atol=1e-9)
        assert max(row["completeness_error"] for row in e.diagnostics) < 1e-6
        assert e.options["background"] == "given"
        assert torch.equal(recompute(model, e).values, e.values)

    def test_names_are_a_mean_too(self) -> None:
        model, rows = self.model(), torch.randn(2, 3).double()
        both = xai.deeplift(model, rows, 1, background=["zero", 1.0])
        one, other = (xai.deeplift(model, rows, 1, baseline=name) for name in ("zero", 1.0))
        assert torch.allclose(both.values, (one.values + other.values) / 2, atol=1e-12)
        with pytest.raises(InputError, match="deeplift: baseline: expected none beside a background"):
            xai.deeplift(model, rows, 1, baseline=1.0, background=["zero"])
        with pytest.raises(InputError, match="deeplift: background: expected names"):
            xai.deeplift(model, rows, 1, background=torch.zeros(2, 5))
