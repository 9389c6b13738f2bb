"""Groups of rows that are right for a reason of their own: a picture of points to click on, mean maps, and the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from markupsafe import Markup
from torch import Tensor

from xai.auditing.audit_data import AuditData
from xai.auditing.triggers.reason_groups import reasons_of
from xai.model.model import Model
from xai.plots.pictures import heat_picture, image_picture, is_small, pixel_range
from xai.reports.escape import render
from xai.reports.sections.run_maps import overlay_card
from xai.results.finding import Finding

__all__ = ["reasons_body"]

MOST = 4  # groups
SIDE, EDGE = 100.0, 6.0  # of the picture of points


def reasons_body(finding: Finding, model: Model, data: AuditData) -> Markup:
    """Return the groups that a finding names with their pictures, nothing where it names none."""
    groups = finding.details.get("raw", {}).get("groups", [])[:MOST]
    if not groups:
        return Markup("")
    entries = [_entry(number, group, model, data) for number, group in enumerate(groups, start=1)]
    return render("audit_reasons.html", entries=entries)


def _entry(number: int, group: dict[str, Any], model: Model, data: AuditData) -> dict[str, object]:
    images, positions = _part(group["part"], model, data)
    name, limits = f"reason-{number}", pixel_range(model.input, images)
    maps = torch.tensor(group["maps"])
    scale = max(float(maps.abs().max()), 1e-12)
    kinds = [
        (kind, whose, group[name_of_rows], images[positions(group[name_of_rows])])
        for kind, name_of_rows, whose in (("group", "rows", "of the group"), ("rest", "rest", "of the other rows"))
    ]
    small = is_small(images)
    return {
        **group, "number": number, "name": name,
        "points": _points(group, name),
        "means": [
            overlay_card(image_picture(pictures.mean(0), *limits), heat_picture(one, scale), f"Mean map {whose}", small)
            | {"whose": whose}
            for (_, whose, _, pictures), one in zip(kinds, maps, strict=True)
        ],
        "shown": [
            {"whose": whose, "cards": _cards(model, pictures, rows, int(group["label"]), f"{name}-{kind}", limits)}
            for kind, whose, rows, pictures in kinds
        ],
    }  # fmt: skip


def _part(part: str, model: Model, data: AuditData) -> tuple[Tensor, Callable[[list[int]], list[int]]]:
    """Return the images of a part, and a function from row numbers of findings to positions among these images."""
    if part == "held_out" or not isinstance(data.train, tuple | list):
        return model.prepare(data.inputs).cpu(), data.positions
    images = model.prepare(data.train[0]).cpu()
    if data.train_numbers is None:
        return images, list
    known = np.asarray(data.train_numbers)
    return images, lambda rows: np.searchsorted(known, rows).tolist()


def _cards(
    model: Model, images: Tensor, rows: list[int], label: int, name: str, limits: tuple[float, float]
) -> list[dict[str, object]]:
    """Return a row each: its picture under its own map, and where a point leads to."""
    maps = reasons_of(model, images, label)
    return [
        overlay_card(image_picture(image, *limits), heat_picture(heat), f"Map of row {row}", is_small(images))
        | {"row": row, "id": f"{name}-{row}"}
        for row, image, heat in zip(rows, images, maps, strict=True)
    ]


def _points(group: dict[str, Any], name: str) -> list[dict[str, object]]:
    """Return where each row of the class lies in the picture, and the row that it leads to where that is shown."""
    points = np.array(group["rest_points"] + group["group_points"], dtype=float).reshape(-1, 2)
    low, high = points.min(0), points.max(0)
    scaled = EDGE + (SIDE - 2 * EDGE) * (points - low) / np.maximum(high - low, 1e-12)
    others = len(group["rest_points"])
    found = []
    for index, (x, y) in enumerate(scaled.tolist()):
        kind, number = ("rest", index) if index < others else ("group", index - others)
        shown = group["rest" if kind == "rest" else "rows"]
        row = shown[number] if number < len(shown) else None
        found.append({"x": x, "y": y, "kind": kind, "row": row, "to": f"{name}-{kind}-{row}"})
    return found
