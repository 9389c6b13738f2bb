"""How an image is written down while it is optimized: which images are near one another decides what is found."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["PARAMETERS", "fourier", "pixels"]

# Square root of the covariance of colors in natural photographs (as published with lucid, Olah et al. 2017).
COLORS = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
Start = tuple[Tensor, Callable[[Tensor], Tensor]]


def pixels(shape: tuple[int, int, int], generators: list[torch.Generator]) -> Start:
    """Return noise (N, C, H, W) and the map from it to images in 0..1: every pixel on its own."""
    start = torch.stack([torch.randn(shape, generator=generator) * 0.1 for generator in generators])
    return start, torch.sigmoid


def fourier(shape: tuple[int, int, int], generators: list[torch.Generator]) -> Start:
    """Return noise in the frequency domain (N, C, H, W // 2 + 1, 2) and the map from it to images in 0..1.

    Frequencies are scaled by their inverse, so that a step changes all scales alike, and colors are decorrelated.
    """
    channels, height, width = shape
    vertical, horizontal = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    frequency = (vertical**2 + horizontal**2).sqrt().clamp_min(1 / max(height, width))
    scale = (height * width) ** 0.5 / frequency
    size = (channels, height, width // 2 + 1, 2)
    start = torch.stack([torch.randn(size, generator=generator) * 0.01 for generator in generators])

    def image(values: Tensor) -> Tensor:
        spectrum = torch.view_as_complex(values.contiguous()) * scale.to(values.device)
        waves = torch.fft.irfft2(spectrum, s=(height, width), norm="backward") / 4
        if channels == 3:
            mix = (COLORS / COLORS.norm(dim=0).max()).to(waves)
            waves = torch.einsum("nchw,dc->ndhw", waves, mix)
        return torch.sigmoid(waves)

    return start, image


PARAMETERS: dict[str, Callable[[tuple[int, int, int], list[torch.Generator]], Start]] = {
    "fourier": fourier,
    "pixels": pixels,
}
