"""The first screen: what the model says, why, and how far to trust it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from xai.auditing.checks.performance import Performance
from xai.evidence.verdict import VERDICTS, verdict
from xai.model.model import Model
from xai.plots.pictures import pixel_range
from xai.reports.cards import map_card
from xai.reports.escape import render
from xai.reports.sections.examples import Example
from xai.reports.sentences import sentences_of
from xai.results.explanation import Explanation, Visualization
from xai.results.finding import STATUSES

__all__ = ["summary"]

ORDER = ("supported", "untestable", "unstable", "contradicted")  # from the best to the worst
COLORS = dict(zip(VERDICTS, STATUSES))  # a verdict has the color of the status that leads to it


def summary(
    model: Model, performance: Performance | None, examples: Sequence[Example], groups: dict[str, Visualization]
) -> Markup:
    """Return the lead: facts, the verdict on each method over all examples, and the best supported map of the first."""
    verdicts: list[dict[str, Any]] = []
    for place, first in enumerate(examples[0].explanations) if examples else ():
        found = [example.explanations[place].evidence[0] for example in examples]
        counts = Counter(verdict(findings) for findings in found if findings)
        verdicts.append(
            {
                "title": sentences_of(first.method).title,
                "counts": [(COLORS[name], counts[name]) for name in VERDICTS],
                "total": sum(counts.values()),
                "supported": counts["supported"],
            }
        )
    hero, card = None, None
    if examples:
        hero = examples[0]
        best = min(hero.explanations, key=_support)
        card = map_card(best, *pixel_range(model.input, best.inputs))
    compared = (group.finding("real_images", row) for group in groups.values() for row in range(len(group)))
    tested = [finding for finding in compared if finding is not None]
    units = Counter(finding.status for finding in tested)
    return render(
        "summary.html",
        model=model,
        performance=performance,
        interval=None if performance is None else performance.interval,
        verdicts=verdicts,
        explained=sum(verdict["total"] for verdict in verdicts),
        supported=sum(verdict["supported"] for verdict in verdicts),
        hero=hero,
        hero_class=None if hero is None else hero.explanations[0].class_name(hero.predicted),
        card=card,
        units=units,
        unit_count=sum(len(group) for group in groups.values()),
    )


def _support(explanation: Explanation) -> tuple[int, int, float]:
    """Order explanations: by verdict, then by passed checks, then by what deletion or insertion changes."""
    findings = explanation.evidence[0]
    passed = sum(finding.status == "pass" for finding in findings)
    fall = max((float(item.details["effect"]) for item in findings if "fractions" in item.details), default=0.0)
    return ORDER.index(verdict(findings)), -passed, -fall
