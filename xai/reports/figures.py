"""Curves and bars in matplotlib, as axes for scripts and as inline SVG for reports."""

from __future__ import annotations

import hashlib
import io
import re
from textwrap import fill
from xml.etree import ElementTree

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from xai.reports.pictures import AGAINST, FOR, MAGNITUDE
from xai.results.explanation import Explanation, Visualization

__all__ = [
    "bars_figure",
    "curve_figure",
    "drawn_as",
    "half_widths",
    "inline_svg",
    "plot_explanation",
    "plot_visualization",
]

STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
SVG = "http://www.w3.org/2000/svg"
BROAD = 48  # characters under a figure of bars
LARGEST = 15  # bars of a list that may be long
SIDES = {"f": FOR, "a": AGAINST, "m": MAGNITUDE}


def _color(rgb: tuple[int, int, int]) -> tuple[float, ...]:
    return tuple(channel / 255 for channel in rgb)


def drawn_as(explanation: Explanation) -> str:
    """Return how an explanation is drawn: as "parts" (bars, shaded words), a "series", a "map" or plain "numbers"."""
    values, inputs = explanation.values[0], explanation.inputs
    if explanation.over in ("features", "tokens", "steps"):
        return "parts"
    layer = explanation.options.get("run", {}).get("explains")
    if layer is not None and explanation.over != "segments":  # feature maps lie over an image, other units nowhere
        return "map" if inputs.ndim == 4 and values.ndim == 3 else "numbers"
    return "map" if inputs.ndim == 4 else "series" if inputs.ndim == 3 and values.ndim == 2 else "numbers"


def plot_explanation(explanation: Explanation) -> Figure:
    """Draw the first row: input and map for images, bars for rows; of a layer's units, the largest."""
    title = _plain(f"{explanation.method}: {explanation.target_name()}")
    kind = drawn_as(explanation)
    if kind == "parts":
        return surrogate_figure(explanation, title)
    if kind == "series":
        from xai.reports.series import series_figure

        return series_figure(explanation)
    if kind == "numbers":
        values = explanation.values[0].flatten()
        if explanation.over == "layer":
            order = values.abs().argsort(descending=True)[:LARGEST].tolist()
            names = [_place(number, explanation.values[0].shape) for number in order]
            return bars_figure(names, values[order].tolist(), None, title)
        names = list(explanation.names) or [f"x{number}" for number in range(len(values))]
        return bars_figure(names, values.tolist(), None, title)
    figure = Figure(figsize=(6, 3), layout="constrained")
    image, heat = figure.subplots(1, 2)
    image.imshow(_shown(explanation.inputs[0]), cmap="gray")
    image.set_title("input")
    values = explanation.heatmap()[0].cpu()
    bound = max(float(values.abs().max()), 1e-12)
    from matplotlib.colors import LinearSegmentedColormap

    diverging = LinearSegmentedColormap.from_list("for_against", [_color(AGAINST), (1, 1, 1), _color(FOR)])
    sequential = LinearSegmentedColormap.from_list("magnitude", [(1, 1, 1), _color(MAGNITUDE)])
    signed = bool((values < 0).any())
    drawn = heat.imshow(
        values.numpy(), cmap=diverging if signed else sequential, vmin=-bound if signed else 0, vmax=bound
    )
    figure.colorbar(drawn, ax=heat)
    heat.set_title(title)
    for axes in (image, heat):
        axes.set_axis_off()
    return figure


def _place(number: int, shape: tuple[int, ...]) -> str:
    return ", ".join(str(int(index)) for index in np.unravel_index(number, shape))


def surrogate_figure(explanation: Explanation, title: str, count: int = LARGEST) -> Figure:
    """Draw a surrogate's largest weights of the first row as bars with whiskers; of a text, the text shaded above."""
    order = explanation.values[0].abs().argsort(descending=True)[:count].tolist()
    names = explanation.value_names()
    reach = half_widths(explanation)
    figure = bars_figure(
        [names[number] for number in order],
        [float(explanation.values[0][number]) for number in order],
        None if reach is None else [reach[number] for number in order],
        title,
    )
    if explanation.over == "tokens":
        from xai.reports.surrogates import shaded_pieces

        width, height = figure.get_size_inches()
        pieces = shaded_pieces(explanation)
        lines = 1 + sum(len(piece.text) for piece in pieces) // LINE + sum(piece.text.count("\n") for piece in pieces)
        tall = 0.22 * lines + 0.2
        figure.set_layout_engine("none")
        figure.set_size_inches(max(width, 5.2), height + tall)
        bars = figure.axes[0]
        share = height / (height + tall)
        bars.set_position((0.26, 0.5 / (height + tall), 0.7, share - 0.62 / (height + tall)))
        _shade(figure.add_axes((0.03, share, 0.94, 1 - share)), pieces, lines)
    return figure


LINE = 62


def _shade(axes: Axes, pieces: list, lines: int) -> None:
    """Write a text into axes, LINE characters to a line, its pieces on their colors."""
    axes.set_axis_off()
    axes.set_xlim(0, LINE)
    axes.set_ylim(-lines, 0.3)
    column, row = 0, 0
    for piece in pieces:
        for part in re.findall(r"\n|[^\n]+", piece.text):
            if part == "\n" or column + len(part) > LINE:
                column, row = 0, row + 1
            if part == "\n":
                continue
            if piece.shade:
                color, level = _color(SIDES[piece.shade[0]]), int(piece.shade[1])
                axes.add_patch(Rectangle((column, -row - 0.85), len(part), 0.9, color=color, alpha=0.15 * level, lw=0))
            axes.text(column, -row - 0.7, _plain(part), family="monospace", fontsize=9.3)
            column += len(part)


def plot_visualization(visualization: Visualization) -> Figure:
    """Draw the first image at its snapshots (or the row or series that was made), and its activation by step."""
    images = visualization.kind == "image"
    steps = sorted(visualization.snapshots) if images else []
    numbers = not images and visualization.words is None
    figure = Figure(figsize=(2.2 * (len(steps) + 1 + numbers), 2.4), layout="constrained")
    axes = figure.subplots(1, len(steps) + 1 + numbers, squeeze=False)[0]
    if numbers:
        values = visualization.values[0].detach().float().cpu()
        axes[0].plot(values.flatten(1).numpy() if values.ndim > 1 else values.numpy(), marker=".")
        axes[0].set_title("step by step" if values.ndim > 1 else "by column", fontsize=9)
    for place, step in zip(axes, steps):
        place.imshow(_shown(visualization.snapshots[step][0]), cmap="gray")
        place.set_title(f"step {step}")
        place.set_axis_off()
    axes[-1].plot(visualization.activations[0].cpu())
    axes[-1].set_title(_plain(visualization.objective[0]), fontsize=9)
    axes[-1].set_xlabel("step")
    return figure


def _shown(image: Tensor) -> np.ndarray:
    """Return an image (C, H, W) as matplotlib draws it: color where it has three channels, else their mean."""
    pixels = image.detach().float().cpu()
    pixels = pixels if pixels.shape[0] == 3 else pixels.mean(0, keepdim=True)
    low, high = float(pixels.min()), float(pixels.max())
    return ((pixels - low) / max(high - low, 1e-12)).permute(1, 2, 0).squeeze(-1).numpy()


def half_widths(explanation: Explanation) -> list[float] | None:
    """Return how far the 95 % intervals of the first row's values reach to either side, None without errors."""
    if explanation.standard_error is None:
        return None
    low, high = explanation.interval()[0].flatten(1)
    return ((high - low) / 2).tolist()


def bars_figure(names: list[str], values: list[float], whiskers: list[float] | None, title: str) -> Figure:
    """Return signed horizontal bars, the first on top, with whiskers so far to either side."""
    with rc_context(STYLE):
        figure = Figure(figsize=(3.6, 0.55 + 0.2 * len(names)), layout="constrained")
        axes = figure.subplots()
        places = np.arange(len(names))[::-1]
        colors = [_color(FOR) if value >= 0 else _color(AGAINST) for value in values]
        axes.barh(places, values, xerr=whiskers, color=colors, height=0.7, error_kw={"linewidth": 1, "capsize": 2})
        axes.set_yticks(places, [_plain(name) for name in names])
        axes.axvline(0, linewidth=0.8, color="black")
        # Below the figure's middle: names take much of its width, and a label below the axes would be cut off.
        figure.supxlabel(fill(_plain(title), BROAD, break_on_hyphens=False), fontsize="medium")
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
    with rc_context({**STYLE, "svg.hashsalt": label}):
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
    _own_ids(root, hashlib.sha256((label + buffer.getvalue()).encode()).hexdigest()[:10])
    root.set("role", "img")
    root.set("aria-label", label)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _own_ids(root: ElementTree.Element, prefix: str) -> None:
    """Give the ids that are referred to a prefix of this figure's own, and drop the others."""
    referred = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            found = re.findall(r"url\(#([^)]+)\)", value) + re.findall(r"^#(.+)$", value if "href" in name else "")
            referred |= set(found)
            for old in found:
                element.set(name, value.replace(f"#{old}", f"#{prefix}-{old}"))
    for element in root.iter():
        old = element.attrib.pop("id", None)
        if old in referred:
            element.set("id", f"{prefix}-{old}")


def _declarations(style: str) -> list[tuple[str, str]]:
    pairs = (part.split(":", 1) for part in style.split(";") if ":" in part)
    return [(name.strip(), value.strip()) for name, value in pairs]


def _plain(text: str) -> str:
    # matplotlib reads $...$ as mathematics; a class name is just text. Control characters have no place in XML.
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in str(text))
    return text.replace("$", r"\$")
