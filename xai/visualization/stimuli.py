"""Plain stimuli that a unit may answer to more than to the image made for it: what the optimizer did not find."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate

__all__ = ["stimuli"]

CHECKS = (1, 2, 4, 8)  # sides of the squares of checkerboards, in pixels
WAVES = (2, 4, 8, 16)  # lengths of gratings, in pixels
ANGLES = 8
PHASES = 4
RANDOM = 16  # draws of each kind of noise, and crops
COARSE = 4  # blobs are this many times coarser than pixels


def stimuli(shape: tuple[int, int, int], real: Tensor | None = None, seed: int = 0) -> tuple[list[str], Tensor]:
    """Return names and images of plain fields, checkerboards, gratings, noise, and crops of real images.

    Args:
        shape: (channels, height, width).
        real: images (n, C, H, W) scaled to 0..1, to crop from.
        seed: of the noise and the crops.

    Returns:
        The names, and the images (m, C, H, W) from 0 to 1.
    """
    channels, height, width = shape
    generator = torch.Generator().manual_seed(seed)
    rows, columns = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    gray: dict[str, Tensor] = {f"plain field of {value:g}": torch.full((height, width), value) for value in (0, 0.5, 1)}
    for side in CHECKS:
        board = ((rows // side + columns // side) % 2).float()
        gray |= {f"checkerboard of {side} pixels": board, f"checkerboard of {side} pixels, inverted": 1 - board}
    for length in WAVES:
        for angle in range(ANGLES):
            turn = math.pi * angle / ANGLES
            along = 2 * math.pi * (columns * math.cos(turn) + rows * math.sin(turn)) / length
            for phase in range(PHASES):
                name = f"grating of {length} pixels at {180 * angle / ANGLES:g} degrees, phase {360 * phase // PHASES}"
                gray[name] = 0.5 + 0.5 * torch.sin(along + 2 * math.pi * phase / PHASES)
    names = list(gray)
    images = [torch.stack(list(gray.values()))[:, None].expand(-1, channels, -1, -1)]

    def add(name: str, more: Tensor) -> None:
        names.extend(f"{name} {number}" for number in range(len(more)))
        images.append(more)

    fine = torch.rand(RANDOM, *shape, generator=generator)
    add("noise", fine)
    add("black and white noise", (torch.rand(RANDOM, *shape, generator=generator) > 0.5).float())
    blobs = torch.rand(RANDOM, channels, -(-height // COARSE), -(-width // COARSE), generator=generator)
    add("blobs", interpolate(blobs, (height, width), mode="bicubic").clamp(0, 1))
    if real is not None:
        add("crop of a real image", _crops(real, generator))
    return names, torch.cat(images)


def _crops(real: Tensor, generator: torch.Generator) -> Tensor:
    """Return half-sized windows of real images, enlarged to the full size."""
    height, width = real.shape[2:]
    crops = []
    for _ in range(RANDOM):
        row = int(torch.randint(len(real), (1,), generator=generator))
        top, left = (int(torch.randint(side // 2 + 1, (1,), generator=generator)) for side in (height, width))
        window = real[row : row + 1, :, top : top + max(1, height // 2), left : left + max(1, width // 2)]
        crops.append(interpolate(window.float().cpu(), (height, width), mode="bilinear"))
    return torch.cat(crops)
