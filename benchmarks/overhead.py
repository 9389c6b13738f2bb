"""What a call of `xai.saliency` costs beside the network's own forward and backward pass, and beside captum's.

`OMP_NUM_THREADS=1 python -m benchmarks.overhead`: a network of 3 layers, and one of 35 million weights; one row, the
least of many runs in turn.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import pairwise

import torch
from captum.attr import Saliency
from torch import nn

import xai

RUNS = {"small": 400, "35 M weights": 12}


def main() -> None:
    """Print both tables of one run."""
    torch.set_num_threads(1)
    sys.stdout.write(
        "| network | own passes | xai.saliency | ratio | beyond the passes | captum |\n|---|---|---|---|---|---|\n"
    )
    for name, widths in (("small", (10, 32, 3)), ("35 M weights", (2000, 5000, 5000, 3))):
        layers = [part for sizes in pairwise(widths) for part in (nn.Linear(*sizes), nn.ReLU())]
        network = nn.Sequential(*layers[:-1]).eval().requires_grad_(False)
        model, row, captum = xai.Model(network), torch.rand(1, widths[0]), Saliency(network)

        def plain(network: nn.Module = network, row: torch.Tensor = row) -> None:
            variable = row.clone().requires_grad_()
            torch.autograd.grad(network(variable)[0, 1], variable)

        calls: dict[str, Callable[[], object]] = {
            "plain": plain,
            "xai": lambda model=model, row=row: xai.saliency(model, row, 1),
            "captum": lambda captum=captum, row=row: captum.attribute(row.clone().requires_grad_(), 1),
        }
        least = {key: float("inf") for key in calls}
        for _ in range(RUNS[name]):
            for key, call in calls.items():
                start = time.perf_counter()
                call()
                least[key] = min(least[key], 1e3 * (time.perf_counter() - start))
        more = least["xai"] - least["plain"]
        sys.stdout.write(
            f"| {name} | {least['plain']:.3f} ms | {least['xai']:.3f} ms | {least['xai'] / least['plain']:.2f} "
            f"| {more:.3f} ms | {least['captum']:.3f} ms |\n"
        )


if __name__ == "__main__":
    main()
