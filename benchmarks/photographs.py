"""Every photograph that scikit-image and scikit-learn ship (no drawings, masks or test patterns), and crops of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage
import sklearn
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

__all__ = ["PHOTOGRAPHS", "crops", "photographs"]

PHOTOGRAPHS = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png",
    "coins.png", "color.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "microaneurysms.png",
    "moon.png", "motorcycle_left.png", "motorcycle_right.png", "page.png", "retina.jpg", "rocket.jpg", "text.png",
    "china.jpg", "flower.jpg",
)  # fmt: skip


def photographs() -> dict[str, Tensor]:
    """Return the photographs by name, (3, H, W) from 0 to 1."""
    folders = (Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets" / "images")
    paths = [next(folder / name for folder in folders if (folder / name).exists()) for name in PHOTOGRAPHS]
    pixels = (np.asarray(Image.open(path).convert("RGB"), dtype=np.float32) / 255 for path in paths)
    return {path.stem: torch.from_numpy(item).permute(2, 0, 1) for path, item in zip(paths, pixels, strict=True)}


def crops(side: int, each: int = 25, seed: int = 0) -> tuple[Tensor, str]:
    """Return square crops (n, 3, side, side) at random places and scales, each photograph whole too, and their name."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for pixels in photographs().values():
        for number in range(each):
            share, down, right = torch.rand(3, generator=generator).tolist()
            size = round(min(pixels.shape[1:]) * (1 if number == 0 else 0.3 + 0.7 * share))
            top, left = round(down * (pixels.shape[1] - size)), round(right * (pixels.shape[2] - size))
            part = pixels[None, :, top : top + size, left : left + size]
            parts.append(interpolate(part, (side, side), mode="bicubic", antialias=True).clamp(0, 1))
    return torch.cat(parts), f"crops of {len(PHOTOGRAPHS)} photographs"
