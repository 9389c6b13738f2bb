"""Pictures of the factors of a layer: where each of them lies."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from xai.inputs.tensor import form_of
from xai.plots.bars import bars_figure
from xai.plots.style import FOR, MAGNITUDE, color, in_style, pixels_to_draw, plain_text
from xai.plots.translation import translate
from xai.results.layer_factors import LayerFactors

__all__ = ["factors_figure"]

SHOWN = 5  # inputs for each factor
OPACITY = 0.85


def factors_figure(result: LayerFactors) -> Figure:
    """Draw the inputs that hold most of each factor, with where it lies; of volumes its mean effect as bars."""
    if len(result.size) == 3:
        return bars_figure(list(result.names), result.effects.mean(0).tolist(), None, f"effect in {result.layer}")
    images = len(result.size) == 2 and form_of(result.inputs) == "grid"
    wide = result.heatmaps()
    columns = min(SHOWN, len(wide))
    with in_style():
        figure = Figure(figsize=(1.4 * columns + 0.4, 1.5 * len(result)), layout="constrained")
        grid = figure.subplots(len(result), columns, squeeze=False)
        for number, row in enumerate(grid):
            strongest = wide[:, number].flatten(1).sum(1).argsort(descending=True)[:columns].tolist()
            top = float(wide[:, number].max())
            for axes, index in zip(row, strongest, strict=True):
                draw = _over_image if images else _along_steps
                draw(axes, result.inputs[index], wide[index, number] / max(top, 1e-12))
                axes.set_title(str(index), fontsize=7)
            row[0].set_ylabel(translate("factor {number}", number=number + 1), fontsize=8)
        figure.suptitle(plain_text(result.layer), fontsize=9)
        return figure


def _over_image(axes: Axes, image: Tensor, share: Tensor) -> None:
    axes.imshow(pixels_to_draw(image), cmap="gray", alpha=0.45)
    ink = np.broadcast_to(color(MAGNITUDE), (*share.shape, 3))
    axes.imshow(np.concatenate([ink, OPACITY * share[..., None].clamp(0, 1).numpy()], -1), interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])


def _along_steps(axes: Axes, series: Tensor, share: Tensor) -> None:
    steps = torch.arange(share.numel()).tolist()
    axes.fill_between(steps, share.flatten().tolist(), color=color(FOR), alpha=0.6, linewidth=0)
    axes.set_ylim(0, 1.05)
    axes.tick_params(length=2, labelsize=6)
