"""How an image is parameterized while it is optimized: which images are near one another decides what is found.

Each function takes the shape of one image, a generator per image, where images start from (0 to 1, by default noise),
real images (0 to 1) to learn colors and frequencies from, and whether to stay within 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from xai.visualization.colors import color_mix

__all__ = ["PARAMETERS", "Parameters", "fourier", "maco", "pixels"]

GAIN = 16  # a step of 1 moves all pixels by one part in so many of their range


class Inside(torch.autograd.Function):
    """Cuts pixels off at black and white; a pixel beyond gets only the gradient that brings it back.

    A sigmoid in its place never reaches black or white, and a pixel that it has pressed against one hardly returns. The
    gradient is that of an ascent.
    """

    @staticmethod
    def forward(ctx: Any, pixels: Tensor) -> Tensor:
        inside = pixels.clamp(0, 1)
        ctx.save_for_backward(pixels - inside)
        return inside

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,), (beyond,) = gradients, ctx.saved_tensors
        return gradient.masked_fill(beyond * gradient > 0, 0.0)


class Parameters(NamedTuple):
    """values (N, ...): what is optimized. draw: from them to images between 0 and 1 (or, unclipped, around 0.5).

    project: puts values back where they may be after a step.
    """

    values: Tensor
    draw: Callable[[Tensor], Tensor]
    project: Callable[[Tensor], Tensor] = lambda values: values


def pixels(
    shape: Sequence[int],
    generators: Sequence[torch.Generator],
    *,
    start: Tensor | None = None,
    real: Tensor | None = None,
    clip: bool = True,
) -> Parameters:
    """Parameterize an input as its own numbers (N, ...), every one by itself; after each step they are clipped."""
    noise = torch.stack([torch.randn(tuple(shape), generator=generator) * 0.03 for generator in generators])
    values = 0.5 + noise if start is None else start
    return Parameters(values, lambda values: values, (lambda values: values.clamp(0, 1)) if clip else lambda v: v)


def fourier(
    shape: Sequence[int],
    generators: Sequence[torch.Generator],
    *,
    start: Tensor | None = None,
    real: Tensor | None = None,
    clip: bool = True,
) -> Parameters:
    """Parameterize images as waves (N, C, H, W // 2 + 1, 2) in decorrelated colors.

    Frequencies are scaled by their inverse, so that a step changes all scales alike. Source: Olah, Mordvintsev,
    Schubert 2017, doi:10.23915/distill.00007, but for the sigmoid: see Inside.
    """
    channels, height, width = shape
    scale = (height * width) ** 0.5 / _frequencies(height, width) / GAIN
    mix = color_mix(channels, real)
    if start is None:
        size = (channels, height, width // 2 + 1, 2)
        values = torch.stack([torch.randn(size, generator=generator) * 0.01 for generator in generators])
    else:
        waves = torch.einsum("nchw,dc->ndhw", start - 0.5, torch.linalg.inv(mix).to(start))
        values = torch.view_as_real(torch.fft.rfft2(waves) / scale.to(waves))

    def draw(values: Tensor) -> Tensor:
        spectrum = torch.view_as_complex(values.contiguous()) * scale.to(values)
        waves = torch.fft.irfft2(spectrum, s=(height, width))
        pixels = 0.5 + torch.einsum("nchw,dc->ndhw", waves, mix.to(waves))
        return Inside.apply(pixels) if clip else pixels

    return Parameters(values, draw)


def maco(
    shape: Sequence[int],
    generators: Sequence[torch.Generator],
    *,
    start: Tensor | None = None,
    real: Tensor | None = None,
    clip: bool = True,
) -> Parameters:
    """Parameterize images as the phases (N, C, H, W // 2 + 1) of waves whose strength is that of the real images.

    Without real ones strength falls with the inverse of the frequency. The spectrum is kept exactly, but for what is
    clipped at black and white. Source: Fel et al. 2023, arXiv:2306.06805.
    """
    channels, height, width = shape
    mix = color_mix(channels, real)
    unmix = torch.linalg.inv(mix)
    if real is None:
        strength = (1 / _frequencies(height, width)).expand(channels, -1, -1).clone()
        strength[:, 0, 0] = 0
        std = torch.fft.irfft2(torch.polar(strength, torch.zeros_like(strength)), s=(height, width)).std()
        strength, mean = strength * (0.7 / std / channels**0.5), torch.full((channels, 1, 1), 0.5)
    else:
        real = interpolate(real.float(), (height, width), mode="bilinear", antialias=True).cpu()
        mean = real.mean((0, 2, 3))[:, None, None]
        strength = torch.fft.rfft2(torch.einsum("nchw,dc->ndhw", real - mean, unmix)).abs().mean(0)
        strength[:, 0, 0] = 0
    if start is None:
        size = (channels, height, width // 2 + 1)
        angles = torch.stack([torch.rand(size, generator=generator) * 2 * torch.pi for generator in generators])
    else:
        angles = torch.fft.rfft2(torch.einsum("nchw,dc->ndhw", start - mean.to(start), unmix.to(start))).angle()

    def draw(values: Tensor) -> Tensor:
        spectrum = torch.polar(strength.to(values).expand(len(values), -1, -1, -1), _real_waves(values, width))
        waves = torch.fft.irfft2(spectrum, s=(height, width))
        image = mean.to(values) + torch.einsum("nchw,dc->ndhw", waves, mix.to(waves))
        return Inside.apply(image) if clip else image

    return Parameters(angles, draw)


PARAMETERS: dict[str, Callable[..., Parameters]] = {"fourier": fourier, "pixels": pixels, "maco": maco}


def _frequencies(height: int, width: int) -> Tensor:
    vertical, horizontal = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    return (vertical**2 + horizontal**2).sqrt().clamp_min(1 / max(height, width))


def _real_waves(phase: Tensor, width: int) -> Tensor:
    """Return phases (..., H, W // 2 + 1) that belong to a real image, from free ones.

    The first column of a real image's spectrum (for an even width the last one too) is conjugate symmetric: its lower
    half mirrors the upper one. A frequency that is its own conjugate is real, so it keeps a sign only.
    """
    columns = [0, width // 2] if width % 2 == 0 else [0]
    height = phase.shape[-2]
    mirrors = phase[..., columns]
    rows = torch.arange(height, device=phase.device)[:, None]
    signs = (mirrors / torch.pi).round().detach() * torch.pi
    mirrored = torch.where(2 * rows > height, -mirrors.flip(-2).roll(1, -2), mirrors)
    phase = phase.clone()
    phase[..., columns] = torch.where((rows == 0) | (2 * rows == height), signs, mirrored)
    return phase
