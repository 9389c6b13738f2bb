"""The faster form is used only where it is the same function; the batch size is a fixed rule."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.zoo import ZOO, images
from xai.attribution.gradients import integrated_gradients
from xai.core.model import Model
from xai.core.plan import LEAST_ROWS, MOST_ROWS, batch_size_for
from xai.core.trace import Trace


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
    assert first.model_digest != second.model_digest
    assert torch.allclose(second.values, exact.values, atol=1e-5)


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
