"""Four units ranked by the norm of their weights, two of them removed; and the smaller half of single weights cut."""

from __future__ import annotations

import torch
from torch import nn

from models.compression.connections import cut_connections, finish_cutting, sparsity
from models.compression.speed import parameter_count
from models.compression.structural import choose_units, mask_units, prune_units
from models.lecture.worked.comparing import compare
from xai.base.experiment import WorkedExample
from xai.network.compress import unit_norms

__all__ = ["worked"]


def worked(row: str) -> WorkedExample:
    """Return which units stay, what the smaller network answers, and which connections stay."""
    first, last = nn.Linear(2, 4, bias=False), nn.Linear(4, 1, bias=False)
    network = nn.Sequential(first, nn.ReLU(), last)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[3.0, -4.0], [1.0, 0.0], [2.0, 3.0], [0.0, -2.0]]))
        last.weight.copy_(torch.tensor([[1.0, 10.0, 3.0, 10.0]]))
    example = torch.tensor([[2.0, 1.0], [1.0, 1.0]])
    keep = choose_units(network, 0.5, example)
    small = prune_units(network, keep, example)
    cut = finish_cutting(cut_connections(network, 0.5))
    return WorkedExample(
        name="pruning",
        row=row,
        shown="Units with weights (3,-4), (1,0), (2,3), (0,-2), read with 1, 10, 3, 10. Without the two of lowest "
        "norm the input (2,1) gives 1·2 + 3·7 = 23 and (1,1) gives 1·0 + 3·5 = 15, as in the large network "
        "with those two masked.",
        comparisons=[
            compare("L1 norms of the units", [7, 1, 5, 2], unit_norms(first.weight)),
            compare("L2 norms", [5, 1, 13**0.5, 2], unit_norms(first.weight, "l2")),
            compare("half go; units that stay", [0, 2], keep["0"]),
            compare("answers of the whole network", [43, 25], network(example)),
            compare("answers of the smaller one", [23, 15], small(example)),
            compare("answers with those units masked", [23, 15], mask_units(network, keep, example)(example)),
            compare("parameters before and after", [12, 6], [parameter_count(network), parameter_count(small)]),
            compare("connections: the smaller half cut, zeros among 12", 6, 12 * sparsity(cut)),
            compare(
                "connections left in the first layer", [[3, -4], [0, 0], [0, 3], [0, 0]], cut.get_parameter("0.weight")
            ),
            compare("connections left in the second", [0, 10, 3, 10], cut.get_parameter("2.weight")),
        ],
    )
