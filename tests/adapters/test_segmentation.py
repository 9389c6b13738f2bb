"""Segmentation networks of torchvision by name: one pixel is explained, in Python and on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import xai
from tests import optional
from xai.base.errors import NetworkError
from xai.cli.main import main

NAME, SIDE = "lraspp_mobilenet_v3_large", 32


@pytest.fixture(scope="module")
def model() -> xai.Model:
    optional.torchvision()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return xai.from_torchvision(NAME, size=SIDE, num_classes=3)


def test_a_pixel_is_explained(model: xai.Model) -> None:
    images = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)).requires_grad_()
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (model.input.mean, model.input.std))
    scores = model.network((images - mean) / std)["out"][0, :, 9, 20]
    (slope,) = torch.autograd.grad(scores[2], images)
    found = xai.saliency(model, images.detach(), xai.targets.pixel(9, 20, 2))
    assert torch.allclose(found.values, slope.abs(), atol=1e-5)
    of_pixel = xai.gradcam(model, images.detach(), "pixel:9,20")
    assert of_pixel.target_name() == f"class {int(scores.argmax())} at pixel (9, 20)"
    with pytest.raises(NetworkError, match=r"explain another number \(xai\.targets\)"):
        xai.saliency(model, images.detach())


def test_what_was_published_comes_along() -> None:
    named = xai.from_torchvision(optional.torchvision().models.get_model(NAME, weights=None, weights_backbone=None),
                                 "LRASPP_MobileNet_V3_Large_Weights.DEFAULT")  # fmt: skip
    assert (named.classes[1], len(named.classes), named.input.shape) == ("aeroplane", 21, (3, 520, 520))


def test_the_command_line_explains_a_pixel_of_a_folder(model: xai.Model, tmp_path: Path) -> None:
    folder = xai.save_model(model, tmp_path / "m", factory=f"torchvision.models:{NAME}", arguments={"num_classes": 3})
    Image.new("RGB", (40, 36), (200, 30, 90)).save(tmp_path / "a.png")
    asked = ["explain", str(folder), str(tmp_path / "a.png"), "--target", "pixel:9,20", "--checks", "none"]
    page = tmp_path / "e.html"
    done = CliRunner().invoke(main, [*asked, "-m", "saliency", "-o", str(page)])
    assert done.exit_code == 0, done.output
    assert "at pixel (9, 20)" in page.read_text()
