"""Maps as explanations and back: the one place that knows how an explanation of this library holds its values."""

from __future__ import annotations

import warnings
from dataclasses import replace

import torch
from torch import Tensor

import xai
from benchmarks.worlds.case import Case

__all__ = ["CLAIMS", "explained", "explanation_of", "units_of"]

# What a map says of its units: parts that add up to the output against the baseline, signed, by pixels or as whole
# segments of an image; how much the output changes with each, unsigned; or where what decides lies.
CLAIMS = {"parts": "additive", "segments": "additive", "sensitivity": "sensitivity", "regions": "region"}


def explanation_of(case: Case, values: list[Tensor], claim: str = "parts") -> xai.Explanation:
    """Return an explanation that claims these values, per row a map over its units as in `Case.truth`.

    It is a real explanation of the same rows and targets, against the world's own baseline, with other values: by
    saliency where the claim is sensitivity, else by integrated gradients (of a function of strings, and of segments, by
    LIME).
    """
    if claim == "segments":
        real = explained(case.model, case, "lime_image", samples=64, fill=case.baseline)
    elif claim == "sensitivity":
        real = explained(case.model, case, "saliency")
    elif case.baseline is None:
        real = explained(case.model, case, "lime_text", samples=64, by="position")
    else:
        real = explained(case.model, case, "integrated_gradients", baseline=case.baseline, steps=2)
    made: Tensor | list[Tensor]
    if claim == "segments":
        assert real.segments is not None
        made = [
            part.new_zeros(len(weights)).index_add_(0, labels.long().flatten(), part.flatten())
            for part, labels, weights in zip(values, real.segments, real.values, strict=True)
        ]
    elif isinstance(case.inputs, list):
        made = [part.to(torch.float32) for part in values]
    elif case.inputs.ndim == 4:  # the channels of a pixel share its value
        made = (torch.stack(values)[:, None] / case.inputs.shape[1]).expand_as(case.inputs).clone()
    elif case.inputs.ndim == 3:
        made = (torch.stack(values)[:, :, None] / case.inputs.shape[2]).expand_as(case.inputs).clone()
    else:
        made = torch.stack(values)
    # Whether the real values add up says nothing about these.
    known = tuple({"zero_map": not bool(torch.any(part != 0))} for part in made)
    options = {**real.options, "claim": CLAIMS[claim]}
    return replace(real, values=made, diagnostics=known, standard_error=None, options=options)


def explained(
    model: xai.Model, case: Case, method: str, target: list[int] | None = None, **options: object
) -> xai.Explanation:
    """Return what a method says of a case's rows, about this model; the target is the case's unless told otherwise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # networks with shuffled weights may put out anything
        return getattr(xai, method)(model, case.inputs, case.target if target is None else target, **options)


def units_of(explanation: xai.Explanation) -> list[Tensor]:
    """Return an explanation's values per row as maps over its units, as in `Case.truth`."""
    values = explanation.values
    if explanation.over == "segments" and explanation.segments is not None:
        labels = explanation.segments.long()  # a segment's pixels share what it has
        return [
            painted / area.flatten().bincount()[area]
            for painted, area in zip(explanation.heatmap(), labels, strict=True)
        ]
    if isinstance(values, list):
        return [part.detach().float() for part in values]
    if explanation.inputs.ndim == 4:
        return list(explanation.heatmap())
    return list(values.detach().float() if values.ndim == 2 else values.detach().float().sum(2))
