"""Two independent judges of a map of an image: pixel flipping and ROAD. Nothing here is shared with `xai.evidence`.

Both hide what the map ranks first and watch the probability of the target: pixel flipping (Samek et al. 2017,
arXiv:1509.06321) puts values in its place, ROAD (Rong et al. 2022, arXiv:2202.00449) what the neighbors suggest, so
that the shape of the hole gives little away. Each passes a map that does better than nearly all moved and scattered
copies of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu
from torch import Tensor

import xai

__all__ = ["ALPHA", "FLIPPED", "HIDDEN", "Judgment", "flipping_areas", "imputed", "judge", "rivals", "road_gaps"]

ALPHA = 0.05
FLIPPED = torch.linspace(0.025, 0.5, 20)  # shares of pixels that pixel flipping replaces
FILLS = ("low", "mean", "uniform")
HIDDEN = torch.linspace(0.1, 0.9, 9)  # shares of pixels that ROAD hides
NOISE = 0.01  # standard deviation of what ROAD adds to imputed pixels, in units of the image's range
# Neighbors of a pixel and their weights: next to it, and across a corner.
NEAR = [((0, 1), 1 / 6), ((0, -1), 1 / 6), ((1, 0), 1 / 6), ((-1, 0), 1 / 6)]
NEIGHBORS = [*NEAR, *[((down, across), 1 / 12) for down in (-1, 1) for across in (-1, 1)]]


@dataclass(frozen=True)
class Judgment:
    """What two judges say of one map.

    flipping: the mean fall of the probability under pixel flipping, over the values that replace pixels. road: the mean
    probability with the least important pixels hidden first, minus that with the most important ones first.
    p_flipping, p_road: the rank of these among the same numbers of moved and scattered copies of the map.
    """

    flipping: float
    road: float
    p_flipping: float
    p_road: float

    @property
    def passed(self) -> tuple[bool, bool]:
        """Say whether pixel flipping and ROAD pass the map."""
        return (self.p_flipping <= ALPHA and self.flipping > 0, self.p_road <= ALPHA and self.road > 0)


def judge(
    model: xai.Model,
    image: Tensor,
    heatmap: Tensor,
    target: int,
    *,
    rivals_each: int = 20,
    seed: int = 0,
    fills: tuple = FILLS,
    flipped: Tensor = FLIPPED,
    hidden: Tensor = HIDDEN,
) -> Judgment:
    """Return the judgment on a map (H, W), signed, of an image (1, C, H, W) and one target.

    A map that is the same everywhere passes neither. rivals_each: how many moved and how many scattered copies. fills,
    flipped, hidden: what replaces pixels, and the shares of pixels replaced and imputed; fewer of them cost less.
    """
    if float(heatmap.max() - heatmap.min()) == 0:
        return Judgment(0.0, 0.0, 1.0, 1.0)
    generator = torch.Generator().manual_seed(seed)
    maps = torch.cat([heatmap[None].float(), rivals(heatmap.float(), rivals_each, generator)])
    flipping = flipping_areas(model, image, maps, target, generator, fills, flipped)
    road = road_gaps(model, image, maps, target, generator, hidden)
    return Judgment(float(flipping[0]), float(road[0]), _p_value(flipping), _p_value(road))


def _p_value(numbers: Tensor) -> float:
    """Return the rank of the first number among all of them, 1/n where it is the highest alone."""
    return float((numbers >= numbers[0]).double().mean())


def rivals(heatmap: Tensor, each: int, generator: torch.Generator) -> Tensor:
    """Return maps (2 x each, H, W) with the values of a map: shifted by at least a sixth of a side, and cut into tiles.

    Shifted copies are turned around at random; tiles are about a seventh of a side, in a random order.
    """
    height, width = heatmap.shape
    made = []
    for _ in range(each):
        # Between a sixth and five sixths along one axis, anything along the other.
        far, free = torch.rand(2, generator=generator).tolist()
        sides = [round((1 / 6 + 2 / 3 * far) * height), round(free * width)]
        if float(torch.rand((), generator=generator)) < 0.5:
            sides = [round(free * height), round((1 / 6 + 2 / 3 * far) * width)]
        axes = [axis for axis in (0, 1) if float(torch.rand((), generator=generator)) < 0.5]
        made.append(heatmap.flip(axes).roll(tuple(sides), (0, 1)))
    rows, columns = (torch.arange(side) * 7 // side for side in (height, width))
    tiles = rows[:, None] * 7 + columns[None]
    for _ in range(each):
        # Tiles may differ by a row: pixels are laid out tile by tile, in another order of tiles.
        order = torch.randperm(49, generator=generator)
        source = order[tiles.flatten()].argsort(stable=True)
        target = tiles.flatten().argsort(stable=True)
        scattered = torch.empty(height * width)
        scattered[target] = heatmap.flatten()[source]
        made.append(scattered.view(height, width))
    return torch.stack(made)


def flipping_areas(
    model: xai.Model,
    image: Tensor,
    maps: Tensor,
    target: int,
    generator: torch.Generator,
    fills: tuple = FILLS,
    shares: Tensor = FLIPPED,
) -> Tensor:
    """Return for each map (M, H, W) the mean fall of the target's probability, (M,): the area over its curve.

    `shares` of the pixels are replaced, those that a map ranks first before the others. fills: by the low end of the
    image's range ("low"), the image's mean in each channel ("mean"), values drawn from the range ("uniform"), or a
    number; the area is the mean over these.
    """
    ranks = _ranks(maps, generator)
    counts = (shares * ranks.shape[1]).round().clamp_min(1)
    flipped = (ranks[:, None] < counts[:, None]).view(-1, 1, *maps.shape[1:])
    start = _probability(model, image, target)[0]
    falls = []
    for fill in fills:
        batch = torch.where(flipped, _filled(model, image, fill, generator), image)
        falls.append(start - _probability(model, batch, target).view(len(maps), len(counts)).mean(1))
    return torch.stack(falls).mean(0)


def road_gaps(
    model: xai.Model, image: Tensor, maps: Tensor, target: int, generator: torch.Generator, shares: Tensor = HIDDEN
) -> Tensor:
    """Return for each map (M, H, W) ROAD's number, (M,): least relevant first minus most relevant first.

    Both are the mean probability of the target while `shares` of the pixels are imputed.
    """
    ranks, pixels = _ranks(maps, generator), maps[0].numel()
    counts = (shares * pixels).round()
    noise = NOISE * _width(model, image) * torch.randn(image.shape[1:], generator=generator)
    curves = []
    for rank in (ranks, pixels - 1 - ranks):  # most relevant first, least relevant first
        masks = (rank[:, None] < counts[:, None]).view(-1, *maps.shape[1:])
        batch = torch.stack([imputed(image[0], mask, noise) for mask in masks])
        curves.append(_probability(model, batch, target).view(len(maps), len(counts)).mean(1))
    return curves[1] - curves[0]


def imputed(image: Tensor, mask: Tensor, noise: Tensor | float = 0.0) -> Tensor:
    """Return an image (C, H, W) with the pixels of a mask (H, W) imputed from those that are not in it.

    Each hidden pixel is the weighted mean of its neighbors, hidden ones included, plus `noise`: one sparse linear
    system for all of them. Raises ValueError where the mask leaves nothing.
    """
    height, width = mask.shape
    if bool(mask.all()):
        raise ValueError("imputed: mask: expected at least one pixel that is not hidden, got none")
    where = np.flatnonzero(mask.flatten().numpy())
    if not len(where):
        return image.clone()
    number = np.full(height * width, -1)
    number[where] = np.arange(len(where))
    known = np.where(mask.numpy(), 0.0, image.double().numpy()).reshape(len(image), -1)
    rows, columns, values = [np.arange(len(where))], [np.arange(len(where))], [np.zeros(len(where))]
    right = np.zeros((len(where), len(image)))
    for (down, across), weight in NEIGHBORS:
        y, x = where // width + down, where % width + across
        inside = np.flatnonzero((y >= 0) & (y < height) & (x >= 0) & (x < width))
        neighbor = (y * width + x)[inside]
        values[0][inside] += weight  # the weights that there are: at the border fewer
        right[inside] += weight * known[:, neighbor].T
        hidden = number[neighbor] >= 0
        rows.append(inside[hidden])
        columns.append(number[neighbor[hidden]])
        values.append(np.full(int(hidden.sum()), -weight))
    size = (len(where), len(where))
    system = coo_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), size).tocsc()
    result = image.clone().flatten(1)
    result[:, where] = torch.from_numpy(splu(system).solve(right).T).to(image)
    result = result.view_as(image)
    return torch.where(mask, result + noise, result)


def _ranks(maps: Tensor, generator: torch.Generator) -> Tensor:
    """Return each pixel's rank (M, H x W), 0 the highest; ties stand in a random order, the same for all maps."""
    flat = maps.flatten(1)
    shuffle = torch.randperm(flat.shape[1], generator=generator)
    order = shuffle[flat[:, shuffle].argsort(dim=1, descending=True, stable=True)]
    return order.argsort(1)


def _probability(model: xai.Model, batch: Tensor, target: int) -> Tensor:
    limits = getattr(model.input, "limits", None)
    return model.predict(batch if limits is None else batch.clamp(*limits))[:, target].double()


def _width(model: xai.Model, image: Tensor) -> float:
    limits = getattr(model.input, "limits", None)
    return float(image.max() - image.min()) if limits is None else limits[1] - limits[0]


def _filled(model: xai.Model, image: Tensor, fill: str | float, generator: torch.Generator) -> Tensor:
    """Return the image (1, C, H, W) that stands where pixels are flipped."""
    low, high = getattr(model.input, "limits", None) or (float(image.min()), float(image.max()))
    if fill == "mean":
        return image.mean((2, 3), keepdim=True).expand_as(image)
    if fill == "uniform":
        return low + (high - low) * torch.rand(image.shape, generator=generator)
    return torch.full_like(image, low if fill == "low" else float(fill))
