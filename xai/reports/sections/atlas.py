"""All channels of one layer, to be searched and sorted."""

from __future__ import annotations

from torch import Tensor

from xai.model.model import Model
from xai.reports.escape import render
from xai.reports.page import Section
from xai.reports.unit_controls import control_numbers, layer_control
from xai.reports.unit_views import unit_numbers, unit_view
from xai.results.visualization import Visualization

__all__ = ["atlas_section"]


def atlas_section(
    model: Model, layer: str, title: str, made: Visualization, reference: Tensor | None, source: str
) -> Section:
    """Return the chapter from one visualization for each channel of a layer."""
    pictures: dict[int, str] = {}
    units = [unit_view(model, row, layer, reference, pictures) for row in made]
    body = render(
        "atlas.html",
        units=units,
        title=title,
        control=layer_control(made),
        count=None if reference is None else len(reference),
        source=source,
    )
    numbers = {
        "layer": layer, "units": [unit_numbers(row) for row in made], "controls": control_numbers(made),
        "options": made.options, "seed": made.seed,
    }  # fmt: skip
    return Section(f"atlas-{_slug(layer)}", f"Atlas of {title}", body, numbers)


def _slug(name: str) -> str:
    return "".join(character if character.isascii() and character.isalnum() else "-" for character in name).strip("-")
