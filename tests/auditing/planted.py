"""Small models with a fault that is known, and the same without it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xai.auditing.audit_data import AuditData, prepare
from xai.inputs.image import ImageInput
from xai.methods import MODEL_CHECKS
from xai.model.model import Model
from xai.results.finding import Finding


def findings(check: str, model: Model, data: AuditData, **settings: object) -> dict[str, Finding]:
    """Return the findings of one check by what they are about."""
    found = MODEL_CHECKS[check].load()(model, prepare(model, data), seed=0, **settings)
    return {item.check.partition(".")[2]: item for item in found}


def said(values: Tensor, **settings: object) -> Model:
    """Return a model that answers with its own inputs, as probabilities."""
    del values
    return Model(nn.Identity(), output="probabilities", **settings)


def stripes(count: int = 240, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return images (count, 1, 16, 16) of a bright bar in the upper (0) or lower (1) middle, and their labels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    images = 0.1 * torch.rand(count, 1, 16, 16, generator=generator)
    for image, label in zip(images, labels.tolist(), strict=True):
        row = (4 if label == 0 else 9) + int(torch.randint(2, (1,), generator=generator))
        image[0, row : row + 2, 4:12] = 0.8
    return images, labels


class Bars(nn.Module):
    """Compares the brightness of two areas; `corner` adds a weight on the top left corner, `dead` a useless layer."""

    def __init__(self, corner: float = 0.0, dead: bool = False) -> None:
        super().__init__()
        self.hidden = nn.Linear(256, 8)
        self.out = nn.Linear(8, 2)
        weight = torch.zeros(8, 1, 16, 16)
        weight[0, 0, 4:8, 4:12] = 0.2
        weight[1, 0, 9:13, 4:12] = 0.2
        weight[2, 0, :2, :2] = corner
        spread = torch.linspace(0.01, 0.02, 256).view(16, 16)
        for unit in range(3, 8):
            weight[unit, 0] = spread.roll(unit * 37).view(16, 16)
        with torch.no_grad():
            self.hidden.weight.copy_(weight.view(8, 256))
            self.hidden.bias.zero_()
            self.out.weight.zero_()
            self.out.weight[0, 0] = self.out.weight[1, 1] = self.out.weight[1, 2] = 2.0
            self.out.weight[0, 3:] = torch.linspace(0.01, 0.05, 5)
            self.out.bias.zero_()
            if dead:
                self.hidden.bias[3:] = -50.0

    def forward(self, x: Tensor) -> Tensor:
        return self.out(nn.functional.relu(self.hidden(x.flatten(1))))


def bars(corner: float = 0.0, dead: bool = False) -> Model:
    """Return that network as a model."""
    return Model(Bars(corner, dead), classes=["up", "down"], input=ImageInput((1, 16, 16)))
