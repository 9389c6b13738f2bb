"""Matrices over symbols: which source symbol each written one rests on, as shaded tables and as a figure."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from xai.reports.escape import render
from xai.reports.figures import STYLE, _color, _plain, inline_svg
from xai.reports.pictures import AGAINST, FOR, MAGNITUDE
from xai.results.sequence_results import Alignment, Gates

__all__ = ["alignment_body", "alignment_figure", "gates_body", "gates_figure", "matrix_figure", "shaded_table"]

LEVELS = 5
SAYS = {
    "gradient": "Gradient times vector: orange source symbols raise the target's log-probability, blue ones lower it.",
    "occlusion": "Occlusion: by how much the log-probability of the target symbol falls without the source symbol.",
    "attention": "Attention weights of each step. They show where it looks; the check says whether it uses that.",
}  # fmt: skip


def alignment_body(alignment: Alignment) -> Markup:
    """Return alignments as HTML, a card per row."""
    cards = []
    for row in alignment:
        matrices = row.matrices()
        cards.append(
            {
                "title": f"{''.join(row.source[0])} → {' '.join(row.target[0])}"
                if all(len(symbol) == 1 for symbol in row.source[0])
                else f"{' '.join(row.source[0])} → {' '.join(row.target[0])}",
                "tables": [
                    shaded_table(name, SAYS[name], row.target[0], row.source[0], matrix)
                    for name, matrix in matrices.items()
                ],
                "said": [
                    {"name": name, "value": value}
                    for name, value in zip(row.target[0], row.probability[0].float().tolist())
                ],
                "agreement": row.diagnostics[0],
                "findings": row.evidence[0],
            }
        )
    return render("alignment.html", cards=cards)


def shaded_table(
    name: str, says: str, rows: Sequence[str], columns: Sequence[str], matrix: Tensor
) -> dict[str, object]:
    """Return what a shaded table shows: cells with a level of color, the largest magnitude having all of it."""
    values = matrix.float().cpu()
    top = float(values.abs().max()) or 1.0
    signed = bool((values < 0).any()) or name in ("gradient", "occlusion")

    def cell(value: float) -> dict[str, object]:
        level = round(LEVELS * abs(value) / top)
        side = ("f" if value > 0 else "a") if signed else "m"
        return {"value": value, "shade": f"{side}{level}" if level else ""}

    lines = [{"name": said, "cells": [cell(value) for value in line]} for said, line in zip(rows, values.tolist())]
    return {"name": name, "says": says, "columns": list(columns), "lines": lines, "top": top}


def alignment_figure(alignment: Alignment) -> Figure:
    """Draw the first row's matrices side by side."""
    return matrix_figure(alignment.matrices(), alignment.target[0], alignment.source[0])


def matrix_figure(matrices: dict[str, Tensor], rows: Sequence[str], columns: Sequence[str]) -> Figure:
    """Draw matrices of the same rows and columns side by side, each on its own scale; blue and orange where signed."""
    diverging = LinearSegmentedColormap.from_list("for_against", [_color(AGAINST), (1, 1, 1), _color(FOR)])
    sequential = LinearSegmentedColormap.from_list("magnitude", [(1, 1, 1), _color(MAGNITUDE)])
    with rc_context(STYLE):
        wide, high = 0.9 + 0.26 * len(columns), 0.9 + 0.24 * len(rows)
        figure = Figure(figsize=(max(2.4, wide) * len(matrices), max(1.8, high)), layout="constrained")
        for axes, (name, matrix) in zip(figure.subplots(1, len(matrices), squeeze=False)[0], matrices.items()):
            values = matrix.float().cpu().numpy()
            bound = max(float(abs(values).max()), 1e-12)
            signed = bool((values < 0).any())
            axes.imshow(
                values, cmap=diverging if signed else sequential, vmin=-bound if signed else 0, vmax=bound,
                aspect="auto", interpolation="nearest",
            )  # fmt: skip
            axes.set_title(_plain(name))
            axes.set_xticks(range(len(columns)), [_plain(symbol) for symbol in columns])
            axes.set_yticks(range(len(rows)), [_plain(symbol) for symbol in rows])
            axes.tick_params(length=0)
        return figure


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


def gates_figure(gates: Gates) -> Figure:
    """Draw the first row's gates: units down, steps along; magenta from 0 to 1, blue and orange from -1 to 1."""
    diverging = LinearSegmentedColormap.from_list("for_against", [_color(AGAINST), (1, 1, 1), _color(FOR)])
    sequential = LinearSegmentedColormap.from_list("magnitude", [(1, 1, 1), _color(MAGNITUDE)])
    names, steps = list(gates.gates), gates.steps[0]
    with rc_context(STYLE):
        wide = max(3.2, 1.1 + 0.17 * len(steps))
        figure = Figure(figsize=(2 * wide, 1.9 * -(-len(names) // 2) + 0.3), layout="constrained")
        grid = figure.subplots(-(-len(names) // 2), 2, squeeze=False).flatten()
        for axes in grid[len(names) :]:
            axes.set_axis_off()
        for axes, name in zip(grid, names):
            signed = name in ("cell", "new", "state")
            drawn = axes.imshow(
                gates.gates[name][0].T.numpy(), cmap=diverging if signed else sequential, vmin=-1 if signed else 0,
                vmax=1, aspect="auto", interpolation="nearest",
            )  # fmt: skip
            axes.set_title(_plain(GATES.get(name, name)), fontsize=8)
            words = [word if len(word) <= 12 else f"{word[:11]}…" for word in steps]
            axes.set_xticks(range(len(steps)), [_plain(word) for word in words], rotation=90, fontsize=6)
            axes.set_yticks([])
            figure.colorbar(drawn, ax=axes, fraction=0.05).ax.tick_params(labelsize=6, length=2)
        return figure


def gates_body(gates: Gates) -> Markup:
    """Return each row's gates as a picture, with how well they give the states again."""
    cards = [
        {
            "title": " ".join(row.steps[0]) if not row.steps[0][0].isdecimal() else f"{len(row.steps[0])} steps",
            "svg": inline_svg(gates_figure(row), f"Gates of {row.layer}, units by steps"),
            "error": row.diagnostics[0]["equation_error"],
        }
        for row in gates
    ]
    return render("gates.html", cards=cards, layer=gates.layer, kind=gates.kind, directions=gates.directions)
