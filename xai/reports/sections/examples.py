"""Single images: the prediction, the maps that explain it, and the evidence for each map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xai.model.model import Model
from xai.reports.cards import deletion_plot, explanation_numbers, lime_plot, map_card, pixel_range, probability_bars
from xai.reports.escape import render
from xai.reports.method_words import CHECK_WORDS
from xai.reports.page import Section
from xai.reports.pictures import SMALL, image_picture
from xai.results.explanation import Explanation

__all__ = ["Example", "examples_section"]


@dataclass(frozen=True)
class Example:
    """One image with its explanations (each a batch of one), its name, and its true class where it is known.

    `contrast` explains a wrong answer rather than the right one.
    """

    name: str
    explanations: tuple[Explanation, ...]
    truth: int | None = None
    contrast: Explanation | None = None

    @property
    def all(self) -> tuple[Explanation, ...]:
        return self.explanations if self.contrast is None else (*self.explanations, self.contrast)

    @property
    def predicted(self) -> int:
        return int(self.explanations[0].prediction[0].argmax())

    @property
    def probability(self) -> float:
        return float(self.explanations[0].prediction[0].max())


def examples_section(model: Model, examples: Sequence[Example]) -> Section:
    """Return the chapter: a card per image."""
    views, data = [], []
    for number, example in enumerate(examples, start=1):
        first = example.explanations[0]
        low, high = pixel_range(model.input, first.inputs)
        classes = list(first.classes) or [str(index) for index in range(first.prediction.shape[1])]
        cards = [map_card(explanation, low, high) for explanation in example.all]
        plots = [lime_plot(item) for item in example.all] + [deletion_plot(item) for item in example.all]
        view = {
            "id": f"example-{number}",
            "name": example.name,
            "picture": image_picture(first.inputs[0], low, high),
            "small": max(first.inputs.shape[2:]) < SMALL,
            "predicted": classes[example.predicted],
            "probability": example.probability,
            "truth": None if example.truth is None else classes[example.truth],
            "right": example.truth == example.predicted,
            "bars": probability_bars(first.prediction[0], classes),
            "cards": cards,
            "plots": [plot for plot in plots if plot is not None],
            "target": first.target_name(),
            "contrast": example.contrast and example.contrast.target_name(),
        }
        views.append(view)
        facts = {key: view[key] for key in ("name", "predicted", "probability", "truth")}
        data.append({**facts, "explanations": [explanation_numbers(item) for item in example.all]})
    return Section(
        "examples", "Why it said so", render("examples.html", examples=views, checks=CHECK_WORDS), {"examples": data}
    )
