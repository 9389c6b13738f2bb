"""The first screen of a report: what decides in names, what a model must beat, and mistakes that are as frequent."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import xai
from xai.auditing.checks.performance import measure_performance
from xai.base.experiment import Panel, Series
from xai.plots.bars import weights_figure
from xai.plots.panels import panel_figure
from xai.plots.style import FOR, MAGNITUDE, color
from xai.reports.cards import part_names
from xai.reports.presets.audit import audit_report
from xai.reports.presets.sequences import Sequences
from xai.reports.presets.tables import table_report
from xai.reports.sections.performance import mistakes_in_words
from xai.reports.sections.strongest_parts import strongest_parts

NAMES = ["rent", "age", "debt", "noise"]


def linear(*weights: float) -> xai.Model:
    """Return a model whose score of "yes" is the weighted sum of a row, that of "no" 0."""
    network = torch.nn.Linear(len(weights), 2, bias=False)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[0.0] * len(weights), weights]))
    return xai.Model(network, classes=["no", "yes"], input=xai.TabularInput(NAMES[: len(weights)]))


def answering(*answers: int) -> xai.Model:
    """Return a model that answers row number i (its only column) with the class answers[i] of three."""
    table = np.eye(3)[list(answers)]
    return xai.Model.from_callable(lambda rows: table[rows[:, 0].astype(int)], classes=["a", "b", "c"])


def test_the_parts_of_a_linear_model_are_named_by_their_weights() -> None:
    made = xai.integrated_gradients(linear(3.0, -2.0, 1.0, 0.01), torch.ones(1, 4), "yes", baseline=0.0)
    assert strongest_parts(made) == (["rent", "debt"], ["age"], True)
    slopes = xai.saliency(linear(3.0, -2.0, 1.0, 0.01), torch.ones(1, 4), "yes")
    assert strongest_parts(slopes) == (["rent", "age", "debt"], [], False)


def test_bars_of_slopes_have_the_color_of_maps_without_sign() -> None:
    row = torch.ones(1, 2)
    for method, expected in ((xai.saliency, MAGNITUDE), (xai.input_x_gradient, FOR)):
        bar = weights_figure(method(linear(3.0, 2.0), row, "yes"), "").axes[0].patches[0]
        assert bar.get_facecolor()[:3] == pytest.approx(color(expected))


def test_steps_are_called_so_and_padding_too() -> None:
    model = xai.Model(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(6, 2)))
    series = torch.ones(1, 6, 1)
    series[0, 4:] = 0
    assert part_names(xai.lime_series(model, series, 0, window=2, samples=50)) == [
        "steps 0 to 1", "steps 2 to 3", "steps 4 to 5 (padding)",
    ]  # fmt: skip


def test_mistakes_that_are_as_frequent_are_all_named() -> None:
    rows = torch.arange(6.0)[:, None]

    def words(*labels: int) -> str:
        return str(mistakes_in_words(measure_performance(answering(1, 0, 2, 2, 1, 0), rows, torch.tensor(labels))))

    assert words(1, 0, 2, 2, 1, 0) == "None"
    assert words(1, 0, 0, 0, 1, 0) == "The most frequent mistake: a called c (2)."
    assert words(0, 0, 1, 2, 1, 0) == "The most frequent mistakes: a called b, b called c (1 each)."
    assert words(0, 1, 0, 1, 1, 0) == "No mistake stands out: none happens more than once."


def test_a_table_says_what_decides_and_what_a_constant_answer_is_worth() -> None:
    rows = torch.eye(4)[[0, 1, 2, 3, 0, 0, 2, 2]]
    labels = torch.tensor([1, 0, 1, 1, 1, 1, 1, 0])
    example = Sequences(rows[:1], ("test row 0",), labels[:1], "rows")
    page = table_report(linear(3.0, -2.0, 1.0, 0.5), example, Sequences(rows, ("",) * 8, labels, "rows")).html()
    lead = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page[page.index('class="answers"') : page.index("</dl>")]))
    assert "Always saying yes would be right on 75.0 %." in lead
    assert "Most for yes: rent" in lead


def test_an_audit_says_what_to_do_about_what_it_found() -> None:
    rows = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    wrong = (rows[:, 0] < 0).long()
    result = xai.audit(linear(3.0, 0.0), xai.AuditData(rows, wrong), checks=["performance"])
    first = str(audit_report(result).html()).split('class="first"')[1].split("</ul>")[0]
    assert first.count("What to do") == 1 <= first.count("<li>")


def test_long_names_lie_beside_their_bars() -> None:
    names = [
        "woman, not\nsingle and\nup to 27",
        "man, single\nand above\n33, up to 42",
        "woman, not\nsingle",
        "man",
        "?",
    ]
    places, heights = [0.0, 1.0, 2.0, 3.0, 4.0], [0.3, 0.1, 0.2, 0.2, 0.1]
    bars = [Series(name, places, heights, style="bars") for name in ("group", "all others")]
    axes = panel_figure(Panel("parity", "", "share", bars, categories=names)).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()][2:] == ["woman, not single", "man", "?"]
    assert axes.get_xlabel() == "share"
    short = panel_figure(Panel("parity", "", "share", bars, categories=list("abcde"))).axes[0]
    assert [label.get_text() for label in short.get_xticklabels()] == list("abcde")
