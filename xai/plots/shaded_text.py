"""A text with its words shaded by their values."""

from __future__ import annotations

import re
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from xai.inputs.code_points import PAIR
from xai.inputs.text import to_texts
from xai.plots.signs import is_signed
from xai.plots.style import AGAINST, FOR, MAGNITUDE, color, plain_text, visible_text
from xai.results.explanation import Explanation

__all__ = ["LEVELS", "LINE", "Shaded", "add_text_above", "lines_of", "shade_of", "shaded_spans", "write_text"]

LEVELS = 5
SIDES = {"f": FOR, "a": AGAINST, "m": MAGNITUDE}
LINE = 62  # characters of a drawn line


class Shaded(NamedTuple):
    """A part of a text: `shade` is "" or "f1" .. "f5" (for), "a1" .. "a5" (against) or "m1" .. "m5" (magnitude).

    note: its weight in words.
    """

    text: str
    shade: str
    note: str


def shade_of(value: float, top: float, signed: bool) -> str:
    """Return the shade of a value where `top` has full color; "" where it has none.

    >>> shade_of(-0.5, 1.0, True), shade_of(0.01, 1.0, True)
    ('a2', '')
    """
    level = round(LEVELS * abs(value) / top)
    side = ("f" if value > 0 else "a") if signed else "m"
    return f"{side}{level}" if level else ""


def shaded_spans(explanation: Explanation) -> list[Shaded]:
    """Return the first row's text in parts; full color is its largest weight.

    A weight whose 95 % interval holds 0 is not shaded: its sign is not known.
    """
    text, owners = _owned(explanation)
    weights = explanation.values[0].tolist()
    top = max((abs(weight) for weight in weights), default=0.0) or 1.0
    signed = is_signed(explanation)
    unsure = [False] * len(weights)
    if explanation.standard_error is not None:
        low, high = explanation.interval()[0]
        unsure = ((low <= 0) & (high >= 0)).tolist()
    spans: list[Shaded] = []
    start = 0
    for index in range(1, len(text) + 1):
        if index < len(text) and owners[index] == owners[start]:
            continue
        owner, part = owners[start], visible_text(text[start:index]).replace(PAIR, "\n")
        start = index
        if owner < 0:
            spans.append(Shaded(part, "", ""))
            continue
        shade = "" if unsure[owner] else shade_of(weights[owner], top, signed)
        spans.append(Shaded(part, shade, f"{weights[owner]:+.3g}" + (", sign unsure" if unsure[owner] else "")))
    return spans


def _owned(explanation: Explanation) -> tuple[str, list[int]]:
    """Return the first row's text, and which word each character belongs to, -1 for none."""
    if explanation.segments is not None:
        text = to_texts(explanation.inputs[:1])[0]
        return text, explanation.segments[0, : len(text)].tolist()
    names = explanation.value_names()  # a text given as numbers of words
    owners = [owner for number, name in enumerate(names) for owner in [number] * len(name) + [-1]][:-1]
    return " ".join(names), owners


def lines_of(spans: list[Shaded]) -> int:
    """Return about how many lines a drawing of a text takes."""
    return 1 + sum(len(span.text) for span in spans) // LINE + sum(span.text.count("\n") for span in spans)


def add_text_above(figure: Figure, explanation: Explanation) -> None:
    """Put the first row's shaded text above a figure of bars, which grows by as much."""
    width, height = figure.get_size_inches()
    spans = shaded_spans(explanation)
    lines = lines_of(spans)
    tall = 0.22 * lines + 0.2
    figure.set_layout_engine("none")
    figure.set_size_inches(max(width, 5.2), height + tall)
    share = height / (height + tall)
    figure.axes[0].set_position((0.26, 0.5 / (height + tall), 0.7, share - 0.62 / (height + tall)))
    write_text(figure.add_axes((0.03, share, 0.94, 1 - share)), spans, lines)


def write_text(axes: Axes, spans: list[Shaded], lines: int) -> None:
    """Write a text into axes, LINE characters to a line, its parts on their colors."""
    axes.set_axis_off()
    axes.set_xlim(0, LINE)
    axes.set_ylim(-lines, 0.3)
    column, row = 0, 0
    for span in spans:
        for part in re.findall(r"\n|[^\n]+", span.text):
            if part == "\n" or column + len(part) > LINE:
                column, row = 0, row + 1
            if part == "\n":
                continue
            if span.shade:
                ink, alpha = color(SIDES[span.shade[0]]), 0.15 * int(span.shade[1])
                axes.add_patch(Rectangle((column, -row - 0.85), len(part), 0.9, color=ink, alpha=alpha, lw=0))
            axes.text(column, -row - 0.7, plain_text(part), family="monospace", fontsize=9.3)
            column += len(part)
