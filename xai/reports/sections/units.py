"""What the units look for: an input made for each channel, beside the real ones that excite it most and least."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from xai.inputs.image import ImageInput
from xai.model.model import Model
from xai.model.receptive_fields import receptive_fields
from xai.plots.bars import curve_figure
from xai.plots.pictures import image_picture, is_small, pixel_range
from xai.plots.translation import translate
from xai.reports.escape import render
from xai.reports.grids import balanced_columns
from xai.reports.language import say
from xai.reports.page import Section
from xai.reports.svg import inline_svg
from xai.reports.unit_controls import control_numbers, layer_control, shown_units
from xai.reports.unit_views import kind_of_verdict, unit_numbers, unit_view
from xai.results.visualization import Visualization
from xai.visualization.image_evidence import compared_with

__all__ = ["units_section"]

MOST_COLUMNS = 10


def units_section(
    model: Model, groups: dict[str, Visualization], titles: dict[str, str], reference: Tensor | None, source: str
) -> Section:
    """Return the chapter from one Visualization per layer, in the order of depth, and how each layer is called.

    `reference` are the real images that the visualizations were compared with.
    """
    pictures: dict[int, str] = {}
    sees = receptive_fields(model)
    views: list[dict[str, Any]] = [
        {
            "title": titles.get(layer, layer),
            "sees": _sees(sees.get(layer), ImageInput.of(model.input).shape),
            "control": layer_control(made),
            "columns": balanced_columns(len(made), MOST_COLUMNS),
            "units": [unit_view(model, row, layer, reference, pictures) for row in made],
        }
        for layer, made in groups.items()
    ]
    words = Counter(kind_of_verdict(row) for made in groups.values() for row in made)
    extra = sum(_made_beside(view["control"]) for view in views)
    first = next(iter(groups.values()))
    process = [_process(model, made[len(made) // 2]) for made in list(groups.values())[-1:]]
    body = render(
        "units.html",
        groups=views,
        words=words,
        shown=shown_units(groups.values())["pass"],
        total=sum(map(len, groups.values())),
        process=process,
        count=None if reference is None else len(reference),
        source=source,
        compared=0 if reference is None else len(compared_with(reference)),
        made=extra,
        options=first.options,
    )
    data = [unit_numbers(row) for made in groups.values() for row in made]
    controls = {layer: control_numbers(made) for layer, made in groups.items()}
    numbers = {"units": data, "controls": controls, "options": first.options, "seed": first.seed}
    return Section("units", say("What its units look for"), body, numbers)


def _sees(field: tuple[int | None, int | None] | None, shape: tuple[int, ...]) -> str:
    if field is None:
        return ""
    height, width = field
    if height is None or width is None or (height >= shape[1] and width >= shape[2]):
        return "each position may see the whole image"
    return f"each position sees {height} × {width} pixels"


def _made_beside(control: Mapping[str, Any] | None) -> int:
    """Return how many images were made for a control: minimized ones, and two for each shuffled unit."""
    return 0 if control is None else control["total"] + 2 * control["controls"]


def _process(model: Model, made: Visualization) -> dict[str, object]:
    low, high = pixel_range(model.input, made.image)
    steps = list(range(1, made.activations.shape[1] + 1))
    curve = curve_figure(
        steps, {made.objective[0]: made.activations[0].tolist()}, translate("step"), translate("activation")
    )
    return {
        "name": made.objective[0],
        "small": is_small(made.image),
        "curve": inline_svg(curve, translate("Activation of {objective} by step", objective=made.objective[0])),
        "steps": [
            {"step": step, "picture": image_picture(images[0], low, high)}
            for step, images in sorted(made.snapshots.items())
        ],
    }
