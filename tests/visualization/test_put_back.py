"""What is lost when a part is put back: closed forms of linear networks, and a planted word."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.visualization.test_rows_and_texts import WEIGHT, linear
from xai.inputs.series import SequenceInput
from xai.inputs.text import TextInput
from xai.model.model import Model
from xai.visualization import objectives
from xai.visualization.put_back import losses, usual


def test_of_a_linear_network_a_column_loses_its_weight_times_its_way() -> None:
    row, back = torch.tensor([2.0, -1.0, 5.0]), torch.tensor([0.5, 1.0, 5.0])
    for sign in (1, -1):
        found = losses(linear(), sign * objectives.logit(0), row, back)
        assert torch.allclose(found, sign * WEIGHT[0] * (row - back), atol=1e-6)


def test_a_channel_of_a_series_is_put_back_at_all_its_steps() -> None:
    class Sums(nn.Module):
        def forward(self, series: Tensor) -> Tensor:
            return torch.stack([series[:, :, 0].sum(1), 3 * series[:, :, 1].sum(1)], 1)

    model = Model(Sums(), task="regression", input=SequenceInput(["a", "b"], 4))
    series = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])
    assert torch.allclose(losses(model, objectives.logit(1), series, torch.tensor([9.0, 1.0])), torch.tensor([0, 48.0]))


def test_the_word_that_a_network_waits_for_is_the_one_that_is_lost() -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(5, 1)
            with torch.no_grad():
                self.embedding.weight[:, 0] = torch.tensor([0.0, 0.25, 4.0, 0.5, 0.25])

        def forward(self, numbers: Tensor) -> Tensor:
            total = self.embedding(numbers).sum((1, 2))
            return torch.stack([total, -total], 1)

    model = Model(Words(), input=TextInput(["wait", "some", "none"]))
    base = usual(None, "text")
    assert torch.allclose(
        losses(model, objectives.logit(0), torch.tensor([3, 2, 4]), base), torch.tensor([0.25, 3.75, 0])
    )


def test_the_usual_is_a_median_without_padding() -> None:
    rows = torch.tensor([[1.0, 10.0], [2.0, 30.0], [9.0, 20.0]])
    assert usual(rows, "tabular").tolist() == [2.0, 20.0]
    series = torch.cat([rows, torch.zeros(5, 2)])[None]
    assert usual(series, "sequence").tolist() == [2.0, 20.0]
