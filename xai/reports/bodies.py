"""Explanations, visualizations and findings as HTML: what a section of a report, or a notebook, shows of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup
from torch import Tensor

from xai.base.spacing import evenly
from xai.plots.explanations import drawn_as
from xai.plots.pictures import image_picture, is_small, pixel_range
from xai.plots.several_inputs import pictures_apart
from xai.reports.cards import findings_of, legend_of, map_card, map_plots, series_card, volume_card, weights_card
from xai.reports.escape import render
from xai.results.explanation import Explanation
from xai.results.finding import Finding
from xai.results.visualization import Visualization

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["explanation_body", "findings_body", "first_drawing", "table_body", "visualization_body"]

MOST_ROWS = 200
NARROW = 3.4  # inches of the drawing beside the answers of the first screen
MOST_CARDS = 30  # of one explanation: a thousand take minutes to make, and nobody reads them


def table_body(frame: pd.DataFrame) -> Markup:
    """Return the first rows of a data frame as a table."""
    rows = frame.head(MOST_ROWS).to_dict("records")
    return render("rows.html", columns=list(frame.columns), rows=rows, total=len(frame))


def findings_body(findings: Sequence[Finding]) -> Markup:
    """Return findings as a table."""
    return render("findings.html", findings=findings)


def explanation_body(explanation: Explanation) -> Markup:
    """Return an explanation of any batch as HTML: maps for images, bars and shaded texts for LIME, or a table.

    Of many rows some are shown, evenly spread, and the page says how many.
    """
    drawn, total = drawn_as(explanation), len(explanation)
    several = bool(explanation.options.get("run", {}).get("inputs"))
    body = _of_several if several else EXPLANATIONS[drawn]
    if (drawn == "numbers" and not several) or total <= MOST_CARDS:
        return body(explanation)
    return render("sampled.html", shown=MOST_CARDS, total=total) + body(explanation.take(evenly(total, MOST_CARDS)))


def _of_several(explanation: Explanation) -> Markup:
    """Return a map over each picture of several inputs, and the values of all others as bars."""
    pictures, rest = pictures_apart(explanation)
    maps = [render("named_input.html", name=name, body=_maps(item)) for name, item in pictures.items()]
    others = [] if rest is None else [EXPLANATIONS[drawn_as(rest)](rest)]
    return Markup("\n").join([*maps, *others])


def first_drawing(explanation: Explanation) -> Markup | None:
    """Return the drawing of one row of a table, text or series, without words; None where it is none of them."""
    drawn = drawn_as(explanation)
    if drawn == "series":
        return render("first_drawing.html", spans=[], drawing=series_card(explanation, NARROW)["svg"])
    if drawn == "parts":
        card = weights_card(explanation)
        return render("first_drawing.html", spans=card["spans"], drawing=card["plot"])
    return None


def _maps(explanation: Explanation) -> Markup:
    low, high = pixel_range(None, explanation.inputs)
    cards = [{**map_card(row, low, high), "plots": map_plots(row)} for row in explanation]
    return render("maps.html", cards=cards, **legend_of(cards))


EXPLANATIONS: dict[str, Callable[[Explanation], Markup]] = {
    "map": _maps,
    "parts": lambda explanation: render("weights.html", cards=[weights_card(row) for row in explanation]),
    "series": lambda explanation: render("series.html", cards=[series_card(row) for row in explanation]),
    "volume": lambda explanation: render("series.html", cards=[volume_card(row) for row in explanation]),
    "numbers": lambda explanation: table_body(explanation.to_frame()),
}


def visualization_body(visualization: Visualization) -> Markup:
    """Return visualizations as HTML, each with what it reached: pictures, or a table where something else was made."""
    return VISUALIZATIONS.get(visualization.kind, _numbers)(visualization)


def _pictures(visualization: Visualization) -> Markup:
    low, high = pixel_range(None, visualization.image)
    units = [
        {
            "name": row.objective[0],
            "picture": image_picture(row.image[0], low, high),
            "small": is_small(row.image),
            "reached": float(row.reached[0]),
            "findings": findings_of(row),
        }
        for row in visualization
    ]
    return render("images.html", units=units)


def _numbers(visualization: Visualization) -> Markup:
    def named(row: Visualization) -> dict[str, object]:
        values = row.values[0].detach().float().cpu()
        columns = values.flatten(1).T if values.ndim > 1 else values
        names = row.names or tuple(f"x{index}" for index in range(len(columns)))
        return {name: _step_by_step(column) for name, column in zip(names, columns, strict=True)}

    return _optimized(visualization, named)


def _texts(visualization: Visualization) -> Markup:
    return _optimized(visualization, lambda row: {"text": " ".join((row.words or ((),))[0])})


def _optimized(visualization: Visualization, made: Callable[[Visualization], dict[str, object]]) -> Markup:
    """Return a table with a line for each optimized row, series or text."""
    rows = [
        {
            "objective": row.objective[0],
            **made(row),
            "reached": float(row.reached[0]),
            "evidence": " ".join(finding.text for finding in findings_of(row)),
        }
        for row in visualization
    ]
    return render("rows.html", columns=list(rows[0]), rows=rows, total=len(rows))


def _step_by_step(values: Tensor) -> float | str:
    return " ".join(f"{value:.3g}" for value in values.tolist()) if values.ndim else float(values)


VISUALIZATIONS: dict[str, Callable[[Visualization], Markup]] = {"image": _pictures, "text": _texts}
