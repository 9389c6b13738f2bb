"""Ways in which inputs get worse in the field, by kind of input, each at several levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from xai.auditing.kinds import kind_of, made_for, present_steps, spread_of, texts_of, value_range
from xai.model.model import Model

__all__ = ["Perturbation", "perturbations_for"]

Change = Callable[[Tensor, float, torch.Generator], Tensor | list[str]]
NumberChange = Callable[[Tensor, float, torch.Generator], Tensor]


class Perturbation(NamedTuple):
    """levels: from mild to strong. tested: the mild level that a usable model must stand. unit: of a level."""

    levels: tuple[float, ...]
    tested: float
    unit: str
    change: Change


def perturbations_for(model: Model, inputs: Tensor) -> dict[str, Perturbation]:
    """Return the perturbations that make sense for a model's inputs (N, ...), by name.

    Raises Untestable for a kind of input that no perturbations are known for.
    """
    return made_for(PERTURBATIONS, kind_of(model, inputs))(model, inputs)


def _of_texts(model: Model, inputs: Tensor) -> dict[str, Perturbation]:
    return {
        "typos": Perturbation((0.02, 0.05, 0.1, 0.2), 0.05, "share of letters", _text(model, _typo)),
        "missing_words": Perturbation((0.05, 0.1, 0.2, 0.4), 0.1, "share of words", _text(model, _drop)),
    }


def _of_tables(model: Model, inputs: Tensor) -> dict[str, Perturbation]:
    table = model.input
    numbers = torch.tensor([name not in table.categorical for name in table.names])
    found = {
        "swapped_values": Perturbation((0.05, 0.1, 0.2, 0.4), 0.1, "share of cells", _swap),
        "missing_values": Perturbation((0.05, 0.1, 0.2, 0.4), 0.1, "share of cells", _typical(inputs, numbers)),
    }
    return found | _of_numbers(model, inputs) if bool(numbers.any()) else found


def _of_images(model: Model, inputs: Tensor) -> dict[str, Perturbation]:
    low, high = value_range(model, inputs)
    span = high - low

    def within(change: NumberChange) -> NumberChange:
        return lambda batch, level, generator: change(batch, level, generator).clamp(low, high)

    return {
        "noise": Perturbation((0.05, 0.1, 0.2, 0.3), 0.1, "of the range", within(_noise(torch.tensor(span)))),
        "shift": Perturbation((0.04, 0.08, 0.12, 0.16), 0.04, "of the side", _shift),
        "rotation": Perturbation((5, 10, 20, 30), 10, "degrees", _rotate),
        "brightness": Perturbation((0.1, 0.2, 0.3, 0.4), 0.1, "of the range", within(_brighten(span))),
        "missing_pixels": Perturbation((0.05, 0.1, 0.2, 0.4), 0.05, "share of pixels", _hide(low)),
    }


def _of_numbers(model: Model, inputs: Tensor) -> dict[str, Perturbation]:
    noise = _noise(spread_of(model, inputs))
    return {"noise": Perturbation((0.05, 0.1, 0.25, 0.5), 0.1, "standard deviations", noise)}


def _of_series(model: Model, inputs: Tensor) -> dict[str, Perturbation]:
    return {
        **_of_numbers(model, inputs),
        "missing_steps": Perturbation((0.05, 0.1, 0.2, 0.4), 0.1, "share of steps", _hold),
        "shift": Perturbation((1, 2, 4), 1, "steps", _delay),
    }


PERTURBATIONS = {
    "text": _of_texts, "table": _of_tables, "image": _of_images, "grid": _of_images, "series": _of_series,
    "steps": _of_series, "numbers": _of_numbers,
}  # fmt: skip


def _noise(spread: Tensor) -> NumberChange:
    def change(batch: Tensor, level: float, generator: torch.Generator) -> Tensor:
        added = level * spread.to(batch.dtype) * torch.randn(batch.shape, generator=generator, dtype=batch.dtype)
        noisy = batch + added
        return torch.where(present_steps(batch)[..., None], noisy, batch) if batch.ndim == 3 else noisy

    return change


def _swap(batch: Tensor, level: float, generator: torch.Generator) -> Tensor:
    chosen = torch.rand(batch.shape, generator=generator) < level
    other = torch.stack([column[torch.randperm(len(batch), generator=generator)] for column in batch.T], 1)
    return torch.where(chosen, other, batch)


def _typical(inputs: Tensor, numbers: Tensor) -> Change:
    typical = torch.where(numbers, inputs.median(0).values, inputs.mode(0).values)

    def change(batch: Tensor, level: float, generator: torch.Generator) -> Tensor:
        return torch.where(torch.rand(batch.shape, generator=generator) < level, typical, batch)

    return change


def _shift(batch: Tensor, level: float, generator: torch.Generator) -> Tensor:
    angle = 2 * torch.pi * torch.rand(len(batch), generator=generator)
    one, zero = torch.ones_like(angle), torch.zeros_like(angle)
    # A side is 2 long in the coordinates of a grid.
    return _warped(batch, [one, zero, 2 * level * angle.cos(), zero, one, 2 * level * angle.sin()])


def _rotate(batch: Tensor, level: float, generator: torch.Generator) -> Tensor:
    signs = torch.where(torch.rand(len(batch), generator=generator) < 0.5, -1.0, 1.0)
    angle = torch.deg2rad(level * signs)
    height, width = batch.shape[2:]
    zero = torch.zeros_like(angle)
    across, along = angle.sin() * height / width, angle.sin() * width / height
    return _warped(batch, [angle.cos(), -across, zero, along, angle.cos(), zero])


def _warped(batch: Tensor, entries: list[Tensor]) -> Tensor:
    """Return images under affine maps, six entries for each, their borders repeated."""
    grid = affine_grid(torch.stack(entries, 1).view(-1, 2, 3).to(batch.dtype), list(batch.shape), align_corners=False)
    return grid_sample(batch, grid, padding_mode="border", align_corners=False)


def _brighten(span: float) -> NumberChange:
    def change(batch: Tensor, level: float, generator: torch.Generator) -> Tensor:
        signs = torch.where(torch.rand(len(batch), generator=generator) < 0.5, -1.0, 1.0)
        return batch + level * span * signs.view(-1, 1, 1, 1).to(batch.dtype)

    return change


def _hide(value: float) -> Change:
    def change(batch: Tensor, level: float, generator: torch.Generator) -> Tensor:
        chosen = torch.rand(len(batch), 1, *batch.shape[2:], generator=generator) < level
        return torch.where(chosen, torch.tensor(value, dtype=batch.dtype), batch)

    return change


def _hold(batch: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """Replace steps by the last one before them that is there, as a logger does that lost them."""
    lost = torch.rand(batch.shape[:2], generator=generator) < level
    lost[:, 0] = False
    held = batch.clone()
    for step in range(1, batch.shape[1]):
        missing = (batch[:, step] != 0).any(1) & lost[:, step]
        held[missing, step] = held[missing, step - 1]
    return held


def _delay(batch: Tensor, level: float, generator: torch.Generator) -> Tensor:
    """Begin the series later: its first step is repeated, its last steps are lost."""
    del generator
    steps = int(level)
    late = torch.cat([batch[:, :1].expand(-1, steps, -1), batch[:, :-steps]], 1)
    return torch.where(present_steps(batch)[..., None], late, batch)


def _text(model: Model, change: Callable) -> Change:
    def apply(batch: Tensor, level: float, generator: torch.Generator) -> list[str]:
        return [change(text, level, generator) for text in texts_of(model, batch)]

    return apply


def _typo(text: str, level: float, generator: torch.Generator) -> str:
    """Swap a letter with the next, drop it or double it, each as often."""
    letters = list(text)
    draws = torch.rand(len(letters), 2, generator=generator).tolist()
    for index, (chosen, kind) in enumerate(draws):
        if chosen >= level or not letters[index].isalpha():
            continue
        if kind < 1 / 3 and index + 1 < len(letters):
            letters[index], letters[index + 1] = letters[index + 1], letters[index]
        else:
            letters[index] = "" if kind < 2 / 3 else letters[index] * 2
    return "".join(letters) or text


def _drop(text: str, level: float, generator: torch.Generator) -> str:
    words = text.split()
    draws = torch.rand(len(words), generator=generator).tolist()
    return " ".join(word for word, draw in zip(words, draws, strict=True) if draw >= level) or text
