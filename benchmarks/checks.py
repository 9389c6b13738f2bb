"""What the checks cost beside the passes they need: `python -m benchmarks.checks`.

Faithfulness, deletion and insertion are compared with forward passes on the inputs that they make, and on as many
copies of the images, at the best of several batch sizes; randomization with making the explanation as often; Quantus'
pixel flipping, where it can be imported, with its passes.
"""

from __future__ import annotations

import warnings
from functools import partial

import torch

from benchmarks.output import say
from benchmarks.passes import evaluated, passes
from benchmarks.timing import least_seconds
from models.networks.convolutional import convolutional
from xai.attribution.gradient_methods import integrated_gradients, saliency
from xai.base.allocator import keep_memory
from xai.evidence.deletion import deletion
from xai.evidence.faithfulness import faithfulness
from xai.evidence.insertion import insertion
from xai.evidence.randomization import randomization
from xai.methods import CHECKS
from xai.model.model import Model

ROWS, SIZES, DRAWS = 4, (32, 64, 128, 256, 512), 5


def main() -> None:
    """Print the ratios."""
    keep_memory()
    torch.manual_seed(0)
    network = convolutional((1, 28, 28), 10).eval()
    model = Model(network)
    images = torch.rand(ROWS, 1, 28, 28)
    made = saliency(model, images, 0)
    network.requires_grad_(False)
    for check in (faithfulness, deletion, insertion):
        count = ROWS * CHECKS[check.__name__].passes
        copies = images.repeat_interleave(count // ROWS, 0)
        inputs = evaluated(model, lambda wrapped, check=check: check(wrapped, made), count)
        contenders = {f"limit at {size}": partial(passes, network, inputs, False, size) for size in SIZES}
        contenders |= {f"copies at {size}": partial(passes, network, copies, False, size) for size in SIZES}
        times = least_seconds({**contenders, "check": partial(check, model, made)})
        limit, of_copies = (min(times[f"{kind} at {size}"] for size in SIZES) for kind in ("limit", "copies"))
        ratios = f"{times['check'] / limit:5.2f} x its {count:,} forward passes ({1000 * limit:.0f} ms; asked: 1.1)"
        say(f"  {check.__name__:<24} {ratios}, {times['check'] / of_copies:5.2f} x as many on copies")
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
    count = len(images) * (images[0].numel() // step)
    copies = images.repeat_interleave(count // len(images), 0)
    times = least_seconds({
        **{f"limit at {size}": partial(passes, network, copies, False, size) for size in SIZES},
        "quantus": lambda: metric(model=network, **batch),
    })  # fmt: skip
    limit = min(times[f"limit at {size}"] for size in SIZES)
    say(f"  Quantus' pixel flipping  {times['quantus'] / limit:5.2f} x its {count} forward passes, on copies")


if __name__ == "__main__":
    main()
