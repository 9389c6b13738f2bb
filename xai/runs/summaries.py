"""Backgrounds of LIME, summarized once for all shards in place of once for each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xai.lime.training_summary import TrainingSummary, way_of_cutting
from xai.model.model import Model

__all__ = ["summarized"]


def summarized(model: Model, options: Mapping[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """Return options by method in which the background of `lime_tabular` is a `TrainingSummary`."""
    made = {name: dict(entries) for name, entries in options.items()}
    entries = made.get("lime_tabular", {})
    background = entries.get("background")
    if isinstance(background, dict) or (isinstance(background, str | Path) and Path(background).suffix == ".json"):
        entries["background"] = TrainingSummary.load(background)
    elif background is not None and not isinstance(background, TrainingSummary):
        bins, labels = way_of_cutting(entries.pop("bins", "quartile")), entries.pop("labels", None)
        entries["background"] = TrainingSummary.of(background, bins=bins, labels=labels, like=model.input)
    return made
