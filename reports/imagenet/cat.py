"""Why EfficientNet-Lite0 sees a cat, by five methods, and which of them to believe: `python reports/imagenet/cat.py`.

Draws docs/pictures/imagenet-cat.webp from the folder that `make imagenet` writes. Above each map stands its verdict on
this photograph; `python -m benchmarks.showpiece` says it over 23 photographs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from matplotlib.figure import Figure
from skimage import data
from torch import Tensor
from torch.nn.functional import interpolate

import xai
from xai.evidence.verdict import verdict
from xai.plots.style import pixels_to_draw
from xai.reports.example_images import OPTIONS

HERE = Path(__file__).parent
PICTURE = HERE.parents[1] / "docs" / "pictures" / "imagenet-cat.webp"
METHODS = ("lime_image", "occlusion", "gradcam", "saliency", "integrated_gradients")


def cat(side: int = 224) -> Tensor:
    """Return the middle square of the photograph, (1, 3, side, side)."""
    pixels = torch.from_numpy(data.chelsea()).permute(2, 0, 1)[None] / 255
    left = (pixels.shape[3] - pixels.shape[2]) // 2
    square = pixels[..., left : left + pixels.shape[2]]
    return interpolate(square, (side, side), mode="bicubic", antialias=True).clamp(0, 1)


def main() -> int:
    """Draw the picture, and print each finding."""
    model, image = xai.load(HERE, trust_code=True), cat()
    figure = Figure(figsize=(9, 6.4), layout="constrained")
    first, *axes = figure.subplots(2, 3).flat
    first.imshow(pixels_to_draw(image[0]))
    first.set_axis_off()
    for method, ax in zip(METHODS, axes, strict=True):
        made = getattr(xai, method)(model, image, **OPTIONS.get(method, {}))
        made = xai.verify(model, made, ["faithfulness"])
        (finding,) = made.evidence[0]
        sys.stdout.write(f"{method}: {finding.text}\n")
        first.set_title(f"answered: {made.target_name()}")
        xai.plots.overlay(made, ax=ax).set_title(f"{method.replace('_', ' ')}: {verdict(made.evidence[0])}")
    figure.savefig(PICTURE, dpi=80, pil_kwargs={"quality": 85})
    return 0


if __name__ == "__main__":
    sys.exit(main())
