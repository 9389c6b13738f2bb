"""Results by themselves: as a section of a report, and in a notebook, where a frame keeps their style apart."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from xai.base.plain import visible_text
from xai.reports.cards import deletion_plot, lime_plot, map_card, pixel_range
from xai.reports.escape import render
from xai.reports.figures import drawn_as
from xai.reports.pictures import SMALL, image_picture
from xai.reports.series import series_card
from xai.reports.surrogates import surrogate_card
from xai.results.explanation import Explanation, Visualization
from xai.results.finding import Finding

__all__ = [
    "explanation_body",
    "explanation_html",
    "findings_body",
    "result_html",
    "visualization_body",
    "visualization_html",
]


def explanation_body(explanation: Explanation) -> Markup:
    """Return an explanation of any batch as HTML: maps for images, bars and shaded texts for LIME, or a table."""
    kind = drawn_as(explanation)
    if kind == "parts":
        return render("surrogates.html", cards=[surrogate_card(row) for row in explanation])
    if kind == "series":
        return render("series.html", cards=[series_card(row) for row in explanation])
    if kind == "numbers":
        frame = explanation.to_frame()
        rows = frame.head(200).to_dict("records")
        return render("rows.html", columns=list(frame.columns), rows=rows, total=len(frame))
    low, high = pixel_range(None, explanation.inputs)
    cards = [{**map_card(row, low, high), "plots": _plots(row)} for row in explanation]
    return render("maps.html", cards=cards)


def visualization_body(visualization: Visualization) -> Markup:
    """Return visualizations as HTML, each with what it reached: pictures, or a table where something else was made."""
    if visualization.kind != "image":
        rows = [_optimized(row) for row in visualization]
        return render("rows.html", columns=list(rows[0]), rows=rows, total=len(rows))
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


def _optimized(row: Visualization) -> dict[str, object]:
    """Return an optimized row, series or text as a line of a table: its numbers by name, step by step, or its words."""
    values = row.values[0].detach().float().cpu()
    if row.words is not None:
        made: dict[str, object] = {"text": " ".join(row.words[0])}
    elif values.ndim == 1:
        names = row.names or tuple(f"x{number}" for number in range(len(values)))
        made = dict(zip(names, values.tolist()))
    else:
        columns = values.flatten(1).T
        names = row.names or tuple(f"x{number}" for number in range(len(columns)))
        made = {name: " ".join(f"{value:.3g}" for value in column.tolist()) for name, column in zip(names, columns)}
    evidence = " ".join(finding.text for finding in (row.evidence[0] if row.evidence else ()))
    return {"objective": row.objective[0], **made, "reached": float(row.reached[0]), "evidence": evidence}


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
    """Return what a notebook displays for a result with a place in `xai.reports.result_bodies`."""
    return _frame(result, title)


def _plots(row: Explanation) -> list[Markup]:
    return [plot for plot in (lime_plot(row), deletion_plot(row)) if plot is not None]


def _frame(item: object, title: str) -> str:
    from xai.reports.page import Report

    page = escape(Report(title, [item]).html())  # a str, so that it is escaped to stand in an attribute
    rights = "allow-scripts allow-downloads"
    title = escape(visible_text(title))
    return f'<iframe srcdoc="{page}" title="{title}" sandbox="{rights}" width="100%" height="520"></iframe>'
