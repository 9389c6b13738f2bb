"""A vision transformer in which one patch of 16 decides: methods point at it, however its attention is written."""

from __future__ import annotations

import pytest
import torch

from benchmarks.planted_transformers import PlantedViT, by_patch, decides, images, row
from xai.attribution.activation_maps import gradcam
from xai.attribution.deeplift import deeplift
from xai.attribution.lrp import lrp
from xai.attribution.occlusion import occlusion
from xai.model.model import Model

STYLES = ("function", "module", "by hand")
POINTING = ("input_x_gradient", "deeplift", "lrp", "occlusion", "hirescam", "layercam", "integrated_gradients")


def test_an_intervention_shows_which_patch_decides() -> None:
    batch, where = images(16)
    for style in STYLES:
        changes = decides(PlantedViT(style).eval(), batch, where)
        assert torch.equal(changes.argmax(1), where)
        assert bool((changes.gather(1, where[:, None])[:, 0] > 0.99 * changes.sum(1)).all())


@pytest.mark.parametrize("method", POINTING)
def test_a_method_points_at_the_patch_that_decides(method: str) -> None:
    for style in STYLES:
        hit, mass = row(method, PlantedViT(style), count=16)
        assert hit == 1.0
        assert mass > 0.5


def test_rules_do_not_depend_on_how_attention_is_written() -> None:
    batch, _ = images(4)
    for method in (lrp, deeplift):
        first, *others = (method(Model(PlantedViT(style).eval()), batch, 1).values for style in STYLES)
        for other in others:
            assert torch.allclose(first, other, atol=1e-5)


def test_occlusion_at_the_tokens_points_there_and_grad_cam_reads_the_patches() -> None:
    batch, where = images(16)
    model = Model(PlantedViT().eval())
    tokens = occlusion(model, batch, layer="norm", window=1)
    assert torch.equal(tokens.values[:, 1:].sum(2).abs().argmax(1), where)
    cam = gradcam(model, batch)
    assert cam.options["layer"] == "norm"
    assert cam.options["run"]["tokens_before"] == 1
    # Its known limit: one weight a channel, so that every patch of the same sign looks alike.
    assert bool((by_patch(cam.heatmap()).gather(1, where[:, None]) > 0).all())
    assert float((by_patch(cam.heatmap()).argmax(1) == where).double().mean()) < 0.5
