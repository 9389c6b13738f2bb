"""A map over its image in three ways: as an overlay, as contours, and as a mask that leaves what matters most."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes

from xai.base.errors import InputError, names_errors
from xai.plots.contours import contour_lines
from xai.plots.on_axes import axes_for, one_row
from xai.plots.pictures import FAINT
from xai.plots.style import AGAINST, FOR, MAGNITUDE, color, pixels_to_draw, plain_text
from xai.results.explanation import Explanation

__all__ = ["contour", "mask", "overlay"]


@names_errors("overlay")
def overlay(explanation: Explanation, row: int = 0, *, opacity: float = 0.85, ax: Axes | None = None) -> Axes:
    """Draw a map over its pale image: orange for, blue against, or magenta where values have no sign.

    Color is the more opaque the larger a value; full color is the 99th percentile of the magnitude. Without signs the
    lowest fifth is left out.

    Args:
        explanation: Of an image.
        row: Which row.
        opacity: Of full color, 0 to 1.
        ax: Axes to draw on, by default of a new figure.

    Returns:
        The axes.

    Raises:
        InputError: The explanation is not of an image.

    >>> import torch, xai
    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
    >>> model = xai.Model(network, input=xai.ImageInput((1, 8, 8)))
    >>> len(overlay(xai.saliency(model, torch.rand(1, 1, 8, 8))).images)
    2
    """
    item, axes, heat = _begun(explanation, row, ax, pale=True)
    size = np.abs(heat)
    top = float(np.quantile(size[size > 0], 0.99)) if size.any() else 1.0
    signed = bool((heat < 0).any())
    share = np.clip(size / top, 0, 1)
    share = share if signed else np.clip((share - FAINT) / (1 - FAINT), 0, 1)
    inks = np.where(heat[..., None] < 0, color(AGAINST), color(FOR) if signed else color(MAGNITUDE))
    axes.imshow(np.concatenate([inks, (opacity * share**0.7)[..., None]], -1), interpolation="nearest")
    return _titled(axes, item)


@names_errors("contour")
def contour(explanation: Explanation, row: int = 0, *, ax: Axes | None = None) -> Axes:
    """Draw an image with the lines at half and four fifths of the largest value of its map.

    Args:
        explanation: Of an image, by a method whose maps are smooth and without signs, such as Grad-CAM.
        row: Which row.
        ax: Axes to draw on, by default of a new figure.

    Returns:
        The axes.

    Raises:
        InputError: The explanation is not of an image, or its map is too speckled to have lines.
    """
    item, axes, heat = _begun(explanation, row, ax, pale=False)
    lines = contour_lines(torch.from_numpy(heat))
    if not lines:
        raise InputError("explanation", expected="a smooth map without signs", got=f"one by {item.method}")
    for line in lines:
        axes.plot(line[:, 0] - 0.5, line[:, 1] - 0.5, color="white", linewidth=2.6)
        axes.plot(line[:, 0] - 0.5, line[:, 1] - 0.5, color=color(MAGNITUDE), linewidth=1.4)
    return _titled(axes, item)


@names_errors("mask")
def mask(explanation: Explanation, row: int = 0, *, share: float = 0.2, ax: Axes | None = None) -> Axes:
    """Draw only those pixels of an image that its map ranks highest; the others are gray.

    Args:
        explanation: Of an image.
        row: Which row.
        share: Of the pixels that stay, above 0, at most 1.
        ax: Axes to draw on, by default of a new figure.

    Returns:
        The axes.

    Raises:
        InputError: The explanation is not of an image, or `share` is no share.

    >>> import torch, xai
    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
    >>> model = xai.Model(network, input=xai.ImageInput((1, 8, 8)))
    >>> drawn = mask(xai.saliency(model, torch.rand(1, 1, 8, 8)), share=0.25).images[1].get_array()
    >>> float((drawn[..., 3] == 0).mean())
    0.25
    """
    if not 0 < share <= 1:
        raise InputError("share", expected="above 0, at most 1", got=share)
    item, axes, heat = _begun(explanation, row, ax, pale=False)
    ranked = np.argsort(-heat, axis=None, kind="stable")
    hidden = np.ones(heat.size)
    hidden[ranked[: max(1, round(share * heat.size))]] = 0
    gray = np.full((*heat.shape, 3), 0.5)
    axes.imshow(np.concatenate([gray, hidden.reshape(heat.shape)[..., None]], -1), interpolation="nearest")
    return _titled(axes, item)


def _begun(explanation: Explanation, row: int, ax: Axes | None, *, pale: bool) -> tuple[Explanation, Axes, np.ndarray]:
    """Return one row, axes that show its image, and its map (H, W)."""
    item = one_row(explanation, row)
    heat = item.heatmap()[0].cpu().numpy()
    axes = axes_for(ax, 3.2, 3.2)
    pixels = pixels_to_draw(item.inputs[0])
    gray = pixels if pixels.ndim == 2 else pixels.mean(-1)
    # Pale and gray under a map, so that color means the map alone.
    axes.imshow((0.5 + 0.6 * (gray - 0.5)) * 0.8 if pale else pixels, cmap="gray", vmin=0, vmax=1)
    axes.set_axis_off()
    return item, axes, heat


def _titled(axes: Axes, item: Explanation) -> Axes:
    axes.set_title(plain_text(f"{item.method.replace('_', ' ')}: {item.target_name()}"), fontsize=9)
    return axes
