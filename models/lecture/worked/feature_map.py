"""The lecture's image of 6 x 6 pixels, its two filters, their feature maps, and what pooling leaves of them."""

from __future__ import annotations

import torch

from models.lecture.worked.comparing import compare
from models.networks.convolutional import convolutional
from xai.base.experiment import WorkedExample

__all__ = ["FILTERS", "IMAGE", "worked"]

IMAGE = [
    [0, 1, 0, 0, 1, 0],
    [0, 1, 0, 0, 1, 0],
    [0, 1, 0, 0, 1, 0],
    [1, 0, 0, 0, 0, 1],
    [0, 1, 0, 0, 1, 0],
    [0, 0, 1, 1, 0, 0],
]
# The third, no filter of the lecture, is asymmetric: a cross-correlation reads the pixel to the right of the middle, a
# convolution as mathematics has it the one to the left.
FILTERS = [
    [[-1, 1, -1], [-1, 1, -1], [-1, 1, -1]],
    [[1, -1, -1], [-1, 1, -1], [-1, -1, 1]],
    [[0, 0, 0], [0, 0, 1], [0, 0, 0]],
]


def worked(row: str) -> WorkedExample:
    """Return the maps of the reference CNN's own layer; it pads its images, so the slide's map is the inner part."""
    network = convolutional((1, 6, 6), 2, channels=[3])
    with torch.no_grad():
        network.get_parameter("conv1.weight").copy_(torch.tensor(FILTERS)[:, None])
        network.get_parameter("conv1.bias").zero_()
        maps = network.get_submodule("conv1")(torch.tensor([[IMAGE]], dtype=torch.float32))[0, :, 1:5, 1:5]
        pooled = network.get_submodule("pool1")(maps)
    first, second, shifted = maps
    return WorkedExample(
        name="feature_map",
        row=row,
        shown="Each number is the sum of products of a filter with the 3 x 3 pixels below it, at stride 1; pooling "
        "keeps the largest of each 2 x 2, at stride 2. A 3 x 3 filter with a single 1 right of its middle "
        "shifts the image left: the operation is a cross-correlation.",
        comparisons=[
            compare("filter 1, row 1", [3, -3, -3, 3], first[0]),
            compare("filter 1, row 2", [1, -2, -2, 1], first[1]),
            compare("filter 1, row 3", [1, -2, -2, 1], first[2]),
            compare("filter 1, row 4", [-1, -1, -1, -1], first[3]),
            compare("filter 2, row 1", [-1, -1, -1, -1], second[0]),
            compare("filter 2, row 2", [-1, 0, -2, 1], second[1], slide="-1, 0, -2, -1"),
            compare("filter 2, row 3", [-3, 0, 0, -3], second[2]),
            compare("filter 2, row 4", [3, -1, -3, -1], second[3]),
            compare("pooled, filter 1", [[3, 3], [1, 1]], pooled[0]),
            compare("pooled, filter 2", [[0, 1], [3, 0]], pooled[1]),
            compare("asymmetric filter, row 1: pixels 3 to 6", [0, 0, 1, 0], shifted[0]),
            compare(
                "numbers that the flattened maps hand on, 3·(6/2)²", 27, network.get_parameter("hidden.weight").shape[1]
            ),
        ],
        errata=("the second feature map",),
    )
