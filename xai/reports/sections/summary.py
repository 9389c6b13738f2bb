"""The first screen, for someone who is no specialist: what it does, how well, why, how far to believe it, what next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from xai.auditing.checks.performance import Performance
from xai.inputs.image import ImageInput
from xai.model.model import Model
from xai.plots.pictures import pixel_range
from xai.reports.cards import map_card
from xai.reports.escape import render
from xai.reports.sections.examples import Example
from xai.reports.sentences import VERDICT_SENTENCES
from xai.reports.trust import MethodTrust, method_trust, rank
from xai.results.visualization import Visualization

__all__ = ["summary"]

FEW_CLASSES = 12  # are all named
SOME_CLASSES = 5


def summary(
    model: Model, performance: Performance | None, examples: Sequence[Example], groups: dict[str, Visualization]
) -> Markup:
    """Return the lead: five short answers, beside the best supported map of the first example."""
    trust = method_trust([example.explanations for example in examples])
    hero, card = None, None
    if examples:
        hero = examples[0]
        best = min(hero.explanations, key=lambda item: rank(item.evidence[0]))
        card = map_card(best, *pixel_range(model.input, best.inputs))
    compared = (group.finding("real_images", row) for group in groups.values() for row in range(len(group)))
    tested = [finding for finding in compared if finding is not None]
    return render(
        "summary.html",
        model=model,
        does=_does(model),
        performance=performance,
        interval=None if performance is None else performance.interval,
        weakest=None if performance is None else _weakest(performance),
        trust=trust,
        best=_best(trust),
        refuted=[item for item in trust if 2 * item.of("fail") > item.total],
        words=[(word, color, VERDICT_SENTENCES.get(word, "")) for word, color, _ in trust[0].counts] if trust else [],
        explained=sum(item.total for item in trust),
        supported=sum(item.of("pass") for item in trust),
        wrong=[(f"example-{place}", item.name) for place, item in enumerate(examples, start=1) if _is_wrong(item)],
        hero=hero,
        hero_class=None if hero is None else hero.explanations[0].class_name(hero.predicted),
        card=card,
        units=Counter(finding.status for finding in tested),
        unit_count=sum(len(group) for group in groups.values()),
    )


def _does(model: Model) -> dict[str, object]:
    """Return what the model takes and what it answers, in numbers and names."""
    channels, height, width = ImageInput.of(model.input).shape
    named = list(model.classes or [])
    shown = named if len(named) <= FEW_CLASSES else named[:SOME_CLASSES]
    return {"height": height, "width": width, "channels": channels, "count": len(named), "classes": shown}


def _weakest(performance: Performance) -> dict[str, object] | None:
    """Return the most frequent mistake: which class is taken for which, and how often."""
    mistakes = performance.confusion.clone().fill_diagonal_(0)
    count, place = int(mistakes.max()), int(mistakes.argmax())
    if not count:
        return None
    true, called = divmod(place, len(mistakes))
    return {"true": performance.classes[true], "called": performance.classes[called], "count": count}


def _best(trust: Sequence[MethodTrust]) -> MethodTrust | None:
    """Return the method to trust first, None where no explanation is supported."""
    return trust[0] if trust and trust[0].of("pass") else None


def _is_wrong(example: Example) -> bool:
    return example.truth is not None and example.truth != example.predicted
