"""How well the model does: accuracy by class and the confusion matrix."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.auditing.checks.performance import Performance
from xai.model.model import Model
from xai.plots.pictures import image_picture, is_small, pixel_range
from xai.reports.escape import render
from xai.reports.language import say
from xai.reports.page import Section

__all__ = ["performance_section"]

LARGEST_MATRIX = 30
MOST_ERRORS = 24  # pictures of errors that ride along
SIDE = 96  # pixels of such a picture, at most


def performance_section(
    performance: Performance, source: str, model: Model | None = None, images: Tensor | None = None
) -> Section:
    """Return the chapter; of a confusion matrix over more than 30 classes, only the most frequent mistakes.

    images: what was measured on (n, C, H, W); with them and the model, the surest errors are shown.
    """
    frame = performance.to_frame()
    confusion = performance.confusion
    worst = [
        {"true": performance.classes[true], "called": performance.classes[called], "count": count}
        for true, called, count in performance.mistakes(5)
    ]
    hardest = frame.loc[frame["recall"].idxmin()] if frame["recall"].notna().any() else None
    small = len(confusion) <= LARGEST_MATRIX
    matrix = (
        [{"name": name, "cells": row.tolist()} for name, row in zip(performance.classes, confusion, strict=True)]
        if small
        else []
    )
    body = render(
        "performance.html",
        performance=performance,
        interval=performance.interval,
        source=source,
        rows=frame.to_dict("records"),
        matrix=matrix,
        worst=worst,
        hardest=None if hardest is None else hardest.to_dict(),
        errors=[] if model is None or images is None else _errors(performance, model, images),
        error_count=int((performance.labels != performance.predicted).sum()),
    )
    data = {
        "accuracy": performance.accuracy,
        "interval": performance.interval,
        "count": performance.count,
        "classes": frame.to_dict("records"),
        "confusion": confusion.tolist() if small else torch.nonzero(confusion.clone().fill_diagonal_(0)).tolist(),
    }
    return Section("performance", say("How well it does"), body, data)


def _errors(performance: Performance, model: Model, images: Tensor) -> list[dict[str, object]]:
    """Return pictures of the errors, those that the model was surest of first."""
    wrong = (performance.labels != performance.predicted).nonzero().flatten()
    sure = performance.probability.max(1).values
    order = sure[wrong].argsort(descending=True)[:MOST_ERRORS]
    low, high = pixel_range(model.input, images)
    shown = []
    for row in wrong[order].tolist():
        true, called = int(performance.labels[row]), int(performance.predicted[row])
        shown.append(
            {
                "cell": f"{true}-{called}",
                "row": row,
                "true": performance.classes[true],
                "called": performance.classes[called],
                "probability": float(sure[row]),
                "picture": image_picture(_thumbnail(images[row]), low, high),
                "small": is_small(images[row]),
            }
        )
    return shown


def _thumbnail(image: Tensor) -> Tensor:
    """Return an image (C, H, W) with at most SIDE pixels a side."""
    largest = max(image.shape[-2:])
    if largest <= SIDE:
        return image
    size = [max(1, side * SIDE // largest) for side in image.shape[-2:]]
    return torch.nn.functional.interpolate(image[None].float(), size, mode="area")[0]
