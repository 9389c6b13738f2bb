"""The look of all figures: colors, fonts, color maps, and text that matplotlib does not read as mathematics."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from torch import Tensor

from xai.base.printable import printable_text as visible_text

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

__all__ = [
    "AGAINST",
    "FOR",
    "GRAY",
    "MAGNITUDE",
    "NUMBERS",
    "SEVERAL",
    "STYLE",
    "color",
    "draw_heat",
    "figure_of",
    "in_style",
    "pixels_to_draw",
    "plain_text",
    "shortened",
    "visible_text",
]  # fmt: skip

# Orange for, blue against: told apart with every common color blindness, on black and on white. Magenta for magnitude.
FOR, AGAINST, MAGNITUDE = (232, 89, 12), (34, 139, 230), (230, 30, 140)
GRAY = "#8a8f99"
# Okabe and Ito's colors, without black (the page's text) and yellow (pale on white): told apart with any color vision.
SEVERAL = ("#e8590c", "#228be6", "#009e73", "#cc79a7", "#8f6f00", "#56b4e9", "#7048e8")
STYLE: dict[RcKeyType, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


_settings = threading.RLock()


@contextmanager
def in_style(more: dict[RcKeyType, Any] | None = None) -> Generator[None]:
    """Run the body with the library's settings of matplotlib, then put the process's own back.

    They are the whole process's: two threads at once would put back each other's. So threads take turns.
    """
    with _settings, rc_context({**STYLE, **(more or {})}):
        yield


def color(rgb: tuple[int, int, int]) -> tuple[float, ...]:
    """Return a color as matplotlib takes it."""
    return tuple(channel / 255 for channel in rgb)


DIVERGING = LinearSegmentedColormap.from_list("for_against", [color(AGAINST), (1, 1, 1), color(FOR)])
# Of a column's own numbers, which are no values for or against: dark to bright, told apart with any color vision.
NUMBERS = "cividis"
SEQUENTIAL = LinearSegmentedColormap.from_list("magnitude", [(1, 1, 1), color(MAGNITUDE)])


def figure_of(axes: Axes) -> Figure:
    """Return the figure that axes are part of."""
    return cast(Figure, axes.figure)  # or a part of one, which draws and is saved with it


def draw_heat(
    axes: Axes, values: Tensor, *, signed: bool | None = None, bound: float | None = None, **options: Any
) -> AxesImage:
    """Draw a matrix (H, W): blue to orange where it is signed, else white to magenta.

    signed: by default, whether a value is below 0. bound: what full color stands for, by default the largest magnitude.
    """
    signed = bool((values < 0).any()) if signed is None else signed
    bound = max(float(values.abs().max()), 1e-12) if bound is None else bound
    colors, low = (DIVERGING, -bound) if signed else (SEQUENTIAL, 0)
    return axes.imshow(values.numpy(), cmap=colors, vmin=low, vmax=bound, **options)


def pixels_to_draw(image: Tensor) -> np.ndarray:
    """Return an image (C, H, W) as matplotlib draws it: color where it has three channels, else their mean."""
    pixels = image.detach().float().cpu()
    pixels = pixels if pixels.shape[0] == 3 else pixels.mean(0, keepdim=True)
    low, high = float(pixels.min()), float(pixels.max())
    return ((pixels - low) / max(high - low, 1e-12)).permute(1, 2, 0).squeeze(-1).numpy()


def plain_text(text: object) -> str:
    """Return a text that matplotlib draws as it stands."""
    # matplotlib reads $...$ as mathematics; a class name is just text. Control characters have no place in XML.
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in str(text))
    return text.replace("$", r"\$")


def shortened(text: object, most: int = 32) -> str:
    """Return a visible text of at most `most` characters."""
    name = visible_text(text)
    return name if len(name) <= most else f"{name[: most - 1]}…"
