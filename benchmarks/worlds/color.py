"""A rule about color, set by hand: how much of one hue there is decides; patches of another hue are as edgy.

Gray pictures carry patches of three hues that stand 120 degrees apart. Two of the hues have a class each, the third
none. The networks read how far a pixel, or a block of four, goes toward a hue; no weight is trained.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

import xai
from benchmarks.worlds.case import ACCURACY, Case, Family, Rejected
from benchmarks.worlds.pictures import TRIES, Pictures, accepted_rows, corners, masks_of, paste, smooth_noise

__all__ = ["FAMILY"]

SIDE, CELL, PATCH, PATCHES = 24, 8, 6, 4
STRONG, WEAK, LEAST = 0.3, 0.18, 0.1  # how far patches go toward their hue, and from where on a network sees it
GAIN, NEITHER = 500.0, 2.5
CLASSES = ("neither", "A", "B")


def make(seed: int, shape: str, rows: int) -> Case:
    """Return a case of a seed; raises Rejected where interventions do not confirm the rule."""
    generator = torch.Generator().manual_seed(seed)
    hues = _hues(float(torch.rand((), generator=generator)) * 2 * math.pi)
    network = (_pixelwise if shape == "pixelwise" else _strided)(hues).eval()
    model = xai.Model(network, input=xai.ImageInput((3, SIDE, SIDE)), classes=CLASSES)
    fresh = _pictures(200, hues, generator)[0]
    accuracy = float((model.predict(fresh.images).argmax(1) == fresh.labels).double().mean())
    if accuracy < ACCURACY:
        raise Rejected(f"{accuracy:.0%} of fresh pictures are right")
    drawn, others, decoys = _pictures(TRIES * rows, hues, generator, named=True)
    strangers = _pictures(TRIES * rows, hues, generator, empty=True)[0].images
    baseline = torch.full((1, 3, SIDE, SIDE), 0.5)
    case = accepted_rows(
        "color", shape, seed, model, drawn, others, 3 - drawn.labels, strangers, baseline, rows, accuracy, decoys=decoys
    )
    if shape != "pixelwise":
        return case
    # The output is a sum over pixels of a function of that pixel alone, 0 at the baseline: these are its parts.
    maps = network[1](network[0](case.inputs)).detach() * GAIN / SIDE**2
    parts = [
        [own[label - 1] for own, label in zip(maps, labels, strict=True)] for labels in (case.target, case.other_target)
    ]
    return replace(case, truth=parts[0], other_truth=parts[1], additive=True)


def _hues(angle: float) -> Tensor:
    """Return three unit vectors of color (3, 3), 120 degrees apart and without any gray."""
    plane = torch.tensor([[1.0, -1.0, 0.0], [1.0, 1.0, -2.0]])
    plane = plane / plane.norm(dim=1, keepdim=True)
    turns = angle + torch.arange(3) * 2 * math.pi / 3
    return torch.stack([turns.cos(), turns.sin()], 1) @ plane


def _pictures(
    count: int, hues: Tensor, generator: torch.Generator, named: bool = False, empty: bool = False
) -> tuple[Pictures, Tensor, Tensor]:
    """Return pictures, masks of the patches of the other class, and of the third hue.

    `named`: without, `empty`: with only pictures of "neither".

    A picture of a class has one or two strong patches of its hue, and every second one a weak patch of the other's.
    """
    labels = torch.randint(int(named), 1 if empty else 3, (count,), generator=generator)
    gray = 0.5 + 0.05 * smooth_noise(count, SIDE, generator).clamp(-3, 3)
    noise = 0.01 * torch.randn(count, 3, SIDE, SIDE, generator=generator)
    kinds = torch.full((count, PATCHES), 2)
    strength = torch.full((count, PATCHES), STRONG)
    there = labels > 0
    twice = there & (torch.rand(count, generator=generator) < 0.5)
    kinds[there, 0], kinds[twice, 1] = labels[there] - 1, labels[twice] - 1
    both = there & (named | (torch.rand(count, generator=generator) < 0.5))
    kinds[both, 2], strength[both, 2] = 2 - labels[both], WEAK
    texture = 1 - 0.2 * torch.rand(count, PATCHES, 1, PATCH, PATCH, generator=generator)
    patches = hues[kinds][..., None, None] * strength[..., None, None, None] * texture
    positions = corners(count, PATCHES, SIDE, CELL, PATCH, generator)
    images = paste(gray + noise, patches, positions, torch.add).clamp(0, 1)
    own = (kinds == (labels - 1)[:, None]) & there[:, None]
    other = (kinds == (2 - labels)[:, None]) & both[:, None]
    own, other, decoy = (masks_of(positions, which, SIDE, PATCH) for which in (own, other, kinds == 2))
    return Pictures(images, labels, own), other, decoy


def _head(network: nn.Sequential) -> nn.Sequential:
    head = nn.Linear(2, 3)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[0.0, 0.0], [GAIN, 0.0], [0.0, GAIN]]))
        head.bias.copy_(torch.tensor([NEITHER, 0.0, 0.0]))
    return nn.Sequential(*network, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


def _pixelwise(hues: Tensor) -> nn.Sequential:
    """Return a network that looks at one pixel at a time."""
    filters = nn.Conv2d(3, 2, 1)
    with torch.no_grad():
        filters.weight.copy_(hues[:2, :, None, None])
        filters.bias.fill_(-LEAST)  # colors of a hue have no gray, so that gray itself gives 0
    return _head(nn.Sequential(filters, nn.ReLU()))


def _strided(hues: Tensor) -> nn.Sequential:
    """Return a network that looks at blocks of four pixels, through a batch normalization that is set by hand too."""
    filters, norm = nn.Conv2d(3, 2, 2, stride=2, bias=False), nn.BatchNorm2d(2)
    with torch.no_grad():
        filters.weight.copy_((hues[:2, :, None, None] / 4).expand(-1, -1, 2, 2))
        norm.running_mean.fill_(LEAST)
        norm.running_var.fill_(1 - norm.eps)
    return _head(nn.Sequential(filters, norm, nn.ReLU()))


FAMILY = Family(make, ("pixelwise", "strided"))
