"""The worked examples: each number by hand again in another way, and planted faults that the table would show."""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from models.lecture import ERRATA
from models.lecture.worked import WORKED, work
from models.lecture.worked.comparing import compare
from xai.base.experiment import Comparison, WorkedExample

FOLDER = Path(importlib.import_module("models.lecture.worked").__file__).parent


# The table as a whole


def test_there_is_one_example_a_file() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "comparing"} == set(WORKED)


@pytest.mark.parametrize("name", WORKED)
def test_the_code_computes_what_follows_by_hand(name: str, examples: dict[str, WorkedExample]) -> None:
    example = examples[name]
    assert example.row == WORKED[name]
    assert len(example.comparisons) >= 3
    assert len({comparison.name for comparison in example.comparisons}) == len(example.comparisons)
    for comparison in example.comparisons:
        assert comparison.agrees, comparison
        assert comparison.got
        scale = max(map(abs, comparison.wanted))
        assert comparison.tolerance <= 0.05 * scale or comparison.tolerance == 1e-6, "a table that nothing can fail"
    assert example.agrees


def test_the_document_counts_them(examples: dict[str, WorkedExample]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "lecture.md").read_text()
    total = sum(len(example.comparisons) for example in examples.values())
    assert f"All {len(WORKED)} agree ({total} numbers" in page


def test_every_error_of_the_slides_is_met_somewhere(examples: dict[str, WorkedExample]) -> None:
    """All but the mean activation, which is a matter of feature visualization."""
    met = {name for example in examples.values() for name in example.errata}
    assert met == {name for name, _ in ERRATA} - {"mean activation"}


def test_an_example_leaves_no_trace_and_is_the_same_again() -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    assert work("dropout") == work("dropout")
    assert torch.equal(state, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_a_comparison_differs_where_it_should() -> None:
    assert compare("a", [1, [2, 3]], torch.tensor([[1.0], [2.0], [3.0]])).difference == 0
    assert compare("a", 1.0, 1.0 + 2e-6).agrees is False
    assert compare("a", [1, 2], [1]).difference == math.inf
    assert compare("a", [1, 2], [1, math.nan]).agrees is False
    assert Comparison("a", [1.0, 5.0], [1.0, 4.5], tolerance=0.5).agrees
    row = Comparison("a", [1.0], [2.0])
    assert not WorkedExample("x", "row", "shown", [Comparison("b", [1.0], [1.0]), row]).agrees


# Planted faults: the table says so


def steps_off(*arguments: object, **settings: object) -> list:
    from models.networks.neuron import train_neuron

    return [dataclasses.replace(step, updated=step.updated + 0.01) for step in train_neuron(*arguments, **settings)]


def no_softmax(query: torch.Tensor, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    weights = torch.full((1, 1, 4), 0.25, dtype=torch.float64)
    return weights @ states, weights


def rounded_up(tensor: torch.Tensor) -> SimpleNamespace:
    return SimpleNamespace(values=tensor.sign() * torch.exp2(torch.log2(tensor.abs()).ceil()))


@pytest.mark.parametrize(
    ("name", "place", "fault"),
    [
        ("neuron", "train_neuron", steps_off),
        ("attention", "dot_product_attention", no_softmax),
        ("quantization", "powers_of_two", rounded_up),
        ("dropout", "_sum", lambda: nn.Linear(2, 1).double()),
    ],
)
def test_a_fault_shows(name: str, place: str, fault: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module(f"models.lecture.worked.{name}"), place, fault)
    assert not work(name).agrees
