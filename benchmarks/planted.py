"""Networks whose truth is planted: one texture decides the class, and equally edgy ones beside it do not.

A network is trained on small pictures: smooth noise, and four patches of texture at random places. One texture stands
for class A, one for class B; every other patch is a decoy of a texture drawn anew, as edgy as the planted ones. A
picture without either texture is "neither". What the network looks at is not taken on faith: a picture is used only
where putting background over the planted patch takes the class away, and over all the decoys does not (`accepted`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from xai.evidence.controls import edge_filter
from xai.inputs.baselines import blur
from xai.inputs.image import ImageInput
from xai.model.model import Model

SIDE, CELL, PATCH, PATCHES = 24, 8, 6, 4
EDGES = 60.0  # the Sobel sum of every texture, which is then about 0.3 above or below the background
STEPS, BATCH, RATE = 120, 32, 0.01
ACCURACY, FALL, KEPT = 0.95, 1.0, 0.1


@dataclass(frozen=True)
class Planted:
    """A network, a picture (1, 1, H, W) of a planted class, and masks (H, W) of the planted patch, one decoy, and all.

    accuracy: on fresh pictures. fall, kept: how much the class's log-probability falls when background covers the
    planted patch, and when it covers every decoy.
    """

    seed: int
    model: Model
    image: Tensor
    label: int
    truth: Tensor
    decoy: Tensor
    everything: Tensor
    accuracy: float
    fall: float
    kept: float

    @property
    def accepted(self) -> bool:
        """Say whether the intervention confirms the plant; the limits were fixed before anything was scored."""
        return self.accuracy >= ACCURACY and self.fall >= FALL and abs(self.kept) <= KEPT * self.fall


def planted(seed: int) -> Planted:
    """Train the network of a seed and draw its picture."""
    generator = torch.Generator().manual_seed(seed)
    textures = _textures(2, generator)
    network = _train(textures, seed, generator)
    model = Model(network, input=ImageInput((1, SIDE, SIDE)), classes=["neither", "A", "B"])
    images, labels = _pictures(textures, 500, generator)[:2]
    accuracy = float((model.predict(images).argmax(1) == labels).double().mean())
    image, label, corners, background = _pictures(textures, 1, generator, planted_only=True)
    masks = _masks(corners[0])
    covered = [torch.where(mask > 0, background, image) for mask in (masks[0], masks[1:].amax(0))]
    with torch.no_grad():
        whole, without, alone = network(torch.cat([image, *covered])).log_softmax(1)[:, int(label)].tolist()
    return Planted(seed, model, image, int(label), *masks[:2], masks.amax(0), accuracy, whole - without, whole - alone)


def _textures(count: int, generator: torch.Generator) -> Tensor:
    """Return textures (count, P, P): half of the pixels bright, half dark, and all with the same sum of edges."""
    halves = torch.tensor([1.0, -1.0]).repeat_interleave(PATCH * PATCH // 2)
    order = torch.rand(count, PATCH * PATCH, generator=generator).argsort(1)
    textures = halves[order].view(count, PATCH, PATCH)
    edges = edge_filter(pad(textures[:, None], (4, 4, 4, 4))).sum((1, 2))
    return textures * (EDGES / edges).view(-1, 1, 1)


def _pictures(
    textures: Tensor, count: int, generator: torch.Generator, planted_only: bool = False
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return pictures (n, 1, H, W), labels (n,), the corners of their patches (n, 4, 2), and their backgrounds.

    The first patch is the planted one, where there is one.
    """
    noise = torch.randn(count, 1, SIDE, SIDE, generator=generator)
    background = 0.5 + 0.15 * blur(noise, 2.0)
    labels = torch.randint(int(planted_only), 3, (count,), generator=generator)
    patches = _textures(count * PATCHES, generator).view(count, PATCHES, PATCH, PATCH)
    there = labels > 0
    patches[there, 0] = textures[labels[there] - 1]
    cells = torch.rand(count, (SIDE // CELL) ** 2, generator=generator).argsort(1)[:, :PATCHES]
    offsets = torch.randint(0, CELL - PATCH + 1, (count, PATCHES, 2), generator=generator)
    corners = CELL * torch.stack([cells // (SIDE // CELL), cells % (SIDE // CELL)], 2) + offsets
    images = background.clone()
    for number in range(count):
        for patch, (top, left) in zip(patches[number], corners[number].tolist(), strict=True):
            images[number, 0, top : top + PATCH, left : left + PATCH] += patch
    return images.clamp(0, 1), labels, corners, background


def _masks(corners: Tensor) -> Tensor:
    masks = torch.zeros(len(corners), SIDE, SIDE)
    for mask, (top, left) in zip(masks, corners.tolist(), strict=True):
        mask[top : top + PATCH, left : left + PATCH] = 1.0
    return masks


def _train(textures: Tensor, seed: int, generator: torch.Generator) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Conv2d(1, 16, 6), nn.ReLU(), nn.Conv2d(16, 16, 1), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(),
            nn.Linear(16, 3),
        )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    images, labels, corners, background = _pictures(textures, 1000, generator)
    with torch.no_grad():  # filters start as patches of pictures, where random ones often never find a texture
        for number, (top, left) in enumerate(corners[: len(network[0].weight), 0].tolist()):
            patch = (images - background)[number, 0, top : top + PATCH, left : left + PATCH]
            network[0].weight[number, 0] = patch / patch.norm()
    for step in range(STEPS):
        rows = torch.arange(step * BATCH, (step + 1) * BATCH) % len(images)
        optimizer.zero_grad()
        cross_entropy(network(images[rows]), labels[rows]).backward()
        optimizer.step()
        schedule.step()
    return network.eval()
