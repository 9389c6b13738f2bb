"""Series of numbers under explanation: each channel's curve over a strip of what mattered when."""

from __future__ import annotations

from matplotlib.figure import Figure
from torch import Tensor

from xai.plots.style import draw_heat, in_style, plain_text
from xai.plots.translation import translate
from xai.results.explanation import Explanation

__all__ = ["MOST_CURVES", "present_steps", "series_figure"]

MOST_CURVES = 24
TALLEST, MOST_NAMES = 7.0, 40  # inches of the strip below, and channels that are named beside it


def series_figure(explanation: Explanation, inches: float = 5.2, label: str | None = None) -> Figure:
    """Draw the first row's channels over time, and below them the value of each channel (down) at each step (along).

    inches: how wide. label: what stands below, by default the method and the target as well.
    """
    series, values = explanation.inputs[0].float().cpu(), explanation.values[0].float().cpu()
    count = present_steps(series)
    series, values = series[:count], values[:count]
    channels = series.shape[1]
    names = explanation.names if len(explanation.names) == channels else range(channels)
    tall = min(TALLEST, max(1.2, 0.17 * channels))
    with in_style():
        figure = Figure(figsize=(inches, 1.5 + tall), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1.3, tall])
        deviation = series.std(0).clamp_min(1e-12) if count > 1 else 1.0
        for curve in ((series - series.mean(0)) / deviation).T[:MOST_CURVES].tolist():
            above.plot(range(count), curve, linewidth=0.8, color="#6b7280")
        above.set_ylabel(translate("channels, scaled"), fontsize=7)
        above.tick_params(length=2, labelsize=7)
        drawn = draw_heat(below, values.T, aspect="auto", interpolation="nearest")
        shown = range(0, channels, -(-channels // MOST_NAMES))
        below.set_yticks(shown, [plain_text(names[channel]) for channel in shown], fontsize=7)
        if label is None:
            method, target = explanation.method.replace("_", " "), explanation.target_name()
            label = translate("step ({method} for {target})", method=method, target=target)
        below.set_xlabel(plain_text(label))
        below.tick_params(length=0)
        figure.colorbar(drawn, ax=below, fraction=0.04).ax.tick_params(labelsize=6, length=2)
        return figure


def present_steps(series: Tensor) -> int:
    """Return how many steps of a series (T, D) are not padding, at least one."""
    used = (series != 0).any(1).nonzero()
    return int(used[-1]) + 1 if len(used) else 1
