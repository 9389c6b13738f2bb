"""The first screen, for someone who is no specialist: what it does, how well, why, how far to believe it, what next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from xai.auditing.checks.performance_counts import LabelPerformance, Scored
from xai.inputs.image import ImageInput
from xai.model.model import Model
from xai.plots.pictures import pixel_range
from xai.plots.signs import is_signed
from xai.reports.bodies import first_drawing
from xai.reports.cards import amount, map_card
from xai.reports.escape import render
from xai.reports.method_trust import MethodTrust, method_trust, rank, verdict_word
from xai.reports.sections.examples import Example
from xai.reports.sections.performance import mistakes_in_words
from xai.reports.sections.strongest_parts import strongest_parts
from xai.reports.sentences import VERDICT_SENTENCES, sentences_of
from xai.reports.unit_controls import shown_units
from xai.results.explanation import Explanation
from xai.results.visualization import Visualization

__all__ = ["sequence_summary", "summary"]

FEW_CLASSES = 12  # are all named
SOME_CLASSES = 5


def summary(
    model: Model,
    performance: Scored | None,
    examples: Sequence[Example],
    groups: dict[str, Visualization],
) -> Markup:
    """Return the lead of a report on an image classifier, beside the best supported map of the first example."""
    trust = method_trust([example.explanations for example in examples])
    first, card = None, None
    if examples:
        best = _shown(examples[0].explanations, trust)
        card = map_card(best, *pixel_range(model.input, best.inputs))
        first = _answer(examples[0].name, best)
    units = shown_units(groups.values())
    wrong = [(f"example-{number}", item.name) for number, item in enumerate(examples, start=1) if _is_wrong(item)]
    does = _does_with_pictures(model)
    return _screen(model, performance, trust, does=does, first=first, card=card, drawn=None, units=units, wrong=wrong)


def sequence_summary(
    model: Model,
    performance: Scored | None,
    names: Sequence[str],
    explanations: Sequence[Explanation],
    wrong: Sequence[int],
) -> Markup:
    """Return the lead of a report on a classifier of texts or series.

    explanations: of all examples, one per method; wrong: the numbers of examples that are called what they are not.
    """
    rows = range(len(names))
    trust = method_trust([[item[row] for item in explanations] for row in rows])
    first, drawn = None, None
    if names:
        best = _shown([item[0] for item in explanations], trust)
        first, drawn = {**_answer(names[0], best), "parts": strongest_parts(best)}, first_drawing(best)
    links = [(f"example-{row + 1}", names[row]) for row in wrong]
    does = {**_classes(model), "kind": model.input.noun}
    return _screen(
        model, performance, trust, does=does, first=first, card=None, drawn=drawn, units=Counter(), wrong=links
    )


def _screen(model: Model, performance: Scored | None, trust: Sequence[MethodTrust], **answers: object) -> Markup:
    """Return the five answers, from the verdicts of each method and what differs by the kind of input."""
    return render(
        "summary.html",
        model=model,
        performance=performance,
        interval=None if performance is None else performance.interval,
        mistakes=None if performance is None else mistakes_in_words(performance),
        commonest=None if performance is None else _commonest(performance),
        trust=trust,
        best=_best(trust),
        refuted=[item for item in trust if 2 * item.of("fail") > item.total],
        words=[(word, color, VERDICT_SENTENCES.get(word, "")) for word, color, _ in trust[0].counts] if trust else [],
        explained=sum(item.total for item in trust),
        **answers,
    )


def _shown(explanations: Sequence[Explanation], trust: Sequence[MethodTrust]) -> Explanation:
    """Return the explanation of one example with the best verdict; of several, that of the method to trust first."""
    trusted = _best(trust)

    def place(item: Explanation) -> tuple[object, ...]:
        verdict_first, *rest = rank(item.evidence[0])
        return verdict_first, trusted is None or item.method != trusted.method, *rest

    return min(explanations, key=place)


def _answer(name: str, explanation: Explanation) -> dict[str, object]:
    """Return what one example is called, how surely, and by which method it is explained."""
    prediction = explanation.prediction[0]
    predicted = int(prediction.argmax())
    title = sentences_of(explanation.method).title
    return {
        "name": name,
        "answer": explanation.class_name(predicted),
        "amount": amount(explanation, float(prediction[predicted])),
        "method": title,
        "word": verdict_word(explanation.evidence[0]) if explanation.evidence else None,
        "target": explanation.target_name(),
        "signed": is_signed(explanation),
    }


def _does_with_pictures(model: Model) -> dict[str, object]:
    """Return what the model takes and what it answers, in numbers and names."""
    _, height, width = ImageInput.of(model.input).shape
    return {**_classes(model), "kind": "images", "height": height, "width": width}


def _classes(model: Model) -> dict[str, object]:
    named = list(model.classes or [])
    shown = named if len(named) <= FEW_CLASSES else named[:SOME_CLASSES]
    return {"count": len(named), "classes": shown, "several": model.task == "multilabel"}


def _commonest(performance: Scored) -> dict[str, object] | None:
    """Return the most frequent class and its share: what no model should fall behind; None of several labels."""
    if isinstance(performance, LabelPerformance) or not performance.count:
        return None
    counts = performance.confusion.sum(1)
    return {"name": performance.classes[int(counts.argmax())], "share": float(counts.max() / counts.sum())}


def _best(trust: Sequence[MethodTrust]) -> MethodTrust | None:
    """Return the method to trust first, None where none is supported over all inputs (of one input, on it)."""
    if not trust:
        return None
    first = trust[0]
    return first if (first.of("pass") if first.pooled is None else first.pooled.status == "pass") else None


def _is_wrong(example: Example) -> bool:
    return example.truth is not None and example.truth != example.predicted
