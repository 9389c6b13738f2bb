"""LIME for images: segments are switched off, and a surrogate says what each contributed."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.base.errors import InputError, describe, names_errors
from xai.inputs.baselines import BASELINES, as_row
from xai.lime.original import original_image
from xai.lime.parts import explain_parts
from xai.lime.rounds import Fitted
from xai.lime.settings import check_settings
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["lime_image"]

FILLS = ("segment_mean", "noise", *BASELINES)


@names_errors("lime_image")
def lime_image(
    model: Model,
    images: object,
    target: object = None,
    *,
    segments: object = None,
    fill: object = "segment_mean",
    samples: int | None = None,
    most_samples: int = 1000,
    top: int = 5,
    confidence: float = 0.95,
    surrogate: str = "ridge",
    features: int | None = None,
    penalty: float = 1.0,
    kernel_width: float | None = None,
    of: str = "probability",
    engine: str = "xai",
    seed: int = 0,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return one weight per segment: how much showing it adds to the target, in a surrogate fitted around the image.

    images: (N, C, H, W) or HWC, float, uint8 or 16-bit. segments: None, "slic", "quickshift", "felzenszwalb", "grid"
    or labels (any integers). fill: what hides a segment: "segment_mean" (its mean color), "zero", "mean", "blur",
    "noise", a number or a tensor. The other settings are those of `xai.lime.settings.Settings`.
    of: "probability" as in lime, "log_probability" or "output" (the logit). values: a list of (d,) per image, in units
    of `of`, with `standard_error` beside it (sampling only). Diagnostics: r2 of the surrogate, its fidelity on samples
    that it had not seen, its intercept and answer, the samples used and why they were enough.
    Raises InputError, TargetError or NetworkError. Source: Ribeiro, Singh, Guestrin 2016, arXiv:1602.04938.

    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
    >>> e = lime_image(Model(network), torch.rand(1, 1, 8, 8), segments="grid", samples=200)
    >>> e.values[0].shape, e.standard_error[0].shape
    (torch.Size([49]), torch.Size([49]))
    """
    settings = check_settings(
        samples=samples, most_samples=most_samples, top=top, confidence=confidence, surrogate=surrogate,
        features=features, penalty=penalty, kernel_width=kernel_width, engine=engine,
    )  # fmt: skip
    run = {"of": of, "seed": seed, "passes": settings.passes, "exact": exact, "batch_size": batch_size,
           "scores_only": True}  # fmt: skip
    with model.explaining("lime_image", images, target, **run) as session:
        if session.kind.axes(session.inputs) != (2, 3):
            raise InputError("images", expected="shape (N, C, H, W)", got=describe(session.inputs))
        parts = session.kind.parts(session.inputs, segments, seed)
        segments_of = parts.labelled()
        hidden, fill_name = _hidden(fill, session, segments_of)
        if fill_name == "given":
            session.background_values = as_row(fill, session.inputs)[None]

        def original(row: int) -> Fitted:
            return original_image(session, row, segments_of[row], hidden[row], settings)

        return explain_parts(
            session,
            "lime_image",
            parts,
            session.kind.hiding(session.inputs, parts, hidden[None]),
            settings,
            original=original if engine == "lime" else None,
            baseline=fill_name,
            options={"fill": fill_name, "of": of, **settings.options()},
            run={"segmentation": parts.cut},
        )


def _hidden(fill: object, session: Session, labels: Tensor) -> tuple[Tensor, str | float]:
    """Return what hidden segments show, (N, C, H, W), and its name."""
    images = session.inputs
    if isinstance(fill, str) and fill not in FILLS:
        wanted = f"one of {', '.join(FILLS)}, a number or a tensor"
        raise InputError("fill", expected=wanted, got=repr(fill))
    if isinstance(fill, str) and fill == "noise":
        # A generator of its own, so that the noise of an image does not depend on its neighbors in the batch.
        drawn = [
            torch.rand(images.shape[1:], generator=session.generator(row, stream=1)) for row in range(len(session))
        ]
        low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
        return low + torch.stack(drawn).to(images) * (high - low), fill
    if not isinstance(fill, str) or fill != "segment_mean":
        return session.kind.baseline(fill, images)
    size = int(labels.max()) + 1
    flat = labels.flatten(1)[:, None].expand(-1, images.shape[1], -1)
    sums = images.new_zeros(*images.shape[:2], size).scatter_add_(2, flat, images.flatten(2))
    counts = torch.zeros_like(sums).scatter_add_(2, flat, torch.ones_like(images.flatten(2)))
    return (sums / counts.clamp_min(1)).gather(2, flat).reshape(images.shape), "segment_mean"
