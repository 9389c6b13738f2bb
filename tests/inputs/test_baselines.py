"""What stands for "absent" belongs to the row: not to its batch, and not to the padding behind it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from xai.attribution.deeplift import deeplift
from xai.attribution.gradient_methods import integrated_gradients
from xai.attribution.occlusion import occlusion
from xai.attribution.sampled_gradients import gradient_shap
from xai.attribution.shapley import kernel_shap
from xai.base.errors import InputError
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput
from xai.inputs.tensor import TensorInput
from xai.inputs.text import TextInput
from xai.model.model import Model


class Sum(nn.Module):
    def __init__(self, weights: torch.Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x * self.weights).flatten(1).sum(1, keepdim=True)


@pytest.mark.parametrize("method", [integrated_gradients, deeplift, occlusion, gradient_shap, kernel_shap])
def test_the_mean_of_a_table_is_named(method: object) -> None:
    """That of the batch is another one in every batch, and of one row it is the row itself: a map of zeros."""
    model = Model(Sum(torch.ones(3)), task="regression", input=TabularInput(["a", "b", "c"]))
    argument = "background" if method in (gradient_shap, kernel_shap) else "baseline"
    batch = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    with pytest.raises(InputError, match=r"baseline: expected .zero., a number, .*training rows .*background=.*got"):
        method(model, batch, **{argument: "mean"})
    with pytest.raises(InputError, match="baseline: expected"):
        method(model, batch, **{argument: "noise"})


def test_the_mean_of_a_series_is_over_time() -> None:
    batch = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    mean, _ = TensorInput().baseline("mean", batch)
    assert torch.allclose(mean[1, 4], batch[1].mean(0))


@pytest.mark.parametrize("baseline", ["mean", "noise", "zero", "padding"])
def test_words_alone_and_in_a_batch_have_one_baseline(baseline: str) -> None:
    class Read(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.table = nn.Embedding(6, 4)  # padding is a vector like others
            self.last = nn.Linear(4, 2)

        def forward(self, words: torch.Tensor) -> torch.Tensor:
            there = (words != 0)[..., None]
            return self.last(torch.tanh((self.table(words) * there).sum(1)))

    model = Model(Read(), input=TextInput(["good", "bad", "film", "end"]))
    together = integrated_gradients(model, ["bad film", "a good film in the end"], 1, baseline=baseline)
    alone = integrated_gradients(model, ["bad film"], 1, baseline=baseline)
    assert torch.allclose(together.values[0], alone.values[0], atol=1e-6)


class TestOcclusion:
    def test_a_hidden_value_of_a_series_is_0_in_the_callers_units(self) -> None:
        """By hand: the network sees (x - 5) / 2, so that a value hidden by 0 takes x / 2 away, not (x - 5) / 2."""
        model = Model(Sum(torch.ones(4, 1)), task="regression", input=SequenceInput(["a"], 4, mean=[5.0], std=[2.0]))
        series = torch.tensor([[[6.0], [7.0], [8.0], [0.0]]])
        hidden, path = occlusion(model, series), integrated_gradients(model, series)
        assert torch.allclose(hidden.values, torch.tensor([[[3.0], [3.5], [4.0], [0.0]]]))
        assert torch.allclose(hidden.values, path.values)
        over_time = occlusion(model, series, baseline="mean").values.flatten()
        assert torch.allclose(over_time, torch.tensor([-0.5, 0.0, 0.5, 0.0]), atol=1e-6)

    def test_words_of_texts_are_taken_out(self) -> None:
        model = Model.from_callable(lambda texts: [[len(text)] for text in texts], task="regression", input=TextInput())
        assert occlusion(model, ["a good film"]).values[0].tolist() == [1, 4, 4]

    def test_words_given_as_numbers_are_taken_out_too(self) -> None:
        model = Model(
            nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(9, 2)), input=TextInput(["a", "b", "c"])
        )
        full, without = (model.forward_on(model.network, torch.tensor([row])) for row in ([2, 3, 4], [2, 4, 0]))
        fall = occlusion(model, torch.tensor([[2, 3, 4]]), 1).values[0][1]
        assert float(fall) == pytest.approx(float((full - without).detach()[0, 1]), abs=1e-6)
        at_the_words = occlusion(model, torch.tensor([[2, 3, 4]]), 1, layer="0")
        assert at_the_words.values.shape == (1, 3, 3)


@pytest.mark.parametrize(
    ("baseline", "words"),
    [
        (float("nan"), "a finite number, got nan"),
        (float("inf"), "a finite number, got inf"),
        ([1.0, torch.nan], "row 1"),
    ],
)
def test_a_baseline_that_is_not_finite_is_named(baseline: object, words: str) -> None:
    model = Model(nn.Linear(2, 2))
    for method in (integrated_gradients, occlusion):
        with pytest.raises(InputError, match=f"baseline: expected .*{words}"):
            method(model, [[1.0, 2.0]], 1, baseline=baseline)


def test_one_row_of_data_is_a_background() -> None:
    model, row = Model(nn.Linear(2, 2)), torch.tensor([0.5, -1.0])
    one, several = (kernel_shap(model, [[1.0, 2.0]], 1, background=data).values[0] for data in (row, row[None]))
    assert torch.equal(one, several)
