"""Interactions in closed form and by enumeration; influence of training rows by retraining without them."""

from __future__ import annotations

import copy
from itertools import combinations
from math import factorial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import xai
from xai.base.errors import XaiError


class Polynomial(nn.Module):
    """2 a b + 3 c - a b c + 0.5 d d: what pairs do is known."""

    def forward(self, x: Tensor) -> Tensor:
        a, b, c, d = x.T
        return 2 * a * b + 3 * c - a * b * c + 0.5 * d * d


def worth_of(model: xai.Model, row: Tensor) -> dict[frozenset[int], float]:
    every = [frozenset(some) for count in range(5) for some in combinations(range(4), count)]
    return {
        some: float(model.network((row * torch.tensor([part in some for part in range(4)]))[None])) for some in every
    }


class TestInteractions:
    model, row = xai.Model(Polynomial(), task="regression"), torch.tensor([1.5, 2.0, -1.0, 2.0])

    def test_taylor_has_closed_forms(self) -> None:
        e = xai.shapley_interactions(self.model, self.row[None])
        a, b, c, d = self.row.tolist()
        triple = -a * b * c / 3  # the product of three is shared by its three pairs
        expected = torch.zeros(4, 4)
        expected[0, 1] = expected[1, 0] = 2 * a * b + triple
        expected[0, 2] = expected[2, 0] = expected[1, 2] = expected[2, 1] = triple
        expected[2, 2], expected[3, 3] = 3 * c, 0.5 * d * d
        assert torch.allclose(e.values[0], expected, atol=1e-5)
        assert torch.allclose(e.values[0].triu().sum(), self.model.network(self.row[None])[0], atol=1e-5)

    def test_the_interaction_index_is_its_sum_over_coalitions(self) -> None:
        e = xai.shapley_interactions(self.model, self.row[None], index="shapley")
        worth = worth_of(self.model, self.row)
        for i, j in combinations(range(4), 2):
            rest = [part for part in range(4) if part not in (i, j)]
            total = 0.0
            for some in (frozenset(c) for count in range(3) for c in combinations(rest, count)):
                weight = factorial(len(some)) * factorial(2 - len(some)) / factorial(3)
                total += weight * (worth[some | {i, j}] - worth[some | {i}] - worth[some | {j}] + worth[some])
            assert float(e.values[0][i, j]) == pytest.approx(total / 2, abs=1e-5)
        shapley = xai.kernel_shap(self.model, self.row[None], algorithm="exact").values[0]
        assert torch.allclose(e.values[0].sum(1), shapley, atol=1e-5)

    def test_names_frames_segments_and_drawings(self, tmp_path: Path) -> None:
        model = xai.Model(Polynomial(), task="regression", input=xai.TabularInput(list("abcd")))
        e = xai.shapley_interactions(model, self.row[None].repeat(2, 1), background=torch.zeros(3, 4))
        assert list(e.to_frame().iloc[0][["first", "second"]]) == ["a", "b"]
        assert e.plot() is not None
        images = xai.Model(nn.Sequential(nn.Flatten(), nn.Linear(16, 2)), input=xai.ImageInput((1, 4, 4)))
        quarters = torch.arange(2).repeat_interleave(2)[:, None] * 2 + torch.arange(2).repeat_interleave(2)
        made = xai.shapley_interactions(images, torch.rand(1, 1, 4, 4), 1, segments=quarters[None])
        assert made.values[0].shape == (4, 4)
        off = made.values[0] - torch.diag(made.values[0].diagonal())
        assert torch.allclose(off, torch.zeros(4, 4), atol=1e-5)  # of a linear network
        page = xai.Report("Pairs", [e]).save(tmp_path / "page.html").read_text()
        assert "What parts do together" in page

    @pytest.mark.parametrize(
        ("settings", "message"),
        [({"index": "banzhaf"}, "index: expected one of taylor, shapley"), ({"of": "x"}, "of: expected")],
    )
    def test_what_cannot_be_is_named(self, settings: dict, message: str) -> None:
        with pytest.raises(XaiError, match=f"shapley_interactions: {message}"):
            xai.shapley_interactions(self.model, self.row[None], **settings)
        with pytest.raises(XaiError, match="shapley_interactions: segments: expected 2 to 14 of them"):
            xai.shapley_interactions(xai.Model(nn.Linear(15, 2)), torch.rand(1, 15))


def blobs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(24) % 2
    rows = torch.randn(24, 2, generator=generator) + 1.2 * (2 * labels[:, None] - 1)
    labels[5] = 1 - labels[5]  # one label is wrong
    return rows, labels


RATE, STEPS = 0.1, 12


def trained(network: nn.Module, rows: Tensor, labels: Tensor, without: int | None = None) -> list[dict[str, Tensor]]:
    """Train by whole steps down the summed loss; return the states before each step, and the last one in place."""
    states = []
    kept = torch.tensor([number for number in range(len(rows)) if number != without])
    for _ in range(STEPS):
        states.append(copy.deepcopy(network.state_dict()))
        network.zero_grad()
        (cross_entropy(network(rows[kept]), labels[kept], reduction="sum") / len(rows)).backward()
        with torch.no_grad():
            for weight in network.parameters():
                weight -= RATE * weight.grad
    return states


class TestInfluence:
    def start(self) -> nn.Module:
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))

    @pytest.mark.parametrize("layers", ["last", "all"])
    def test_retraining_without_a_row_says_the_same(self, layers: str) -> None:
        rows, labels = blobs()
        network = self.start()
        if layers == "last":
            network[0].requires_grad_(False)

        def run(without: int | None) -> tuple[nn.Module, list]:
            made = copy.deepcopy(network)
            if layers == "last":
                body, head = made[:2], made[2]
                states = trained(head, body(rows).detach(), labels, without)
                return made, [{f"2.{k}": v for k, v in s.items()} | made[:2].state_dict() for s in states]
            return made, trained(made, rows, labels, without)

        final, states = run(None)
        test, truth = torch.tensor([[0.8, 1.0], [-0.2, 0.4]]), torch.tensor([1, 1])
        e = xai.training_influence(
            xai.Model(final), test, rows, labels.tolist(), truth.tolist(), layers=layers, checkpoints=states,
            learning_rate=RATE / len(rows),
        )  # fmt: skip
        whole = cross_entropy(final(test), truth, reduction="none").detach()
        moved = []
        for number in range(len(rows)):
            other, _ = run(number)
            moved.append(cross_entropy(other(test), truth, reduction="none").detach() - whole)
        truth_of = torch.stack(moved, 1).double()  # how much the loss rises without the row
        for row in range(2):
            together = torch.corrcoef(torch.stack([e.values[row], truth_of[row]]))[0, 1]
            assert float(together) > 0.95
            assert int(truth_of[row].argmin()) in e.least(row, 3)

    def test_both_forms_are_products_of_gradients(self) -> None:
        rows, labels = blobs()
        network = self.start()
        model, test = xai.Model(network, classes=["x", "y"]), rows[:3]
        before = [weight.requires_grad for weight in network.parameters()]

        def gradient(row: Tensor, label: Tensor, weights: list) -> Tensor:
            loss = cross_entropy(network(row[None]), label[None])
            return torch.cat([part.flatten() for part in torch.autograd.grad(loss, weights)])

        for layers, weights in (("last", list(network[2].parameters())), ("all", list(network.parameters()))):
            e = xai.training_influence(model, test, rows, labels.tolist(), ["x", "y", "x"], layers=layers, batch_size=5)
            own = torch.stack([gradient(test[n], torch.tensor([0, 1, 0])[n], weights) for n in range(3)])
            known = torch.stack([gradient(rows[n], labels[n], weights) for n in range(24)])
            assert torch.allclose(e.values, (own @ known.T).double(), atol=1e-6)
        assert before == [weight.requires_grad for weight in network.parameters()]
        assert e.labels == ("x", "y", "x")
        assert all(weight.grad is None for weight in network.parameters())

    def test_regressions_drawings_and_frames(self, tmp_path: Path) -> None:
        network = nn.Linear(2, 1)
        rows, truth = torch.randn(6, 2), torch.randn(6)
        e = xai.training_influence(
            xai.Model(nn.Sequential(network), task="regression"), rows[:2], rows, truth, truth[:2]
        )
        left = (network(rows)[:, 0] - truth).detach()
        with_bias = torch.cat([rows, torch.ones(6, 1)], 1)
        expected = left[:2, None] * left[None] * (with_bias[:2] @ with_bias.T)
        assert torch.allclose(e.values, expected.double(), atol=1e-5)
        assert e.plot() is not None
        assert len(e.to_frame()) == 12
        assert "taught it" in xai.Report("Rows", [e]).save(tmp_path / "page.html").read_text()

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"layers": "first"}, "layers: expected 'last' or 'all'"),
            ({"checkpoints": [{}]}, "checkpoints: expected state dictionaries"),
            ({"checkpoints": []}, "checkpoints: expected at least one"),
            ({"learning_rate": [1.0, 2.0]}, "learning_rate: expected a number above 0"),
            ({"learning_rate": "x"}, "learning_rate: expected a number above 0"),
            ({"target": 7}, "target: expected one class from 0 to 1"),
        ],
    )
    def test_what_cannot_be_is_named(self, settings: dict, message: str) -> None:
        rows, labels = blobs()
        with pytest.raises(XaiError, match=f"training_influence: {message}"):
            xai.training_influence(xai.Model(self.start()), rows[:1], rows, labels.tolist(), **settings)
        with pytest.raises(XaiError, match="training_influence: labels: expected one class from 0 to 1"):
            xai.training_influence(xai.Model(self.start()), rows[:1], rows, [0, 1])


@pytest.mark.parametrize("labels", [[int, int], [torch.ones(2), torch.ones(2)], [0.5, 1.0], "ab", 1j, int, [0]])
def test_labels_that_are_no_classes_are_refused(labels: object) -> None:
    model, rows = xai.Model(nn.Sequential(nn.Linear(2, 2))), torch.eye(2)
    with pytest.raises(XaiError, match="labels: expected one class from 0 to 1 for each of 2 rows"):
        xai.training_influence(model, rows, rows, labels)


@pytest.mark.parametrize("labels", [[0, 1], torch.tensor([0.0, 1.0]), np.array([0, 1], dtype=np.int8)])
def test_labels_come_in_every_form(labels: object) -> None:
    model, rows = xai.Model(nn.Sequential(nn.Linear(2, 2))), torch.eye(2)
    assert xai.training_influence(model, rows, rows, labels).most(0, 1) in ([0], [1])
