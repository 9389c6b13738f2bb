"""How well the model does: accuracy by class and the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from markupsafe import Markup
from torch import Tensor

from xai.auditing.checks.performance_counts import LabelPerformance, Scored
from xai.model.model import Model
from xai.plots.pictures import image_picture, is_small, pixel_range
from xai.reports.escape import render
from xai.reports.language import say
from xai.reports.page import Section

__all__ = ["in_words", "mistakes_in_words", "performance_section"]

LARGEST_MATRIX = 30
MOST_ERRORS = 24  # pictures of errors that ride along
FEW_MISTAKES = 3  # that are as frequent are all named
BROAD = 36  # letters of class names that fit above a confusion matrix
SIDE = 96  # pixels of such a picture, at most


def performance_section(
    performance: Scored, source: str, model: Model | None = None, images: Tensor | None = None
) -> Section:
    """Return the chapter; of a confusion matrix over more than 30 classes, only the most frequent mistakes.

    Of several labels there is no such matrix: one label is not taken for another.
    images: what was measured on (n, C, H, W); with them and the model, the surest errors are shown.
    """
    frame = performance.to_frame()
    several = isinstance(performance, LabelPerformance)
    confusion = torch.zeros(0, 0) if isinstance(performance, LabelPerformance) else performance.confusion
    worst = [
        {"true": performance.classes[true], "called": performance.classes[called], "count": count}
        for true, called, count in performance.mistakes(5)
    ]
    hardest = frame.loc[frame["recall"].idxmin()] if frame["recall"].notna().any() else None
    small = len(confusion) <= LARGEST_MATRIX
    names = zip(performance.classes, confusion, strict=not several)
    matrix = [{"name": name, "cells": row.tolist()} for name, row in names] if small else []
    body = render(
        "performance.html",
        performance=performance,
        several=several,
        interval=performance.interval,
        source=source,
        rows=frame.to_dict("records"),
        matrix=matrix,
        worst=worst,
        mistakes=mistakes_in_words(performance),
        upright=sum(map(len, performance.classes)) > BROAD,
        hardest=None if hardest is None else hardest.to_dict(),
        errors=[] if model is None or images is None else _errors(performance, model, images),
        error_count=int((~performance.right).sum()),
    )
    data = {
        "accuracy": performance.accuracy,
        "interval": performance.interval,
        "count": performance.count,
        "classes": frame.to_dict("records"),
        "confusion": confusion.tolist() if small else torch.nonzero(confusion.clone().fill_diagonal_(0)).tolist(),
    }
    return Section("performance", say("How well it does"), body, data)


def mistakes_in_words(performance: Scored) -> Markup | None:
    """Return which class is taken for which most often, all that are as frequent; None without mistakes."""
    found = performance.mistakes(FEW_MISTAKES + 1)
    most = found[0][2] if found else 0
    tied = [
        say("{true} called {called}", true=performance.classes[true], called=performance.classes[called])
        for true, called, count in found
        if count == most
    ]
    if not tied:
        return None
    if len(tied) > FEW_MISTAKES:
        return (
            say("No mistake stands out: none happens more than {count} times.", count=most)
            if most > 1
            else say("No mistake stands out: none happens more than once.")
        )
    if len(tied) == 1:
        return say("The most frequent mistake: {mistake} ({count}).", mistake=tied[0], count=most)
    return say("The most frequent mistakes: {mistakes} ({count} each).", mistakes=Markup(", ").join(tied), count=most)


def _errors(performance: Scored, model: Model, images: Tensor) -> list[dict[str, object]]:
    """Return pictures of the errors, those that the model was surest of first."""
    wrong = (~performance.right).nonzero().flatten()
    sure = performance.sure
    order = sure[wrong].argsort(descending=True)[:MOST_ERRORS]
    low, high = pixel_range(model.input, images)
    shown = []
    for row in wrong[order].tolist():
        true, called = performance.answer(row, true=True), performance.answer(row)
        shown.append(
            {
                "cell": f"{true}-{called}",
                "row": row,
                "true": in_words(true, performance.classes),
                "called": in_words(called, performance.classes),
                "probability": float(sure[row]),
                "picture": image_picture(_thumbnail(images[row]), low, high),
                "small": is_small(images[row]),
            }
        )
    return shown


def in_words(answer: int | tuple[int, ...], classes: Sequence[str]) -> str:
    """Return an answer in words: a class, or several labels."""
    if isinstance(answer, int):
        return classes[answer]
    return ", ".join(classes[number] for number in answer) or say("none of them")


def _thumbnail(image: Tensor) -> Tensor:
    """Return an image (C, H, W) with at most SIDE pixels a side."""
    largest = max(image.shape[-2:])
    if largest <= SIDE:
        return image
    size = [max(1, side * SIDE // largest) for side in image.shape[-2:]]
    return torch.nn.functional.interpolate(image[None].float(), size, mode="area")[0]
