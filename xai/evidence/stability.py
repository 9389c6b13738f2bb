"""Stability: nearly the same input with the same answer should have nearly the same explanation."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from xai.base.arguments import draw_count, real_number
from xai.base.errors import XaiError, names_errors
from xai.evidence.controls import control_maps
from xai.evidence.map_scores import unit_scores
from xai.evidence.noise_scale import noise_scale_of
from xai.evidence.recompute import recompute
from xai.evidence.similarity import LEAST_VALUES, rank_correlation, status_of
from xai.evidence.untestable import too_few_values, untestable_rows
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["FAILS_BELOW", "PASSES_ABOVE", "repeated", "stability"]

PASSES_ABOVE, FAILS_BELOW = 0.8, 0.67  # set by benchmarks/calibrate_checks.py
KEEPS = 0.05  # a prediction is kept where its largest probability stays the largest, and the target's changes by less
CONTROLS = 19
MARKED = 0.9  # of the sum of a map's sizes
SAYS = {"pass": "Stable", "warn": "Stable only in part", "fail": "Unstable"}


@names_errors("stability")
def stability(
    model: Model, explanation: Explanation, *, draws: int = 5, noise: float = 0.02, seed: int = 0
) -> list[Finding]:
    """Return one finding per row: does the map stay the same under noise that does not change the prediction?

    The score is the mean rank correlation (Spearman) of the values that hold 90 % of the map with those of `draws`
    noisy inputs. The noise is
    Gaussian, of `noise` times the range of an image or series; in a table, of a column's standard deviation: in
    training where the explanation records it, else in the rows that it was given as a background, else in its own rows
    where they are more than 20; else (and for a column that does not vary
    there) of the value itself. The finding says which. Categories are left. Draws that
    change the predicted class, or the target's probability by more than 0.05 (a value by more than 5 %), do not count.
    Copies of the map that are moved, or whose values stand at other units, are the control. Untestable for
    texts, for fewer than 8 values, for a map that is the same everywhere, and where no draw keeps the prediction.
    Source: Alvarez-Melis, Jaakkola 2018, arXiv:1806.08049, for the question.
    """
    name = "stability"
    draws, noise = draw_count("draws", draws, 1), real_number("noise", noise, 0.0)
    if not explanation.inputs.is_floating_point():
        reason = "noise is added to numbers, and this is a text."
        return untestable_rows(name, explanation, PASSES_ABOVE, reason)
    with model.explaining(name, explanation.inputs, list(explanation.target), seed=seed) as session:
        scale, unit = noise_scale_of(session, explanation)
        noisy = _noisy(session, noise * scale, draws)
        kept = _kept(session, noisy, draws)
        controls = [_control(session, explanation, row) for row in range(len(session))]
    try:
        again = recompute(model, repeated(explanation, noisy, draws))
    except XaiError as error:
        return untestable_rows(name, explanation, PASSES_ABOVE, error)
    return [
        _finding(
            explanation.values[row],
            again.values[row * draws : (row + 1) * draws],
            kept[row],
            controls[row],
            f"{100 * noise:g} % of {unit}",
        )
        for row in range(len(explanation))
    ]


def _noisy(session: Session, noise: Tensor, draws: int) -> Tensor:
    """Return the inputs with noise of this scale, (N x draws, ...), the draws of a row behind each other."""
    inputs = session.inputs
    shape = (draws, *inputs.shape[1:])
    drawn = torch.stack([torch.randn(shape, generator=session.generator(row)) for row in range(len(inputs))]).to(inputs)
    noisy = inputs[:, None] + noise[:, None] * drawn
    limits = session.model.input.limits
    return (noisy if limits is None else noisy.clamp(*limits)).flatten(0, 1)


def _marked(values: Tensor) -> Tensor:
    """Return where the values lie that hold 90 % of the map, at least 8 of them: the order of the rest is rounding.

    Where they are all alike, everywhere: what counts is then which places have them.
    """
    sizes = values.detach().double().flatten().abs()
    order = sizes.argsort(descending=True, stable=True)
    held = sizes[order].cumsum(0)
    count = int((held < MARKED * held[-1]).sum()) + 1
    chosen = order[: max(count, LEAST_VALUES)]
    return chosen if values.flatten()[chosen].unique().numel() > 1 else order


def _kept(session: Session, noisy: Tensor, draws: int) -> Tensor:
    """Say which noisy inputs have the prediction of their row, (N, draws)."""
    rows = session.rows.repeat_interleave(draws)
    before, after = session.prediction[rows], session.model.predict(noisy)
    was, now = session.target.select(before, rows), session.target.select(after, rows)
    if session.model.task == "regression":
        return ((now - was).abs() <= KEEPS * was.abs()).view(-1, draws)
    return (((now - was).abs() <= KEEPS) & (before.argmax(1) == after.argmax(1))).view(-1, draws)


def _control(session: Session, explanation: Explanation, row: int) -> float:
    """Return how alike the row's map is to copies of it that are moved."""
    scores = unit_scores(explanation, row, session.model.input)
    copies, _ = control_maps(scores, CONTROLS, session.generator(row, stream=1))
    return float(rank_correlation(copies, scores).mean()) if len(copies) else 1.0


def repeated(explanation: Explanation, noisy: Tensor, draws: int) -> Explanation:
    """Return an explanation of other inputs (N x draws, ...), for each row as many, to be made again."""
    segments = None if explanation.segments is None else explanation.segments.repeat_interleave(draws, 0)
    target = tuple(target for target in explanation.target for _ in range(draws))
    background = explanation.background
    if background is not None and background.shape[1] > 1:
        background = background.repeat_interleave(draws, 1)
    return replace(explanation, inputs=noisy, target=target, segments=segments, background=background)


def _finding(values: Tensor, again: Tensor | list[Tensor], kept: Tensor, control: float, noise: str) -> Finding:
    name, draws = "stability", int(kept.sum())
    control_text = f"moved copies of the map, which correlate {control:.2f} with it"
    few = too_few_values(name, values, PASSES_ABOVE, control_text)
    if few is not None:
        return few
    if not draws:
        text = f"Untestable: none of {len(kept)} draws of noise kept the prediction."
        return Finding(name, "untestable", None, PASSES_ABOVE, control_text, text, {"kept": 0})
    if values.unique().numel() < 2:
        text = "Untestable: the map is the same everywhere, it has no order."
        return Finding(name, "untestable", None, PASSES_ABOVE, control_text, text, {"kept": draws})
    marked = _marked(values)
    others = torch.stack([other.flatten()[marked] for other, keeps in zip(again, kept.tolist(), strict=True) if keeps])
    found = rank_correlation(others, values.flatten()[marked])
    score = float(found.mean())
    status = status_of(score, PASSES_ABOVE, FAILS_BELOW)
    text = (
        f"{SAYS[status]}: with noise that keeps the prediction ({noise}), the map correlates {score:.2f} with itself."
    )
    details = {"kept": draws, "draws": len(kept), "least": float(found.min()), "control": control, "noise": noise}
    return Finding(name, status, score, PASSES_ABOVE, control_text, text, details)
