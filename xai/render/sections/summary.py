"""The first screen: what the model says, why, and how far to trust it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from xai.auditing.performance import Performance
from xai.core.explanation import Explanation, Visualization
from xai.core.model import Model
from xai.render.cards import map_card, pixel_range
from xai.render.escape import render
from xai.render.sections.examples import Example
from xai.render.words import words_for

__all__ = ["summary"]

SHOWN = ("pass", "warn", "fail", "untestable")
ORDER = ("pass", "untestable", "warn", "fail")  # from the best to the worst


def summary(
    model: Model, performance: Performance | None, examples: Sequence[Example], groups: dict[str, Visualization]
) -> Markup:
    """Return the lead: facts, the verdict on each method over all examples, and the best supported map of the first."""
    verdicts = []
    for place, first in enumerate(examples[0].explanations) if examples else ():
        found = [example.explanations[place].evidence[0] for example in examples]
        counts = Counter(_worst(findings) for findings in found if findings)
        verdicts.append(
            {
                "title": words_for(first.method).title,
                "counts": [(status, counts[status]) for status in SHOWN],
                "total": sum(counts.values()),
                "supported": counts["pass"],
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


def _support(explanation: Explanation) -> tuple[int, float]:
    """Order explanations: the best status first, among equals the one whose deletion hurts most."""
    findings = explanation.evidence[0]
    if not findings:
        return len(ORDER), 0.0
    fall = max((float(item.details.get("effect", 0.0)) for item in findings), default=0.0)
    return ORDER.index(_worst(findings)), -fall


def _worst(findings: Sequence) -> str:
    return max((finding.status for finding in findings), key=ORDER.index)
