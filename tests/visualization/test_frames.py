"""How an image came about, as frames; and images between two channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import xai
from xai.base.errors import InputError

NETWORK = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 2))


def test_a_gif_has_a_frame_for_each_snapshot_and_the_finished_image(tmp_path: Path) -> None:
    model = xai.Model(NETWORK, input=xai.ImageInput((1, 8, 8)))
    made = xai.visualize(model, xai.objectives.channel("0", 1), steps=6, snapshots=[0, 2, 4])
    with Image.open(made.save_gif(tmp_path / "made.gif", seconds=0.1)) as picture:
        assert (picture.n_frames, picture.size) == (4, (8, 8))
        picture.seek(3)
        last = torch.from_numpy(np.array(picture.convert("L"))).double()
    pixels = made.image[0, 0]
    expected = (pixels - pixels.min()) / (pixels.max() - pixels.min()) * 255
    assert (last - expected).abs().max() <= 1.0
    with pytest.raises(InputError, match="save_gif: row: expected a number from 0 to 0"):
        made.save_gif(tmp_path / "made.gif", row=1)
    with pytest.raises(InputError, match="save_gif: seconds: expected"):
        made.save_gif(tmp_path / "made.gif", seconds=0)


def test_between_two_channels_the_objective_is_the_weighted_sum() -> None:
    model = xai.Model(NETWORK, input=xai.ImageInput((1, 8, 8)))
    one, other = (xai.objectives.channel("0", number) for number in (0, 1))
    between = xai.visualize(model, [one * (1 - share) + other * share for share in (0.0, 0.5, 1.0)], steps=4)
    maps = model.activations(between.image, "0").flatten(2).mean(2)
    shares = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    assert torch.allclose(between.reached.float(), (maps * shares).sum(1), atol=1e-4)
