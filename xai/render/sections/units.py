"""What the units look for: an image made for each channel, beside the real images that excite it most."""

from __future__ import annotations

from collections import Counter

from torch import Tensor

from xai.core.explanation import Visualization
from xai.core.model import Model
from xai.render.cards import pixel_range
from xai.render.escape import render
from xai.render.pictures import SMALL, image_picture
from xai.render.report import Section

__all__ = ["units_section"]


def units_section(
    model: Model, groups: dict[str, Visualization], titles: dict[str, str], reference: Tensor | None, source: str
) -> Section:
    """Return the chapter from one Visualization per layer, in the order of depth, and how each layer is called.

    `reference` are the real images that the visualizations were compared with.
    """
    views, data, statuses = [], [], Counter()
    for layer, visualization in groups.items():
        low, high = pixel_range(model.input, visualization.image)
        units = []
        for row in visualization:
            finding = row.finding("real_images")
            best = [] if finding is None or reference is None else finding.details["best"]
            if finding is not None:
                statuses[finding.status] += 1
            units.append(
                {
                    "name": row.objective[0],
                    "short": row.objective[0].removeprefix(f"{layer} "),
                    "picture": image_picture(row.image[0], low, high),
                    "small": max(row.image.shape[2:]) < SMALL,
                    "finding": finding,
                    "real": [image_picture(reference[number], low, high) for number in best],
                }
            )
            data.append(
                {
                    "unit": row.objective[0],
                    "reached": float(row.reached[0]),
                    "transformed": float(row.transformed[0]),
                    "evidence": [item.to_dict() for item in row.evidence[0]],
                }
            )
        views.append({"title": titles.get(layer, layer), "units": units})
    first = next(iter(groups.values()))
    process = [_process(model, visualization[len(visualization) // 2]) for visualization in list(groups.values())[-1:]]
    count = None if reference is None else len(reference)
    body = render(
        "units.html",
        groups=views,
        statuses=statuses,
        process=process,
        count=count,
        source=source,
        options=first.options,
    )
    return Section(
        "units", "What its units look for", body, {"units": data, "options": first.options, "seed": first.seed}
    )


def _process(model: Model, visualization: Visualization) -> dict[str, object]:
    low, high = pixel_range(model.input, visualization.image)
    return {
        "name": visualization.objective[0],
        "small": max(visualization.image.shape[2:]) < SMALL,
        "steps": [
            {"step": step, "picture": image_picture(images[0], low, high)}
            for step, images in sorted(visualization.snapshots.items())
        ],
    }
