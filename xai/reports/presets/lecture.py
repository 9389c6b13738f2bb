"""The lecture, reproduced: a verdict for each claim on the first screen, then each with its figure and number."""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Sequence

import torch

import xai
from xai.base.errors import InputError, names_errors
from xai.base.experiment import Outcome, WorkedExample
from xai.plots.panels import panel_figure
from xai.reports.escape import render
from xai.reports.page import Lead, Report, Section
from xai.reports.svg import inline_svg

__all__ = ["lecture_report"]


@names_errors("lecture_report")
def lecture_report(
    outcomes: Sequence[Outcome],
    errata: Sequence[tuple[str, str]],
    total: int,
    worked: Sequence[WorkedExample] = (),
) -> Report:
    """Return the report on some of `total` claims, in the order given, with the list of the slides' errors.

    worked: the lecture's rows with numbers by hand, each naming errors in `errata`; without them there is no such part.
    """
    if not outcomes:
        raise InputError("outcomes", expected="at least one", got="none")
    held = sum(outcome.held for outcome in outcomes)
    values = {"outcomes": outcomes, "held": held, "total": total, "worked": bool(worked)}
    lead = render("lecture_summary.html", **values, machine=_machine())
    sections = [Lead(lead), *map(_claim, outcomes)]
    if worked:
        sections.append(_worked(worked, dict(errata)))
    body = render("lecture_errata.html", errata=errata)
    sections.append(Section("errata", "Errata of the slides", body, {"errata": [list(pair) for pair in errata]}))
    return Report("The lecture, reproduced", sections)


def _claim(outcome: Outcome) -> Section:
    figures = [
        {"svg": inline_svg(panel_figure(panel), f"{panel.title}: {panel.y_label} by {panel.x_label}"), "panel": panel}
        for panel in outcome.panels
    ]
    body = render("lecture_claim.html", outcome=outcome, figures=figures)
    data = dataclasses.asdict(outcome)
    return Section(outcome.name, f"{outcome.number}. {outcome.name.replace('_', ' ').capitalize()}", body, data)


def _worked(worked: Sequence[WorkedExample], errata: dict[str, str]) -> Section:
    every = [comparison for example in worked for comparison in example.comparisons]
    agreeing = sum(comparison.agrees for comparison in every)
    body = render("lecture_worked.html", worked=worked, errata=errata, agreeing=agreeing, total=len(every))
    return Section("worked_examples", "Worked examples", body, {e.name: dataclasses.asdict(e) for e in worked})


def _machine() -> str:
    return f"xai-toolkit {xai.__version__}, torch {torch.__version__}, {platform.machine()}, {os.cpu_count()} cores"
