"""The finding of faithfulness: its status, what it could have seen, and the sentence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from xai.base.statistics import ALPHA
from xai.evidence.claims import claim_of
from xai.evidence.effects import RELIABLE
from xai.evidence.limits import CONTRADICTS, SUPPORTS
from xai.evidence.rivals import is_class_blind
from xai.results.explanation import Explanation
from xai.results.finding import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xai.evidence.faithfulness import Compared

__all__ = ["CLASS_BLIND", "SMALL_CHANGES", "finding_of", "short_of"]

NAME = "faithfulness"
SMALL_CHANGES = "small changes"  # the way in which sensitivities are measured
POWER = 0.84  # standard errors above a limit that 80 % of estimates exceed
DIFFERENT = 0.4  # ways of hiding that differ by more are said to disagree
CLASS_BLIND = "But it is the same for every class, a rival that it cannot beat: it says where, and not why this class."
QUESTIONS = {
    "additive": "what it gives to parts of the input",
    "sensitivity": "how sensitive it calls parts of the input",
    "region": "what it marks",
}


def finding_of(explanation: Explanation, row: int, compared: Sequence[Compared]) -> Finding:
    """Return the finding of a row from the ways in which it was measured, that of the claim first."""
    claim = claim_of(explanation)
    limit = SUPPORTS[claim]
    if not compared:
        text = "Untestable: it is not known how to hide parts of such an input, or it has fewer than 3."
        return Finding(NAME, "untestable", None, limit, "none", text)
    lead = compared[0]
    if np.ptp(lead.claimed) == 0:
        text = "Not shown: the map is the same everywhere, no part stands out."
        return Finding(NAME, "warn", 0.0, limit, "none", text, {"flat": True})
    details = _details(claim, limit, compared)
    control = _control(lead)
    status, text = _status(claim, limit, compared, explanation.target_name(row))
    if is_class_blind(explanation, lead.rivals):
        details["class_blind"] = True
        if status == "pass":
            status, text = "warn", f"Not shown: {text.removeprefix('Supported: ')} {CLASS_BLIND}"
    return Finding(NAME, status, lead.observed, limit, control, text, details)


def short_of(value: float, limit: float) -> str:
    """Return a number with two decimals, or with three where it would else look like a limit that it does not reach.

    >>> short_of(0.7498, 0.75), short_of(0.5, 0.75), short_of(0.751, 0.75)
    ('0.749', '0.50', '0.75')
    """
    rounded = f"{value:.2f}"
    return f"{math.floor(1000 * value) / 1000:.3f}" if value < limit and rounded == f"{limit:.2f}" else rounded


def _status(claim: str, limit: float, compared: Sequence[Compared], target: str) -> tuple[Status, str]:
    lead = compared[0]
    question, how = (
        QUESTIONS[claim],
        f"correlates {short_of(lead.observed, limit)} ({lead.interval[0]:.2f} to {lead.interval[1]:.2f})",
    )
    does = "what noise in them does" if lead.way == SMALL_CHANGES else "what hiding them does"
    measured = f"{question} {how} with {does} to the score of {target}"
    if _worse(lead) and all(_below_chance(item) for item in compared[1:]):
        every = "in every way of hiding " if len(compared) > 1 else "with parts hidden "
        every = "" if lead.way == SMALL_CHANGES else every
        middle = float(np.median(lead.controls))
        return "fail", f"Contradicted: {measured}; {every}its values elsewhere do better ({middle:.2f} in the middle)."
    if lead.effects.reliability < RELIABLE:
        if lead.way == SMALL_CHANGES:
            return "untestable", "Untestable: what noise in a part does is known too roughly to tell the parts apart."
        return "untestable", (
            "Untestable: no part has a steady effect of its own; what one does depends on the others, or all do alike."
        )
    if lead.least_p_value > ALPHA:
        return "untestable", (
            f"Untestable alone: {measured}, but of the ways to give these values to its units so many would do as "
            f"well that no p-value can be below {lead.least_p_value:.2g}; several rows together can."
        )
    beaten = f"{(lead.controls < lead.observed).sum()} of {len(lead.controls)} maps with its values elsewhere"
    better = [name for name, value in lead.rivals.items() if value > lead.observed + 0.02]
    if lead.observed < limit:
        return "warn", f"Not shown: {measured}; {limit:.2f} would have been enough."
    if lead.p_value > ALPHA:
        return "warn", f"Not shown: {measured}; only {beaten} do worse."
    if better:
        named = " and ".join(f"{name} ({lead.rivals[name]:.2f})" for name in better)
        return "warn", f"Not shown: {measured}, but no better than {named}."
    return "pass", f"Supported: {measured}, more than {beaten}.{_depends(compared)}"


def _worse(item: Compared) -> bool:
    """Say whether a map does significantly worse than the median control, and beyond chance or plainly the contrary."""
    if not len(item.controls) or item.effects.reliability < RELIABLE:
        return False
    return item.interval[1] < float(np.median(item.controls)) and (
        item.p_worse <= ALPHA or item.observed <= CONTRADICTS
    )


def _below_chance(item: Compared) -> bool:
    """Say whether another way of hiding does not speak against it: there the map is below the median control too."""
    return item.effects.reliability < RELIABLE or item.observed < float(np.median(item.controls))


def _depends(compared: Sequence[Compared]) -> str:
    lead, *others = compared
    if lead.way == SMALL_CHANGES:  # how much an answer changes is no claim on what is lost without a part
        return ""
    different = [
        item for item in others if item.effects.reliability >= RELIABLE and lead.observed - item.observed > DIFFERENT
    ]
    if not different:
        return ""
    named = " and ".join(f"{item.observed:.2f} with {item.replacement} in their place" for item in different)
    return f" It depends on what absent means: the correlation is {named}."


def _details(claim: str, limit: float, compared: Sequence[Compared]) -> dict[str, object]:
    lead = compared[0]
    chance = float(np.quantile(lead.controls, 1 - ALPHA)) if len(lead.controls) else 1.0
    error = (lead.interval[1] - lead.interval[0]) / 3.92
    return {
        "claim": claim, "way": lead.way, "replacement": lead.replacement,
        "low": lead.interval[0], "high": lead.interval[1],
        "p_value": lead.p_value, "least_p_value": lead.least_p_value, "p_worse": lead.p_worse,
        "seen_from": min(1.0, max(limit, chance) + POWER * error), "rivals": lead.rivals,
        "control_mean": float(np.mean(lead.controls)) if len(lead.controls) else 0.0,
        "controls": len(lead.controls), "windows": len(lead.claimed), "reliability": lead.effects.reliability,
        "explained": lead.effects.explained, "effects": _short(lead.effects.values),
        "claimed": _short(lead.claimed), "control_scores": np.sort(lead.controls).tolist(),
        "ways": {
            item.way: {
                "replacement": item.replacement, "score": item.observed, "low": item.interval[0],
                "high": item.interval[1], "reliability": item.effects.reliability,
            } for item in compared
        },
    }  # fmt: skip


def _short(values: np.ndarray) -> list[float]:
    """Return numbers for a picture, to 4 digits."""
    return [float(f"{value:.4g}") for value in values.tolist()]


def _control(lead: Compared) -> str:
    return ", ".join([f"{len(lead.controls)} maps with its values elsewhere", *lead.rivals])
