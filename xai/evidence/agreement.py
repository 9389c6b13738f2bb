"""Agreement: do methods that work in other ways mark the same positions, more than moved copies of the map would?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xai.base.arguments import draw_count
from xai.base.arrays import same_numbers
from xai.base.errors import InputError, XaiError, names_errors
from xai.base.resizing import pooled
from xai.base.statistics import ALPHA
from xai.evidence.against_controls import Comparison, untestable_by_chance
from xai.evidence.controls import control_maps
from xai.evidence.map_scores import explained_layer, rivals_of, unit_scores
from xai.evidence.similarity import rank_correlation
from xai.methods import all_methods
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["AGAINST", "agreement"]

AGAINST = ("saliency", "integrated_gradients", "gradcam", "occlusion")
GRID = 28  # maps differ in grain: larger ones are compared as the means of a grid of this side


@names_errors("agreement")
def agreement(
    model: Model,
    explanation: Explanation,
    *,
    others: Sequence[Explanation] | None = None,
    methods: Sequence[str] = AGAINST,
    controls: int = 99,
    seed: int = 0,
) -> list[Finding]:
    """Return one finding per row: does the map rank places as the maps of other methods do?

    The score is a p-value: the rank of the map's mean rank correlation with the others (of values or of magnitudes,
    whichever is larger, since some methods have no sign) among those of `controls` moved or phase-randomized copies of
    it; for lists of units, of other assignments of its values. A blob in the center and an edge filter are compared
    beside them, as in deletion. others: explanations of the same rows and targets; by default those of `methods`, as
    far as they can explain this network. Methods may share a mistake, and a map that stands alone may be right.
    Source: Krishna et al. 2022, arXiv:2202.01602, for rank correlation between methods.
    Raises InputError for others of other rows or targets, and an unknown method.
    """
    name = "agreement"
    controls = draw_count("controls", controls, 19)
    others = _made(model, explanation, methods) if others is None else list(others)
    for other in others:
        if other.target != explanation.target or not same_numbers(other.inputs, explanation.inputs):
            wanted = "explanations of the same rows and targets"
            raise InputError("others", expected=wanted, got=f"one of {other.method} for {other.target_name()}")
    layer = explained_layer(explanation)
    others = [other for other in others if other.method != explanation.method and explained_layer(other) == layer]
    with model.explaining(name, explanation.inputs, list(explanation.target), seed=seed) as session:
        return [_row(session, explanation, others, row, controls) for row in range(len(session))]


def _made(model: Model, explanation: Explanation, methods: Sequence[str]) -> list[Explanation]:
    known, layer = all_methods(), explained_layer(explanation)
    settings = {} if layer is None else {"layer": layer}
    unknown = [name for name in methods if name not in known]
    if unknown:
        raise InputError("methods", expected=f"among {', '.join(known)}", got=repr(unknown[0]), operation="agreement")
    made = []
    for name in methods:
        if name == explanation.method or not known[name].takes(model.input.kind):
            continue
        try:
            made.append(known[name].load()(model, explanation.inputs, list(explanation.target), **settings))
        except XaiError:  # no convolution for Grad-CAM, no gradient: the method is left out
            continue
    return made


def _row(session: Session, explanation: Explanation, others: list[Explanation], row: int, controls: int) -> Finding:
    input = session.model.input
    scores = unit_scores(explanation, row, input)
    pooled = _pooled(scores)
    maps = {other.method: _pooled(unit_scores(other, row, input)) for other in others}
    maps = {method: other for method, other in maps.items() if other.shape == pooled.shape}
    if not maps:
        text = "Untestable: there is no map of another method over the same places."
        return Finding("agreement", "untestable", None, ALPHA, "none", text)
    if float(pooled.max() - pooled.min()) == 0:
        return Finding("agreement", "fail", 1.0, ALPHA, "none", "The map is the same everywhere: no part stands out.")
    untestable = untestable_by_chance("agreement", pooled, controls)
    if untestable is not None:
        return untestable
    rivals = {name: _pooled(rival) for name, rival in rivals_of(session, row, scores).items()}
    copies, control = control_maps(pooled, controls, session.generator(row))
    every = torch.stack([pooled, *rivals.values(), *copies])
    found = torch.stack([_agreement(every, other) for other in maps.values()])  # (methods, maps)
    mine, theirs, controls_found = found.mean(0).split([1, len(rivals), len(copies)])
    doing = f"it agrees with {_listed([method.replace('_', ' ') for method in maps])} (rank correlation {mine[0]:.2f})"
    details = {"with": dict(zip(maps, found[:, 0].tolist(), strict=True))}
    return Comparison(float(mine), controls_found, dict(zip(rivals, theirs.tolist(), strict=True)), control).finding(
        "agreement", doing, details
    )


def _agreement(maps: Tensor, other: Tensor) -> Tensor:
    return torch.maximum(rank_correlation(maps, other), rank_correlation(maps.abs(), other.abs()))


def _pooled(scores: Tensor) -> Tensor:
    if scores.ndim == 1 or max(scores.shape) <= GRID:
        return scores.cpu()
    return pooled(scores[None].cpu(), [min(GRID, side) for side in scores.shape])[0]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
