"""Robustness: what small changes do to the answers, and to the reasons for those answers that stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from xai.attribution.gradient_methods import saliency
from xai.attribution.occlusion import occlusion
from xai.auditing.checks.attacks import attack_unit, attacked, projected
from xai.auditing.checks.least_change import least_change
from xai.auditing.corruptions import Perturbation, perturbations_for
from xai.auditing.explainers import differentiable, targets_of
from xai.auditing.finding_figures import curves, table
from xai.auditing.kinds import kind_of, spread_of
from xai.auditing.scores import SCORES
from xai.auditing.sentences import sentence
from xai.auditing.split import Prepared, Split
from xai.auditing.verdicts import Measured, Untestable, tested, untestable
from xai.base.statistics import bootstrap_mean, rank_correlations
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["robustness"]

MOST_ROWS, MOST_ELEMENTS = 1000, 400 * 28 * 28  # rows, and numbers in all of them together
EXPLAINED = 8
ATTACK_LEVELS, ATTACK_TESTED = (0.005, 0.01, 0.02, 0.04), 0.01
ALIKE, RANDOM = "reasons alike", "random signs"  # columns of the table by level


class Curve(NamedTuple):
    """The score by level of a change: lines of its table, and by level what each row loses (N,)."""

    lines: list[dict[str, float]]
    losses: dict[float, np.ndarray]


def robustness(model: Model, data: Prepared, *, seed: int = 0, rows: int | None = None) -> list[Finding]:
    """Return how the score falls under perturbations of rising size, and under a small gradient attack.

    The score of a finding is what is lost at the mild level that a usable model must stand; curves show the others.
    Meanwhile a few rows are explained: the rank correlation of their attributions, before and after, is in the details.
    rows: how many are perturbed. Source of the attack: Madry et al. 2018, arXiv:1706.06083.
    """
    most = rows or min(MOST_ROWS, max(100, MOST_ELEMENTS // max(1, data.held_out.inputs[0].numel())))
    split = data.held_out.sample(most, seed)
    attack = [
        tested("robustness.attack", _attack, model, split, seed),
        tested("robustness.least_change", least_change, model, split, seed),
    ]
    try:
        perturbations = perturbations_for(model, split.inputs)
    except Untestable as error:
        return [untestable("robustness.noise", str(error)), *attack]
    found = [
        tested(f"robustness.{name}", _perturbed, model, split, name, perturbation, seed)
        for name, perturbation in perturbations.items()
    ]
    return [*found, *attack]


def _perturbed(model: Model, split: Split, name: str, perturbation: Perturbation, seed: int) -> Measured:
    few = split.take(torch.arange(min(EXPLAINED, len(split))))
    before = _attributions(model, few.inputs, few)

    def changed(level: float) -> tuple[object, dict[str, float]]:
        inputs = perturbation.change(split.inputs, level, torch.Generator().manual_seed(seed))
        after = _attributions(model, inputs[: len(few)], few) if isinstance(inputs, Tensor) else None
        return inputs, {} if before is None or after is None else {ALIKE: _alike(before, after)}

    return _measured(name, split, _curve(model, split, perturbation.levels, changed, {}), perturbation, seed)


def _curve(
    model: Model,
    split: Split,
    levels: tuple[float, ...],
    changed: Callable[[float], tuple[object, dict[str, float]]],
    at_zero: dict[str, float],
) -> Curve:
    """Return the score at each level; changed: from a level to the inputs and more columns of its line."""
    quality, label = split.quality.numpy(), SCORES[split.task]
    clean = float(quality.mean())
    lines = [{"level": 0.0, label: clean, "lost": 0.0, **at_zero}]
    losses = {}
    for level in levels:
        inputs, more = changed(level)
        prediction = model.predict(inputs).double().cpu()
        losses[level] = quality - split.quality_of(prediction).numpy()
        lost = losses[level].mean()
        lines.append({"level": level, label: float(quality.mean() - lost), "lost": float(lost), **more})
    return Curve(lines, losses)


def _measured(name: str, split: Split, curve: Curve, perturbation: Perturbation, seed: int) -> Measured:
    label, lines, title = SCORES[split.task], curve.lines, name.replace("_", " ")
    levels = [line["level"] for line in lines]
    plotted = {"model": (levels, [line[label] for line in lines])}
    if RANDOM in lines[-1]:
        plotted[f"control: {RANDOM}"] = (levels, [line[RANDOM] for line in lines])
    if ALIKE in lines[-1]:
        plotted[f"{ALIKE} (rank correlation)"] = (levels[1:], [line[ALIKE] for line in lines[1:]])
    details = {
        "level": perturbation.tested, "unit": perturbation.unit, "curve": lines,
        "panels": [curves(f"{label} under {title}", perturbation.unit, label, plotted)],
        "tables": [table("By level", lines)],
    }  # fmt: skip
    at = next(line for line in lines if line["level"] == perturbation.tested)
    facts = {
        "change": name, "level": perturbation.tested, "unit": perturbation.unit, "score": label,
        "before": lines[0][label], "after": at[label], "random": at.get(RANDOM),
        "reasons": sentence("robustness", "reasons", {"alike": at[ALIKE]}) if ALIKE in at else "",
    }  # fmt: skip
    lost = curve.losses[perturbation.tested]
    control = sentence("robustness", "control_attack" if RANDOM in at else "control", facts)
    interval = bootstrap_mean(lost, seed)
    return Measured(float(lost.mean()), interval, facts, details, words="robustness", control=control)


def _attack(model: Model, split: Split, seed: int) -> Measured:
    scale, unit = attack_unit(model, split)
    spread = spread_of(model, split.inputs)
    generator = torch.Generator().manual_seed(seed)
    signs = torch.where(torch.rand(split.inputs.shape, generator=generator) < 0.5, -1.0, 1.0).to(split.inputs.dtype)

    def changed(level: float) -> tuple[Tensor, dict[str, float]]:
        reach = level * spread.to(split.inputs.dtype)
        random = projected(model, split.inputs, split.inputs + reach * signs)
        beside = split.quality_of(model.predict(random).double().cpu())
        return attacked(model, split, reach), {RANDOM: float(beside.mean())}

    levels = tuple(scale * level for level in ATTACK_LEVELS)
    perturbation = Perturbation(levels, scale * ATTACK_TESTED, unit, lambda batch, level, generator: changed(level)[0])
    curve = _curve(model, split, levels, changed, {RANDOM: float(split.quality.numpy().mean())})
    return _measured("attack", split, curve, perturbation, seed)


def _attributions(model: Model, inputs: Tensor, split: Split) -> Tensor | None:
    """Return how strongly each number of an input counts for the answer that the model gave before; None for texts."""
    kind = kind_of(model, split.inputs)
    if kind == "text":
        return None
    target = targets_of(split.prediction, split.task)
    quick = kind != "table" and differentiable(model, inputs)
    values = (saliency if quick else occlusion)(model, inputs, target).values
    return values if isinstance(values, Tensor) else None


def _alike(before: Tensor, after: Tensor) -> float:
    """Return the mean rank correlation of two explanations, row by row; 0 where one of them says nothing."""
    first, second = (part.flatten(1).double().cpu().numpy() for part in (before, after))
    return float(np.mean(rank_correlations(first, second)))
