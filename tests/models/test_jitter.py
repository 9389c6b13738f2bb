"""Images moved and turned: exact where the grid is met, drawn anew for each image."""

from __future__ import annotations

import torch

from models.jitter import shift_and_rotate


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_nothing_moves_at_zero() -> None:
    images = torch.rand(3, 2, 8, 8)
    assert torch.allclose(shift_and_rotate(0.0, 0.0)(images, generator()), images, atol=1e-5)


def test_a_shift_moves_the_center_of_mass_by_no_more_than_it_says() -> None:
    """A dot's center moves by the drawn number of pixels, the same for both ways of measuring it."""
    images = torch.zeros(200, 1, 21, 21)
    images[:, 0, 10, 10] = 1.0
    moved = shift_and_rotate(3.0, 0.0)(images, generator())
    assert torch.allclose(moved.sum((1, 2, 3)), torch.ones(200), atol=1e-4)
    places = torch.arange(21.0) - 10
    across = (moved[:, 0].sum(1) * places).sum(1)
    assert across.abs().max() <= 3 + 1e-4
    draws = 2 * torch.rand(3, 200, generator=generator()) - 1
    assert torch.allclose(across, -3 * draws[1], atol=1e-3)


def test_a_turn_keeps_the_center_and_the_distance_from_it() -> None:
    images = torch.zeros(50, 1, 21, 21)
    images[:, 0, 10, 4] = 1.0
    turned = shift_and_rotate(0.0, 90.0)(images, generator())[:, 0]
    places = torch.arange(21.0) - 10
    across, down = (turned.sum(1) * places).sum(1), (turned.sum(2) * places).sum(1)
    mass = turned.sum((1, 2))
    assert torch.allclose((across**2 + down**2).sqrt() / mass, torch.full((50,), 6.0), atol=0.2)
    angle = torch.atan2(down, -across)
    assert angle.abs().max() <= torch.pi / 2 + 0.05
    assert angle.std() > 0.3


def test_the_generator_decides() -> None:
    images = torch.rand(4, 1, 8, 8)
    change = shift_and_rotate()
    assert torch.equal(change(images, generator(1)), change(images, generator(1)))
    assert not torch.equal(change(images, generator(1)), change(images, generator(2)))
