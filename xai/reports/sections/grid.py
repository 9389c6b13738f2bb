"""What a layer sees in one image, position by position, in the shape of the image."""

from __future__ import annotations

from collections import Counter

from torch import Tensor

from xai.model.model import Model
from xai.plots.pictures import image_picture, is_small, pixel_range
from xai.reports.escape import render
from xai.reports.page import Section
from xai.reports.unit_views import kind_of_verdict, unit_numbers, verdict
from xai.results.visualization import Visualization

__all__ = ["grid_section"]

LEAST_SIDE = 0.35  # of a cell: what a place shows can still be seen where it is hardly active


def grid_section(
    model: Model, image: Tensor, name: str, layer: str, title: str, made: Visualization, strength: Tensor
) -> Section:
    """Return the chapter from `activation_grid` of an image (1, C, H, W).

    The area of a cell is the strength (rows, columns) of its position, from 0 to 1.
    """
    rows, columns = strength.shape
    cells = []
    for number, row in enumerate(made):
        cell = divmod(number, columns)
        side = max(LEAST_SIDE, float(strength[cell]) ** 0.5) * 0.98
        low, high = pixel_range(model.input, row.image)
        found = verdict(row)
        cells.append(
            {
                "x": cell[1] + (1 - side) / 2, "y": cell[0] + (1 - side) / 2, "side": side,
                "picture": image_picture(row.image[0], low, high), "status": found["status"] if found else "",
                "text": f"row {cell[0] + 1}, column {cell[1] + 1}; activity {float(strength[cell]):.2f}"
                + (f"; {found['words']}" if found else ""),
            }
        )  # fmt: skip
    low, high = pixel_range(model.input, image)
    body = render(
        "grid.html", title=title, name=name, rows=rows, columns=columns, cells=cells, total=len(made),
        picture=image_picture(image[0], low, high), small=is_small(image),
        words=Counter(kind_of_verdict(row) for row in made), fine=is_small(made.image),
    )  # fmt: skip
    numbers = {
        "image": name, "layer": layer, "strength": strength.tolist(), "places": [unit_numbers(row) for row in made],
        "options": made.options, "seed": made.seed,
    }  # fmt: skip
    return Section("grid", "What it sees in one image, place by place", body, numbers)
