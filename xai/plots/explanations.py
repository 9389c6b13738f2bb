"""An explanation of one row as a figure: a map beside its image, bars, shaded words above bars, or a series."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xai.base.errors import InputError
from xai.inputs.tensor import form_of, is_volume
from xai.plots.bars import LARGEST, bars_figure, weights_figure
from xai.plots.series import series_figure
from xai.plots.shaded_text import add_text_above
from xai.plots.style import draw_heat, figure_of, pixels_to_draw, plain_text
from xai.plots.translation import translate
from xai.plots.volumes import volume_figure
from xai.results.explanation import Explanation

__all__ = ["drawn_as", "explanation_figure"]

MOST_BARS = 60  # of all values of a row; of more the largest are drawn
OF_PARTS = ("features", "tokens", "steps")
# By the axes of a row's values and the form of its inputs: a map lies over an image, a curve over a series.
BY_AXES = {(2, "grid"): "map", (3, "grid"): "map", (1, "grid"): "map", (2, "steps"): "series"}
OF_A_LAYER = {(3, "grid"): "map"}  # feature maps lie over an image, other units nowhere


def drawn_as(explanation: Explanation) -> str:
    """Return how it is drawn: as "parts" (bars, shaded words), a "series", a "map", a "volume" or plain "numbers"."""
    if explanation.over in OF_PARTS:
        return "parts"
    of_layer = "explains" in explanation.options.get("run", {}) and explanation.over != "segments"
    if is_volume(explanation.inputs) and not of_layer:
        return "volume"
    axes = explanation.values[0].ndim, form_of(explanation.inputs)
    return (OF_A_LAYER if of_layer else BY_AXES).get(axes, "numbers")


def explanation_figure(explanation: Explanation, ax: Axes | None = None) -> Figure:
    """Draw the first row: input and map for images, bars for rows; of a layer's units, the largest.

    ax: where to draw the map or the bars alone. Raises InputError for a series or a volume, which take several axes.
    """
    explanation = explanation[0]
    title = plain_text(f"{explanation.method}: {explanation.target_name()}")
    return FIGURES[drawn_as(explanation)](explanation, title, ax)


def _map(explanation: Explanation, title: str, ax: Axes | None) -> Figure:
    figure = Figure(figsize=(6, 3), layout="constrained") if ax is None else figure_of(ax)
    image, heat = figure.subplots(1, 2) if ax is None else (None, ax)
    figure.colorbar(draw_heat(heat, explanation.heatmap()[0].cpu()), ax=heat)
    heat.set_title(title)
    heat.set_axis_off()
    if image is not None:
        image.imshow(pixels_to_draw(explanation.inputs[0]), cmap="gray")
        image.set_title(translate("input"))
        image.set_axis_off()
    return figure


def _parts(explanation: Explanation, title: str, ax: Axes | None) -> Figure:
    figure = weights_figure(explanation, title, ax=ax)
    if explanation.over == "tokens" and ax is None:
        add_text_above(figure, explanation)
    return figure


def _series(explanation: Explanation, title: str, ax: Axes | None) -> Figure:
    _refuse_axes(ax, "a series")
    return series_figure(explanation)


def _volume(explanation: Explanation, title: str, ax: Axes | None) -> Figure:
    _refuse_axes(ax, "a volume")
    figure = volume_figure(explanation)
    figure.suptitle(title)
    return figure


def _refuse_axes(ax: Axes | None, what: str) -> None:
    if ax is not None:
        raise InputError("ax", expected=f"None for {what}, which takes several axes", got="axes")


def _numbers(explanation: Explanation, title: str, ax: Axes | None) -> Figure:
    values = explanation.values[0]
    count = values.numel()

    def position(index: int) -> str:
        return ", ".join(str(int(coordinate)) for coordinate in np.unravel_index(index, values.shape))

    flat = values.ndim == 1 and explanation.over != "layer"
    names = list(explanation.names) if len(explanation.names) == count else None
    called = names.__getitem__ if names else (lambda index: f"x{index}") if flat else position
    if explanation.over == "layer":
        return weights_figure(explanation, title, name=called, ax=ax)
    if count <= MOST_BARS:
        return bars_figure([called(index) for index in range(count)], values.flatten().tolist(), None, title, ax)
    return weights_figure(
        explanation,
        translate("{title}; the {largest} largest of {count} values", title=title, largest=LARGEST, count=f"{count:,}"),
        name=called,
        ax=ax,
    )


FIGURES: dict[str, Callable[[Explanation, str, Axes | None], Figure]] = {
    "map": _map, "parts": _parts, "series": _series, "volume": _volume, "numbers": _numbers,
}  # fmt: skip
