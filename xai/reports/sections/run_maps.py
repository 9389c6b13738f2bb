"""Mean maps of the explanations of each class, and how far single ones are from them."""

from __future__ import annotations

import numpy as np
import torch
from markupsafe import Markup
from torch import Tensor

from xai.plots.pictures import Heat, heat_picture, image_picture, is_small, pixel_range
from xai.reports.escape import render
from xai.runs.sampling import Sample, coarser

__all__ = ["maps_body", "overlay_card"]

MOST_CLASSES = 12
SIDE = 112  # pixels a side of a mean map: it is smooth


def maps_body(sample: Sample) -> Markup:
    """Return the mean map of each predicted class on one scale, beside its spread; nothing without maps."""
    if sample.maps is None:
        return Markup("")
    maps = coarser(sample.maps, SIDE)
    predicted = sample.lines["predicted"]
    groups = {
        name: maps[np.flatnonzero(predicted == name)] for name in predicted.value_counts().head(MOST_CLASSES).index
    }
    means = {name: part.mean(0) for name, part in sorted(groups.items())}
    scale = max(float(torch.stack(list(means.values())).abs().max()), 1e-12)
    entries = []
    for name, mean in means.items():
        part, base = groups[name], _base(sample, np.flatnonzero(predicted == name), maps)
        small = is_small(mean)
        cards = {"mean": overlay_card(base, heat_picture(mean, scale), f"Mean map of {name}", small), "spread": None}
        if len(part) > 1:
            cards["spread"] = overlay_card(
                base, heat_picture(part.std(0), scale), f"Spread of the maps of {name}", small
            )
        entries.append({"name": name, "rows": len(part), **cards})
    return render("run_maps.html", entries=entries, scale=scale)


def overlay_card(picture: str, heat: Heat, alt: str, small: bool) -> dict[str, object]:
    """Return what the overlay of a map shows, from pictures that are made already."""
    return {"picture": picture, "heat": heat, "alt": alt, "small": small, "contours": ""}


def _base(sample: Sample, indices: np.ndarray, maps: Tensor) -> str:
    """Return the mean input of a class as a picture, or a white one where inputs were not kept."""
    if sample.pictures is None:
        return image_picture(torch.ones(1, *maps.shape[1:]))
    low, high = pixel_range(None, sample.pictures)
    return image_picture(coarser(sample.pictures[indices].mean(0), SIDE), low, high)
