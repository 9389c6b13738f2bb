"""Randomization: a map that stays the same when the weights are random is not about what the network learned."""

from __future__ import annotations

import torch

from xai.base.arguments import draw_count
from xai.base.errors import XaiError, names_errors
from xai.evidence.hiding_ways import difference_from_absent
from xai.evidence.recompute import recompute
from xai.evidence.similarity import alike, same_map, status_of
from xai.evidence.untestable import same_everywhere, too_few_values, untestable_rows
from xai.model.model import Model
from xai.model.shuffling import layers_with_weights, shuffled
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["FAILS_ABOVE", "PASSES_BELOW", "randomization"]

PASSES_BELOW, FAILS_ABOVE = 0.74, 0.75  # set by benchmarks/calibrate_checks.py
SAYS = {"pass": "Depends on the weights", "warn": "Depends on the weights only in part",
        "fail": "Hardly depends on what was learned"}  # fmt: skip


@names_errors("randomization")
def randomization(model: Model, explanation: Explanation, *, draws: int = 5, seed: int = 0) -> list[Finding]:
    """Return one finding per row: is the map another one when the weights are shuffled?

    The score is the mean rank correlation (Spearman) between the map and those of `draws` networks whose weights are
    shuffled within each tensor, so that they keep their size and lose what was learned: of the values or of their
    magnitudes, whichever is larger, since a map that keeps its picture and only flips signs has learned nothing either.
    Places that are 0 in both maps do not count, and what both share with how far the input is from absent, and to which
    side, is taken out (a partial correlation): a map against a baseline is 0 where the input is the baseline, whatever
    the weights, larger where it is far from it, and of one sign there where the weights are. A map that is no more than
    that fails. The map is also made once more on the network itself: where that gives another map, this one does not
    explain the network, and fails. Untestable where there are no weights to shuffle, the method cannot be run again, or
    there are fewer than 8 values. The limits are calibrated: see docs/evidence.md.
    Source: Adebayo et al. 2018, arXiv:1810.03292.
    """
    name = "randomization"
    draws = draw_count("draws", draws, 1)
    try:
        same = recompute(model, explanation)
        layers = layers_with_weights(model, explanation.inputs)
        others = [
            recompute(shuffled(model, explanation.inputs, layers, seed * 1009 + draw), explanation)
            for draw in range(draws)
        ]
    except XaiError as error:
        return untestable_rows(name, explanation, PASSES_BELOW, error)
    away = difference_from_absent(model, explanation)
    ties = None if away is None else torch.stack([away, away.abs()], 1).nan_to_num(0.0)  # a gap is nowhere
    return [
        _finding(explanation, same, others, row, None if ties is None else ties[row]) for row in range(len(explanation))
    ]


def _finding(
    explanation: Explanation, same: Explanation, others: list[Explanation], row: int, ties: torch.Tensor | None
) -> Finding:
    name, values, control = "randomization", explanation.values[row], f"{len(others)} networks with shuffled weights"
    limits = (name, values, PASSES_BELOW, control)
    untestable = too_few_values(*limits) or same_everywhere(*limits)
    if untestable is not None:
        return untestable
    if not same_map(values, same.values[row]):
        text = "Not of this network: made again on it, with the options it records, the map is another one."
        return Finding(name, "fail", None, PASSES_BELOW, control, text, {"made_again": False})
    signed, magnitude = torch.tensor([alike(values, other.values[row], ties) for other in others]).mean(0).tolist()
    score = max(signed, magnitude)
    details = {"draws": len(others), "signed": signed, "magnitude": magnitude}
    kind = "map" if signed >= magnitude else "size of its values"
    status = status_of(score, PASSES_BELOW, FAILS_ABOVE)
    text = f"{SAYS[status]}: the {kind} correlates {score:.2f} with those of networks with random weights."
    return Finding(name, status, score, PASSES_BELOW, control, text, details)
