"""Put a map's ranking to the test: act on its units, the highest first, and compare with rankings that must fail.

Deletion and insertion are the two ways to act; everything else about them is the same and stands here.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from xai.base.arguments import draw_count
from xai.base.statistics import ALPHA
from xai.evidence.against_controls import Comparison, untestable_by_chance
from xai.evidence.claims import claim_of
from xai.evidence.controls import control_maps
from xai.evidence.hiding_ways import Way, ways_of_hiding
from xai.evidence.map_scores import explained_layer, rivals_of, unit_scores
from xai.evidence.windows import LEAST_WINDOWS
from xai.inputs.hiding import Hiding, masked_scores
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["FRACTIONS", "Act", "check_ranking"]

FRACTIONS = (0.05, 0.1, 0.2, 0.3, 0.5)
FEW = 9  # up to so many units, every length of the ranking's head is tried


class Act(NamedTuple):
    """What is done to the units that a map ranks highest: they alone are shown, or they alone are hidden.

    doing: in words, such as "removing what it marks lowers".
    """

    name: str
    shows: bool
    doing: str


def check_ranking(
    act: Act,
    model: Model,
    explanation: Explanation,
    *,
    controls: int,
    fill: object,
    seed: int,
    batch_size: int | None,
) -> list[Finding]:
    """Return one finding per row: does the act on what the map ranks highest do more to the target than on controls?"""
    controls = draw_count("controls", controls, 19)  # fewer cannot reach p = 0.05
    target = list(explanation.target)
    single = not isinstance(target[0], tuple)
    of = "log_probability" if single and model.task != "regression" else "output"
    settings = {"of": of, "seed": seed, "passes": (controls + 3) * len(FRACTIONS), "batch_size": batch_size,
                "scores_only": True, "layer": explained_layer(explanation)}  # fmt: skip
    with model.explaining(act.name, explanation.inputs, target, **settings) as session:
        ways = ways_of_hiding(session, explanation, fill)
        if not ways:
            text = "Untestable: it is not known how to hide a part of such an input."
            return [Finding(act.name, "untestable", None, ALPHA, "none", text) for _ in target]
        return [_row(act, session, explanation, row, ways, controls) for row in range(len(session))]


def _row(act: Act, session: Session, explanation: Explanation, row: int, ways: list[Way], controls: int) -> Finding:
    values = explanation.values[row].numel()
    if values < LEAST_WINDOWS:  # of two parts of an input one is first, whatever the map knows
        text = f"Untestable: an order of {values} value{'s' * (values > 1)} is right by chance too often."
        return Finding(act.name, "untestable", None, ALPHA, "none", text)
    scores = _ranked_by(explanation, row, session).to(session.inputs.device)
    if float(scores.max() - scores.min()) == 0:
        text = "Not shown: the map is the same everywhere, no part stands out."
        return Finding(act.name, "warn", 1.0, ALPHA, "none", text)
    untestable = untestable_by_chance(act.name, scores, controls)
    if untestable is not None:
        return untestable
    generator = session.generator(row)
    rivals = rivals_of(session, row, scores)
    others, control = control_maps(scores, controls, generator)
    counts = _counts(scores.numel())
    ranks = _ranks(torch.stack([scores, *rivals.values(), *others]).flatten(1), generator)
    first, *other_ways = ways
    start, curves = _curves(act, session, row, ranks, counts, first.hiding)
    effects = ((curves - start) if act.shows else (start - curves)).mean(1)
    observed, best, of_others = effects.split([1, len(rivals), len(others)])
    elsewhere = {way.replacement: _curves(act, session, row, ranks[:1], counts, way.hiding) for way in other_ways}
    details = {
        "curve": [float(start), *curves[0].tolist()],
        "curve_controls": [float(start), *curves[1 + len(rivals) :].mean(0).tolist()],
        "curves": {name: [float(begin), *found[0].tolist()] for name, (begin, found) in elsewhere.items()},
        "fractions": [0.0, *(count / scores.numel() for count in counts.tolist())],
        "of": session.of, "fill": first.replacement,
    }  # fmt: skip
    doing = f"{act.doing} the score of {explanation.target_name(row)}"
    return Comparison(float(observed), of_others, dict(zip(rivals, best.tolist(), strict=True)), control).finding(
        act.name, doing, details
    )


def _ranked_by(explanation: Explanation, row: int, session: Session) -> Tensor:
    """Return what ranks the units: the map's values, or their size where the map claims sizes alone."""
    scores = unit_scores(explanation, row, session.model.input)
    return scores.abs() if claim_of(explanation) == "sensitivity" else scores


def _counts(units: int) -> Tensor:
    """Return how many units of the ranking's head are acted on, step by step."""
    if units <= FEW:
        return torch.arange(1, units)
    return torch.tensor(sorted({max(1, round(share * units)) for share in FRACTIONS}))


def _ranks(scores: Tensor, generator: torch.Generator) -> Tensor:
    """Return each unit's rank (maps, units), 0 the highest; ties stand in a random order, the same for all maps."""
    size = scores.shape[1]
    shuffle = torch.randperm(size, generator=generator).to(scores.device)
    order = shuffle[scores[:, shuffle].argsort(dim=1, descending=True, stable=True)]
    return torch.empty_like(order).scatter_(1, order, torch.arange(size, device=scores.device).expand_as(order))


def _curves(
    act: Act, session: Session, row: int, ranks: Tensor, counts: Tensor, hiding: Hiding
) -> tuple[Tensor, Tensor]:
    """Return the score before anything is done, and after each step, (maps, counts); float64."""
    counts = counts.to(ranks.device)
    chosen = ranks[:, None] < counts[:, None]
    nothing = torch.zeros_like(chosen[:1, 0])
    masks = torch.cat([nothing, chosen.flatten(0, 1)])
    masks = masks if act.shows else ~masks
    # Many rankings share a head: equal ones are asked once, and tie to the last bit.
    scores = masked_scores(session, hiding, masks, session.rows[row : row + 1])[0]
    return scores[0], scores[1:].view(len(ranks), len(counts))
