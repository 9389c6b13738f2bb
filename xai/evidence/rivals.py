"""Maps that never saw why this class was answered: a map that is right does better than all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor

from xai.base.errors import XaiError
from xai.evidence.claims import claim_of, claimed_units
from xai.evidence.map_scores import rivals_of
from xai.evidence.recompute import recompute
from xai.methods import all_methods
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["is_class_blind", "of_another_class", "unit_rivals"]

AWAY = "how far the input is from absent"
OF_ANOTHER_CLASS = "the same method for"


def unit_rivals(
    session: Session,
    explanation: Explanation,
    row: int,
    units: Tensor,
    absent: Tensor | None,
    scale: Tensor | None,
    other: Explanation | None,
) -> dict[str, Tensor]:
    """Return rivals of the size of a map's units by name.

    Of a picture a blob in the center and an edge filter; how far the row is from what stands for absent; and the
    same method's map for another class.

    Args:
        session: the call at work.
        explanation: the map.
        row: which row of it.
        units: what the map claims of each unit of the row.
        absent: what stands where a part is hidden, (N, ...), where it is numbers.
        scale: see `xai.evidence.noise_scale.difference_scale`, made once for all rows.
        other: see `of_another_class`.
    """
    # Sensitivities are compared as squares (see `claimed_units`), and so is what stands beside them.
    power = 2 if claim_of(explanation) == "sensitivity" else 1
    found = {name: rival.double().cpu() ** power for name, rival in rivals_of(session, row, units.float()).items()}
    if absent is not None and scale is not None:
        away, unit = (session.inputs[row] - absent[row]).abs(), scale[row]
        away = torch.where(unit > 0, away / unit.clamp_min(1e-12), (away > 0).to(away)).double().cpu()
        away = _per_unit(away**power, units)
        if away is not None:
            found[AWAY] = away
    if other is not None:
        claimed = claimed_units(other, row, session.model.input)
        if claimed.shape == units.shape:
            found[f"{OF_ANOTHER_CLASS} {other.target_name(row)}"] = claimed
    return found


def of_another_class(model: Model, explanation: Explanation) -> Explanation | None:
    """Return the same method's maps for the class that came next, None where there is none or it cannot be made."""
    prediction = explanation.prediction
    single = all(isinstance(target, int) for target in explanation.target)
    if not single or prediction.shape[1] < 2:
        return None
    ranked = prediction.argsort(1, descending=True).tolist()
    others = tuple(
        next(number for number in order if number != target)
        for order, target in zip(ranked, explanation.target, strict=True)
    )
    try:
        found = recompute(model, replace(explanation, target=others))
    except XaiError:
        return None
    return replace(found, options={**found.options, "claim": claim_of(explanation)})


def is_class_blind(explanation: Explanation, rivals: Iterable[str]) -> bool:
    """Say whether a map is the same for every class by how it is made, and another class is there to be a rival."""
    entry = all_methods().get(explanation.method)
    return entry is not None and entry.class_blind and any(name.startswith(OF_ANOTHER_CLASS) for name in rivals)


def _per_unit(away: Tensor, units: Tensor) -> Tensor | None:
    if away.shape == units.shape:
        return away
    if away.ndim == units.ndim + 1:
        summed = away.sum(0) if units.ndim > 1 else away.sum(-1)
        return summed if summed.shape == units.shape else None
    return None
