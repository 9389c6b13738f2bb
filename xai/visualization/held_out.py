"""Small changes that no ascent draws, beside what the real images that excite the unit keep under the same ones."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from xai.results.finding import Finding
from xai.visualization.transforms import Transform, resample

__all__ = ["keeps_under_held_out", "sheared"]

SHEAR = 0.15  # of the side
KEPT = 0.8  # of what exciting real images keep


def sheared(images: Tensor) -> Iterator[Tensor]:
    """Yield images (n, C, H, W) sheared along each axis, in both directions."""
    for row, column in ((0, 1), (1, 0)):
        for amount in (-SHEAR, SHEAR):
            yield resample(images, [_shear(row, column, amount)], [torch.Generator()] * len(images))


def _shear(row: int, column: int, amount: float) -> Transform:
    def draw(generator: torch.Generator, size: tuple[int, int]) -> Tensor:
        matrix = torch.eye(3)
        matrix[row, column] = amount
        return matrix

    return draw


def keeps_under_held_out(name: str, base: float, made: tuple[float, float], real: tuple[float, float]) -> Finding:
    """Return a finding on the excitement that an image keeps when it is sheared.

    Args:
        name: of the unit.
        base: what the unit does on ordinary real images, their median.
        made: the unit on the image, as it is and sheared (a mean).
        real: the unit on the real images that excite it most, likewise.
    """
    kept, usual = ((after - base) / (still - base) if still > base else float("nan") for still, after in (made, real))
    details = {"kept": kept, "real_kept": usual, "base": base}
    control = f"the real images that excite it most keep {usual:.0%}"
    if not made[0] > base or not usual > 0:
        text = f"Untestable: {name} is not excited by it, or by no real image once that is sheared."
        return Finding("held_out_changes", "untestable", None, KEPT, control, text, {})
    share = kept / usual
    status = "pass" if share >= KEPT else "fail"
    only = "" if status == "pass" else "only "
    text = (
        f"Sheared by {SHEAR:.0%}, which no ascent draws, it keeps {only}{kept:.0%} of its excitement of {name}; real "
        f"images keep {usual:.0%}."
    )
    return Finding("held_out_changes", status, share, KEPT, control, text, details)
