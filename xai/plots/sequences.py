"""Matrices over symbols and steps: what each written symbol rests on, and the gates of a recurrent layer."""

from __future__ import annotations

from matplotlib.figure import Figure

from xai.plots.style import draw_heat, in_style, plain_text, shortened
from xai.plots.translation import translate
from xai.results.prompt_result import PromptAttribution
from xai.results.sequence_results import Alignment, Gates

__all__ = ["alignment_figure", "gates_figure"]

GATES = {
    "input": "input: how much of the new value is let in",
    "forget": "forget: how much of the memory is kept",
    "cell": "cell: the new value",
    "output": "output: how much of the memory is shown",
    "reset": "reset: how much of the state the new value sees",
    "update": "update: how much of the state is kept",
    "new": "new: the new value",
    "state": "state: what the layer puts out",
}
SIGNED_GATES = ("cell", "new", "state")  # these reach from -1 to 1


def alignment_figure(alignment: Alignment | PromptAttribution) -> Figure:
    """Draw the first row's matrices side by side, each on its own scale; blue and orange where signed."""
    matrices, rows, columns = alignment.matrices(), alignment.target[0], alignment.source[0]
    with in_style():
        wide, high = 0.9 + 0.26 * len(columns), 0.9 + 0.24 * len(rows)
        figure = Figure(figsize=(max(2.4, wide) * len(matrices), max(1.8, high)), layout="constrained")
        for axes, (name, matrix) in zip(
            figure.subplots(1, len(matrices), squeeze=False)[0], matrices.items(), strict=True
        ):
            draw_heat(axes, matrix.float().cpu(), aspect="auto", interpolation="nearest")
            axes.set_title(plain_text(name.replace("_", " ")))
            turned = 90 if max(map(len, columns), default=0) > 2 else 0  # words stand on end
            axes.set_xticks(range(len(columns)), [plain_text(symbol) for symbol in columns], rotation=turned)
            axes.set_yticks(range(len(rows)), [plain_text(symbol) for symbol in rows])
            axes.tick_params(length=0)
        return figure


def gates_figure(gates: Gates) -> Figure:
    """Draw the first row's gates: units down, steps along; magenta from 0 to 1, blue and orange from -1 to 1."""
    names, steps = list(gates.gates), gates.steps[0]
    high = -(-len(names) // 2)
    with in_style():
        wide = max(3.2, 1.1 + 0.17 * len(steps))
        figure = Figure(figsize=(2 * wide, 1.9 * high + 0.3), layout="constrained")
        grid = figure.subplots(high, 2, squeeze=False).flatten()
        for axes in grid[len(names) :]:
            axes.set_axis_off()
        for axes, name in zip(grid[: len(names)], names, strict=True):
            matrix, signed = gates.gates[name][0].T, name in SIGNED_GATES
            drawn = draw_heat(axes, matrix, signed=signed, bound=1, aspect="auto", interpolation="nearest")
            axes.set_title(plain_text(translate(GATES[name]) if name in GATES else name), fontsize=8)
            words = [plain_text(shortened(word, 12)) for word in steps]
            axes.set_xticks(range(len(steps)), words, rotation=90, fontsize=6)
            axes.set_yticks([])
            figure.colorbar(drawn, ax=axes, fraction=0.05).ax.tick_params(labelsize=6, length=2)
        return figure
