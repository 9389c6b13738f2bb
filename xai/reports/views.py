"""The views of a network that a page can show: each says what it costs before it is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Unpack

from torch import Tensor

from xai.base.errors import InputError
from xai.inputs.image import ImageInput
from xai.inputs.image_files import read_image
from xai.inputs.text import TextInput
from xai.model.model import Model
from xai.reports.page import Section
from xai.reports.sections.atlas import atlas_section
from xai.reports.sections.grid import grid_section
from xai.reports.sections.made_inputs import made_inputs_section
from xai.reports.sections.strips import ablation_section, depth_section, emergence_section, maps_section
from xai.reports.sections.units import units_section
from xai.reports.unit_choice import LOGITS, MOST_UNITS, choose_units, visualize_groups
from xai.reports.unit_views import lead_over_real
from xai.results.visualization import Visualization
from xai.visualization.ablation import VARIANTS, ablation
from xai.visualization.activation_grid import activation_grid, grid_shape
from xai.visualization.ascent import visualize
from xai.visualization.emergence import checkpoints, emergence
from xai.visualization.image_evidence import control_count
from xai.visualization.images import image_shape
from xai.visualization.objectives import Objective
from xai.visualization.row_limits import row_limits, row_shape
from xai.visualization.settings import VisualizeSettings
from xai.visualization.tokens import token_count

__all__ = ["VIEWS", "View", "Wanted", "plan_views"]

UNITS_BY_DEPTH, UNITS_OVER_TIME, CANDIDATES, MOST_REAL, MOST_OTHER = 8, 4, 8, 200, 8
EVERY_UNIT = 100_000
CELLS = 7  # of a grid, a side


class View(NamedTuple):
    """One section to come: how many inputs are optimized for it, and how it is made."""

    inputs: int
    section: Callable[[], Section]


@dataclass(frozen=True)
class Wanted:
    """What views are asked for: the units of a model, and how they are visualized.

    folder: that of the model, with the weights of its epochs. reference: real inputs (n, ...), called `source`.
    features: what sees how alike images are, as `visualize` takes it.
    """

    model: Model
    folder: str | Path = ""
    layers: Sequence[str] = ()
    channels: Sequence[int] = ()
    class_name: str | None = None
    minimize: bool = False
    image: str | None = None
    reference: Tensor | None = None
    source: str = ""
    bounds: tuple[float, float] | None = None
    steps: int = 256
    size: int | None = None
    seed: int = 0
    features: Model | str | None = None

    def units(self, most: int) -> dict[str, list[Objective]]:
        """Return the units asked for by layer, at most so many of each layer."""
        return choose_units(self.model, self.layers, self.channels, self.class_name, self.minimize, most)

    def deepest(self, most: int) -> list[Objective]:
        """Return units of the last layer, or of the last convolution where none was named."""
        groups = self.units(most)
        named = [name for name in groups if name != LOGITS] or list(groups)
        return groups[named[-1]]

    def made(self, groups: dict[str, list[Objective]], **more: Unpack[VisualizeSettings]) -> dict[str, Visualization]:
        """Return the visualizations of units by layer."""
        settings: VisualizeSettings = {**self._settings(), "features": self.features, **more}
        return visualize_groups(self.model, groups, real=self.reference, **settings)

    def few(self) -> VisualizeSettings:
        """Return the settings of a visualization that is compared with few real inputs."""
        return {**self._settings(), "reference": None if self.reference is None else self.reference[:MOST_REAL]}

    def all(self) -> VisualizeSettings:
        """Return the settings of a visualization that is compared with all real inputs."""
        return {**self._settings(), "reference": self.reference, "features": self.features}

    def count(self, groups: dict[str, list[Objective]]) -> int:
        """Return how many inputs are optimized for units: where images are tested, those of the control as well."""
        everything = [item for group in groups.values() for item in group]
        tested = self.features is not None and self.reference is not None
        return len(everything) + (control_count(everything) if tested else 0)

    def title(self, layer: str) -> str:
        """Return what a layer is called."""
        return self.model.trace().titles().get(layer, layer)

    def _settings(self) -> VisualizeSettings:
        return {"steps": self.steps, "size": self.size, "seed": self.seed}


def units(wanted: Wanted) -> View:
    """Plan the images of units, layer by layer."""
    groups = wanted.units(MOST_UNITS)
    model, titles = wanted.model, wanted.model.trace().titles()
    about = titles, wanted.reference, wanted.source
    return View(wanted.count(groups), lambda: units_section(model, wanted.made(groups), *about))


def rows(wanted: Wanted) -> View:
    """Plan the rows or series that excite units."""
    model, reference = wanted.model, wanted.reference
    shape = row_shape(model.input, wanted.size, reference)
    return _made_inputs(wanted, row_limits(model.input, shape, wanted.bounds, reference))


def texts(wanted: Wanted) -> View:
    """Plan the texts that excite units."""
    token_count(TextInput.of(wanted.model.input), wanted.size)
    return _made_inputs(wanted, None)


def _made_inputs(wanted: Wanted, limits: tuple[Tensor, Tensor] | None) -> View:
    groups = wanted.units(MOST_OTHER)

    def section() -> Section:
        made = wanted.made(groups, source=wanted.source or None, bounds=wanted.bounds)
        return made_inputs_section(wanted.model, made, groups, wanted.reference, wanted.source, limits)

    return View(_count(groups), section)


def atlas(wanted: Wanted) -> View:
    """Plan an image of every channel of a layer."""
    (layer, group), *_ = wanted.units(EVERY_UNIT).items()
    model, title = wanted.model, wanted.title(layer)

    def section() -> Section:
        made = visualize(model, group, **wanted.all())
        return atlas_section(model, layer, title, made, wanted.reference, wanted.source)

    return View(wanted.count({layer: group}), section)


def depth(wanted: Wanted) -> View:
    """Plan a few units of every layer, in the order of depth."""
    groups = wanted.units(UNITS_BY_DEPTH)
    return View(wanted.count(groups), lambda: depth_section(wanted.model, wanted.made(groups)))


def constraints(wanted: Wanted) -> View:
    """Plan one unit with no constraint, with each, and with all."""
    model, group = wanted.model, wanted.deepest(CANDIDATES)
    several = len(group) > 1

    def section() -> Section:
        unit = group[0]
        if several:
            # The clearest of several: what is lost without constraints is seen where there is something to lose.
            candidates = visualize(model, group, **wanted.few())
            unit = group[max(range(len(group)), key=lambda row: lead_over_real(candidates[row]))]
        return ablation_section(model, ablation(model, unit, **wanted.few()), len(group))

    return View(VARIANTS + (len(group) if several else 0), section)


def over_time(wanted: Wanted) -> View:
    """Plan units in the weights after each epoch that was kept."""
    files, group = checkpoints(wanted.folder), wanted.deepest(UNITS_OVER_TIME)
    model = wanted.model
    return View(
        len(files) * len(group), lambda: emergence_section(model, emergence(model, files, group, **wanted.few()))
    )


def maps(wanted: Wanted) -> View:
    """Plan the kernels and feature maps of one image."""
    pixels, name = _image(wanted)
    return View(0, lambda: maps_section(wanted.model, pixels, name))


def grid(wanted: Wanted) -> View:
    """Plan what a layer sees in one image, position by position."""
    model, (pixels, name) = wanted.model, _image(wanted)
    convolutions = [layer.name for layer in model.trace().units() if len(layer.shape) == 3]
    layer = (*wanted.layers, *convolutions[-1:])[0]
    height, width = grid_shape(model, pixels, layer, CELLS)
    title = wanted.title(layer)

    def section() -> Section:
        made, strength = activation_grid(model, pixels, layer, cells=CELLS, **wanted.few())
        return grid_section(model, pixels, name, layer, title, made, strength)

    return View(height * width, section)


def _count(groups: dict[str, list[Objective]]) -> int:
    return sum(map(len, groups.values()))


def _image(wanted: Wanted) -> tuple[Tensor, str]:
    if wanted.image is None:
        raise InputError("image", expected="an image file", got="none", operation="visualize")
    return read_image(wanted.image, wanted.model.input), Path(wanted.image).name


OTHER = "other"  # every kind of input that a view does not name
VIEWS: dict[str, dict[str, Callable[[Wanted], View]]] = {
    "units": {"image": units, "text": texts, OTHER: rows},
    "atlas": {"image": atlas},
    "depth": {"image": depth},
    "constraints": {"image": constraints},
    "emergence": {"image": over_time},
    "maps": {"image": maps},
    "grid": {"image": grid},
}


def _check_image(wanted: Wanted) -> None:
    image_shape(ImageInput.of(wanted.model.input), wanted.size, "fourier")
    if wanted.bounds is not None:
        raise InputError("bounds", expected="none for a model of images", got=wanted.bounds, operation="visualize")


CHECKS: dict[str, Callable[[Wanted], None]] = {"image": _check_image}


def plan_views(
    model: Model,
    folder: str | Path,
    views: Sequence[str],
    *,
    real: tuple[Tensor, str] | None = None,
    **settings: Any,
) -> list[View]:
    """Return the named views of a model; nothing is optimized before a section is asked for.

    Args:
        model: The model.
        folder: Its folder, where the weights of its epochs lie.
        views: Names among `VIEWS`, by default "units".
        real: Real inputs (n, ...) to compare with, and what they are called.
        settings: The other fields of `Wanted`.

    Returns:
        The views in their order.

    Raises:
        InputError: A layer or channel is not there, or a view does not suit the model.
        FolderError: No epochs were kept.
    """
    reference, source = real or (None, "")
    wanted = Wanted(model, folder, reference=reference, source=source, **settings)
    kind = model.input.kind
    CHECKS.get(kind, lambda wanted: None)(wanted)
    suitable = {view: by_kind.get(kind) or by_kind.get(OTHER) for view, by_kind in VIEWS.items()}
    plans = []
    for name in dict.fromkeys(views or ("units",)):
        plan = suitable[name]
        if plan is None:
            known = ", ".join(view for view, suits in suitable.items() if suits is not None)
            raise InputError("view", expected=f"{known}, for a model of {kind} inputs", got=name, operation="visualize")
        plans.append(plan)
    return [plan(wanted) for plan in plans]
