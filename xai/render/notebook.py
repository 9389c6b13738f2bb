"""Results by themselves: as a section of a report, and in a notebook, where a frame keeps their style apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from xai.core.explanation import Explanation, Visualization
from xai.core.finding import Finding
from xai.render.cards import deletion_plot, lime_plot, map_card, pixel_range
from xai.render.escape import render
from xai.render.pictures import SMALL, image_picture
from xai.render.sequences import alignment_body
from xai.render.surrogates import surrogate_card
from xai.sequences.results import Alignment

__all__ = [
    "BODIES",
    "explanation_body",
    "explanation_html",
    "findings_body",
    "result_html",
    "visualization_body",
    "visualization_html",
]

# How a result that is no Explanation becomes a section: its title and its body.
BODIES: dict[type, tuple[str, Callable]] = {Alignment: ("Alignment", alignment_body)}


def explanation_body(explanation: Explanation) -> Markup:
    """Return an explanation of any batch as HTML: maps for images, bars and shaded texts for LIME, or a table."""
    if explanation.over in ("features", "tokens", "steps"):
        return render("surrogates.html", cards=[surrogate_card(row) for row in explanation])
    if explanation.inputs.ndim != 4:
        frame = explanation.to_frame()
        rows = frame.head(200).to_dict("records")
        return render("rows.html", columns=list(frame.columns), rows=rows, total=len(frame))
    low, high = pixel_range(None, explanation.inputs)
    cards = [{**map_card(row, low, high), "plots": _plots(row)} for row in explanation]
    return render("maps.html", cards=cards)


def visualization_body(visualization: Visualization) -> Markup:
    """Return visualizations as HTML, each with what it reached."""
    low, high = pixel_range(None, visualization.image)
    units = [
        {
            "name": row.objective[0],
            "picture": image_picture(row.image[0], low, high),
            "small": max(row.image.shape[2:]) < SMALL,
            "reached": float(row.reached[0]),
            "findings": row.evidence[0] if row.evidence else (),
        }
        for row in visualization
    ]
    return render("images.html", units=units)


def findings_body(findings: Sequence[Finding]) -> Markup:
    """Return findings as a table."""
    return render("findings.html", findings=findings)


def explanation_html(explanation: Explanation) -> str:
    """Return what a notebook displays for an explanation."""
    return _frame(explanation, f"{explanation.method} for {explanation.target_name()}")


def visualization_html(visualization: Visualization) -> str:
    """Return what a notebook displays for visualizations."""
    return _frame(visualization, repr(visualization))


def result_html(result: object, title: str) -> str:
    """Return what a notebook displays for a result with a place in BODIES."""
    return _frame(result, title)


def _plots(row: Explanation) -> list[Markup]:
    return [plot for plot in (lime_plot(row), deletion_plot(row)) if plot is not None]


def _frame(item: object, title: str) -> str:
    from xai.render.report import Report

    page = escape(Report(title, [item]).html())  # a str, so that it is escaped to stand in an attribute
    rights = "allow-scripts allow-downloads"
    return f'<iframe srcdoc="{page}" title="{escape(title)}" sandbox="{rights}" width="100%" height="520"></iframe>'
