"""A page of views of a whole network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xai.core.images import LabelledImages, read_image
from xai.core.model import Model
from xai.render.report import Report, Section
from xai.render.sections.atlas import atlas_section
from xai.render.sections.strips import ablation_section, depth_section, emergence_section, maps_section
from xai.render.sections.units import units_section
from xai.render.units_report import choose_units, visualize_groups
from xai.visualization.ablation import ablation
from xai.visualization.ascent import visualize
from xai.visualization.emergence import checkpoints, emergence

__all__ = ["views_report"]

UNITS_BY_DEPTH, UNITS_OVER_TIME, MOST_REAL = 8, 4, 200


def views_report(
    model: Model,
    folder: str | Path,
    views: Sequence[str],
    layers: Sequence[str],
    channels: Sequence[int],
    image: str | None,
    path: str | Path,
    *,
    real: LabelledImages | None = None,
    steps: int = 256,
    size: int | None = None,
    seed: int = 0,
) -> Path:
    """Make the named views of a model and write them as one page; returns its path.

    Raises InputError for a layer or channel that is not there, FolderError where no epochs were kept.
    """
    settings = {"steps": steps, "size": size, "seed": seed}
    titles = model.trace().titles()
    source = "" if real is None else real.source
    compared = {**settings, "reference": None if real is None else real.images}
    few = {**settings, "reference": None if real is None else real.images[:MOST_REAL]}

    def units() -> Section:
        groups = visualize_groups(model, choose_units(model, layers, channels), real=compared["reference"], **settings)
        return units_section(model, groups, titles, compared["reference"], source)

    def atlas() -> Section:
        (layer, chosen), *_ = choose_units(model, layers, channels, most=100_000).items()
        return atlas_section(
            model, layer, titles.get(layer, layer), visualize(model, chosen, **compared), compared["reference"], source
        )

    def depth() -> Section:
        chosen = choose_units(model, layers, channels, most=UNITS_BY_DEPTH)
        return depth_section(model, visualize_groups(model, chosen, real=compared["reference"], **settings))

    def one_unit() -> Section:
        group = list(choose_units(model, layers, channels, most=3).values())[-1 if layers else -2]
        return ablation_section(model, ablation(model, group[0], **few))

    def over_time() -> Section:
        files = checkpoints(folder)
        group = list(choose_units(model, layers, channels, most=UNITS_OVER_TIME).values())[-1 if layers else -2]
        return emergence_section(model, emergence(model, files, group, **few))

    def maps() -> Section:
        return maps_section(model, read_image(image, model.input, "visualize"), Path(image).name)

    made = {
        "units": units,
        "atlas": atlas,
        "depth": depth,
        "constraints": one_unit,
        "emergence": over_time,
        "maps": maps,
    }
    return Report(f"{model.name}: views of its units", [made[name]() for name in dict.fromkeys(views)]).save(path)
