"""The numbers of a map beside those that Quantus gives the same map; skipped where it is not installed."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.optional import quantus
from xai.attribution.gradient_methods import saliency
from xai.evidence.sparseness import sparseness
from xai.evidence.truth import pointing_game, relevance_mass, relevance_rank, truth_auc
from xai.inputs.image import ImageInput
from xai.model.model import Model

PAIRS = {
    "PointingGame": pointing_game,
    "RelevanceMassAccuracy": relevance_mass,
    "RelevanceRankAccuracy": relevance_rank,
    "AUC": truth_auc,
}


def theirs(name: str, maps: np.ndarray, masks: np.ndarray | None = None) -> list[float]:
    """Return what Quantus's metric says of maps (n, 1, H, W), as they are."""
    metric = getattr(quantus(), name)(abs=False, normalise=False, disable_warnings=True)
    more = {} if masks is None else {"s_batch": masks}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return metric(model=None, x_batch=maps, y_batch=np.zeros(len(maps), int), a_batch=maps, **more)


@pytest.mark.parametrize("name", PAIRS)
def test_numbers_of_a_known_truth_are_those_of_quantus(name: str) -> None:
    random = np.random.default_rng(0)
    maps = random.normal(size=(12, 1, 9, 9)).clip(0 if name == "RelevanceMassAccuracy" else None)
    masks = (random.random((12, 1, 9, 9)) < np.linspace(0.1, 0.8, 12)[:, None, None, None]).astype(float)
    expected = [float(part) for part in theirs(name, maps, masks)]
    ours = [
        float(PAIRS[name](torch.from_numpy(part).flatten()[None], torch.from_numpy(mask).flatten() > 0))
        for part, mask in zip(maps, masks, strict=True)
    ]
    assert ours == pytest.approx(expected, abs=1e-5)


def test_sparseness_is_that_of_quantus() -> None:
    maps = np.random.default_rng(1).gamma(0.7, size=(6, 1, 9, 9))
    model = Model(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(81, 2)), input=ImageInput((1, 9, 9)))
    made = saliency(model, torch.rand(6, 1, 9, 9), 0)
    found = sparseness(model, replace(made, values=torch.from_numpy(maps).float()))
    assert [row.details["value"] for row in found] == pytest.approx(theirs("Sparseness", maps), abs=1e-5)
