"""A map of a volume: three slices through its largest value, one along each side, above them the volume there."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from xai.plots.signs import is_signed
from xai.plots.style import draw_heat, pixels_to_draw
from xai.plots.translation import translate
from xai.results.explanation import Explanation

__all__ = ["volume_figure"]


def volume_figure(explanation: Explanation) -> Figure:
    """Draw the first row, a map (C, D, H, W), (D, H, W) or of segments of a volume.

    All slices of the map have one scale of color, so that they can be compared.
    """
    heat = explanation.heatmap()[0].cpu()
    slices = np.unravel_index(int(heat.abs().argmax()), heat.shape)
    figure = Figure(figsize=(7, 4.6), layout="constrained")
    above, below = figure.subplots(2, 3)
    bound, drawn = max(float(heat.abs().max()), 1e-12), []
    for side, (image, map_axes) in enumerate(zip(above, below, strict=True)):
        number = int(slices[side])
        image.imshow(pixels_to_draw(explanation.inputs[0].select(side + 1, number)), cmap="gray")
        title = "side {side}, slice {number} of {count}"
        image.set_title(translate(title, side=side + 1, number=number + 1, count=heat.shape[side]), fontsize="medium")
        drawn.append(draw_heat(map_axes, heat.select(side, number), signed=is_signed(explanation), bound=bound))
        for axes in (image, map_axes):
            axes.set_axis_off()
    figure.colorbar(drawn[0], ax=below, shrink=0.8)
    return figure
