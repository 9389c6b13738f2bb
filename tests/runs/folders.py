"""What tests of runs share: small models, and the bytes of a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import nn

import xai

CHECKS = ["completeness", "stability"]
METHODS = ["saliency", "integrated_gradients"]
OPTIONS = {"integrated_gradients": {"steps": 8}}


def image_model(classes: int = 3, seed: int = 0) -> xai.Model:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, classes))
    names = [f"class {number}" for number in range(classes)]
    return xai.Model(network, input=xai.ImageInput((1, 8, 8)), classes=names)


def table_model(columns: int = 4) -> xai.Model:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(columns, 8), nn.Tanh(), nn.Linear(8, 2))
    names = [f"column {number}" for number in range(columns)]
    return xai.Model(network, input=xai.TabularInput(names), classes=["no", "yes"])


def images(count: int = 20, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


def contents(folder: Path) -> dict[str, str]:
    """Return the digest of every file, by its name."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
