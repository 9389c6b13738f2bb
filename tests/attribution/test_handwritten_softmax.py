"""DeepLIFT through softmax written by hand: one rule however it is written, or a named error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.attribution.test_rules import regression
from tests.attribution.test_straight_paths import MIXED, model_of, numbers
from xai.attribution.deeplift import deeplift
from xai.base.errors import NetworkError


def exponentials(x: Tensor) -> Tensor:
    return x.exp() / x.exp().sum(1, keepdim=True)


def in_place(x: Tensor) -> Tensor:
    x = x.mul(1.0).exp_()
    x /= x.sum(1, keepdim=True)
    return x


def held(x: Tensor, rest: Callable) -> Tensor:
    return rest(x.exp())


SOFTMAXES = {
    "twice": exponentials, "in_place": in_place, "no_axis": lambda x: functional.softmax(x),
    "new_axis": lambda x: held(x, lambda e: e / e.sum(1)[:, None]),
    "expanded": lambda x: held(x, lambda e: e / e.sum(-1, keepdim=True).expand_as(e)),
    "shifted": lambda x: held(x - x.max(1, keepdim=True).values, lambda e: e / e.sum(1, keepdim=True)),
    "detached": lambda x: held(x - x.detach().amax(1, keepdim=True), lambda e: e / e.sum(1, keepdim=True)),
    "inverse": lambda x: held(x, lambda e: e * (1 / e.sum(1, keepdim=True))),
    "power": lambda x: held(x, lambda e: e.sum(1, keepdim=True) ** -1 * e),
    "mean": lambda x: held(x, lambda e: e / e.mean(1, keepdim=True) / 4),
    "transposed": lambda x: held(x.T, lambda e: (e / e.sum(0)).T),
    "base_two": lambda x: (lambda e: e / e.sum(1, keepdim=True))(torch.exp2(x / np.log(2))),
    "logarithms": lambda x: (x - x.logsumexp(1, keepdim=True)).exp(), "log_softmax": lambda x: x.log_softmax(1).exp(),
    "two_exponentials": lambda x: x.exp() * (-x.logsumexp(1, keepdim=True)).exp(),
    "log_by_hand": lambda x: (x - x.exp().sum(1, keepdim=True).log()).exp(),
    "attention": lambda x: functional.scaled_dot_product_attention(
        x[:, None], torch.eye(4).double(), torch.eye(4).double(), scale=1.0)[:, 0],
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Implicit dimension")
@pytest.mark.parametrize("name", SOFTMAXES)
def test_however_a_softmax_is_written_it_is_one_rule(name: str) -> None:
    batch, base = numbers(3, 4, size=4), numbers(1, 4, seed=1)
    forms = SOFTMAXES[name], lambda x: x.softmax(1)
    made = [deeplift(model_of(act), batch, baseline=base).values for act in forms]
    assert torch.allclose(*made, atol=1e-9)


NOT_TOLD = {
    "masked": lambda x: held(x, lambda e: e * MIXED / (e * MIXED).sum(1, keepdim=True)),
    "one_more": lambda x: held(x, lambda e: e / (1 + e.sum(1, keepdim=True))),
    "slices": lambda x: held(x[:, :1], lambda e: e / (e + x[:, 1:2].exp())),
    "attention": lambda x: held(x, lambda e: (e @ x.T @ x) / e.sum(1, keepdim=True)),
    "inverse": lambda x: held(x, lambda e: (e @ x.T @ x) * e.sum(1, keepdim=True).reciprocal()),
    "logarithm": lambda x: (1 + x.exp().sum(1, keepdim=True)).log() * x,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*change each other's outputs")  # x.T @ x mixes the rows
@pytest.mark.parametrize("name", NOT_TOLD)
def test_exponentials_over_their_sum_in_other_forms_are_named(name: str) -> None:
    with pytest.raises(NetworkError, match=r"of exponentials|exponentials divided by a sum of themselves"):
        deeplift(regression(lambda x: NOT_TOLD[name](x).sum(1)), numbers(1, 4))


ALLOWED = {
    "sigmoid": (lambda x: x.exp() / (1 + x.exp()), torch.sigmoid),
    "tanh": (lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()), torch.tanh),
    "softplus": (lambda x: (1 + x.exp()).log(), functional.softplus),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_exponentials_of_each_number_by_itself_are_no_softmax(name: str) -> None:
    batch, base = numbers(3, 4), numbers(1, 4, seed=1)
    made = [deeplift(model_of(act), batch, baseline=base).values for act in ALLOWED[name]]
    assert torch.allclose(*made, atol=1e-9)
