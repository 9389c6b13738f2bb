"""How far float32 gradients are from those in float64, plain and folded: `python -m benchmarks.rounding FOLDER`.

FOLDER is that of EfficientNet-Lite0 (`make imagenet`);
the images are the photographs of benchmarks/photographs.py, whole.
Where the bound ROUNDING in xai/model/plan.py comes from.
"""

from __future__ import annotations

import copy
import logging
import sys

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from benchmarks.output import say
from benchmarks.photographs import photographs
from xai.model.folder import load
from xai.model.plan import faster_form


def main() -> None:
    """Print the median and the largest distances over the photographs, as shares of the largest number."""
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    model = load(sys.argv[1], trust_code=True)
    plain = model.network.eval().requires_grad_(False)
    shape = tuple(model.input.shape[1:])
    fast = faster_form(plain, model.trace()).network
    exact = copy.deepcopy(plain).double()
    found: dict[str, list[float]] = {}
    for picture in photographs().values():
        image = model.input.feed(interpolate(picture[None], shape, mode="bicubic", antialias=True).clamp(0, 1)).detach()
        scores, gradient, target = read(exact, image.double(), None)
        seen = {name: read(network, image, target) for name, network in (("plain", plain), ("folded", fast))}
        for name, (ours, slope, _) in seen.items():
            found.setdefault(f"scores, {name} to float64", []).append(difference(ours, scores))
            found.setdefault(f"gradients, {name} to float64", []).append(difference(slope, gradient))
        found.setdefault("scores, folded to plain", []).append(difference(seen["folded"][0], seen["plain"][0]))
        found.setdefault("gradients, folded to plain", []).append(difference(seen["folded"][1], seen["plain"][1]))
    say(f"{len(photographs())} photographs, {shape[0]} x {shape[1]}")
    for name, values in found.items():
        say(f"  {name:<28} median {torch.tensor(values).median():.1e}, largest {max(values):.1e}")
    closer = sum(
        ours < theirs
        for ours, theirs in zip(*(found[f"gradients, {n} to float64"] for n in ("folded", "plain")), strict=True)
    )
    say(f"  the folded gradient is the closer one on {closer}")


def read(network: nn.Module, image: Tensor, target: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return scores, the gradient of the target (else the highest) score, and the target."""
    image = image.clone().requires_grad_()
    scores = network(image)
    target = scores.argmax(1) if target is None else target
    (gradient,) = torch.autograd.grad(scores.gather(1, target[:, None]).sum(), image)
    return scores.detach(), gradient, target


def difference(ours: Tensor, theirs: Tensor) -> float:
    """Return the largest difference as a share of the largest number."""
    return float((ours.double() - theirs.double()).abs().max() / theirs.double().abs().max())


if __name__ == "__main__":
    main()
