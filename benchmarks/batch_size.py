"""Milliseconds per row by batch size, forward and with gradient: where the rule in xai/model/plan.py comes from.

`python -m benchmarks.batch_size` times the reference CNN and, with the imagenet extra, EfficientNet-Lite0.
"""

from __future__ import annotations

import sys

import torch
from torch import nn

from benchmarks.timing import least_seconds
from models.networks.convolutional import convolutional
from xai.base.allocator import keep_memory
from xai.model.model import Model
from xai.model.plan import batch_size_for, faster_form


def table(name: str, network: nn.Module, shape: tuple[int, int, int], sizes: tuple[int, ...], rows: int) -> None:
    """Print one line per batch size."""
    model = Model(network.eval())
    found = model.trace(torch.rand(1, *shape))
    fast = faster_form(model.network, found)[0]
    chosen = batch_size_for(found, 0, "cpu")
    sys.stdout.write(f"\n{name}: {found.elements:,} activations a row, the rule says {chosen} rows\n")
    sys.stdout.write(
        f"{'rows':>6} {'forward':>9} {'gradient':>9} {'folded forward':>15} {'folded gradient':>16}  (ms per row)\n"
    )
    for size in sizes:
        batch = torch.rand(size, *shape)
        repeats = max(1, rows // size)

        def forward(which: nn.Module, batch=batch, repeats=repeats) -> None:
            with torch.no_grad():
                for _ in range(repeats):
                    which(batch)

        def gradient(which: nn.Module, batch=batch, repeats=repeats) -> None:
            for _ in range(repeats):
                inputs = batch.clone().requires_grad_()
                torch.autograd.grad(which(inputs).sum(), inputs)

        found_times = least_seconds(
            {
                "forward": lambda: forward(model.network),
                "gradient": lambda: gradient(model.network),
                "folded forward": lambda: forward(fast),
                "folded gradient": lambda: gradient(fast),
            },
            rounds=3,
        )
        each = [1000 * seconds / (repeats * size) for seconds in found_times.values()]
        sys.stdout.write("{:>6} {:>9.3f} {:>9.3f} {:>15.3f} {:>16.3f}\n".format(size, *each))


def main() -> None:
    """Print the tables."""
    keep_memory()
    table("reference CNN", convolutional((1, 28, 28), 10), (1, 28, 28), (8, 32, 64, 128, 256, 1024), 1024)
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        sys.stdout.write("\nEfficientNet-Lite0: not installed (make imagenet)\n")
        return
    table("EfficientNet-Lite0", EfficientNet.from_name("efficientnet-lite0"), (3, 224, 224), (1, 2, 4, 8, 16), 16)


if __name__ == "__main__":
    main()
