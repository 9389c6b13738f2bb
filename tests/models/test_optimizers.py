"""Each optimizer's first steps on a quadratic, against its rule computed by hand in plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from models.optimizers import OPTIMIZERS, make_optimizer
from xai.base.errors import InputError

STEPS = 6


def gradient(w: float) -> float:
    """Return the derivative of the loss 1.5 w^2 - w."""
    return 3 * w - 1


def by_hand(rule: str, w: float, a: float) -> list[float]:
    """Return the weight after each step, from the rules as the papers write them."""
    v = s = u = m = 0.0
    path = []
    for t in range(1, STEPS + 1):
        g = gradient(w)
        if rule == "sgd":
            w -= a * g
        elif rule == "momentum":
            v = 0.9 * v + a * g
            w -= v
        elif rule == "adagrad":
            s += g * g
            w -= a * g / (math.sqrt(s) + 1e-10)
        elif rule == "adadelta":
            s = 0.9 * s + 0.1 * g * g
            d = math.sqrt(u + 1e-6) / math.sqrt(s + 1e-6) * g
            u = 0.9 * u + 0.1 * d * d
            w -= a * d
        elif rule == "rmsprop":
            s = 0.99 * s + 0.01 * g * g
            w -= a * g / (math.sqrt(s) + 1e-8)
        elif rule == "adam":
            m = 0.9 * m + 0.1 * g
            s = 0.999 * s + 0.001 * g * g
            w -= a * (m / (1 - 0.9**t)) / (math.sqrt(s / (1 - 0.999**t)) + 1e-8)
        path.append(w)
    return path


def by_torch(name: str, w: float, a: float) -> list[float]:
    weight = nn.Parameter(torch.tensor([w], dtype=torch.float64))
    optimizer = make_optimizer(name, [weight], a)
    path = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        (1.5 * weight**2 - weight).sum().backward()
        optimizer.step()
        path.append(weight.item())
    return path


@pytest.mark.parametrize("name", ["sgd", "momentum", "adagrad", "adadelta", "rmsprop", "adam"])
@settings(max_examples=15, deadline=None)
@given(w=st.floats(-3, 3), a=st.floats(1e-3, 0.5))
def test_first_steps_follow_the_rule(name: str, w: float, a: float) -> None:
    assert by_torch(name, w, a) == pytest.approx(by_hand(name, w, a), rel=1e-9, abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(w=st.floats(-3, 3), a=st.floats(1e-3, 0.3))
def test_nesterov_is_the_look_ahead_point_of_the_papers_form(w: float, a: float) -> None:
    """The paper moves w with the gradient at the point ahead; torch's weight is that point, after every step."""
    paper, v, ahead = w, 0.0, []
    for _ in range(STEPS):
        v = 0.9 * v + a * gradient(paper - 0.9 * v)
        paper -= v
        ahead.append(paper - 0.9 * v)
    assert by_torch("nag", w, a) == pytest.approx(ahead, rel=1e-9, abs=1e-12)


def test_the_rules_differ() -> None:
    """A planted fault: one optimizer under another's name would pass no test above."""
    paths = {name: tuple(by_torch(name, 2.0, 0.1)) for name in OPTIMIZERS if name != "gradient_descent"}
    assert len(set(paths.values())) == len(paths) == 7
    assert by_torch("gradient_descent", 2.0, 0.1) == list(paths["sgd"])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_rule_is_in_its_docstring(name: str) -> None:
    rule: Callable = OPTIMIZERS[name]
    assert "w <- w - a" in (rule.__doc__ or "")


def test_what_is_wrong_is_named() -> None:
    weight = [nn.Parameter(torch.zeros(1))]
    with pytest.raises(InputError, match="one of sgd, momentum, nag, adagrad, adadelta, rmsprop, adam"):
        make_optimizer("adamm", weight, 0.1)
    for rate in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="learning_rate: expected a number above 0"):
            make_optimizer("sgd", weight, rate)
