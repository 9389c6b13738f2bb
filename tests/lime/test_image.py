"""LIME on images: exact on linear networks, any labels, any fill, and lime's own answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.zoo import ZOO, images
from xai.base.errors import InputError
from xai.inputs.image import ImageInput
from xai.lime.image import lime_image
from xai.model.model import Model


def linear() -> Model:
    """Return a linear network on grey 8 x 8 images."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    return Model(network.double(), input=ImageInput((1, 8, 8)))


@pytest.mark.parametrize("fill", ["zero", "segment_mean", "noise", "blur", "mean", 0.3])
def test_on_a_linear_network_a_weight_is_what_the_segment_adds(fill: object) -> None:
    model = linear()
    image = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    labels = (torch.arange(8)[:, None] // 2 * 4 + torch.arange(8)[None] // 2) * 3 - 17  # any integers will do
    e = lime_image(model, image, 1, segments=labels, fill=fill, samples=500, penalty=1e-9, of="output")
    shown = lime_image(model, image, 1, segments=labels, fill=fill, samples=200, penalty=1e-9, of="output")
    assert torch.allclose(e.values[0], shown.values[0], atol=1e-4)
    assert e.diagnostics[0]["r2"] == pytest.approx(1)
    assert e.diagnostics[0]["fidelity"] == pytest.approx(1)
    assert e.diagnostics[0]["surrogate_prediction"] == pytest.approx(e.diagnostics[0]["network_prediction"], abs=1e-5)
    if fill == "zero":
        weight = model.network[1].weight[1].detach().view(8, 8)
        gain = (weight * image[0, 0]).double()
        for number in range(16):
            assert float(e.values[0][number]) == pytest.approx(float(gain[e.segments[0] == number].sum()), abs=1e-5)


def test_weights_agree_with_lime_within_their_errors() -> None:
    model, batch = ZOO["plain"](), images(1)
    ours = lime_image(model, batch, segments="grid", samples=4000, kernel_width=0.25)
    theirs = lime_image(model, batch, segments="grid", samples=4000, kernel_width=0.25, engine="lime")
    difference = (ours.values[0] - theirs.values[0]).abs() / ours.standard_error[0]
    assert float((difference < 4).float().mean()) > 0.95  # lime's noise is about as large as ours
    assert np.corrcoef(ours.values[0], theirs.values[0])[0, 1] > 0.98
    assert theirs.standard_error is None


@pytest.mark.parametrize("surrogate", ["lasso", "forward", "tree"])
def test_other_surrogates_find_the_segment_that_matters(surrogate: str) -> None:
    def bright(batch: np.ndarray) -> np.ndarray:
        on = batch[:, 0, :4, :4].mean((1, 2)) > 0.5
        return np.stack([1 - 0.8 * on, 0.8 * on], 1)

    model = Model.from_callable(bright, input=ImageInput((1, 8, 8)))
    labels = torch.arange(8)[:, None] // 4 * 2 + torch.arange(8)[None] // 4
    e = lime_image(model, torch.ones(1, 1, 8, 8), 1, segments=labels, fill="zero", surrogate=surrogate, features=1,
                   samples=300, penalty=0.0)  # fmt: skip
    assert e.values[0].tolist() == pytest.approx([0.8, 0, 0, 0], abs=1e-6)
    assert (e.standard_error is None) == (surrogate == "tree")


def test_a_constant_network_has_no_r2() -> None:
    model = Model.from_callable(lambda x: np.full((len(x), 2), 0.5), input=ImageInput((1, 8, 8)))
    for engine in ("xai", "lime"):
        e = lime_image(model, torch.rand(1, 1, 8, 8), segments="grid", samples=100, engine=engine)
        assert e.diagnostics[0]["r2"] is None


@pytest.mark.parametrize(
    "settings",
    [{"samples": 3}, {"samples": 2.5}, {"top": 0}, {"confidence": 1.0}, {"penalty": -1}, {"kernel_width": 0},
     {"surrogate": "forest"}, {"engine": "captum"}, {"features": 0}, {"fill": "nothing"}, {"segments": "squares"},
     {"segments": torch.zeros(3, 3)}, {"surrogate": "tree", "engine": "lime"}, {"most_samples": True}],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_is_named(settings: dict) -> None:
    with pytest.raises(InputError, match=r"lime_image: \w+: expected"):
        lime_image(ZOO["plain"](), images(1), **{"samples": 50, "segments": "grid", **settings})


def test_intervals_stand_in_the_table_and_survive_saving(tmp_path) -> None:
    e = lime_image(ZOO["plain"](), images(2), segments="grid", samples=100)
    frame = e.to_frame()
    assert (frame["low"] < frame["value"]).all()
    assert (frame["value"] < frame["high"]).all()
    back = type(e).load(e.save(tmp_path / "e.safetensors"))
    assert all(torch.equal(a, b) for a, b in zip(back.interval(), e.interval(), strict=True))
