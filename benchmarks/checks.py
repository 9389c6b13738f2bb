"""What the checks cost beside the passes they need: `python -m benchmarks.checks`.

Deletion and insertion are compared with the same number of forward passes at the best of several batch sizes,
randomization with making the explanation as often; Quantus' pixel flipping, where it can be imported, with its passes.
"""

from __future__ import annotations

import warnings

import torch

from benchmarks.output import say
from benchmarks.timing import least_seconds
from models.networks.convolutional import convolutional
from xai.attribution.gradients import integrated_gradients, saliency
from xai.checks.deletion import deletion
from xai.checks.insertion import insertion
from xai.checks.randomization import randomization
from xai.core.allocator import keep_memory
from xai.core.model import Model

ROWS, SIZES, DRAWS = 4, (32, 64, 128, 256, 512), 5


def main() -> None:
    """Print the ratios."""
    keep_memory()
    torch.manual_seed(0)
    network = convolutional((1, 28, 28), 10).eval()
    model = Model(network)
    images = torch.rand(ROWS, 1, 28, 28)
    made = saliency(model, images, 0)
    passes = ROWS * 817

    def forwards(size: int) -> None:
        with torch.no_grad():
            for part in images.repeat_interleave(passes // ROWS, 0).split(size):
                network(part)

    contenders = {f"limit at {size}": (lambda size=size: forwards(size)) for size in SIZES}
    for check in (deletion, insertion):
        contenders[check.__name__] = lambda check=check: check(model, made)
    times = least_seconds(contenders)
    limit = min(times[f"limit at {size}"] for size in SIZES)
    say(f"{ROWS} images, {passes:,} forward passes: the limit is {1000 * limit:.0f} ms")
    for name in ("deletion", "insertion"):
        say(f"  {name:<24} {times[name] / limit:5.2f} x its forward passes (asked: 1.1)")
    path = integrated_gradients(model, images, 0)
    times = least_seconds({
        "explanations": lambda: [integrated_gradients(model, images, 0) for _ in range(DRAWS + 1)],
        "randomization": lambda: randomization(model, path, draws=DRAWS),
    })  # fmt: skip
    ratio = times["randomization"] / times["explanations"]
    say(f"  {'randomization':<24} {ratio:5.2f} x its {DRAWS + 1} explanations (integrated gradients; asked: 1.5)")
    quantus(network, images, made.values)


def quantus(network: torch.nn.Module, images: torch.Tensor, maps: torch.Tensor) -> None:
    """Print what Quantus' pixel flipping takes beside its own forward passes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import quantus
    except Exception as error:  # whatever it lacks here
        say(f"  Quantus cannot be imported: {type(error).__name__}: {error}")
        return
    step = 28
    metric = quantus.PixelFlipping(features_in_step=step, disable_warnings=True, display_progressbar=False)
    batch = {"x_batch": images.numpy(), "y_batch": torch.zeros(len(images), dtype=torch.long).numpy(),
             "a_batch": maps.numpy(), "device": "cpu"}  # fmt: skip
    passes = len(images) * (images[0].numel() // step)

    def forwards(size: int) -> None:
        with torch.no_grad():
            for part in images.repeat_interleave(passes // len(images), 0).split(size):
                network(part)

    times = least_seconds({
        **{f"limit at {size}": (lambda size=size: forwards(size)) for size in SIZES},
        "quantus": lambda: metric(model=network, **batch),
    })  # fmt: skip
    limit = min(times[f"limit at {size}"] for size in SIZES)
    say(f"  Quantus' pixel flipping  {times['quantus'] / limit:5.2f} x its {passes} forward passes")


if __name__ == "__main__":
    main()
