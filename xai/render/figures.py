"""Curves and bars in matplotlib, as axes for scripts and as inline SVG for reports."""

from __future__ import annotations

import io
import itertools
import re
from xml.etree import ElementTree

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from xai.core.explanation import Explanation, Visualization
from xai.render.pictures import AGAINST, FOR, MAGNITUDE

__all__ = ["bars_figure", "curve_figure", "inline_svg", "plot_explanation", "plot_visualization"]

STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
_numbers = itertools.count()
SVG = "http://www.w3.org/2000/svg"


def _color(rgb: tuple[int, int, int]) -> tuple[float, ...]:
    return tuple(channel / 255 for channel in rgb)


def plot_explanation(explanation: Explanation) -> Figure:
    """Draw the first row: input and map for images, bars for rows."""
    title = f"{explanation.method}: {explanation.target_name()}"
    if explanation.inputs.ndim != 4:
        values = explanation.values[0].flatten().tolist()
        names = list(explanation.names) or [f"x{number}" for number in range(len(values))]
        return bars_figure(names, values, None, title)
    figure = Figure(figsize=(6, 3), layout="constrained")
    image, heat = figure.subplots(1, 2)
    pixels = explanation.inputs[0].float().cpu()
    low, high = float(pixels.min()), float(pixels.max())
    shown = ((pixels - low) / max(high - low, 1e-12)).permute(1, 2, 0).squeeze(-1)
    image.imshow(shown[..., :3] if shown.ndim == 3 else shown, cmap="gray")
    image.set_title("input")
    values = explanation.heatmap()[0].cpu()
    bound = max(float(values.abs().max()), 1e-12)
    from matplotlib.colors import LinearSegmentedColormap

    diverging = LinearSegmentedColormap.from_list("for_against", [_color(AGAINST), (1, 1, 1), _color(FOR)])
    sequential = LinearSegmentedColormap.from_list("magnitude", [(1, 1, 1), _color(MAGNITUDE)])
    signed = bool((values < 0).any())
    drawn = heat.imshow(values, cmap=diverging if signed else sequential, vmin=-bound if signed else 0, vmax=bound)
    figure.colorbar(drawn, ax=heat)
    heat.set_title(title)
    for axes in (image, heat):
        axes.set_axis_off()
    return figure


def plot_visualization(visualization: Visualization) -> Figure:
    """Draw the first image at its snapshots, and its activation by step."""
    steps = sorted(visualization.snapshots)
    figure = Figure(figsize=(2.2 * (len(steps) + 1), 2.4), layout="constrained")
    axes = figure.subplots(1, len(steps) + 1)
    for place, step in zip(axes, steps):
        pixels = visualization.snapshots[step][0].float().cpu()
        low, high = float(pixels.min()), float(pixels.max())
        place.imshow(((pixels - low) / max(high - low, 1e-12)).permute(1, 2, 0).squeeze(-1), cmap="gray")
        place.set_title(f"step {step}")
        place.set_axis_off()
    axes[-1].plot(visualization.activations[0].cpu())
    axes[-1].set_title(visualization.objective[0], fontsize=9)
    axes[-1].set_xlabel("step")
    return figure


def bars_figure(names: list[str], values: list[float], errors: list[float] | None, title: str) -> Figure:
    """Return signed horizontal bars, the first on top, with 95 % whiskers where standard errors are given."""
    with rc_context(STYLE):
        figure = Figure(figsize=(3.6, 0.55 + 0.2 * len(names)), layout="constrained")
        axes = figure.subplots()
        places = np.arange(len(names))[::-1]
        colors = [_color(FOR) if value >= 0 else _color(AGAINST) for value in values]
        whiskers = None if errors is None else [1.96 * error for error in errors]
        axes.barh(places, values, xerr=whiskers, color=colors, height=0.7, error_kw={"linewidth": 1, "capsize": 2})
        axes.set_yticks(places, [_plain(name) for name in names])
        axes.axvline(0, linewidth=0.8, color="black")
        axes.set_xlabel(_plain(title))
        axes.tick_params(length=2)
        return figure


def curve_figure(x: list[float], curves: dict[str, list[float]], x_label: str, y_label: str) -> Figure:
    """Return curves over one axis; the first in color, the others (controls) dashed."""
    with rc_context(STYLE):
        figure = Figure(figsize=(3.4, 2.2), layout="constrained")
        axes = figure.subplots()
        for number, (name, y) in enumerate(curves.items()):
            color, line = (_color(FOR), "-") if number == 0 else ("black", "--")
            axes.plot(x, y, line, color=color, label=_plain(name), linewidth=1.6 if number == 0 else 1)
        axes.set_xlabel(_plain(x_label))
        axes.set_ylabel(_plain(y_label))
        if len(curves) > 1:
            axes.legend(frameon=False, fontsize=8)
        return figure


def inline_svg(figure: Figure, label: str) -> Markup:
    """Return a figure as SVG to stand inside HTML: no style attributes (a strict policy forbids them), text as text.

    Black becomes the page's own text color. `label` is read out in place of the picture.
    """
    buffer = io.StringIO()
    with rc_context({**STYLE, "svg.hashsalt": f"xai-{next(_numbers)}"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")  # HTML knows no other prefix: no markers
    root = ElementTree.fromstring(buffer.getvalue())
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}style", f"{{{SVG}}}metadata"):
                parent.remove(child)
    for element in root.iter():
        for name, value in _declarations(element.attrib.pop("style", "")):
            if name == "font":
                element.set("font-size", re.search(r"([\d.]+)px", value).group(1))
            else:
                element.set(name, "currentColor" if value in ("#000000", "black") else value)
        if element.tag == f"{{{SVG}}}text" and "fill" not in element.attrib:
            element.set("fill", "currentColor")
    root.set("role", "img")
    root.set("aria-label", label)
    root.attrib.pop("id", None)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _declarations(style: str) -> list[tuple[str, str]]:
    pairs = (part.split(":", 1) for part in style.split(";") if ":" in part)
    return [(name.strip(), value.strip()) for name, value in pairs]


def _plain(text: str) -> str:
    # matplotlib reads $...$ as mathematics; a class name is just text. Control characters have no place in XML.
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in str(text))
    return text.replace("$", r"\$")
