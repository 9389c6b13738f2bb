"""Ways of writing an image down: back and forth, spectra, colors."""

from __future__ import annotations

import pytest
import torch

from xai.inputs.image import ImageInput
from xai.model.model import Model
from xai.visualization import objectives
from xai.visualization.ascent import visualize
from xai.visualization.colors import color_mix
from xai.visualization.image_parameterizations import PARAMETERS, Inside, maco

SHAPES = [(1, 8, 8), (3, 9, 12), (2, 5, 4), (3, 8, 7)]


def generators(count: int = 2) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def smooth_images(count: int, channels: int = 3, side: int = 16) -> torch.Tensor:
    coarse = torch.rand(count, channels, 5, 5, generator=torch.Generator().manual_seed(3))
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_they_make_images_between_0_and_1(name: str, shape: tuple[int, int, int]) -> None:
    made = PARAMETERS[name](shape, generators())
    values = made.values.clone().requires_grad_()
    image = made.draw(values)
    assert image.shape == (2, *shape)
    assert 0 <= image.min().item() < image.max().item() <= 1
    assert not torch.equal(image[0], image[1])
    image.square().sum().backward()
    assert torch.isfinite(values.grad).all()
    far = made.draw(made.project(made.values + 50 * torch.randn_like(made.values)))
    assert far.min() >= 0
    assert far.max() <= 1


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("clip", [True, False])
def test_a_start_comes_back(name: str, shape: tuple[int, int, int], clip: bool) -> None:
    """Written down and drawn again, a picture is itself; of MaCo, where its spectrum is that of the data."""
    start = torch.rand(2, *shape, generator=torch.Generator().manual_seed(1)) * 0.9 + 0.05
    made = PARAMETERS[name](shape, generators(), start=start, real=start[:1] if name == "maco" else None, clip=clip)
    drawn = made.draw(made.values)[: 1 if name == "maco" else 2]
    assert torch.allclose(drawn, start[: len(drawn)], atol=2e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_maco_keeps_the_spectrum_of_the_data_whatever_the_phases(shape: tuple[int, int, int]) -> None:
    real = torch.rand(4, *shape, generator=torch.Generator().manual_seed(2))
    made = maco(shape, generators(), real=real, clip=False)
    unmix = torch.linalg.inv(color_mix(shape[0], real))
    mean = real.mean((0, 2, 3))[:, None, None]

    def spectrum(images: torch.Tensor) -> torch.Tensor:
        return torch.fft.fft2(torch.einsum("nchw,dc->ndhw", images - mean, unmix)).abs()

    wanted = spectrum(real).mean(0)
    wanted[:, 0, 0] = 0
    for values in (made.values, made.values + torch.randn(made.values.shape)):
        assert torch.allclose(spectrum(made.draw(values)), wanted.expand(2, -1, -1, -1), atol=1e-3)


def test_maco_without_data_falls_with_the_frequency() -> None:
    image = maco((1, 32, 32), generators(), clip=False)
    strength = torch.fft.rfft2(image.draw(image.values))[0, 0].abs()
    assert float(strength[1, 2] / strength[2, 4]) == pytest.approx(2, rel=1e-3)


def test_colors_are_decorrelated_by_the_data() -> None:
    """A mix is a square root of the covariance: unmixed, the data's colors are uncorrelated and equally spread."""
    root = torch.randn(3, 3, generator=torch.Generator().manual_seed(4))
    colors = torch.einsum("nchw,dc->ndhw", torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(5)), root)
    mix = color_mix(3, colors)
    assert float(mix.norm(dim=0).max()) == pytest.approx(1)
    apart = torch.einsum("nchw,dc->ndhw", colors, torch.linalg.inv(mix)).transpose(0, 1).flatten(1)
    covariance = torch.cov(apart)
    assert torch.allclose(covariance / covariance[0, 0], torch.eye(3), atol=1e-3)


def test_gray_and_unknown_colors() -> None:
    assert torch.equal(color_mix(1), torch.eye(1))
    assert torch.equal(color_mix(4), torch.eye(4))
    assert torch.linalg.matrix_rank(color_mix(2, torch.full((1, 2, 4, 4), 0.5))) == 2  # one color only
    gray = torch.rand(2, 1, 8, 8).expand(-1, 3, -1, -1)
    assert torch.linalg.matrix_rank(color_mix(3, gray)) == 3


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_models_own_colors_are_used(name: str) -> None:
    """With gray data a visualization stays nearly gray, without it does not."""
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 256, 2))
    model = Model(network, input=ImageInput((3, 16, 16)))
    gray = smooth_images(24, 1).expand(-1, 3, -1, -1)

    def colorfulness(**settings: object) -> float:
        made = visualize(model, objectives.logit(0), steps=20, parameters=name, transforms=[], **settings)
        return float(made.image.std(1).mean())

    if name == "pixels":  # every pixel by itself knows no colors
        assert colorfulness(reference=gray) == colorfulness()
    else:
        assert colorfulness(reference=gray) < 0.2 * colorfulness()


def test_a_pixel_beyond_the_range_hears_only_of_what_brings_it_back() -> None:
    pixels = torch.tensor([-0.5, -0.5, 0.0, 0.4, 1.0, 1.5, 1.5], requires_grad=True)
    gradient = torch.tensor([1.0, -2.0, -3.0, 4.0, 5.0, 6.0, -7.0])
    cut = Inside.apply(pixels)
    assert cut.tolist() == [0.0, 0.0, 0.0, pytest.approx(0.4), 1.0, 1.0, 1.0]
    assert torch.autograd.grad(cut, pixels, gradient)[0].tolist() == [1.0, 0.0, -3.0, 4.0, 5.0, 0.0, -7.0]


@pytest.mark.parametrize("sign", [1, -1])
def test_black_and_white_are_reached_from_the_other_side(sign: int) -> None:
    """A unit that wants all pixels dark (or light) gets them so, also where they start out at the other end."""
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
    with torch.no_grad():
        network[1].weight.fill_(-0.1 * sign)
    model = Model(network, input=ImageInput((1, 8, 8)))
    start = torch.full((1, 8, 8), 1.0 if sign == 1 else 0.0)
    made = visualize(model, objectives.logit(0), steps=400, transforms=[], start=start)
    assert torch.allclose(made.image, 1 - start, atol=1e-3)
