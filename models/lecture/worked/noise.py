"""Where Gaussian noise may enter, and how far it spreads what comes out of y = 3 x at x = 2."""

from __future__ import annotations

import torch
from torch import nn

from models.lecture.worked.comparing import compare, gradient
from models.regularizers.noise import activation_noise, add_to_gradients, gaussian, target_noise, weight_noise
from xai.base.experiment import WorkedExample

__all__ = ["worked"]

SCALE, COPIES = 0.1, 20_000


def worked(row: str) -> WorkedExample:
    """Return spreads over 20,000 draws; the standard error of a spread is 1/√40,000 = 0.5 % of it."""
    network = nn.Linear(1, COPIES, bias=False)  # so many weights of 3 side by side: a draw for each
    nn.init.constant_(network.weight, 3.0)
    draw = torch.Generator().manual_seed(0)
    x = torch.full((1, 1), 2.0)
    many = torch.full((COPIES, 1), 2.0)
    on_input = 3 * gaussian(SCALE)(many, draw)
    with weight_noise(SCALE)(network, draw):
        on_weights = network(x)
        on_weights.sum().backward()
    with activation_noise(network, [""], SCALE, draw):
        on_activations = network(x)
    add_to_gradients(network, gaussian(SCALE), draw)
    slopes = gradient(network.weight).double()
    targets = target_noise(SCALE)(torch.full((COPIES, 1), 6.0), draw)
    return WorkedExample(
        name="noise",
        row=row,
        shown="Standard deviation 1 times a scale of 0.1, mean 0. The output 6 of y = 3·x at x = 2 spreads by 3·0.1 "
        "from noise on the input, by 2·0.1 from noise on the weight, by 0.1 from noise on the activation "
        "itself. After a step the weights are bit for bit what they were.",
        comparisons=[
            compare("mean output, noise on the input", 6, on_input.double().mean(), tolerance=0.01),
            compare("spread, noise on the input: 3·0.1", 0.3, on_input.double().std(), tolerance=0.006),
            compare("spread, noise on the weights: 2·0.1", 0.2, on_weights.double().std(), tolerance=0.004),
            compare("spread, noise on the activations: 0.1", 0.1, on_activations.double().std(), tolerance=0.002),
            compare("gradient x = 2, its spread: 0.1", [2, 0.1],
                    [slopes.mean(), slopes.std()], tolerance=0.003),
            compare("targets of 6, their spread: 0.1", [6, 0.1], [targets.double().mean(), targets.double().std()],
                    tolerance=0.003),
            compare("weights afterwards", [3, 3], [network.weight.min(), network.weight.max()]),
        ],
    )  # fmt: skip
