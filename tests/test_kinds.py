"""The table of methods says which kinds of input each takes; here each method is tried on each kind."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.matrix import ATTENTIVE
from xai.base.errors import XaiError
from xai.inputs.image import ImageInput
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput
from xai.inputs.tensor import TensorInput
from xai.inputs.text import TextInput
from xai.methods import METHODS
from xai.model.model import Model
from xai.results.explanation import Explanation

QUICK = {
    "lime_image": {"samples": 40}, "lime_tabular": {"samples": 40}, "lime_text": {"samples": 40},
    "lime_series": {"samples": 40}, "lime_segments": {"samples": 40}, "kernel_shap": {"samples": 100},
}  # fmt: skip
KINDS = ("image", "tabular", "tensor", "sequence", "text")
EXPLAINERS = [name for name, spec in METHODS.items() if spec.kind != "visualization"]


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(5, 4, padding_idx=0)
        self.linear = nn.Linear(4, 2)

    def forward(self, words: Tensor) -> Tensor:
        return self.linear(torch.relu(self.table(words)).mean(1))


class Attends(nn.Module):
    """Positions of any input as tokens that look at each other; words are looked up first."""

    def __init__(self, axis: int, size: int) -> None:
        super().__init__()
        self.axis = axis
        self.table, self.widen = nn.Embedding(5, 4, padding_idx=0), nn.Conv2d(1, 4, 4, 4)
        self.look = nn.TransformerEncoderLayer(size, 1, 8, batch_first=True)
        self.linear = nn.Linear(size, 2)

    def forward(self, x: Tensor) -> Tensor:
        if self.axis == 2:  # an image: patches
            x = self.widen(x).flatten(2).transpose(1, 2)
        elif x.dtype == torch.int64:
            x = self.table(x)
        elif self.axis == 0:  # a table: a number is a token
            x = x[:, :, None].expand(-1, -1, 4)
        return self.linear(self.look(x).mean(1))


# By kind: what `Attends` makes of it, and how many numbers a token has.
ATTENDS = {"image": (2, 4), "tabular": (0, 4), "tensor": (1, 2), "sequence": (1, 2), "text": (1, 4)}


def flat(size: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(size, 6), nn.ReLU(), nn.Linear(6, 2))


def subject(kind: str) -> tuple[Model, object]:
    """Return a small model of a kind of input, and two inputs."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if kind == "image":
            network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), flat(2 * 8 * 8))
            return Model(network, input=ImageInput((1, 8, 8))), torch.rand(2, 1, 8, 8)
        if kind == "tabular":
            return Model(flat(4), input=TabularInput(list("abcd"))), torch.randn(2, 4)
        if kind == "tensor":
            return Model(flat(12), input=TensorInput()), torch.randn(2, 6, 2)
        if kind == "sequence":
            return Model(flat(12), input=SequenceInput(["x", "y"], 6)), torch.randn(2, 6, 2)
        return Model(Reader(), input=TextInput(["good", "bad", "film"])), ["a good film", "bad"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", EXPLAINERS)
def test_a_method_takes_the_kinds_that_it_lists_and_names_the_others(name: str, kind: str) -> None:
    model, inputs = subject(kind)
    if name in ATTENTIVE:
        model = Model(Attends(*ATTENDS[kind]), input=model.input)
    settings = dict(QUICK.get(name, {}))
    if name == "lime_tabular":
        settings["background"] = torch.randn(50, 4, generator=torch.Generator().manual_seed(1))
    if kind in METHODS[name].inputs:
        assert isinstance(METHODS[name].load()(model, inputs, **settings), Explanation)
        return
    with pytest.raises(XaiError, match="expected"):
        METHODS[name].load()(model, inputs, **settings)
