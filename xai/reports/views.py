"""The views of a network that a page can show: each says what it costs before it is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from xai.base.errors import InputError
from xai.inputs.image_files import read_image
from xai.model.model import Model
from xai.reports.page import Section
from xai.reports.sections.atlas import atlas_section
from xai.reports.sections.grid import grid_section
from xai.reports.sections.made_inputs import made_inputs_section
from xai.reports.sections.strips import ablation_section, depth_section, emergence_section, maps_section
from xai.reports.sections.units import units_section
from xai.reports.unit_choice import LOGITS, MOST_UNITS, choose_units
from xai.reports.unit_groups import visualize_groups
from xai.reports.unit_views import lead_over_real
from xai.visualization.ablation import VARIANTS, ablation
from xai.visualization.activation_grid import activation_grid, grid_shape
from xai.visualization.ascent import visualize
from xai.visualization.emergence import checkpoints, emergence
from xai.visualization.images import image_shape
from xai.visualization.objectives import Objective
from xai.visualization.row_limits import row_limits, row_shape
from xai.visualization.tokens import token_count

__all__ = ["View", "plan_views"]

UNITS_BY_DEPTH, UNITS_OVER_TIME, CANDIDATES, MOST_REAL, MOST_OTHER = 8, 4, 8, 200, 8
CELLS = 7  # of a grid, a side


class View(NamedTuple):
    """One section to come: how many inputs are optimized for it, and how it is made."""

    inputs: int
    section: Callable[[], Section]


def plan_views(
    model: Model,
    folder: str | Path,
    views: Sequence[str],
    *,
    layers: Sequence[str] = (),
    channels: Sequence[int] = (),
    class_name: str | None = None,
    minimize: bool = False,
    image: str | None = None,
    real: tuple[Tensor, str] | None = None,
    bounds: tuple[float, float] | None = None,
    steps: int = 256,
    size: int | None = None,
    seed: int = 0,
) -> list[View]:
    """Return the named views of a model; nothing is optimized before a section is asked for.

    real: real inputs and what they are called, to compare with. Raises InputError for a layer or channel that is not
    there, or a view that does not suit the model, FolderError where no epochs were kept.
    """
    images = model.input.kind == "image"
    settings = {"steps": steps, "size": size, "seed": seed}
    if images:
        image_shape(model.input, size, "fourier")
    reference, source = real or (None, "")
    compared = {**settings, "reference": reference}
    few = {**settings, "reference": None if reference is None else reference[:MOST_REAL]}

    def chosen(most: int) -> dict[str, list[Objective]]:
        return choose_units(model, layers, channels, class_name, minimize, most)

    def deepest(most: int) -> list[Objective]:
        """Return units of the last layer, or of the last convolution where none was named."""
        groups = chosen(most)
        named = [name for name in groups if name != LOGITS] or list(groups)
        return groups[named[-1]]

    def units() -> View:
        groups = chosen(MOST_UNITS)
        titles = model.trace().titles()
        count = sum(map(len, groups.values()))
        return View(
            count,
            lambda: units_section(
                model, visualize_groups(model, groups, real=reference, **settings), titles, reference, source
            ),
        )

    def made_inputs() -> View:
        groups = chosen(MOST_OTHER)
        limits = None
        if model.input.kind == "text":
            token_count(model.input, size)
        else:
            limits = row_limits(model.input, row_shape(model.input, size, reference), bounds, reference)

        def section() -> Section:
            made = visualize_groups(model, groups, real=reference, source=source or None, bounds=bounds, **settings)
            return made_inputs_section(model, made, groups, reference, source, limits)

        return View(sum(map(len, groups.values())), section)

    def atlas() -> View:
        (layer, group), *_ = chosen(100_000).items()
        title = model.trace().titles().get(layer, layer)
        return View(
            len(group),
            lambda: atlas_section(model, layer, title, visualize(model, group, **compared), reference, source),
        )

    def depth() -> View:
        groups = chosen(UNITS_BY_DEPTH)
        count = sum(map(len, groups.values()))
        return View(count, lambda: depth_section(model, visualize_groups(model, groups, real=reference, **settings)))

    def constraints() -> View:
        group = deepest(CANDIDATES)

        def section() -> Section:
            unit = group[0]
            if len(group) > 1:
                # The clearest of several: what is lost without constraints is seen where there is something to lose.
                candidates = visualize(model, group, **few)
                unit = group[max(range(len(group)), key=lambda row: lead_over_real(candidates[row]))]
            return ablation_section(model, ablation(model, unit, **few), len(group))

        return View(VARIANTS + (len(group) if len(group) > 1 else 0), section)

    def over_time() -> View:
        files, group = checkpoints(folder), deepest(UNITS_OVER_TIME)
        return View(len(files) * len(group), lambda: emergence_section(model, emergence(model, files, group, **few)))

    def maps() -> View:
        pixels = read_image(image, model.input)
        return View(0, lambda: maps_section(model, pixels, Path(image).name))

    def grid() -> View:
        pixels = read_image(image, model.input)
        convolutions = [layer.name for layer in model.trace().units() if len(layer.shape) == 3]
        layer = (*layers, *convolutions[-1:])[0]
        rows, columns = grid_shape(model, pixels, layer, CELLS)
        title = model.trace().titles().get(layer, layer)

        def section() -> Section:
            made, strength = activation_grid(model, pixels, layer, cells=CELLS, **few)
            return grid_section(model, pixels, Path(image).name, layer, title, made, strength)

        return View(rows * columns, section)

    makers = {
        "units": units if images else made_inputs, "atlas": atlas, "depth": depth, "constraints": constraints,
        "emergence": over_time, "maps": maps, "grid": grid,
    }  # fmt: skip
    names = list(dict.fromkeys(views or ("units",)))
    if not images and names != ["units"]:
        other = next(name for name in names if name != "units")
        raise InputError(
            "view", expected=f"units, for a model of {model.input.kind} inputs", got=other, operation="visualize"
        )
    if images and bounds is not None:
        raise InputError("bounds", expected="none for a model of images", got=bounds, operation="visualize")
    return [makers[name]() for name in names]
