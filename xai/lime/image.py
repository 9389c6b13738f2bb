"""LIME for images: segments are switched off, and a linear surrogate says what each contributed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xai.core.baselines import BASELINES, make_baseline
from xai.core.case import Case
from xai.core.errors import InputError, describe, expected
from xai.core.explanation import Explanation
from xai.core.model import Model
from xai.lime.segments import make_segments
from xai.lime.solver import fit_ridge, kernel_weights

__all__ = ["lime_image"]


def lime_image(
    model: Model,
    images: object,
    target: object = None,
    *,
    segments: object = None,
    samples: int = 1000,
    fill: object = "segment_mean",
    kernel_width: float = 0.25,
    penalty: float = 1.0,
    of: str = "probability",
    seed: int = 0,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return one weight per segment: how much showing it adds to the target, in a linear model fitted around the image.

    images: (N, C, H, W) or HWC, float or uint8. segments: None, "slic", "quickshift", "felzenszwalb", "grid" or labels.
    fill: what hides a segment: "segment_mean" (its mean color), "zero", "mean", "blur", a number or a tensor.
    of: "probability" as in lime, or "output" (the logit). values: a list of (d,) per image, in units of `of`, with
    `standard_error` beside it (sampling only). Diagnostics: r2 of the surrogate, its intercept and answer.
    Raises InputError, TargetError or NetworkError. Source: Ribeiro, Singh, Guestrin 2016, arXiv:1602.04938.

    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
    >>> e = lime_image(Model(network), torch.rand(1, 1, 8, 8), segments="grid", samples=200)
    >>> e.values[0].shape, e.standard_error[0].shape
    (torch.Size([49]), torch.Size([49]))
    """
    operation = "lime_image"
    if isinstance(samples, bool) or not isinstance(samples, int | np.integer) or samples < 10:
        raise InputError(expected(operation, "samples", "a whole number from 10", repr(samples)))
    for name, value, wanted in (
        ("kernel_width", kernel_width, kernel_width > 0),
        ("penalty", penalty, penalty >= 0),
    ):
        if not wanted:
            raise InputError(expected(operation, name, "a number above 0", value))
    settings = {"of": of, "seed": seed, "passes": int(samples), "exact": exact, "batch_size": batch_size}
    with model.explaining(operation, images, target, **settings) as case:
        if case.inputs.ndim != 4:
            raise InputError(expected(operation, "images", "shape (N, C, H, W)", describe(case.inputs)))
        labels, segmentation = make_segments(segments, case.inputs, seed, operation)
        hidden, fill_name = _hidden(fill, case.inputs, labels, operation)
        fits = [_explain(case, row, labels[row], hidden[row], int(samples), kernel_width, penalty) for row in case.rows]
        case.note("r2", [fit.r2 for fit, _ in fits])
        case.note("intercept", [fit.intercept for fit, _ in fits])
        case.note("surrogate_prediction", [fit.intercept + float(fit.weights.sum()) for fit, _ in fits])
        case.note("network_prediction", [float(answers[0]) for _, answers in fits])
        return case.explanation(
            operation,
            [fit.weights.to(torch.float32) for fit, _ in fits],
            "segments",
            standard_error=[fit.standard_error.to(torch.float32) for fit, _ in fits],
            segments=labels,
            baseline=fill_name,
            options={
                "samples": int(samples),
                "fill": fill_name,
                "kernel_width": kernel_width,
                "penalty": penalty,
                "of": of,
            },
            run={"segmentation": segmentation},
        )


def _explain(
    case: Case, row: Tensor, labels: Tensor, hidden: Tensor, samples: int, kernel_width: float, penalty: float
) -> tuple:
    """Fit one image: labels (H, W), hidden (C, H, W). Returns the surrogate and the network's answers (samples,)."""
    size = int(labels.max()) + 1
    masks = torch.rand(samples, size, generator=case.generator(int(row))) < 0.5
    masks[0] = True  # the image itself, as in lime
    masks = masks.to(labels.device)
    answers = torch.empty(samples, dtype=torch.float64, device=labels.device)
    image = case.inputs[row]
    for indices in case.chunks(samples):
        shown = masks[indices][:, labels]  # (n, H, W)
        batch = torch.where(shown[:, None], image, hidden)
        answers[indices] = case.scores(batch, row.expand(len(indices)))
    return fit_ridge(masks.double(), answers, kernel_weights(masks, kernel_width), penalty), answers


def _hidden(fill: object, images: Tensor, labels: Tensor, operation: str) -> tuple[Tensor, str]:
    """Return what hidden segments show, (N, C, H, W), and its name."""
    if not isinstance(fill, str) or fill != "segment_mean":
        if isinstance(fill, str) and fill not in BASELINES:
            wanted = f"one of segment_mean, {', '.join(BASELINES)}, a number or a tensor"
            raise InputError(expected(operation, "fill", wanted, repr(fill)))
        return make_baseline(fill, images, operation)
    size = int(labels.max()) + 1
    flat = labels.flatten(1)[:, None].expand(-1, images.shape[1], -1)
    sums = images.new_zeros(*images.shape[:2], size).scatter_add_(2, flat, images.flatten(2))
    counts = torch.zeros_like(sums).scatter_add_(2, flat, torch.ones_like(images.flatten(2)))
    return (sums / counts.clamp_min(1)).gather(2, flat).reshape(images.shape), "segment_mean"
