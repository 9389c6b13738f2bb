"""Heads: each loss against the formula with its activation written out, and targets that do not fit."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.heads import HEADS, find_head
from models.scoring import summarize, words_right
from xai.base.errors import InputError

numbers = st.integers(0, 10_000)


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=20, deadline=None)
@given(seed=numbers)
def test_losses_are_the_formulas(seed: int) -> None:
    z = drawn(seed, 5, 4)
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(4, (5,), generator=generator)
    softmax = z.exp() / z.exp().sum(1, keepdim=True)
    expected = -softmax[torch.arange(5), target].log().mean()
    assert torch.allclose(HEADS["classification"].loss(z, target), expected)

    labels = torch.randint(2, (5, 4), generator=generator).double()
    p = 1 / (1 + (-z).exp())
    cross = -(labels * p.log() + (1 - labels) * (1 - p).log())
    assert torch.allclose(HEADS["multilabel"].loss(z, labels), cross.mean())
    assert torch.allclose(HEADS["binary"].loss(z[:, :1], labels[:, 0].long()), cross[:, 0].mean())

    assert torch.allclose(HEADS["regression"].loss(z, labels), ((z - labels) ** 2).mean())


def test_logits_neither_overflow_nor_lose_digits() -> None:
    z = torch.tensor([[1000.0]])
    assert float(HEADS["binary"].loss(z, torch.tensor([0]))) == pytest.approx(1000)
    assert float(HEADS["classification"].loss(torch.tensor([[1000.0, 0.0]]), torch.tensor([1]))) == pytest.approx(1000)
    assert float(HEADS["multilabel"].loss(-z, torch.ones(1, 1))) == pytest.approx(1000)


def test_a_sequence_counts_symbols_not_padding() -> None:
    z = drawn(1, 2, 3, 5)
    target = torch.tensor([[2, 1, 0], [3, 4, 1]])
    terms = [-z[n, t].log_softmax(0)[target[n, t]] for n in range(2) for t in range(3) if target[n, t] != 0]
    assert torch.allclose(HEADS["sequence"].loss(z, target), torch.stack(terms).mean())
    changed = z.clone()
    changed[0, 2] += 100.0
    changed[0, 2, 3] += 100.0
    assert torch.equal(HEADS["sequence"].loss(z, target), HEADS["sequence"].loss(changed, target))


def test_what_counts_as_right() -> None:
    one = HEADS["classification"].score(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([1, 1]))
    assert one.tolist() == [True, False]
    assert HEADS["binary"].score(torch.tensor([[0.1], [-0.1]]), torch.tensor([1, 1])).tolist() == [True, False]
    labels = HEADS["multilabel"].score(torch.tensor([[1.0, -1.0], [1.0, 1.0]]), torch.tensor([[1.0, 0], [1, 0]]))
    assert labels.tolist() == [True, False]
    z = torch.full((2, 3, 4), -1.0)
    for row, symbols in enumerate([[2, 1, 3], [2, 2, 1]]):
        z[row, torch.arange(3), torch.tensor(symbols)] = 1.0
    assert HEADS["sequence"].score(z, torch.tensor([[2, 1, 0], [2, 1, 0]])).tolist() == [True, False]


def test_r2_is_the_explained_share_of_the_variance() -> None:
    targets = torch.tensor([[1.0], [2.0], [6.0]])
    head = HEADS["regression"]
    perfect = head.score(targets, targets).mean()
    assert summarize(head, float(perfect), targets) == 1.0
    at_mean = head.score(torch.full((3, 1), 3.0), targets).mean()
    assert summarize(head, float(at_mean), targets) == pytest.approx(0.0, abs=1e-6)


def test_any_listed_pronunciation_is_right() -> None:
    answers = torch.tensor([[[3, 4, 1], [5, 1, 0]]]).expand(4, 2, 3)
    written = torch.tensor([[3, 4, 1, 0], [5, 1, 0, 0], [3, 4, 4, 1], [0, 0, 0, 0]])
    assert words_right(written, answers).tolist() == [True, True, False, False]
    assert words_right(torch.zeros(1, 3, dtype=torch.long), torch.zeros(1, 2, 3, dtype=torch.long)).tolist() == [False]


@pytest.mark.parametrize(
    ("task", "logits", "target", "message"),
    [
        ("classification", (2, 3), torch.tensor([0, 3]), "labels from 0 to 2, got 0 to 3"),
        ("classification", (2, 3), torch.tensor([-1, 0]), "labels from 0 to 2"),
        ("classification", (2, 3), torch.tensor([0.0, 1.0]), "whole numbers"),
        ("classification", (2, 3), torch.tensor([[0], [1]]), "whole numbers"),
        ("binary", (2, 1), torch.tensor([0, 2]), "labels from 0 to 1, got 0 to 2"),
        ("binary", (2, 2), torch.tensor([0, 1]), "a network with one output"),
        ("multilabel", (2, 2), torch.tensor([[0.0, 1.5], [0, 1]]), "labels from 0 to 1"),
        ("multilabel", (2, 2), torch.tensor([[0, 1], [0, 1]]), "floating-point"),
        ("regression", (2, 1), torch.tensor([1.0, 2.0]), "floating-point numbers"),
        ("regression", (2, 1), torch.tensor([[1.0], [float("nan")]]), "finite numbers"),
        ("sequence", (1, 2, 3), torch.tensor([[1, 3]]), "labels from 0 to 2"),
    ],
)
def test_targets_that_do_not_fit_are_named(task: str, logits: tuple, target: torch.Tensor, message: str) -> None:
    with pytest.raises(InputError, match=f"train: labels: expected .*{message}"):
        HEADS[task].check(torch.zeros(logits), target)


def test_an_unknown_task_lists_what_exists() -> None:
    with pytest.raises(InputError, match="one of regression, binary, classification, multilabel, sequence"):
        find_head("guessing")
