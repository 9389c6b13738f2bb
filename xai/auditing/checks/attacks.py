"""Attacks that follow the gradient of the right answer: what both findings on them share."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.auditing.explainers import differentiable
from xai.auditing.kinds import kind_of, made_for, present_steps, spread_of
from xai.auditing.split import Split
from xai.auditing.verdicts import Untestable
from xai.model.model import Model

__all__ = ["ATTACK_STEPS", "ATTACK_UNITS", "attack_unit", "attacked", "projected"]

ATTACK_STEPS = 5
# A tenth of a standard deviation is as small as a hundredth of the range.
RANGE, DEVIATIONS = (1.0, "of the range"), (10.0, "standard deviations")
ATTACK_UNITS = {
    "image": RANGE, "grid": RANGE, "table": DEVIATIONS, "series": DEVIATIONS, "steps": DEVIATIONS,
    "numbers": DEVIATIONS,
}  # fmt: skip


def attack_unit(model: Model, split: Split) -> tuple[float, str]:
    """Return how large a hundredth of a level is, and in what unit; raises Untestable where no attack can be made."""
    kind = kind_of(model, split.inputs)
    if kind == "text":
        raise Untestable("words_without_gradient")
    unit = made_for(ATTACK_UNITS, kind)
    if not differentiable(model, split.inputs):
        raise Untestable("model_without_gradient")
    if split.task == "multilabel" or (split.task == "regression" and split.labels.shape[1] > 1):
        raise Untestable("one_answer_per_row")
    if not bool((spread_of(model, split.inputs) > 0).any()):
        raise Untestable("only_categories")
    return unit


def attacked(model: Model, split: Split, reach: Tensor, steps: int = ATTACK_STEPS) -> Tensor:
    """Return inputs changed by at most `reach` each, so that the right answer becomes less likely, in so many steps."""
    regression = split.task == "regression"
    target = 0 if regression else split.labels.tolist()
    of = "output" if regression else "log_probability"
    # A regression is pushed away from its label, on the side where it already is.
    side = torch.sign(split.prediction[:, 0] - split.labels[:, 0]) if regression else -torch.ones(len(split))
    settings = {"of": of, "passes": steps, "exact": True}
    with model.explaining("audit", split.inputs, target, **settings) as session:
        start = session.inputs
        changed = start.clone()
        limit = reach.to(start).expand(start.shape[1:]) if reach.ndim else reach.to(start)
        direction = side.to(start).view(-1, *[1] * (start.ndim - 1))
        for _ in range(steps):
            for part in session.chunks(len(session)):
                gradient = session.gradient(changed[part], session.rows[part])[1]
                stepped = changed[part] + direction[part] * gradient.sign() * limit * (2 / steps)
                low, high = start[part] - limit, start[part] + limit
                changed[part] = projected(model, start[part], torch.minimum(torch.maximum(stepped, low), high))
    return changed.detach().cpu()


def projected(model: Model, before: Tensor, after: Tensor) -> Tensor:
    """Keep pixels in their range and padding what it is."""
    limits = getattr(model.input, "limits", None)
    if limits is not None:
        return after.clamp(*limits)
    return torch.where(present_steps(before)[..., None], after, before) if before.ndim == 3 else after
