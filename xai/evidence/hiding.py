"""A row with some of its units hidden: what the network is shown when a map's ranking is put to the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from xai.inputs.text import PADDING, to_texts
from xai.lime.summary import TrainingSummary
from xai.model.session import Case
from xai.results.explanation import Explanation

__all__ = ["Hiding", "answers", "hiding"]


class Hiding(NamedTuple):
    """How the units of one row are hidden.

    show: from masks (n, units), True where a unit is shown, to a batch of n. place: what stands where one is hidden.
    """

    show: Callable[[Tensor], Tensor | list[str]]
    place: str


def answers(case: Case, row: int, masks: Tensor, show: Callable[[Tensor], Tensor | list[str]]) -> Tensor:
    """Return the scores (n,) of a row's target when only the units in masks (n, units) are shown; float64."""
    scores = torch.empty(len(masks), dtype=torch.float64, device=case.inputs.device)
    for indices in case.chunks(len(masks)):
        scores[indices] = case.scores(show(masks[indices]), case.rows[row].expand(len(indices)))
    return scores


def hiding(case: Case, explanation: Explanation, fill: object) -> Iterator[Hiding] | None:
    """Yield how each row's units are hidden, or return None where that is not known for such inputs.

    fill: a name, number or tensor as for baselines. None is the blurred image; of all others what the explanation
    itself took for absent (the middle of its background, where that is several), else 0 in a table or a layer, and the
    mean over a series' time. Words of a text are taken out.
    """
    inputs = case.inputs
    if not inputs.is_floating_point():
        return (_words(case, explanation, row) for row in range(len(inputs)))
    if inputs.ndim not in (2, 3, 4):
        return None
    values, place = _background(case, explanation, fill)
    make = {2: _table, 3: _series, 4: _image}[inputs.ndim]
    return (Hiding(make(inputs[row], values[row], _labels(explanation, row)), place) for row in range(len(inputs)))


def _background(case: Case, explanation: Explanation, fill: object) -> tuple[Tensor, str]:
    """Return what stands where a unit is hidden, (N, ...), and its name."""
    inputs, training = case.inputs, explanation.options.get("background")
    if fill is None and inputs.ndim == 2 and isinstance(training, dict):
        return _typical(TrainingSummary.load(training), inputs), "its mean or most frequent category in training"
    image = inputs.ndim == 4 and case.layer is None
    if fill is None and not image:
        if explanation.background is not None:
            given = torch.stack([case.baseline(part)[0] for part in explanation.background.to(inputs)])
            one = len(given) == 1
            return _middle(case, given), "its baseline" if one else f"the middle of {len(given)} rows of data"
        if isinstance(training, list | tuple):  # names of several baselines
            return _middle(case, case.background(training)[0]), f"the middle of {explanation.baseline}"
        fill = None if explanation.baseline in ("given", "data") else explanation.baseline
    if fill is None:
        fill = "blur" if image else "mean" if inputs.ndim == 3 and case.layer is None else "zero"
    values, name = case.baseline(fill)
    return values, "its mean over time" if inputs.ndim == 3 and name == "mean" else str(name)


def _middle(case: Case, rows: Tensor) -> Tensor:
    """Return the mean over rows of data (B, N, ...), of a category the most frequent one."""
    middle = rows.mean(0)
    fixed = getattr(case.model.input, "categorical", {})
    if fixed and case.layer is None:
        columns = [place for place, name in enumerate(case.model.input.names) if name in fixed]
        middle[:, columns] = rows[..., columns].mode(0).values
    return middle


def _typical(training: TrainingSummary, inputs: Tensor) -> Tensor:
    row = [
        column.mean if column.words is None else float(max(range(len(column.share)), key=column.share.__getitem__))
        for column in training.columns
    ]
    return inputs.new_tensor(row).expand_as(inputs)


def _labels(explanation: Explanation, row: int) -> Tensor | None:
    return None if explanation.segments is None else explanation.segments[row].long()


def _image(image: Tensor, hidden: Tensor, labels: Tensor | None) -> Callable[[Tensor], Tensor]:
    side = image.shape[1:]
    return lambda masks: torch.where(masks.view(-1, 1, *side), image, hidden)


def _table(values: Tensor, hidden: Tensor, labels: Tensor | None) -> Callable[[Tensor], Tensor]:
    return lambda masks: torch.where(masks, values, hidden)


def _series(steps: Tensor, hidden: Tensor, labels: Tensor | None) -> Callable[[Tensor], Tensor]:
    labels = torch.arange(len(steps), device=steps.device) if labels is None else labels
    return lambda masks: torch.where(masks[:, labels][..., None], steps, hidden)


def _words(case: Case, explanation: Explanation, row: int) -> Hiding:
    """Characters belong to words by the explanation's segments; numbers of words are one unit each."""
    instead = explanation.options.get("hide") or ""
    place = f"{instead!r}" if instead else "nothing: it is taken out"
    labels = _labels(explanation, row)
    if labels is None:
        return Hiding(_without_numbers(case.inputs[row]), "nothing: it is taken out")
    text = to_texts(case.inputs[row : row + 1])[0]
    places = groupby(range(len(text)), key=labels[: len(text)].tolist().__getitem__)
    pieces = [(owner, "".join(text[place] for place in part)) for owner, part in places]

    def show(masks: Tensor) -> list[str]:
        return ["".join(part if owner < 0 or on[owner] else instead for owner, part in pieces) for on in masks.tolist()]

    return Hiding(show, place)


def _without_numbers(numbers: Tensor) -> Callable[[Tensor], Tensor]:
    def show(masks: Tensor) -> Tensor:
        kept = masks & (numbers != PADDING)
        order = (~kept).to(torch.uint8).argsort(dim=1, stable=True)  # the kept words move to the front
        return torch.where(kept, numbers, PADDING).gather(1, order)

    return show
