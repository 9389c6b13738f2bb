"""Noisy linear imputation: what an implementation of its own gives, and what is coarser for large images."""

from __future__ import annotations

import pytest
import torch

from benchmarks.judges import imputed as judged
from xai.inputs.imputation import imputed


class TestImputation:
    @pytest.mark.parametrize("share", [0.2, 0.6, 0.9])
    def test_it_is_what_an_own_implementation_of_road_gives(self, share: float) -> None:
        generator = torch.Generator().manual_seed(0)
        images = torch.rand(2, 3, 14, 18, generator=generator)
        shown = torch.rand(2, 14, 18, generator=generator) >= share
        for image, mask, made in zip(images, shown, imputed(images, shown), strict=True):
            assert torch.allclose(made, judged(image, ~mask), atol=1e-5)

    def test_large_images_are_close(self) -> None:
        """A smooth picture with square holes: imputed on a coarser grid it is nearly what the full system gives."""
        grid = torch.linspace(0, 3, 120)
        image = torch.sin(grid)[:, None] * torch.cos(grid)[None]
        shown = torch.ones(120, 120, dtype=torch.bool)
        shown[20:45, 30:60] = shown[70:100, 70:90] = False
        made, truth = imputed(image[None, None], shown[None])[0], judged(image[None], ~shown)
        assert float((made - truth).abs().max()) < 0.05
        assert torch.equal(made[:, shown], image[None][:, shown])

    def test_nothing_shown_is_the_mean(self) -> None:
        image = torch.rand(1, 1, 5, 5)
        made = imputed(image, torch.zeros(1, 5, 5, dtype=torch.bool))
        assert torch.allclose(made, image.mean().expand_as(image))
