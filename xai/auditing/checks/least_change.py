"""The least change of a row that changes its answer, by attacks that follow the gradient in one step and in many."""

from __future__ import annotations

import numpy as np
import torch

from xai.auditing.checks.attacks import ATTACK_STEPS, attack_unit, attacked, projected
from xai.auditing.finding_figures import curves
from xai.auditing.kinds import spread_of
from xai.auditing.split import Split
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import bootstrap_values
from xai.model.model import Model

__all__ = ["least_change"]

MOST_ROWS, FEWEST = 64, 10
LEVELS = tuple(0.00125 * 2**power for power in range(9))  # to 0.32 of the range
CHANGED_BY = 0.5  # standard deviations of the labels by which an answer of a regression has changed
STEPS = {"one step": 1, "many steps": ATTACK_STEPS}


def least_change(model: Model, split: Split, seed: int) -> Measured:
    """Return the median, over rows that are answered rightly, of the least change that changes the answer.

    Each level is tried with one step along the sign of the gradient and with several that stay within it; the least of
    a row is the first at which either succeeds. The score is in shares of the range (tenths of standard deviations).
    Sources: Goodfellow, Shlens and Szegedy 2015, arXiv:1412.6572; Madry et al. 2018, arXiv:1706.06083.
    """
    scale, unit = attack_unit(model, split)
    spread = spread_of(model, split.inputs)
    right = torch.where(split.quality > 0)[0] if split.task != "regression" else torch.arange(len(split))
    if len(right) < FEWEST:
        raise Untestable("few_right", least=FEWEST)
    split = split.take(right[torch.randperm(len(right), generator=torch.Generator().manual_seed(seed))[:MOST_ROWS]])
    signs = torch.where(torch.rand(split.inputs.shape, generator=torch.Generator().manual_seed(seed)) < 0.5, -1.0, 1.0)
    least = {name: np.full(len(split), np.inf) for name in (*STEPS, "random signs")}
    for level in LEVELS:
        reach = scale * level * spread.to(split.inputs.dtype)
        for name, steps in STEPS.items():
            _lower(least[name], level, _changed(model, split, attacked(model, split, reach, steps)))
        random = projected(model, split.inputs, split.inputs + reach * signs.to(split.inputs.dtype))
        _lower(least["random signs"], level, _changed(model, split, random))
    best = np.minimum(*(least[name] for name in STEPS))
    capped = np.minimum(best, 2 * LEVELS[-1])
    median = float(np.median(capped))
    interval = bootstrap_values([capped], lambda values, axis: np.median(values, axis=axis), seed)
    lines = {
        f"control: {name}" if name == "random signs" else name: (
            [scale * level for level in LEVELS], [float((values <= level).mean()) for level in LEVELS]
        )
        for name, values in least.items()
    }  # fmt: skip
    details = {
        "least": (scale * capped).tolist(), "rows": split.index.tolist(), "unit": unit,
        "panels": [curves("Answers that change", unit, "share of rows", lines)],
    }  # fmt: skip
    random = float(np.median(np.minimum(least["random signs"], 2 * LEVELS[-1])))
    facts = {
        "least": scale * median, "unit": unit, "rows": len(split), "low": scale * interval[0],
        "high": scale * interval[1], "random": scale * random,
    }  # fmt: skip
    return Measured(median, interval, facts, details, at_most="warn")


def _lower(least: np.ndarray, level: float, changed: np.ndarray) -> None:
    least[changed & np.isinf(least)] = level


def _changed(model: Model, split: Split, inputs: torch.Tensor) -> np.ndarray:
    prediction = model.predict(inputs).double().cpu()
    if split.task == "regression":
        std = float(split.labels.double().std()) or 1.0
        return ((prediction - split.prediction).abs()[:, 0] > CHANGED_BY * std).numpy()
    return (split.called(prediction) != split.predicted).numpy()
