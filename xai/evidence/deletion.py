"""Deletion: remove what the map marks, and see whether the output falls more than for maps that must fail."""

from __future__ import annotations

from xai.base.errors import names_errors
from xai.evidence.ranking import Act, check_ranking
from xai.model.model import Model
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["deletion"]

DELETION = Act("deletion", shows=False, doing="removing what it marks lowers")


@names_errors("deletion")
def deletion(
    model: Model,
    explanation: Explanation,
    *,
    controls: int = 39,
    fill: object = None,
    seed: int = 0,
    batch_size: int | None = None,
) -> list[Finding]:
    """Return one finding per row: does removing what the map ranks highest lower the target more than controls?

    The score is a p-value: the rank of the map's mean fall in log-probability, over 5 to 50 % of the units removed
    (replaced by the method's own baseline, which is the first of `xai.evidence.hiding_ways`, or by `fill`),
    among `controls` maps with its values. Of an image they are moved and flipped copies and phase-randomized ones, as
    smooth as the map; a blob in the center and an edge filter are compared beside them: a map that beats the controls,
    but not those two, says no more than a method that never saw the network ("warn"). For the columns of a table, the
    steps of a series and the words of a text the same values are assigned to other units: to all that are possible
    where these are few. Where even the best of all assignments would not reach p = 0.05 (three columns, say), the
    finding is untestable and says which p could be. It fails where it does significantly worse than the median control.
    The details hold the curves of the other ways of hiding too.
    Raises InputError for fewer than 19 controls, which cannot reach p = 0.05. Source: Petsiuk, Das, Saenko 2018,
    arXiv:1806.07421, for the deletion curve; the controls are this library's.
    """
    settings = {"controls": controls, "fill": fill, "seed": seed, "batch_size": batch_size}
    return check_ranking(DELETION, model, explanation, **settings)
