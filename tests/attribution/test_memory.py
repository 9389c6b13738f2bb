"""Memory: what grows with the square of the input is cut into slabs, or refused before it is asked for."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import xai
from xai.attribution import occlusion as module
from xai.base import memory_limits
from xai.base.errors import InputError

OF_A_CUBE = """
import resource, sys, torch, xai
from torch import nn
network = nn.Sequential(nn.Flatten(), nn.Linear(16**3, 2))
cube = torch.randn(1, 1, 16, 16, 16)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
values = xai.occlusion(xai.Model(network), cube, 0).values
took = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
right = (network[1].weight[0] * cube.flatten()).view(cube.shape)
print(took, float((values - right).abs().max()))
"""


def test_occlusion_of_a_cube_holds_no_mask_of_every_value() -> None:
    """4,096 values: masks of all in float64 alone would be 128 MiB."""
    done = subprocess.run([sys.executable, "-c", OF_A_CUBE], capture_output=True, text=True, check=True)
    took, wrong = map(float, done.stdout.split())
    assert took < 120
    assert wrong < 1e-5


def test_slabs_of_windows_give_what_all_at_once_give(monkeypatch: pytest.MonkeyPatch) -> None:
    model = xai.Model(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), input=xai.ImageInput((1, 6, 8)))
    image = torch.rand(2, 1, 6, 8)
    whole = xai.occlusion(model, image, 0, window=(2, 3), stride=1).values
    monkeypatch.setattr(module, "SLAB", 100)
    assert torch.allclose(xai.occlusion(model, image, 0, window=(2, 3), stride=1).values, whole, atol=1e-6)
    numbers = xai.Model(nn.Linear(48, 2))
    rows = torch.randn(2, 48)
    found = xai.occlusion(numbers, rows, 1).values
    assert torch.allclose(found, numbers.network.weight[1].detach() * rows, atol=1e-5)


def test_lime_of_more_words_than_memory_is_refused_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def score(texts: list[str]) -> np.ndarray:
        calls.append(len(texts))
        return np.full((len(texts), 2), 0.5)

    model = xai.Model.from_callable(score, input=xai.TextInput())
    text = " ".join(f"w{number}" for number in range(9000))
    monkeypatch.setattr(memory_limits, "free_memory", lambda: 2**32)
    with pytest.raises(InputError, match=r"lime_text: inputs: expected a surrogate of 9,000 parts to fit in the 4 GiB"):
        xai.lime_text(model, text, 0)
    assert sum(calls) < 5
    monkeypatch.setattr(memory_limits, "free_memory", lambda: None)  # a system that does not say
    assert len(xai.lime_text(model, "a b c", 0, samples=20).values[0]) == 3


def test_free_memory_is_what_the_system_says() -> None:
    free = memory_limits.free_memory()
    assert free is None or 2**20 < free < 2**50
