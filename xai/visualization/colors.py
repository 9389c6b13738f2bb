"""Colors of real images go together: a step that changes them as they vary in the data does not end in rainbows."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["color_mix"]

# Square root of the covariance of colors in natural photographs (as published with lucid, Olah et al. 2017).
PHOTOGRAPHS = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
LEAST_SHARE = 1e-3  # of the largest variance: a direction without variance in the data keeps this much


def color_mix(channels: int, real: Tensor | None = None) -> Tensor:
    """Return the matrix (C, C) from independent to real colors; its longest column has length 1.

    It is a square root of the covariance of the real images' colors (n, C, H, W): by columns, the directions in which
    they vary, as long as they vary. Without images: of photographs where there are three channels, else the identity.
    """
    if real is None or channels == 1:
        mix = PHOTOGRAPHS if channels == 3 and real is None else torch.eye(channels)
    else:
        colors = real.detach().double().cpu().transpose(0, 1).flatten(1)
        variances, directions = torch.linalg.eigh(torch.cov(colors))
        root = variances.clamp_min(0).sqrt()
        mix = directions * root.clamp_min(float(root.max()) * LEAST_SHARE or 1.0)
    return (mix / mix.norm(dim=0).max()).float()
