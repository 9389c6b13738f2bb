"""Results about pairs as pictures: a matrix of interactions, and bars of the training rows that mattered most."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xai.plots.bars import bars_figure
from xai.plots.style import draw_heat, figure_of, in_style, plain_text
from xai.plots.translation import translate
from xai.results.pair_results import Influence, Interactions

__all__ = ["influence_figure", "interactions_figure"]

MOST_BARS = 8


def interactions_figure(result: Interactions, ax: Axes | None = None) -> Figure:
    """Draw the first row's matrix: what pairs do together, and on the diagonal what each part does alone."""
    names, matrix = [plain_text(name) for name in result.names[0]], result.values[0].double().cpu()
    with in_style():
        side = 1.6 + 0.4 * len(names)
        axes = Figure(figsize=(side + 0.6, side), layout="constrained").subplots() if ax is None else ax
        drawn = draw_heat(axes, matrix, signed=True)
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
        figure = figure_of(axes)
        figure.colorbar(drawn, ax=axes, label=translate("output"), shrink=0.8)
    return figure


def influence_figure(result: Influence, ax: Axes | None = None) -> Figure:
    """Draw the training rows that lowered the first row's loss most, and those that raised it most."""
    rows = list(dict.fromkeys([*result.most(0, MOST_BARS), *reversed(result.least(0, MOST_BARS))]))
    names = [f"row {number}: {result.train_labels[number]}" for number in rows]
    values = [float(result.values[0, number]) for number in rows]
    return bars_figure(names, values, None, f"by how much it lowered the loss of {result.labels[0]}", ax)
