"""Panels of an experiment as one figure: curves, points, bars and contours in colors that can be told apart."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xai.base.experiment import Panel, Series
from xai.plots.style import GRAY, SEVERAL, in_style, plain_text, shortened

__all__ = ["panel_figure"]

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
BESIDE = 52  # characters of names that fit side by side below the axes
THIN = {"linewidth": 1}
NAME = 30  # characters of a name beside a bar


def panel_figure(panel: Panel) -> Figure:
    """Return a figure of one panel; the legend stands below the axes, so that it hides nothing."""
    rows = -(-len(panel.series) // 2) if len(panel.series) > 1 else 0
    if _names_collide(panel):
        return _lying(panel, rows)
    with in_style():
        figure = Figure(figsize=(4.2, 2.8 + 0.17 * rows), layout="constrained")
        axes = figure.subplots()
        if panel.surface is not None:
            surface = panel.surface
            axes.contour(surface.x, surface.y, surface.z, levels=9, colors=GRAY, linewidths=0.6, alpha=0.7)
            axes.set(xlim=(surface.x[0], surface.x[-1]), ylim=(surface.y[0], surface.y[-1]))
            axes.set_autoscale_on(False)
        bars = [series for series in panel.series if series.style == "bars"]
        for number, series in enumerate(panel.series):
            _draw(axes, series, number, bars, thin=panel.surface is not None)
        if panel.log_x:
            axes.set_xscale("log")
        if panel.log_y:
            axes.set_yscale("log")
        if panel.categories is not None:
            axes.set_xticks(range(len(panel.categories)), [_lines(name) for name in panel.categories])
        axes.set_xlabel(plain_text(panel.x_label))
        axes.set_ylabel(plain_text(panel.y_label))
        axes.tick_params(length=2, which="both")
        if len(panel.series) > 1:
            figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
        return figure


def _names_collide(panel: Panel) -> bool:
    """Say whether bars have names too long to stand side by side."""
    if panel.categories is None or any(series.style != "bars" for series in panel.series):
        return False
    longest = max(len(line) for name in panel.categories for line in name.split("\n"))
    return (longest + 1) * len(panel.categories) > BESIDE


def _lying(panel: Panel, rows: int) -> Figure:
    """Return bars that lie, the first on top, each set of them beside its name."""
    names, count = panel.categories or [], len(panel.series)
    height = 0.8 / count
    with in_style():
        figure = Figure(figsize=(4.2, 0.7 + 0.17 * rows + len(names) * (0.14 + 0.12 * count)), layout="constrained")
        axes = figure.subplots()
        for number, series in enumerate(panel.series):
            along = [x + (number - (count - 1) / 2) * height for x in series.x]
            shade, label = SEVERAL[number % len(SEVERAL)], plain_text(series.name)
            axes.barh(along, series.y, height * 0.92, xerr=series.error, color=shade, label=label, error_kw=THIN)
        axes.set_yticks(range(len(names)), [plain_text(shortened(name.replace("\n", " "), NAME)) for name in names])
        axes.invert_yaxis()
        if panel.log_y:
            axes.set_xscale("log")
        axes.set_xlabel(plain_text(panel.y_label))
        axes.set_ylabel(plain_text(panel.x_label))
        axes.tick_params(length=2, which="both")
        if count > 1:
            figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
        return figure


def _draw(axes: Axes, series: Series, number: int, bars: list[Series], thin: bool) -> None:
    color, marker, label = SEVERAL[number % len(SEVERAL)], MARKERS[number % len(MARKERS)], plain_text(series.name)
    if series.style == "bars":
        width = 0.8 / len(bars)
        left = (bars.index(series) - (len(bars) - 1) / 2) * width
        along = [x + left for x in series.x]
        axes.bar(along, series.y, width * 0.92, yerr=series.error, color=color, label=label, error_kw=THIN)
    elif series.style == "points":
        size = 4.5 if len(series.x) < 100 else 2
        axes.plot(series.x, series.y, marker, color=color, markersize=size, label=label)
    elif series.style == "dashed":
        axes.plot(series.x, series.y, "--", color=color, linewidth=1.2, label=label)
    else:
        few = len(series.x) <= 15
        axes.plot(
            series.x, series.y, color=color, linewidth=1.6, label=label, marker=marker if few else "", markersize=4
        )
        if series.error is not None:
            low = [y - error for y, error in zip(series.y, series.error, strict=True)]
            high = [y + error for y, error in zip(series.y, series.error, strict=True)]
            axes.fill_between(series.x, low, high, color=color, alpha=0.2, linewidth=0)


def _lines(text: str) -> str:
    return "\n".join(plain_text(line) for line in text.split("\n"))
