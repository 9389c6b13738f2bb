"""Insertion: show only what the map marks, and see whether the output rises more than for maps that must fail."""

from __future__ import annotations

from xai.base.errors import names_errors
from xai.evidence.ranking import Act, check_ranking
from xai.model.model import Model
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["insertion"]

INSERTION = Act("insertion", shows=True, doing="showing only what it marks raises")


@names_errors("insertion")
def insertion(
    model: Model,
    explanation: Explanation,
    *,
    controls: int = 39,
    fill: object = None,
    seed: int = 0,
    batch_size: int | None = None,
) -> list[Finding]:
    """Return one finding per row: does showing only what the map ranks highest raise the target more than controls?

    Deletion's mirror: everything is hidden at first, and the score is the rank of the map's mean rise in
    log-probability over 5 to 50 % of the units shown. A map passes deletion when what it marks is needed, and insertion
    when it is enough: of two copies of an object neither is needed, and each is enough.
    Controls, settings, errors and source are those of `xai.evidence.deletion.deletion`.
    """
    settings = {"controls": controls, "fill": fill, "seed": seed, "batch_size": batch_size}
    return check_ranking(INSERTION, model, explanation, **settings)
