"""Explanations whose worth is known: by intervention, by the image alone, half by either, and half by noise.

Each has the shape of a method, so that the checks can make it again on another network or another input.
"""

from __future__ import annotations

import torch
from scipy.stats import rankdata
from torch import Tensor

from benchmarks.planted import PATCH
from xai.evidence.controls import edge_filter
from xai.inputs.baselines import blur
from xai.methods import METHODS, Method
from xai.model.model import Model
from xai.results.explanation import Explanation

__all__ = ["KNOWN", "half_image", "half_noise", "image_only", "intervention", "join"]

KNOWN = ("intervention", "half_image", "image_only", "half_noise")


def join() -> None:
    """Put these into this process's table of methods: the checks look up there how to make a map again."""
    for name in KNOWN:
        METHODS[name] = Method(
            function=f"benchmarks.planted_maps:{name}", kind="attribution", claim="additive", scope="local",
            access="agnostic", inputs=("image",), needs_gradient=False, passes=100, summary=name,
        )  # fmt: skip


def intervention(model: Model, inputs: Tensor, target: object = None, **options: object) -> Explanation:
    """Return what the network does: by how much covering each window changes the output, at every second place."""
    with model.explaining("intervention", inputs, target) as session:
        return session.explanation("intervention", _effects(session)[:, None], "input")


def image_only(model: Model, inputs: Tensor, target: object = None, **options: object) -> Explanation:
    """Return the edges of the image: the network has no say."""
    with model.explaining("image_only", inputs, target) as session:
        return session.explanation("image_only", edge_filter(session.inputs)[:, None], "input")


def half_image(model: Model, inputs: Tensor, target: object = None, **options: object) -> Explanation:
    """Return the mean rank of what the network does (its size) and of the image's edges: half is the image alone."""
    with model.explaining("half_image", inputs, target) as session:
        mixed = _ranks(_effects(session).abs()) + _ranks(edge_filter(session.inputs))
        return session.explanation("half_image", mixed[:, None], "input")


def half_noise(model: Model, inputs: Tensor, target: object = None, **options: object) -> Explanation:
    """Return the mean rank of what the network does and of smooth noise that each input draws anew."""
    with model.explaining("half_noise", inputs, target, seed=0) as session:
        noise = [torch.randn(session.inputs.shape[1:], generator=session.generator(row)) for row in range(len(session))]
        mixed = _ranks(_effects(session)) + _ranks(blur(torch.stack(noise), PATCH / 2)[:, 0])
        return session.explanation("half_noise", mixed[:, None], "input")


def _effects(session: object) -> Tensor:
    """Return for each pixel the mean fall of the output over the windows that cover it, (N, H, W)."""
    side = session.inputs.shape[-1]
    hidden = blur(session.inputs, side / 8)
    starts = range(0, side - PATCH + 1, 2)
    masks = torch.zeros(len(starts) ** 2, side, side, dtype=torch.bool)
    for number, (top, left) in enumerate((top, left) for top in starts for left in starts):
        masks[number, top : top + PATCH, left : left + PATCH] = True
    falls = []
    for row, image in enumerate(session.inputs):
        batch = torch.where(masks[:, None], hidden[row], image)
        whole = session.scores(image[None], session.rows[row : row + 1])
        falls.append(whole - session.scores(batch, session.rows[row].expand(len(batch))))
    return (torch.einsum("nw,whv->nhv", torch.stack(falls), masks.double()) / masks.sum(0)).float()


def _ranks(maps: Tensor) -> Tensor:
    return torch.from_numpy(rankdata(maps.flatten(1).numpy(), axis=1)).float().view_as(maps)
