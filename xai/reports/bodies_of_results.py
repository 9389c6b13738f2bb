"""Results about a whole model, and of methods for sequences, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from markupsafe import Markup
from torch import Tensor

from xai.inputs.tensor import form_of
from xai.inputs.text import to_texts
from xai.plots.by_type import FIGURES
from xai.plots.global_explanations import effects_figure
from xai.plots.pictures import image_picture, is_small, pixel_range
from xai.plots.sequences import gates_figure
from xai.plots.shaded_text import shade_of
from xai.plots.translation import translate
from xai.reports.bodies import MOST_ROWS
from xai.reports.escape import render
from xai.reports.svg import inline_svg
from xai.results.display import entry_for
from xai.results.global_results import Concepts, Effects, Examples, Importance, Neighbors, SurrogateTree
from xai.results.layer_factors import LayerFactors
from xai.results.pair_results import Influence, Interactions
from xai.results.prompt_result import PromptAttribution
from xai.results.sequence_results import Alignment, Gates

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "alignment_body", "concepts_body", "effects_body", "examples_body", "factors_body", "gates_body", "importance_body",
    "influence_body", "interactions_body",
    "neighbors_body", "prompt_body", "tree_body",
]  # fmt: skip

EFFECTS = {
    "partial_dependence": "The mean answer over the rows when the column is set to each value (orange, its 95 % "
    "band), and the curves of single rows (gray): where they cross, the mean hides an interaction.",
    "accumulated_local_effects": "How the answer changes along the column among rows that occur, centered on 0.",
}
MATRICES = {
    "gradient": "Gradient times vector: orange source symbols raise the target's log-probability, blue ones lower it.",
    "occlusion": "Occlusion: by how much the log-probability of the target symbol falls without the source symbol.",
    "attention": "Attention weights of each step. They show where it looks; the check says whether it uses that.",
}


class Tabled(Protocol):
    """A result that gives its numbers as a table."""

    def to_frame(self) -> pd.DataFrame: ...


def importance_body(result: Importance) -> Markup:
    """Return the bars, which columns stand in for each other, and the numbers."""
    near = ", ".join(f"{first} and {second} ({strength:.2f})" for first, second, strength in result.correlated[:5])
    notes = [
        f"On {result.rows:,} rows the model's {result.metric.replace('_', '-')} is {result.score:.3f}; a bar says by "
        "how much it falls when the column is shuffled over the rows. Whiskers: 95 % intervals over rows and shuffles."
    ]
    if near:
        notes.append(f"Columns that can stand in for each other hide each other's importance: {near}.")
    return _body(result, "Permutation importance", notes)


def effects_body(result: Effects) -> Markup:
    """Return the curves and the numbers."""
    single = [replace(result, curves=(curve,)) for curve in result.curves]
    curves = [inline_svg(effects_figure(one), translate("Effect of {name}", name=one.curves[0].name)) for one in single]
    notes = [EFFECTS[result.kind], f"Answers for {result.target_name()}, over {result.rows:,} rows."]
    return _body(result, "", notes, svg=Markup("\n").join(curves))


def tree_body(result: SurrogateTree) -> Markup:
    """Return the rules, their fidelity, and which columns they use."""
    low, high = result.interval
    notes = [
        f"{result.leaves} leaves. Fidelity on {result.held_out:,} held-out rows: {result.fidelity:.1%} "
        f"(95 % interval {low:.1%} to {high:.1%}); one answer for all: {result.baseline:.1%}."
    ]
    title = "A tree that imitates the model"
    return _body(result, title, notes, findings=result.evidence, rules=result.rules)


def neighbors_body(result: Neighbors) -> Markup:
    """Return each row's neighbors and whether they have the predicted class more often than by chance."""
    notes = [f"Compared in what {result.layer} reads, by {result.distance} distance."]
    return _body(result, "", notes, findings=[row[0] for row in result.evidence])


def interactions_body(result: Interactions) -> Markup:
    """Return what pairs of parts do together, and what each does alone."""
    notes = [
        f"Of the first of {len(result)} rows ({result.target[0]}): orange raises the output, blue lowers it; on the "
        "diagonal stands what a part does by itself. All coalitions of the parts were evaluated."
    ]
    return _body(result, "Interactions", notes)


def influence_body(result: Influence) -> Markup:
    """Return the training rows that lowered or raised the loss of each explained row most."""
    notes = [
        f"Products of the gradients of two rows' losses, of {result.layers} weights at {result.checkpoints} states of "
        "training: orange rows lowered the first row's loss, blue ones raised it. The order says more than the size."
    ]
    return _body(result, "Influence of training rows", notes)


def prompt_body(result: PromptAttribution) -> Markup:
    """Return which parts of a prompt each written token rests on."""
    notes = [
        "A row is a token that was written, a column a part of the prompt: orange raises the token's log-probability, "
        f"blue lowers it. In all it is {result.log_probability.sum():.2f}. Each method has a scale of its own.",
    ]
    return _body(result, "Prompt by continuation", notes, findings=result.evidence)


def concepts_body(result: Concepts) -> Markup:
    """Return how concepts stand beside random ones."""
    notes = [
        f"A point says how well the gradient of {result.layer} agrees with the direction of the concept (1: it is the "
        "concept that raises the score, -1: that lowers it), beside random concepts of as many examples."
    ]
    return _body(result, "Concepts", notes, findings=result.evidence)


def factors_body(result: LayerFactors) -> Markup:
    """Return where the factors of a layer lie, what each does, and whether it is found again."""
    notes = [
        f"What {result.layer} puts out is a sum of {len(result)} factors; each is drawn on the inputs that hold most "
        "of it. Its effect is by how much the target falls when it is taken out of the layer, its share is that of the "
        "fall when all is taken out; there is none where the effects do not add up to that."
    ]
    return _body(result, "Factors of a layer", notes, findings=result.evidence)


def _body(
    result: Tabled,
    title: str,
    notes: list[str],
    *,
    findings: Sequence = (),
    rules: str = "",
    svg: Markup | None = None,
) -> Markup:
    """Return notes, the figure (where it has a title), rules, findings and all numbers of a result."""
    frame = result.to_frame()
    rows = frame.head(MOST_ROWS).to_dict("records")
    drawn = entry_for(FIGURES, result) if title else None
    if drawn is not None:
        svg = inline_svg(drawn(result), title)
    return render(
        "result.html", notes=notes, svg=svg, findings=list(findings),
        rules=rules, columns=list(frame.columns), rows=rows, total=len(frame),
    )  # fmt: skip


def examples_body(result: Examples) -> Markup:
    """Return the examples themselves: pictures, or texts, or their rows; and how far from the mean they lie."""
    shown = _pictures(result) or _texts(result) or {}
    sides = (("most", result.most, result.most_values), ("least", result.least, result.least_values))
    units = [
        {
            "unit": unit,
            "mean": float(result.mean[index]),
            "sides": [
                {
                    "name": name,
                    "shown": [
                        {"row": row, "value": value, "picture": None, "text": None, **shown.get(row, {})}
                        for row, value in zip(rows[index].tolist(), values[index].tolist(), strict=True)
                    ],
                }
                for name, rows, values in sides
            ],
        }
        for index, unit in enumerate(result.units)
    ]
    small = is_small(result.inputs)
    return render("examples_of_units.html", layer=result.layer, units=units, rows=result.rows, small=small)


def _pictures(result: Examples) -> dict[int, dict[str, str]]:
    """Return the picture of each example by its row; none where inputs (N, ...) are not images."""
    if form_of(result.inputs) != "grid":
        return {}
    low, high = pixel_range(None, result.inputs)
    return {row: {"picture": image_picture(result.inputs[row], low, high)} for row in _rows(result)}


def _texts(result: Examples) -> dict[int, dict[str, str]]:
    """Return the text of each example by its row; none where inputs are not texts."""
    if result.inputs.is_floating_point() or result.inputs.dtype.itemsize != CHARACTER:
        return {}
    rows = _rows(result)
    return {row: {"text": text} for row, text in zip(rows, to_texts(result.inputs[rows]), strict=True)}


def _rows(result: Examples) -> list[int]:
    return sorted({*result.most.flatten().tolist(), *result.least.flatten().tolist()})


CHARACTER = 4  # bytes of a character's number


def alignment_body(alignment: Alignment) -> Markup:
    """Return alignments as HTML, a card per row."""
    cards = []
    for row in alignment:
        source, target = row.source[0], row.target[0]
        between = "" if all(len(symbol) == 1 for symbol in source) else " "
        cards.append(
            {
                "title": f"{between.join(source)} → {' '.join(target)}",
                "tables": [_shaded_table(name, target, source, matrix) for name, matrix in row.matrices().items()],
                "probabilities": [
                    {"name": name, "value": value}
                    for name, value in zip(target, row.probability[0].float().tolist(), strict=True)
                ],
                "agreement": row.diagnostics[0],
                "findings": row.evidence[0],
            }
        )
    return render("alignment.html", cards=cards)


def _shaded_table(name: str, rows: Sequence[str], columns: Sequence[str], matrix: Tensor) -> dict[str, object]:
    """Return what a shaded table shows: cells with a level of color, the largest magnitude having all of it."""
    values = matrix.float().cpu()
    top = float(values.abs().max()) or 1.0
    signed = bool((values < 0).any()) or name in ("gradient", "occlusion")
    lines = [
        {"name": symbol, "cells": [{"value": value, "shade": shade_of(value, top, signed)} for value in line]}
        for symbol, line in zip(rows, values.tolist(), strict=True)
    ]
    return {"name": name, "says": MATRICES[name], "columns": list(columns), "lines": lines, "top": top}


def gates_body(gates: Gates) -> Markup:
    """Return each row's gates as a picture, with how well they give the states again."""
    cards = [
        {
            "title": " ".join(row.steps[0]) if not row.steps[0][0].isdecimal() else f"{len(row.steps[0])} steps",
            "svg": inline_svg(gates_figure(row), translate("Gates of {layer}, units by steps", layer=row.layer)),
            "error": row.diagnostics[0]["equation_error"],
        }
        for row in gates
    ]
    return render("gates.html", cards=cards, layer=gates.layer, kind=gates.kind, directions=gates.directions)
