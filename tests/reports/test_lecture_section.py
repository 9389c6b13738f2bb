"""The report on the lecture: verdicts, figures and numbers, and nothing of what comes in runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from xai.base.errors import InputError
from xai.base.experiment import Comparison, Outcome, Panel, Series, Surface, WorkedExample
from xai.plots.panels import panel_figure
from xai.reports.presets.lecture import lecture_report
from xai.reports.svg import inline_svg

BAD = "</script><img src=x onerror=alert(1)>"


def outcome(name: str, held: bool) -> Outcome:
    panels = [
        Panel(BAD, "x", "y", [
            Series("a", [1.0, 2.0], [1.0, 10.0], [0.1, 0.1]), Series("b", [1.0, 2.0], [2.0, 3.0], style="dashed")
        ], log_y=True),
        Panel("bars", "", "y", [Series("$x$", [0.0, 1.0], [1.0, 2.0], style="bars")], categories=["one", "two\nlines"]),
        Panel("points", "x", "y", [Series("p", [0.0, 1.0], [0.0, 1.0], style="points")],
              surface=Surface([0.0, 1.0], [0.0, 1.0], [[0.0, 1.0], [1.0, 2.0]])),
    ]  # fmt: skip
    return Outcome(name, f"Sentence {BAD}", "done", "criterion", "number 7", held, {BAD: 1.5}, panels, "remark", 3, 1.0)


def test_every_claim_has_its_verdict_number_and_figures() -> None:
    html = lecture_report([outcome("first", True), outcome("second", False)], [("sigmoid", "is e^-x")], 18).html()
    assert "<b>1 of 2</b> claims (of 18 in all)" in html
    assert html.count("✓ held") == 2
    assert html.count("✗ not held") == 2
    assert html.count("<svg") == 6
    assert html.count("number 7") >= 4
    assert "Sigmoid" in html
    assert "onerror=alert(1)>" not in html
    assert "style=" not in html.split("</style>")[1]  # the policy forbids style attributes
    with pytest.raises(InputError, match="at least one"):
        lecture_report([], [], 18)


def test_worked_examples_stand_beside_the_codes_numbers() -> None:
    worked = [
        WorkedExample("one", f"Row {BAD}", "shown", [Comparison("a", [1.0, -2.5], [1.0, -2.5])], ("sigmoid",)),
        WorkedExample("two", "Row 2", BAD, [Comparison(BAD, [1.0], [1.5], slide=BAD)]),
    ]
    html = lecture_report([outcome("first", True)], [("sigmoid", "is 1/(1+e^-x)")], 18, worked).html()
    section = html.split('<section id="worked_examples">')[1].split("</section>")[0]
    assert "<b>1 of 2</b> agree" in section
    assert section.count("1, \N{MINUS SIGN}2.5") == 2
    assert "✗ 0.5" in section
    assert "Sigmoid is 1/(1+e^-x)." in section
    assert 'href="#worked_examples"' in html
    assert "onerror=alert(1)>" not in html
    assert "worked_examples" not in lecture_report([outcome("first", True)], [], 18).html()


def test_markers_are_linked_in_a_way_that_html_reads() -> None:
    """Inside HTML only the prefix xlink is known: with another, no point and no tick is drawn."""
    svg = inline_svg(panel_figure(outcome("first", True).panels[2]), "points")
    assert "xlink:href" in svg
    assert "ns1:" not in svg
    assert svg.count("<use") >= 2


def test_a_surface_keeps_its_frame() -> None:
    panel = Panel(
        "p",
        "x",
        "y",
        [Series("far", [0.0, 99.0], [0.0, 99.0])],
        surface=Surface([0.0, 1.0], [0.0, 2.0], [[0.0, 1.0]] * 2),
    )
    axes = panel_figure(panel).axes[0]
    assert axes.get_xlim() == (0, 1)
    assert axes.get_ylim() == (0, 2)


def test_the_command(tmp_path: Path) -> None:
    from xai.cli.main import main

    target = tmp_path / "lecture.html"
    done = CliRunner().invoke(main, ["lecture", "divergence", "-o", str(target)])
    assert done.exit_code == 0, done.output
    assert str(target) in done.output
    html = target.read_text()
    assert "alpha x² = 2" in html
    assert "Errata of the slides" in html
    wrong = CliRunner().invoke(main, ["lecture", "nothing", "-o", str(target)])
    assert isinstance(wrong.exception, InputError)
    assert "one of linear_stacks" in str(wrong.exception)
