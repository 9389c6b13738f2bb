"""The lecture, reproduced: a verdict for each claim on the first screen, then each with its figure and number."""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Sequence

import torch

import xai
from xai.core.errors import InputError, expected
from xai.core.experiment import Outcome
from xai.render.escape import render
from xai.render.figures import inline_svg
from xai.render.panels import panel_figure
from xai.render.report import Report, Section

__all__ = ["lecture_report"]


def lecture_report(outcomes: Sequence[Outcome], errata: Sequence[tuple[str, str]], total: int) -> Report:
    """Return the report on some of `total` claims, in the order given, with the list of the slides' errors."""
    if not outcomes:
        raise InputError(expected("lecture_report", "outcomes", "at least one", "none"))
    held = sum(outcome.held for outcome in outcomes)
    lead = render("lecture_summary.html", outcomes=outcomes, held=held, total=total, machine=_machine())
    sections = [_claim(outcome) for outcome in outcomes]
    body = render("lecture_errata.html", errata=errata)
    sections.append(Section("errata", "Errata of the slides", body, {"errata": [list(pair) for pair in errata]}))
    return Report("The lecture, reproduced", sections, lead)


def _claim(outcome: Outcome) -> Section:
    figures = [
        {"svg": inline_svg(panel_figure(panel), f"{panel.title}: {panel.y_label} by {panel.x_label}"), "panel": panel}
        for panel in outcome.panels
    ]
    body = render("lecture_claim.html", outcome=outcome, figures=figures)
    data = dataclasses.asdict(outcome)
    return Section(outcome.name, f"{outcome.number}. {outcome.name.replace('_', ' ').capitalize()}", body, data)


def _machine() -> str:
    return f"xai-toolkit {xai.__version__}, torch {torch.__version__}, {platform.machine()}, {os.cpu_count()} cores"
