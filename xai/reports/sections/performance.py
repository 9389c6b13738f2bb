"""How well the model does: accuracy by class and the confusion matrix."""

from __future__ import annotations

import torch

from xai.auditing.checks.performance import Performance
from xai.reports.escape import render
from xai.reports.page import Section

__all__ = ["performance_section"]

LARGEST_MATRIX = 30


def performance_section(performance: Performance, source: str) -> Section:
    """Return the chapter; of a confusion matrix over more than 30 classes, only the most frequent mistakes."""
    frame = performance.to_frame()
    confusion = performance.confusion
    mistakes = confusion.clone().fill_diagonal_(0)
    worst = [
        {
            "true": performance.classes[index // len(confusion)],
            "called": performance.classes[index % len(confusion)],
            "count": count,
        }
        for count, index in zip(*(part.tolist() for part in mistakes.flatten().topk(min(5, mistakes.numel()))))
        if count
    ]
    hardest = frame.loc[frame["recall"].idxmin()] if frame["recall"].notna().any() else None
    small = len(confusion) <= LARGEST_MATRIX
    matrix = (
        [{"name": name, "cells": row.tolist()} for name, row in zip(performance.classes, confusion)] if small else []
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
    )
    data = {
        "accuracy": performance.accuracy,
        "interval": performance.interval,
        "count": performance.count,
        "classes": frame.to_dict("records"),
        "confusion": confusion.tolist() if small else torch.nonzero(mistakes).tolist(),
    }
    return Section("performance", "How well it does", body, data)
