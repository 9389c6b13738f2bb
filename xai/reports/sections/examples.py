"""Single images: the prediction, the maps that explain it, and the evidence for each map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from xai.model.model import Model
from xai.plots.pictures import image_picture, is_small, pixel_range
from xai.reports.cards import (
    amount,
    deletion_plot,
    findings_of,
    is_number,
    legend_of,
    map_card,
    probability_bars,
    segments_plot,
    written_target,
)
from xai.reports.escape import render
from xai.reports.grids import balanced_columns
from xai.reports.language import say
from xai.reports.page import Section
from xai.reports.sections.performance import in_words
from xai.reports.sentences import CHECK_SENTENCES
from xai.results.explanation import Explanation

__all__ = ["Example", "examples_section"]

LARGEST_MAP = 4096  # maps with more values than this ride along as the means of a grid
GRID = 56
MOST_COLUMNS = 6


@dataclass(frozen=True)
class Example:
    """One image with its explanations (each a batch of one), its name, and its true class where it is known.

    `contrast` explains a wrong answer rather than the right one. Where an image has several labels, the true ones and
    the predicted ones are their numbers.
    """

    name: str
    explanations: tuple[Explanation, ...]
    truth: int | tuple[int, ...] | None = None
    contrast: Explanation | None = None
    several: bool = False

    @property
    def all(self) -> tuple[Explanation, ...]:
        return self.explanations if self.contrast is None else (*self.explanations, self.contrast)

    @property
    def predicted(self) -> int | tuple[int, ...]:
        prediction = self.explanations[0].prediction[0]
        if self.several:
            return tuple((prediction > 0.5).nonzero().flatten().tolist())
        return int(prediction.argmax())

    @property
    def probability(self) -> float:
        return float(self.explanations[0].prediction[0].max())


def examples_section(model: Model, examples: Sequence[Example]) -> Section:
    """Return the chapter: a card per image."""
    views, data, shown = [], [], []
    for number, example in enumerate(examples, start=1):
        first = example.explanations[0]
        low, high = pixel_range(model.input, first.inputs)
        classes = list(first.classes) or [str(index) for index in range(first.prediction.shape[1])]
        cards = [map_card(explanation, low, high) for explanation in example.all]
        shown += cards
        plots = [segments_plot(item) for item in example.all] + [deletion_plot(item) for item in example.all]
        view = {
            "id": f"example-{number}",
            "name": example.name,
            "picture": image_picture(first.inputs[0], low, high),
            "small": is_small(first.inputs),
            "predicted": in_words(example.predicted, classes),
            "probability": example.probability,
            "amount": amount(first, example.probability),
            "truth": None if example.truth is None else in_words(example.truth, classes),
            "right": example.truth == example.predicted,
            "bars": [] if is_number(first) else probability_bars(first.prediction[0], classes),
            "cards": cards,
            "columns": balanced_columns(len(cards) + 1, MOST_COLUMNS),  # the photograph stands before its maps
            "plots": [plot for plot in plots if plot is not None],
            "target": first.target_name(),
            "contrast": example.contrast and example.contrast.target_name(),
        }
        views.append(view)
        facts = {key: view[key] for key in ("name", "predicted", "probability", "truth")}
        data.append({**facts, "explanations": [explanation_numbers(item) for item in example.all]})
    return Section(
        "examples",
        say("Why it said so"),
        render("examples.html", examples=views, checks=CHECK_SENTENCES, **legend_of(shown)),
        {"examples": data},
    )


def explanation_numbers(explanation: Explanation) -> dict[str, object]:
    """Return an explanation of one image as plain data: what a reader may want to compute with, or check again."""
    heatmap = explanation.heatmap()[0].cpu()
    pooled = heatmap.numel() > LARGEST_MAP
    if pooled:
        heatmap = adaptive_avg_pool2d(heatmap[None, None], GRID)[0, 0]
    numbers: dict[str, object] = {
        "method": explanation.method,
        "target": written_target(explanation),
        "target_name": explanation.target_name(),
        "options": explanation.options,
        "baseline": explanation.baseline,
        "seed": explanation.seed,
        "diagnostics": explanation.diagnostics[0],
        "evidence": [finding.to_dict() for finding in findings_of(explanation)],
    }
    if explanation.over == "segments":
        numbers["weights"] = _rounded(explanation.values[0])
        if explanation.standard_error is not None:
            numbers["standard_error"] = _rounded(explanation.standard_error[0])
        if not pooled and explanation.segments is not None:
            numbers["segments"] = explanation.segments[0].tolist()
    else:
        numbers["map"] = _rounded(heatmap)
        numbers["map_is"] = f"means of a {GRID} x {GRID} grid" if pooled else "every pixel"
    return numbers


def _rounded(values: Tensor) -> list:
    def shorten(item: Any) -> Any:
        return [shorten(part) for part in item] if isinstance(item, list) else float(f"{item:.5g}")

    return shorten(values.detach().float().cpu().tolist())
