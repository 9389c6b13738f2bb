"""What a map claims of the units of a row, and what the claim says of a window of them.

additive: signed parts that add up to what the output loses against a baseline; a window's claim is their sum.
sensitivity: how fast the output changes with each; a window's claim is the root of the sum of squares, as for noise.
region: where what decides lies; a window's claim is the sum of what the map says there.
"""

from __future__ import annotations

from torch import Tensor

from xai.base.specs import CLAIMS
from xai.evidence.map_scores import explained_layer, unit_scores
from xai.inputs.base import Input
from xai.lime.table_samples import TableSamples
from xai.lime.training_summary import TrainingSummary
from xai.methods import all_methods
from xai.results.explanation import Explanation

__all__ = ["CLAIMS", "claim_of", "claimed_units", "in_windows", "segments_of"]


def claim_of(explanation: Explanation) -> str:
    """Return what an explanation claims: what it says itself (a map from elsewhere), or its method's entry."""
    claim = explanation.options.get("claim")
    if claim is not None:
        return str(claim)
    entry = all_methods().get(explanation.method)
    return "region" if entry is None or entry.claim is None else entry.claim


def claimed_units(explanation: Explanation, row: int, input: Input) -> Tensor:
    """Return what the map claims of each unit of a row, in float64, so that windows are sums: see `in_windows`.

    What an additive map gives to a segment of an image, its pixels share evenly: it is the whole segment's. Slopes of
    LIME (a table without bins) count times how far the row's number is from the mean, which is what they add up to.
    """
    claim = claim_of(explanation)
    scores = unit_scores(explanation, row, input).double().cpu()
    training = explanation.options.get("background")
    if claim == "additive" and isinstance(training, dict) and training.get("bins") is None:
        samples = TableSamples(TrainingSummary.load(training), explanation.inputs[row : row + 1], input.names)
        return scores * samples.own_features()[0]
    segments = segments_of(explanation, row)
    if claim == "additive" and segments is not None:
        return scores / segments.flatten().bincount()[segments]
    if claim != "sensitivity":
        return scores
    values = explanation.values[row].detach().double().cpu()
    if explained_layer(explanation) is not None or values.shape == scores.shape:
        return scores**2
    if values.ndim > 2 and values.shape[1:] == scores.shape:  # channels of an image
        return (values**2).sum(0)
    return (values**2).reshape(len(values), -1).sum(1) if len(values) == len(scores) else scores**2


def segments_of(explanation: Explanation, row: int) -> Tensor | None:
    """Return the segment of each pixel of a row, (H, W), as numbers from 0 on; None where the map has no segments."""
    if explanation.over != "segments" or explanation.segments is None:
        return None
    return explanation.segments[row].cpu().unique(return_inverse=True)[1]


def in_windows(units: Tensor, windows: Tensor, count: int, claim: str) -> Tensor:
    """Return what maps (n, *units) claim of each window, (n, count); windows (*units) are numbers, -1 for none."""
    flat, positions = units.flatten(1), windows.flatten()
    there = positions >= 0
    sums = flat.new_zeros(len(flat), count)
    sums.index_add_(1, positions[there], flat[:, there])
    return sums.sqrt() if claim == "sensitivity" else sums
