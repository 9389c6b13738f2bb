"""Is an image processed like the real images that excite the unit, layer by layer?

Source: Geirhos et al. 2024, arXiv:2306.04719: an image that excites a unit by another path shows nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, normalize

from xai.results.finding import Finding

__all__ = ["flattened", "path_similarity", "same_path"]

GRID = 3  # positions a side at which maps are compared
LEAST = 1e-3  # of cosine, by which exciting images must be more alike than others


def flattened(maps: Tensor) -> Tensor:
    """Return activations (n, ...) behind a ReLU as rows (n, features), maps at 3 x 3 positions."""
    active = torch.relu(maps.float())
    return (adaptive_avg_pool2d(active, GRID) if active.ndim == 4 else active).flatten(1)


def path_similarity(made: Tensor, real: Tensor, top: Tensor) -> float | None:
    """Return how alike an image is to the exciting real ones in one layer: 1 as they are to one another, 0 as others.

    Args:
        made: the image's activations, (features,).
        real: those of the real images, (n, features).
        top: which of them excite the unit most, (k,).

    Returns:
        The similarity, None where the exciting ones are no more alike than others.
    """
    mean = real.mean(0)
    unit, direction = normalize(real - mean, dim=1), normalize(made - mean, dim=0)
    others = torch.ones(len(real), dtype=torch.bool, device=real.device)
    others[top] = False
    alike = unit[top] @ unit[top].T
    within = float((alike.sum() - alike.diagonal().sum()) / (len(top) * (len(top) - 1)))
    across = float((unit[top] @ unit[others].T).mean())
    if within - across < LEAST:
        return None
    return (float((unit[top] @ direction).mean()) - across) / (within - across)


def same_path(name: str, layers: Sequence[str], values: Sequence[float | None]) -> Finding:
    """Return a finding from the similarities in the layers before the unit, in their order; the last one decides."""
    seen = {layer: value for layer, value in zip(layers, values, strict=True) if value is not None}
    details = {"layers": dict(zip(layers, values, strict=True))}
    control = "1: as alike as the exciting real images are to one another; 0: as other real images are to them"
    if not seen:
        text = f"Untestable: there is no layer before {name} in which the real images that excite it are alike."
        return Finding("path", "untestable", None, 0.0, control, text, details)
    layer, score = list(seen.items())[-1]
    course = ", ".join(f"{item} {value:.2f}" for item, value in seen.items())
    if score > 0:
        text = (
            f"On its way to {name} it resembles the real images that excite it more than other real ones do ({course})."
        )
        return Finding("path", "pass", score, 0.0, control, text, details)
    text = f"Another path: in {layer} it resembles the real images that excite {name} less than others do ({course})."
    return Finding("path", "fail", score, 0.0, control, text, details)
