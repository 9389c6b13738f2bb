"""Robustness: what small changes do to the answers, and to the reasons for those answers that stay."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xai.attribution.gradients import saliency
from xai.attribution.occlusion import occlusion
from xai.auditing.audit_data import Prepared, Rows
from xai.auditing.correctness import SCORES, quality
from xai.auditing.corruptions import Perturbation, perturbations_for, spread_of
from xai.auditing.explainers import differentiable, targets_of
from xai.auditing.finding_figures import curves, table
from xai.auditing.limits import judge, untestable
from xai.base.statistics import bootstrap_mean, rank_correlations
from xai.inputs.kinds import TabularInput
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["robustness"]

MOST_ROWS, MOST_ELEMENTS = 1000, 400 * 28 * 28  # rows, and numbers in all of them together
EXPLAINED = 8
ATTACK_LEVELS, ATTACK_JUDGED, ATTACK_STEPS = (0.005, 0.01, 0.02, 0.04), 0.01, 5


def robustness(model: Model, data: Prepared, *, seed: int = 0, rows: int | None = None) -> list[Finding]:
    """Return how the score falls under perturbations of rising size, and under a small gradient attack.

    The score of a finding is what is lost at the mild level that a usable model must stand; curves show the others.
    Meanwhile a few rows are explained: the rank correlation of what marks each input, before and after, is in the
    details. rows: how many are perturbed. Source of the attack: Madry et al. 2018, arXiv:1706.06083.
    """
    most = rows or min(MOST_ROWS, max(100, MOST_ELEMENTS // max(1, data.held_out.inputs[0].numel())))
    held_out = data.held_out.sample(most, seed)
    found = [
        _family(model, held_out, name, perturbation, seed)
        for name, perturbation in perturbations_for(model, held_out.inputs).items()
    ]
    return [*found, _attack(model, held_out, seed)]


def _family(model: Model, rows: Rows, name: str, perturbation: Perturbation, seed: int) -> Finding:
    own = rows.quality.numpy()
    label = SCORES[rows.task]
    lines: list[dict[str, object]] = [{"level": 0.0, label: float(own.mean()), "lost": 0.0}]
    losses: dict[float, np.ndarray] = {}
    few = rows.take(torch.arange(min(EXPLAINED, len(rows))))
    before = _marks(model, few.inputs, few)
    for level in perturbation.levels:
        generator = torch.Generator().manual_seed(seed)
        changed = perturbation.change(rows.inputs, level, generator)
        said = model.predict(changed).double().cpu()
        losses[level] = own - quality(said, rows.labels, rows.task).numpy()
        line: dict[str, object] = {"level": level, label: float(own.mean() - losses[level].mean()),
                                   "lost": float(losses[level].mean())}  # fmt: skip
        if before is not None:
            line["reasons alike"] = _alike(before, _marks(model, changed[: len(few)], few))
        lines.append(line)
    return _finding(f"robustness.{name}", lines, losses, perturbation, label, seed, "the same rows, unchanged")


def _finding(
    name: str,
    lines: list[dict[str, object]],
    losses: dict[float, np.ndarray],
    perturbation: Perturbation,
    label: str,
    seed: int,
    control: str,
    more: dict[str, tuple[list[float], list[float]]] | None = None,
) -> Finding:
    judged = losses[perturbation.judged]
    levels = [line["level"] for line in lines]
    plotted = {"model": (levels, [line[label] for line in lines]), **(more or {})}
    if "reasons alike" in lines[-1]:
        plotted["reasons alike (rank correlation)"] = (levels[1:], [line["reasons alike"] for line in lines[1:]])
    title = name.partition(".")[2].replace("_", " ")
    details = {
        "level": perturbation.judged, "unit": perturbation.unit, "curve": lines,
        "panels": [curves(f"{label} under {title}", perturbation.unit, label, plotted)],
        "tables": [table("By level", lines)],
    }  # fmt: skip
    at = next(line for line in lines if line["level"] == perturbation.judged)
    reasons = ""
    if "reasons alike" in at:
        reasons = f"; what marks the inputs correlates {at['reasons alike']:.2f} with before"
    size = f"{perturbation.judged:g} ({perturbation.unit})"
    text = f"Under {title} of {size} the {label} goes from {lines[0][label]:.3f} to {at[label]:.3f}{reasons}."
    score = float(judged.mean())
    return judge(name, score, bootstrap_mean(judged, seed), control, text, details)


def _attack(model: Model, rows: Rows, seed: int) -> Finding:
    name = "robustness.attack"
    if not differentiable(model, rows.inputs):
        words = "words have" if not rows.inputs.is_floating_point() else "the model has"
        return untestable(name, f"{words} no gradient to follow.")
    if rows.task == "multilabel" or (rows.task == "regression" and rows.labels.shape[1] > 1):
        return untestable(name, "it follows the gradient of one answer per row.")
    spread = spread_of(model, rows.inputs)
    if not bool((spread > 0).any()):
        return untestable(name, "the model takes categories alone, which have no small change.")
    scale = 1.0 if rows.inputs.ndim == 4 else 10.0  # a tenth of a deviation is as small as a hundredth of the range
    levels = tuple(scale * level for level in ATTACK_LEVELS)
    unit = "of the range" if rows.inputs.ndim == 4 else "standard deviations"
    perturbation = Perturbation(levels, scale * ATTACK_JUDGED, unit, lambda batch, level, generator: batch)
    own, label = rows.quality.numpy(), SCORES[rows.task]
    generator = torch.Generator().manual_seed(seed)
    signs = torch.where(torch.rand(rows.inputs.shape, generator=generator) < 0.5, -1.0, 1.0).to(rows.inputs.dtype)
    clean = float(own.mean())
    lines: list[dict[str, object]] = [{"level": 0.0, label: clean, "lost": 0.0, "random signs": clean}]
    losses = {}
    for level in levels:
        reach = level * spread.to(rows.inputs.dtype)
        attacked = _attacked(model, rows, reach)
        random = _kept(model, rows.inputs, rows.inputs + reach * signs)
        losses[level] = own - quality(model.predict(attacked).double().cpu(), rows.labels, rows.task).numpy()
        beside = quality(model.predict(random).double().cpu(), rows.labels, rows.task)
        lines.append({"level": level, label: float(own.mean() - losses[level].mean()),
                      "lost": float(losses[level].mean()), "random signs": float(beside.mean())})  # fmt: skip
    control = (
        f"random signs of the same size: {label} {lines[1 + levels.index(perturbation.judged)]['random signs']:.3f}"
    )
    random_curve = ([line["level"] for line in lines], [line["random signs"] for line in lines])
    return _finding(name, lines, losses, perturbation, label, seed, control, {"control: random signs": random_curve})


def _attacked(model: Model, rows: Rows, reach: Tensor) -> Tensor:
    """Return inputs changed by at most `reach` each, so that the right answer becomes less likely."""
    regression = rows.task == "regression"
    target = 0 if regression else rows.labels.tolist()
    of = "output" if regression else "log_probability"
    # A regression is pushed away from the goal, on the side where it already is.
    side = torch.sign(rows.prediction[:, 0] - rows.labels[:, 0]) if regression else -torch.ones(len(rows))
    settings = {"of": of, "passes": ATTACK_STEPS, "exact": True}
    with model.explaining("audit", rows.inputs, target, **settings) as case:
        start = case.inputs
        changed = start.clone()
        limit = reach.to(start).expand(start.shape[1:]) if reach.ndim else reach.to(start)
        direction = side.to(start).view(-1, *[1] * (start.ndim - 1))
        for _ in range(ATTACK_STEPS):
            for part in case.chunks(len(case)):
                gradient = case.gradient(changed[part], case.rows[part])[1]
                moved = changed[part] + direction[part] * gradient.sign() * limit * (2 / ATTACK_STEPS)
                low, high = start[part] - limit, start[part] + limit
                changed[part] = _kept(model, start[part], torch.minimum(torch.maximum(moved, low), high))
    return changed.detach().cpu()


def _kept(model: Model, before: Tensor, after: Tensor) -> Tensor:
    """Keep pixels in their range and padding what it is."""
    limits = getattr(model.input, "limits", None)
    if limits is not None:
        return after.clamp(*limits)
    return torch.where((before != 0).any(2, keepdim=True), after, before) if before.ndim == 3 else after


def _marks(model: Model, inputs: Tensor, rows: Rows) -> Tensor | None:
    """Return how strongly each number of an input counts for the answer that the model gave before; None for texts."""
    if not rows.inputs.is_floating_point():
        return None
    target = targets_of(rows.prediction, rows.task)
    quick = not isinstance(model.input, TabularInput) and differentiable(model, inputs)
    return (saliency if quick else occlusion)(model, inputs, target).values


def _alike(before: Tensor, after: Tensor) -> float:
    """Return the mean rank correlation of two explanations, row by row; 0 where one of them says nothing."""
    first, second = (part.flatten(1).double().cpu().numpy() for part in (before, after))
    return float(np.mean(rank_correlations(first, second)))
