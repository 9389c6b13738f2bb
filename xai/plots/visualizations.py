"""An optimized input as a figure: how it came about, and its activation by step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xai.plots.style import pixels_to_draw, plain_text
from xai.plots.translation import translate
from xai.results.visualization import Visualization

__all__ = ["visualization_figure"]

Draw = Callable[[Axes], None]


def visualization_figure(visualization: Visualization) -> Figure:
    """Draw the first image at its snapshots (or the row or series that was made), and its activation by step."""
    drawings = DRAWINGS.get(visualization.kind, _numbers)(visualization)
    figure = Figure(figsize=(2.2 * (len(drawings) + 1), 2.4), layout="constrained")
    *panels, last = figure.subplots(1, len(drawings) + 1, squeeze=False)[0]
    for axes, draw in zip(panels, drawings, strict=True):
        draw(axes)
    last.plot(visualization.activations[0].cpu())
    last.set_title(plain_text(visualization.objective[0]), fontsize=9)
    last.set_xlabel(translate("step"))
    return figure


def _snapshots(visualization: Visualization) -> list[Draw]:
    def draw(axes: Axes, step: int) -> None:
        axes.imshow(pixels_to_draw(visualization.snapshots[step][0]), cmap="gray")
        axes.set_title(translate("step {number}", number=step))
        axes.set_axis_off()

    return [partial(draw, step=step) for step in sorted(visualization.snapshots)]


def _numbers(visualization: Visualization) -> list[Draw]:
    values = visualization.values[0].detach().float().cpu()
    steps = values.ndim > 1

    def draw(axes: Axes) -> None:
        axes.plot(values.flatten(1).numpy() if steps else values.numpy(), marker=".")
        axes.set_title(translate("step by step" if steps else "by column"), fontsize=9)

    return [draw]


# By the kind of input; a text is read, not drawn.
DRAWINGS: dict[str, Callable[[Visualization], list[Draw]]] = {"image": _snapshots, "text": lambda _: []}
