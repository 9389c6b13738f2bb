"""How results that are no Explanation look: as a figure, and as a section of a report, by their type."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup
from matplotlib.figure import Figure

from xai.inputs.text import to_texts
from xai.reports.escape import render
from xai.reports.figures import inline_svg
from xai.reports.global_explanations import (
    concepts_figure,
    effects_figure,
    examples_figure,
    importance_figure,
    neighbors_figure,
    tree_figure,
)
from xai.reports.pictures import SMALL, image_picture
from xai.reports.sequences import alignment_body, alignment_figure, gates_body, gates_figure
from xai.results.global_results import Concepts, Effects, Examples, Importance, Neighbors, SurrogateTree
from xai.results.sequence_results import Alignment, Gates

__all__ = ["BODIES", "FIGURES"]

MOST_ROWS = 200

FIGURES: dict[type, Callable[..., Figure]] = {
    Alignment: alignment_figure,
    Concepts: concepts_figure,
    Effects: effects_figure,
    Examples: examples_figure,
    Gates: gates_figure,
    Importance: importance_figure,
    Neighbors: neighbors_figure,
    SurrogateTree: tree_figure,
}


def importance_body(result: Importance) -> Markup:
    """Return the bars, which columns stand in for each other, and the numbers."""
    near = ", ".join(f"{first} and {second} ({strength:.2f})" for first, second, strength in result.correlated[:5])
    notes = [
        f"On {result.rows:,} rows the model's {result.metric.replace('_', '-')} is {result.score:.3f}; a bar says by "
        "how much it falls when the column is shuffled over the rows. Whiskers: 95 % intervals over rows and shuffles."
    ]
    if near:
        notes.append(f"Columns that can stand in for each other hide each other's importance: {near}.")
    return _body(result, notes)


def effects_body(result: Effects) -> Markup:
    """Return the curves and the numbers."""
    says = {
        "partial_dependence": "The mean answer over the rows when the column is set to each value (orange, its 95 % "
        "band), and the curves of single rows (gray): where they cross, the mean hides an interaction.",
        "accumulated_local_effects": "How the answer changes along the column among rows that occur, centered on 0.",
    }
    return _body(result, [says[result.kind], f"{result.rows:,} rows, {result.target_name()}."])


def tree_body(result: SurrogateTree) -> Markup:
    """Return the rules, their fidelity, and which columns they use."""
    low, high = result.interval
    notes = [
        f"{result.leaves} leaves. Fidelity on {result.held_out:,} held-out rows: {result.fidelity:.1%} "
        f"(95 % interval {low:.1%} to {high:.1%}); one answer for all: {result.baseline:.1%}."
    ]
    return _body(result, notes, findings=result.evidence, rules=result.rules)


def examples_body(result: Examples) -> Markup:
    """Return the examples themselves: pictures, or texts, or their rows; and how far from the mean they lie."""
    units = []
    pictures = result.inputs.ndim == 4
    low, high = (float(result.inputs.min()), float(result.inputs.max())) if pictures else (0.0, 1.0)
    texts = (
        to_texts(result.inputs) if not result.inputs.is_floating_point() and result.inputs.dtype.itemsize == 4 else None
    )
    for place, unit in enumerate(result.units):
        sides = []
        for name, rows, values in (
            ("most", result.most[place], result.most_values[place]),
            ("least", result.least[place], result.least_values[place]),
        ):
            shown = [
                {
                    "row": row,
                    "value": value,
                    "picture": image_picture(result.inputs[row], low, high if high > low else low + 1)
                    if pictures
                    else None,
                    "text": None if texts is None else texts[row],
                }
                for row, value in zip(rows.tolist(), values.tolist())
            ]
            sides.append({"name": name, "shown": shown})
        units.append({"unit": unit, "mean": float(result.mean[place]), "sides": sides})
    small = pictures and max(result.inputs.shape[2:]) < SMALL
    return render("examples_of_units.html", layer=result.layer, units=units, rows=result.rows, small=small)


def neighbors_body(result: Neighbors) -> Markup:
    """Return each row's neighbors and whether they have the predicted class more often than by chance."""
    notes = [f"Compared in what {result.layer} reads, by {result.distance} distance."]
    return _body(result, notes, findings=[row[0] for row in result.evidence], plot=False)


def concepts_body(result: Concepts) -> Markup:
    """Return how concepts stand beside random ones."""
    notes = [
        f"A point says how well the gradient of {result.layer} agrees with the direction of the concept (1: it is the "
        "concept that raises the score, -1: that lowers it), beside random concepts of as many examples."
    ]
    return _body(result, notes, findings=result.evidence)


BODIES: dict[type, tuple[str, Callable[..., Markup]]] = {
    Alignment: ("Alignment", alignment_body),
    Concepts: ("Concepts", concepts_body),
    Effects: ("Effects of columns", effects_body),
    Examples: ("What excites its units", examples_body),
    Gates: ("Gates", gates_body),
    Importance: ("Permutation importance", importance_body),
    Neighbors: ("Nearest training examples", neighbors_body),
    SurrogateTree: ("A tree that imitates the model", tree_body),
}


def _body(result: object, notes: list[str], *, findings: object = (), rules: str = "", plot: bool = True) -> Markup:
    frame = result.to_frame()
    svg = inline_svg(FIGURES[type(result)](result), BODIES[type(result)][0]) if plot else None
    rows = frame.head(MOST_ROWS).to_dict("records")
    return render(
        "result.html", notes=notes, svg=svg, findings=list(findings), rules=rules, columns=list(frame.columns),
        rows=rows, total=len(frame),
    )  # fmt: skip
