"""LIME for images: segments are switched off, and a surrogate says what each contributed."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor

from xai.base.errors import InputError, describe, names_errors
from xai.inputs.baselines import BASELINES, as_row
from xai.lime.original import original_image
from xai.lime.parts import explain_parts
from xai.lime.rounds import Fitted
from xai.lime.settings import LimeSettings, read_settings
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["lime_image", "segment_means"]

MOST_SAMPLES = 1000  # a network of images takes long
FILLS = ("segment_mean", "noise", *BASELINES)


@names_errors("lime_image")
def lime_image(
    model: Model,
    images: object,
    target: object = None,
    *,
    segments: object = None,
    fill: object = "segment_mean",
    **settings: Unpack[LimeSettings],
) -> Explanation:
    """Return one weight per segment: how much showing it adds to the target, in a surrogate fitted around the image.

    Args:
        model: Of images.
        images: (N, C, H, W) or HWC, float, uint8 or 16-bit, or one of them.
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        segments: None, "slic", "quickshift", "felzenszwalb", "grid", or labels: any whole numbers, (H, W) or (N, H, W).
        fill: What hides a segment: "segment_mean" (its mean color), "zero", "mean", "blur", "noise", a number or a
            tensor.
        settings: Those of every LIME function, see `xai.lime.settings.LimeSettings`: samples, most_samples (1,000),
            top, confidence, surrogate, features, penalty, kernel_width (0.25 of cosine distance), of, engine, seed,
            exact, batch_size.

    Returns:
        values: a list of (d,) per image, in units of `of`, with `standard_error` beside it (sampling only).
        Diagnostics: r2 of the surrogate, its fidelity on samples that it had not seen, its intercept and answer, the
        samples used and why they were enough.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Ribeiro, Singh, Guestrin 2016, arXiv:1602.04938.

    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
    >>> e = lime_image(Model(network), torch.rand(1, 1, 8, 8), segments="grid", samples=200)
    >>> e.values[0].shape, e.standard_error[0].shape
    (torch.Size([49]), torch.Size([49]))
    """
    asked: LimeSettings = {"most_samples": MOST_SAMPLES, **settings}
    fit, run = read_settings("lime_image", LimeSettings, **asked)
    with model.explaining("lime_image", images, target, scores_only=True, **run) as session:
        if session.kind.axes(session.inputs) != (2, 3):
            raise InputError("images", expected="shape (N, C, H, W)", got=describe(session.inputs))
        parts = session.kind.parts(session.inputs, segments, run["seed"])
        segments_of = parts.labelled()
        hidden, fill_name = _hidden(fill, session, segments_of)
        if fill_name == "given":
            session.background_values = as_row(fill, session.inputs)[None]

        def original(row: int) -> Fitted:
            return original_image(session, row, segments_of[row], hidden[row], fit)

        return explain_parts(
            session,
            "lime_image",
            parts,
            session.kind.hiding(session.inputs, parts, hidden[None]),
            fit,
            original=original if fit.engine == "lime" else None,
            baseline=fill_name,
            options={"fill": fill_name, "of": run["of"], **fit.options()},
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
    return segment_means(images, labels), "segment_mean"


def segment_means(images: Tensor, labels: Tensor) -> Tensor:
    """Return images (N, C, H, W) with every pixel of a segment at the segment's mean color; labels: (N, H, W)."""
    size = int(labels.max()) + 1
    flat = labels.flatten(1)[:, None].expand(-1, images.shape[1], -1)
    sums = images.new_zeros(*images.shape[:2], size).scatter_add_(2, flat, images.flatten(2))
    counts = torch.zeros_like(sums).scatter_add_(2, flat, torch.ones_like(images.flatten(2)))
    return (sums / counts.clamp_min(1)).gather(2, flat).reshape(images.shape)
