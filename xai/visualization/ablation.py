"""Why the constraints are there: the same unit with none of them, with each alone, and with all."""

from __future__ import annotations

from typing import Unpack

import torch

from xai.model.model import Model
from xai.results.visualization import Visualization
from xai.visualization import constraints
from xai.visualization.ascent import visualize
from xai.visualization.objectives import Objective
from xai.visualization.settings import VisualizeSettings

__all__ = ["VARIANTS", "ablation"]

VARIANTS = 11  # how many inputs are optimized in all their steps: ten rows, and the usual one that sets the scale
FIRST_STEP = 0.05  # how far the plain ascent's first step moves a pixel, in root mean square


def ablation(model: Model, objective: Objective, **settings: Unpack[VisualizeSettings]) -> dict[str, Visualization]:
    """Return Visualizations by the name of what was switched on.

    "none" is plain gradient ascent on pixels from noise; its learning rate is such that the first step moves pixels by
    5 % of their range, and the same in the other rows but the last. "all" is every constraint on top of the default.
    """
    bare: VisualizeSettings = {"parameters": "pixels", "transforms": [], "optimizer": "gradient", "constraints": []}
    plain: VisualizeSettings = {**bare, **settings, "steps": 1, "learning_rate": 1.0, "snapshots": (0,)}
    first = visualize(model, objective, **plain)
    change = float((first.values - first.snapshots[0]).pow(2).mean().sqrt())
    low, high = model.input.limits or (-1.0, 1.0)
    bare["learning_rate"] = FIRST_STEP * (high - low) / max(change, 1e-12)
    usual = visualize(model, objective, **settings)
    # Penalties as strong as the unit is: at a full swing of all pixels they would take away what it gains.
    scale = max(float((usual.reached[0] - torch.tensor(usual.diagnostics[0]["started"])).abs()), 1e-6)
    smooth, small = constraints.total_variation(scale), constraints.l2(scale)
    everything = [
        *constraints.default(), constraints.normalized_gradient(), constraints.blurred_gradient(),
        constraints.total_variation(scale / 50), constraints.l2(scale / 50),
    ]  # fmt: skip
    normal: VisualizeSettings = {
        **bare,
        "constraints": [constraints.normalized_gradient()],
        "learning_rate": FIRST_STEP,
    }
    variants: dict[str, VisualizeSettings] = {
        "none": bare,
        "bounded step": {**bare, "constraints": [constraints.bounded_step(change)]},
        "normalized gradient": normal,
        "blurred gradient": {**bare, "constraints": [constraints.blurred_gradient()]},
        "total variation": {**bare, "constraints": [smooth]},
        "L2": {**bare, "constraints": [small]},
        "clipping": {**bare, "constraints": [constraints.clipped()]},
        "jitter, rotation, scaling": {**bare, "transforms": None},
        "Fourier, own colors": {**bare, "parameters": "fourier", "optimizer": "adam", "learning_rate": FIRST_STEP},
        "all": {"constraints": everything},
    }
    return {name: visualize(model, objective, **{**variant, **settings}) for name, variant in variants.items()}
