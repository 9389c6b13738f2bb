"""Pictures of what a model does as a whole: bars, curves, a tree, examples, concepts."""

from __future__ import annotations

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xai.base.experiment import Panel, Series
from xai.inputs.tensor import form_of
from xai.plots.bars import bars_figure
from xai.plots.panels import panel_figure
from xai.plots.style import FOR, GRAY, color, in_style, pixels_to_draw, plain_text, shortened
from xai.plots.translation import translate
from xai.results.global_results import (
    Concepts,
    Curve,
    Effects,
    Examples,
    Importance,
    Neighbors,
)

__all__ = [
    "concepts_figure",
    "effects_figure",
    "examples_figure",
    "importance_figure",
    "neighbors_figure",
]

MOST_BARS = 20
MOST_CURVES = 60  # individual curves drawn: more make one gray area
COLUMNS = 3


def importance_figure(importance: Importance, ax: Axes | None = None) -> Figure:
    """Draw the falls as bars with 95 % whiskers, the largest on top."""
    order = importance.values.argsort(descending=True)[:MOST_BARS].tolist()
    return bars_figure(
        [importance.names[number] for number in order],
        [float(importance.values[number]) for number in order],
        [1.96 * float(importance.standard_error[number]) for number in order],
        f"fall in {importance.metric.replace('_', '-')} when shuffled",
        ax,
        inches=5.2,
    )


def effects_figure(effects: Effects) -> Figure:
    """Draw each column's curve with its 95 % band, over up to 60 of the rows' own curves."""
    count = len(effects.curves)
    wide = min(COLUMNS, count)
    high = -(-count // wide)
    with in_style():
        alone = (4.6, 2.9)
        figure = Figure(figsize=alone if count == 1 else (3.1 * wide, 2.4 * high), layout="constrained")
        panels = figure.subplots(high, wide, squeeze=False).flatten()
        for axes in panels[count:]:
            axes.set_axis_off()
        for axes, curve in zip(panels[:count], effects.curves, strict=True):
            _draw(axes, curve)
            axes.set_xlabel(plain_text(curve.name))
        unit = effects.of.replace("_", "-")
        figure.supylabel(plain_text(f"{unit} of {effects.target_name()}"), fontsize=9)
        return figure


def _draw(axes: Axes, curve: Curve) -> None:
    x = curve.grid.tolist() if curve.words is None else list(range(len(curve.words)))
    y, error = curve.values, 1.96 * curve.standard_error
    if curve.individual is not None:
        chosen = torch.linspace(0, len(curve.individual) - 1, min(MOST_CURVES, len(curve.individual))).long()
        for line in curve.individual[chosen].tolist():
            axes.plot(x, line, color=GRAY, linewidth=0.5, alpha=0.35)
    if curve.words is None:
        axes.fill_between(x, (y - error).tolist(), (y + error).tolist(), color=color(FOR), alpha=0.25, linewidth=0)
        axes.plot(x, y.tolist(), color=color(FOR), linewidth=1.8, marker="o", markersize=2.5)
    else:
        axes.errorbar(
            x, y.tolist(), error.tolist(), color=color(FOR), marker="o", markersize=3, linewidth=1.2, capsize=2
        )
        names = [plain_text(shortened(word, 14)) for word in curve.words]
        axes.set_xticks(x, names, rotation=60, ha="right", fontsize=7)
    axes.tick_params(length=2)


def examples_figure(examples: Examples) -> Figure:
    """Draw images that excite the first unit most (above) and least; of other inputs, the activations as bars."""
    return EXAMPLES.get(form_of(examples.inputs), _activations)(examples)


def _pictures(examples: Examples) -> Figure:
    count = examples.most.shape[1]
    figure = Figure(figsize=(1.1 * count, 2.6), layout="constrained")
    grid = figure.subplots(2, count, squeeze=False)
    for row, indices in zip(grid, (examples.most[0], examples.least[0]), strict=True):
        for axes, index in zip(row, indices.tolist(), strict=True):
            axes.imshow(pixels_to_draw(examples.inputs[index]), cmap="gray")
            axes.set_axis_off()
            axes.set_title(str(index), fontsize=8)
    figure.suptitle(
        plain_text(
            translate("{layer} unit {number}: most (above) and least", layer=examples.layer, number=examples.units[0])
        ),
        fontsize=9,
    )
    return figure


def _activations(examples: Examples) -> Figure:
    frame = examples.to_frame()
    first = frame[frame["unit"] == examples.units[0]]
    names = [
        f"{side} {rank}: row {row}" for side, rank, row in zip(first["side"], first["rank"], first["row"], strict=True)
    ]
    return bars_figure(names, list(first["activation"]), None, f"{examples.layer} unit {examples.units[0]}")


EXAMPLES = {"grid": _pictures}


def neighbors_figure(neighbors: Neighbors, ax: Axes | None = None) -> Figure:
    """Draw the first row's distances to its neighbors as bars."""
    numbers = neighbors.indices[0].tolist()
    labels = [""] * len(numbers) if neighbors.labels is None else [f" ({label})" for label in neighbors.labels[0]]
    names = [f"row {number}{label}" for number, label in zip(numbers, labels, strict=True)]
    title = f"{neighbors.distance} distance to row 0 ({neighbors.predicted[0]})"
    return bars_figure(names, neighbors.distances[0].tolist(), None, title, ax)


def concepts_figure(concepts: Concepts) -> Figure:
    """Draw each concept's alignment with the gradient beside those of random concepts."""
    positions = list(range(len(concepts.names)))
    beside = [float(position) for position in positions for _ in range(concepts.controls.shape[1])]
    controls = Series("random concepts", beside, concepts.controls.flatten().tolist(), style="points")
    points = Series("concept", [float(position) for position in positions], concepts.alignment.tolist(), style="points")
    called = concepts.classes[concepts.target] if concepts.classes else str(concepts.target)
    label = f"alignment with the gradient of {called}"
    return panel_figure(Panel("concepts", concepts.layer, label, [points, controls], categories=list(concepts.names)))
