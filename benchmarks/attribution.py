"""Integrated gradients and occlusion: ours, captum at its defaults and tuned, and the limit, on the reference CNN.

The limit is the same number of passes at the best of several batch sizes. `python -m benchmarks.attribution`
"""

from __future__ import annotations

import sys
import warnings

import torch

from benchmarks.timing import least_seconds
from models.networks.convolutional import convolutional
from xai.attribution.gradients import integrated_gradients
from xai.attribution.perturbation import occlusion
from xai.core.allocator import keep_memory
from xai.core.model import Model

ROWS, STEPS, SIZES = 16, 50, (32, 64, 128, 256)


def main() -> None:
    """Print the ratios to the limit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from captum.attr import IntegratedGradients, Occlusion
    keep_memory()
    torch.manual_seed(0)
    network = convolutional((1, 28, 28), 10).eval()
    model = Model(network)
    batch = torch.rand(ROWS, 1, 28, 28)
    windows = 169

    def gradients(size: int) -> None:
        for part in batch.repeat_interleave(STEPS, 0).split(size):
            inputs = part.clone().requires_grad_()
            torch.autograd.grad(network(inputs)[:, 0].sum(), inputs)

    def forwards(size: int) -> None:
        with torch.no_grad():
            for part in batch.repeat_interleave(windows, 0).split(size):
                network(part)

    their_gradients, their_occlusion = IntegratedGradients(network), Occlusion(network)
    window = {"sliding_window_shapes": (1, 4, 4), "strides": (1, 2, 2), "baselines": 0}
    for title, limit, contenders in (
        (
            f"integrated gradients, {ROWS} images, {STEPS} steps",
            gradients,
            {
                "ours": lambda: integrated_gradients(model, batch, 0, steps=STEPS),
                "ours, exact": lambda: integrated_gradients(model, batch, 0, steps=STEPS, exact=True),
                "captum, default": lambda: their_gradients.attribute(batch, target=0, n_steps=STEPS),
                "captum, batch 64": lambda: their_gradients.attribute(
                    batch, target=0, n_steps=STEPS, internal_batch_size=64
                ),
            },
        ),
        (
            f"occlusion, {ROWS} images, {windows} windows",
            forwards,
            {
                "ours": lambda: occlusion(model, batch, 0, window=4, stride=2),
                "ours, exact": lambda: occlusion(model, batch, 0, window=4, stride=2, exact=True),
                "captum, default": lambda: their_occlusion.attribute(batch, target=0, **window),
                "captum, 8 windows a pass": lambda: their_occlusion.attribute(
                    batch, target=0, perturbations_per_eval=8, **window
                ),
            },
        ),
    ):
        limits = {f"limit at {size}": (lambda size=size, limit=limit: limit(size)) for size in SIZES}
        times = least_seconds({**limits, **contenders})
        best = min(times[name] for name in limits)
        sys.stdout.write(f"\n{title}: the limit is {1000 * best:.0f} ms\n")
        for name in contenders:
            sys.stdout.write(f"  {name:<26} {times[name] / best:5.2f} x the limit\n")


if __name__ == "__main__":
    main()
