"""The faster form is used only where it is the same function; the batch size is a fixed rule."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.matrix import ATTENTIVE
from tests.zoo import ZOO, images
from xai.attribution.gradient_methods import integrated_gradients
from xai.attribution.occlusion import occlusion
from xai.base.errors import InputError
from xai.evidence.recompute import recompute
from xai.evidence.verify import verify
from xai.methods import METHODS
from xai.model import plan
from xai.model.model import Model
from xai.model.plan import EXACT, LEAST_ROWS, MOST_ROWS, TOLERANCE, FastForm, batch_size_for
from xai.model.weights import CHANGED
from xai.network.trace import Trace


@pytest.mark.parametrize("network", ["plain", "residual", "mixed_modes", "float64", "one_logit"])
def test_folding_changes_nothing_but_speed(network: str) -> None:
    fast = integrated_gradients(ZOO[network](), images(), steps=20)
    plain = integrated_gradients(ZOO[network](), images(), steps=20, exact=True)
    assert fast.options["run"]["plan"]["folded"] == 1
    assert plain.options["run"]["plan"] == "plain"
    scale = float(plain.values.abs().max())
    assert torch.allclose(fast.values, plain.values, atol=1e-4 * scale)


def test_a_fold_that_is_another_function_is_refused() -> None:
    class Twice(nn.Module):
        """Uses what the convolution puts out beside the batch norm behind it."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 4, 3)
            self.norm = nn.BatchNorm2d(4)
            self.linear = nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            maps = self.conv(x)
            return self.linear((self.norm(maps) + maps).mean((2, 3)))

    network = Twice()
    network.norm.running_var.fill_(9.0)
    model = Model(network)
    explanation = integrated_gradients(model, images(), steps=20)
    assert explanation.options["run"]["plan"] == "plain"


def test_every_row_is_compared_not_only_the_first() -> None:
    """The convolution is read beside the batch norm, where the first row cannot show it."""

    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 4, 3, bias=False)
            self.norm = nn.BatchNorm2d(4)
            self.linear = nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            maps = self.conv(x)
            return self.linear((self.norm(maps).relu() + (maps - 0.1).relu()).mean((2, 3)))

    network = Hidden()
    network.norm.running_var.fill_(9.0)
    model = Model(network)
    batch = torch.cat([torch.zeros(1, 2, 8, 8), images(2)])
    fast = integrated_gradients(model, batch, steps=20)
    assert torch.allclose(fast.values, integrated_gradients(model, batch, steps=20, exact=True).values, atol=1e-6)
    assert model.trace(batch).foldable == ()


def test_a_changed_weight_is_seen() -> None:
    model = ZOO["plain"]()
    first = integrated_gradients(model, images(), steps=20)
    with torch.no_grad():
        model.network.conv1.weight.mul_(2.0)
    second = integrated_gradients(model, images(), steps=20)
    exact = integrated_gradients(model, images(), steps=20, exact=True)
    assert first.model_digest == CHANGED  # nobody asked for it in time
    assert second.model_digest == model.digest()
    assert torch.allclose(second.values, exact.values, atol=1e-5)


def test_a_weight_permuted_behind_autograd_is_seen() -> None:
    """No version counts what is written through `.data`: the outputs tell, and the faster form is made anew."""
    model = ZOO["plain"]()
    asked, unasked = (integrated_gradients(model, images(), steps=20) for _ in range(2))
    before = asked.model_digest
    assert before == model.digest()
    weight = model.network.conv1.weight
    weight.data.copy_(weight.data.flatten().flip(0).view_as(weight))
    after = integrated_gradients(model, images(), steps=20)
    exact = integrated_gradients(model, images(), steps=20, exact=True)
    assert torch.allclose(after.values, exact.values, atol=1e-5)
    assert after.options["run"]["plan"] != "plain"
    assert model.digest() != before == asked.model_digest
    assert unasked.model_digest == CHANGED
    assert after.model_digest == model.digest()
    with pytest.raises(InputError, match="of the model's weights"):
        verify(model, unasked, ["completeness"])


class AtTheKink(nn.Module):
    """On an input of ones, every activation of 64 channels is 0 but for rounding, which opens or shuts its ReLU."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.conv = nn.Conv2d(2, 64, 1, bias=False)
        nn.init.uniform_(self.conv.weight, -1, 1, generator=generator)
        self.norm = nn.BatchNorm2d(64)
        self.norm.running_mean = self.conv.weight.detach().sum((1, 2, 3))
        self.norm.running_var = torch.rand(64, generator=generator) + 0.5
        self.rest = nn.Linear(64, 2, bias=False)
        nn.init.uniform_(self.rest.weight, 1e-4, 2e-4, generator=generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rest(self.norm(self.conv(x)).relu().mean((2, 3))) + x.mean((2, 3))


def planned(made: object) -> object:
    return made.options["run"]["plan"]


def with_a_fault(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    def wrong(network: nn.Module, trace: Trace) -> FastForm:
        form = faster(network, trace)
        form.network.conv.weight.mul_(factor)
        return form

    faster = plan.faster_form
    monkeypatch.setattr(plan, "faster_form", wrong)


def test_gradients_may_differ_by_rounding_at_a_kink_where_float64_tells_it_is_rounding() -> None:
    model, ones = Model(AtTheKink()), torch.ones(1, 2, 4, 4)
    made = integrated_gradients(model, ones, 0, steps=20)
    assert planned(made)["disagreement"] <= TOLERANCE < planned(made)["gradient_disagreement"]
    assert planned(made)["float64_disagreement"] <= EXACT
    exact = integrated_gradients(model, ones, 0, steps=20, exact=True)
    assert torch.allclose(made.values, exact.values, atol=0.02 * float(exact.values.abs().max()))


def test_a_fault_as_small_as_rounding_is_told_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with_a_fault(monkeypatch, 1 + 2e-5)
    model, ones = Model(AtTheKink()), torch.ones(1, 2, 4, 4)
    assert planned(occlusion(model, ones, 0))["folded"] == 1  # its scores agree as far as asked
    assert planned(integrated_gradients(model, ones, 0, steps=20)) == "plain"


def test_scores_that_differ_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with_a_fault(monkeypatch, 100.0)
    model, batch = Model(AtTheKink()), images(2)
    assert planned(occlusion(model, batch, 0)) == planned(integrated_gradients(model, batch, 0)) == "plain"


def test_a_gradient_is_taken_only_where_gradients_were_compared() -> None:
    model, checked = ZOO["plain"](), {}
    for name, spec in METHODS.items():
        if "image" not in spec.inputs or spec.kind == "visualization" or name in ATTENTIVE:
            continue
        explanation = spec.load()(model, images(2))
        if planned(explanation) != "plain":
            checked[name] = "gradient_disagreement" in planned(explanation)
        again = recompute(model, explanation)
        assert planned(again) == planned(explanation)
        assert all(torch.equal(*pair) for pair in zip(explanation.values, again.values, strict=True)), name
    # The rules of LRP are continuous at a kink: it takes scores, and activations, not a gradient.
    assert checked.pop("lrp") is False
    assert checked == {name: METHODS[name].needs_gradient for name in checked}
    assert {"integrated_gradients", "smoothgrad", "gradient_shap", "occlusion", "kernel_shap"} <= set(checked)


def test_the_check_in_float64_is_made_once_for_the_weights() -> None:
    model, ones = Model(AtTheKink()), torch.ones(1, 2, 4, 4)
    first = integrated_gradients(model, ones, 0, steps=20)
    assert list(model.memory.forms.errors) == [(2, 4, 4)]
    assert planned(integrated_gradients(model, ones, 0, steps=20)) == planned(first)
    with torch.no_grad():
        model.network.rest.weight.mul_(2)
    integrated_gradients(model, images(1, 2), 0, steps=20)
    assert model.memory.forms.errors == {}  # away from kinks nothing is in doubt


@pytest.mark.parametrize(("elements", "rows"), [(1, MOST_ROWS), (10**5, 59), (10**9, LEAST_ROWS)])
def test_the_batch_size_is_a_fixed_rule(elements: int, rows: int) -> None:
    assert batch_size_for(Trace((), (), elements), 100, "cpu") == rows


def test_memory_is_bounded_by_the_batch_not_by_the_samples() -> None:
    largest = 0

    class Watching(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            nonlocal largest
            largest = max(largest, len(x))
            return super().forward(x)

    integrated_gradients(Model(Watching(4, 2)), torch.rand(3, 4), steps=700, batch_size=16)
    assert largest == 16
