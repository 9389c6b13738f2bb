"""Global importance out of local values: bars, a swarm, dependence on single columns, and rows side by side."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from xai.base.spacing import evenly
from xai.plots.bars import bars_figure
from xai.plots.runs import beeswarm_figure, dependence_figure, interaction, rows_figure
from xai.plots.swarms import rows_like_beside_like
from xai.plots.translation import translate
from xai.reports.escape import render
from xai.reports.language import translated
from xai.reports.svg import inline_svg
from xai.runs.pooled import largest_features
from xai.runs.sampling import Sample
from xai.runs.store import Run

__all__ = ["importance_body"]

MOST_FEATURES = 12
MOST_POINTS = 500
DEPENDENCE = 3


def importance_body(run: Run, sample: Sample) -> Markup:
    """Return the drawings of named columns; of texts and others a table of the features that are largest most often."""
    values = sample.values
    if values is None or not sample.names:
        if sample.maps is not None:
            return Markup("")
        rows = largest_features(run, sample.method)
        columns = list(rows[0]) if rows else []
        return render("run_features.html", columns=columns, rows=rows[:40], total=len(rows))
    size = np.abs(values)
    order = np.argsort(-size.mean(0), kind="stable")[:MOST_FEATURES]
    names = [sample.names[column] for column in order]
    plots = [_bars(names, size[:, order]), *_swarm(sample, values, order, names)]
    return render("run_plots.html", title="What matters in all rows", plots=plots)


def _bars(names: list[str], size: np.ndarray) -> dict[str, object]:
    error = 1.96 * size.std(0, ddof=1) / len(size) ** 0.5 if len(size) > 1 else None
    whiskers = None if error is None else error.tolist()
    figure = bars_figure(names, size.mean(0).tolist(), whiskers, translate("mean size of a row's value"))
    caption = "The mean size of each column's value, with 95 % intervals for which rows were drawn."
    return {"svg": inline_svg(figure, translate("Mean size of values, by column")), "text": caption}


def _swarm(sample: Sample, values: np.ndarray, order: np.ndarray, names: list[str]) -> list[dict[str, object]]:
    rows = evenly(len(sample), MOST_POINTS)
    values, columns = values[rows], None if sample.columns is None else sample.columns[rows]
    chosen = None if columns is None else columns[:, order]
    label = translate("value: what the column added in this row")
    made = [
        (
            beeswarm_figure(names, values[:, order], chosen, label),
            "Each point is a row; dark had a low number in the column, bright a high one.",
        )
    ]
    for column in order[:DEPENDENCE]:
        if columns is None:
            break
        other = interaction(int(column), columns, values)
        figure = dependence_figure(
            sample.names[column], columns[:, column], values[:, column], sample.names[other], columns[:, other]
        )
        caption = (
            f"The values of {sample.names[column]}, over what the rows had there; color: {sample.names[other]}, "
            "the column that goes best with their scatter."
        )
        made.append((figure, caption))
    made.append(
        (
            rows_figure(names, values[rows_like_beside_like(values[:, order])][:, order], translate("value")),
            "Rows that are explained alike stand together: blocks are groups of rows with one reason.",
        )
    )
    return [{"svg": inline_svg(figure, translated(caption)), "text": caption} for figure, caption in made]
