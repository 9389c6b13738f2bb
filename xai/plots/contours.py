"""Lines of equal value on a map, for maps smooth enough to have them."""

from __future__ import annotations

import numpy as np
from torch import Tensor

__all__ = ["LEVELS", "contour_lines"]

LEVELS = (0.5, 0.8)  # of the largest value
SPECKLED = 0.35  # a map is, where so much of its spread is not that of its means over 3 x 3 pixels
ROUND = 0.004  # of the map's side, by how much a line may be simplified


def contour_lines(heatmap: Tensor, levels: tuple[float, ...] = LEVELS) -> list[np.ndarray]:
    """Return the lines (points, 2), x and y in pixels, where a map (H, W) crosses shares of its largest value.

    None where it has both signs, is empty, or is speckled.

    >>> import torch
    >>> hill = torch.outer(torch.hann_window(16), torch.hann_window(16))
    >>> len(contour_lines(hill)), len(contour_lines(torch.zeros(8, 8)))
    (2, 0)
    """
    from scipy.ndimage import uniform_filter
    from skimage.measure import approximate_polygon, find_contours

    values = heatmap.detach().float().cpu().numpy()
    top = float(values.max())
    if top <= 0 or values.min() < 0 or (values - uniform_filter(values, 3)).std() > SPECKLED * values.std():
        return []  # lines would only clutter it
    around = np.pad(values / top, 1)  # so that a line at the border closes
    found = [find_contours(around, level) for level in levels]
    tolerance = ROUND * max(values.shape)
    # A pixel's middle lies half a pixel inside it; the padding is one.
    polygons = [approximate_polygon(line[:, ::-1] - 0.5, tolerance) for lines in found for line in lines]
    return [polygon for polygon in polygons if len(polygon) > 3]
