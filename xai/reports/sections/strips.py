"""Pictures in labelled rows: a unit under constraints, over epochs, units by depth, kernels and feature maps."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from xai.model.model import Model
from xai.model.receptive_fields import receptive_fields
from xai.plots.pictures import image_picture, is_small, pixel_range
from xai.reports.escape import render
from xai.reports.page import Section
from xai.reports.unit_views import unit_numbers, verdict
from xai.results.visualization import Visualization
from xai.visualization.feature_maps import feature_maps, first_kernels

__all__ = ["ablation_section", "depth_section", "emergence_section", "maps_section"]

MOST_MAPS = 16  # of a layer; a wider one shows those that vary most


def ablation_section(model: Model, made: Mapping[str, Visualization], candidates: int = 1) -> Section:
    """Return the chapter that shows one unit with no constraint, with each alone, and with all.

    candidates: how many units it was chosen from.
    """
    name = next(iter(made.values())).objective[0]
    chosen = f" (of {candidates}, the one that leads most over real images)" if candidates > 1 else ""
    text = (
        f"The same unit, {name}{chosen}, from the same noise: by plain gradient ascent on pixels, with each constraint "
        "added to that alone, and with all of them. Without any, the ascent leaves the range of pixels, and what it "
        "finds is lost when the image is moved a little. Values beyond the range are cut for display."
    )
    rows = [(name, _captions(model, {name: item})) for name, item in made.items()]
    return _section("constraints", "Why the constraints are there", text, rows, made)


def emergence_section(model: Model, made: Mapping[str, Visualization]) -> Section:
    """Return the chapter that shows units, one a row, over the checkpoints of a training run."""
    first = next(iter(made.values()))
    text = "The same units, from the same noise, in the weights after each of these epochs: how a feature emerges."
    rows = [
        (name, _captions(model, {step: item[row] for step, item in made.items()}, keys=True))
        for row, name in enumerate(first.objective)
    ]
    return _section("emergence", "How features emerge in training", text, rows, made)


def depth_section(model: Model, groups: Mapping[str, Visualization]) -> Section:
    """Return the chapter that shows units of each layer in the order of depth, with what the layer can see."""
    sees = receptive_fields(model)
    text = (
        "From the first layer to the last. In networks trained on photographs, units go from edges and textures over "
        "patterns to parts and objects as they see more of the image."
    )
    rows = []
    for layer, made in groups.items():
        field = sees.get(layer)
        seen = "" if field is None else " (sees all)" if None in field else f" (sees {field[0]} × {field[1]})"
        rows.append((layer + seen, _captions(model, dict(zip(made.objective, made, strict=True)), layer=layer)))
    return _section("depth", "By depth", text, rows, groups)


def maps_section(model: Model, image: Tensor, name: str) -> Section:
    """Return the chapter that shows the first kernels and the feature maps (C, H, W) of one image (1, C, H, W)."""
    layer, kernels = first_kernels(model)
    low, high = pixel_range(model.input, image)
    rows = [
        (
            name,
            [{"name": name, "picture": image_picture(image[0], low, high), "small": True, "words": None, "text": ""}],
        )
    ]
    bound = float(kernels.abs().max())
    rows.append(
        (
            f"{layer}: kernels",
            [_plain(f"{layer} kernel {number}", kernel, -bound, bound) for number, kernel in enumerate(kernels[:32])],
        )
    )
    for layer_name, maps in feature_maps(model, image).items():
        order = maps.flatten(1).var(1).argsort(descending=True)[:MOST_MAPS].sort().values.tolist()
        low, high = float(maps.min()), float(maps.max())
        pictures = [
            _plain(f"channel {number}", maps[number : number + 1], low, max(high, low + 1e-9)) for number in order
        ]
        rows.append((f"{layer_name}: {len(order)} of {len(maps)} maps", pictures))
    text = (
        "Gray is 0 in a kernel, white positive, black negative. A feature map is bright where its channel answers, "
        "before the nonlinearity, on one scale for a layer; of wide layers the maps that vary most are shown."
    )
    body = render("strips.html", text=text, rows=rows)
    return Section("maps", "Kernels and feature maps", body, {"image": name})


def _plain(name: str, picture: Tensor, low: float, high: float) -> dict[str, object]:
    return {"name": name, "picture": image_picture(picture, low, high), "small": True, "words": None, "text": ""}


def _captions(
    model: Model, made: Mapping[str, Visualization], keys: bool = False, layer: str = ""
) -> list[dict[str, object]]:
    views: list[dict[str, object]] = []
    for key, row in made.items():
        low, high = pixel_range(model.input, row.image)
        found = verdict(row)
        words = f"{found['mark']} {found['words']}" if found else ""
        views.append(
            {
                "name": f"{row.objective[0]} {key}" if keys else key,
                "picture": image_picture(row.image[0], low, high),
                "small": is_small(row.image),
                "status": found["status"] if found else "",
                "short": key if keys else key.removeprefix(f"{layer} channel "),
                "words": f"{words}; reaches {float(row.reached[0]):.3g}, changed {float(row.transformed[0]):.3g}",
                "range": f"values {float(row.image.min()):.2f} to {float(row.image.max()):.2f}",
                "text": found["text"] if found else "",
            }
        )
    return views


def _section(
    id: str, title: str, text: str, rows: list[tuple[str, list[dict[str, object]]]], made: Mapping[str, Visualization]
) -> Section:
    numbers: dict[str, object] = {name: [unit_numbers(row) for row in item] for name, item in made.items()}
    return Section(id, title, render("strips.html", text=text, rows=rows), numbers)
