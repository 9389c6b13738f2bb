"""Attribution: ours, captum at its defaults and tuned, and the limit; on the reference CNN or on EfficientNet-Lite0.

The limit is the same number of passes of the plain network at the best of several batch sizes.
`python -m benchmarks.attribution [FOLDER]`: FOLDER is that of EfficientNet-Lite0 (`make imagenet`), else the small CNN.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.timing import least_seconds
from models.networks.convolutional import convolutional
from xai.attribution.deeplift import deeplift
from xai.attribution.gradients import integrated_gradients
from xai.attribution.lrp import lrp
from xai.attribution.perturbation import occlusion
from xai.attribution.sampled_gradients import gradient_shap, smoothgrad
from xai.attribution.shapley import kernel_shap
from xai.core.allocator import keep_memory
from xai.core.folder import load
from xai.core.model import Model

STEPS = 50


def main() -> None:
    """Print the ratios to the limit."""
    keep_memory()
    torch.manual_seed(0)
    if len(sys.argv) > 1:
        model = load(sys.argv[1], trust_code=True)
        network, input = model.network.eval(), model.input
        model = Model(nn.Sequential(network), input=type(input)(input.shape))  # the network alone, as captum gets it
        report(model, torch.rand(1, *input.shape), window=56, stride=28, sizes=(2, 4), captum_size=4, rounds=2)
    else:
        model = Model(convolutional((1, 28, 28), 10).eval())
        report(model, torch.rand(16, 1, 28, 28), window=4, stride=2, sizes=(32, 64, 128, 256), captum_size=64, rounds=3)


def report(
    model: Model, batch: Tensor, window: int, stride: int, sizes: tuple[int, ...], captum_size: int, rounds: int
) -> None:
    """Time every method on a batch beside its limit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from captum.attr import (
            DeepLift,
            GradientShap,
            IntegratedGradients,
            KernelShap,
            NoiseTunnel,
            Occlusion,
            Saliency,
        )
    network, rows = model.network, len(batch)
    places = (batch.shape[2] - window) // stride + 1
    windows, zero = places * places, torch.zeros_like(batch[:1])
    labels = torch.arange(49).view(7, 7)
    side = batch.shape[2] // 7
    labels = labels.repeat_interleave(side, 0).repeat_interleave(side, 1)
    mask = labels.expand_as(batch[:1])
    slide = {"sliding_window_shapes": (batch.shape[1], window, window), "strides": (batch.shape[1], stride, stride)}

    def passes(times: int, backward: bool) -> Callable[[int], None]:
        def run(size: int) -> None:
            for part in batch.repeat_interleave(times, 0).split(size):
                if backward:
                    inputs = part.clone().requires_grad_()
                    torch.autograd.grad(network(inputs)[:, 0].sum(), inputs)
                else:
                    with torch.no_grad():
                        network(part)

        return run

    def quiet(call: Callable[[], object]) -> Callable[[], object]:
        def run() -> object:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return call()

        return run

    shown = {"baselines": zero, "target": 0, "feature_mask": mask, "n_samples": 200}
    tuned = {"internal_batch_size": captum_size}
    network.requires_grad_(False)
    table = {
        f"integrated gradients, {STEPS} steps": (passes(STEPS, True), {
            "ours": lambda: integrated_gradients(model, batch, 0, steps=STEPS),
            "ours, exact": lambda: integrated_gradients(model, batch, 0, steps=STEPS, exact=True),
            "captum": lambda: IntegratedGradients(network).attribute(batch, target=0, n_steps=STEPS),
            "captum, tuned": lambda: IntegratedGradients(network).attribute(batch, target=0, n_steps=STEPS, **tuned),
        }),
        "SmoothGrad, 32 samples": (passes(32, True), {
            "ours": lambda: smoothgrad(model, batch, 0, samples=32),
            "captum": lambda: NoiseTunnel(Saliency(network)).attribute(batch, target=0, nt_samples=32),
            "captum, tuned": lambda: NoiseTunnel(Saliency(network)).attribute(
                batch, target=0, nt_samples=32, nt_samples_batch_size=max(1, captum_size // rows)),
        }),
        "gradient SHAP, 32 samples": (passes(32, True), {
            "ours": lambda: gradient_shap(model, batch, 0, samples=32),
            "captum": lambda: GradientShap(network).attribute(batch, zero, target=0, n_samples=32),
        }),
        f"occlusion, {windows} windows": (passes(windows, False), {
            "ours": lambda: occlusion(model, batch, 0, window=window, stride=stride),
            "captum": lambda: Occlusion(network).attribute(batch, target=0, baselines=0, **slide),
            "captum, tuned": lambda: Occlusion(network).attribute(
                batch, target=0, baselines=0, perturbations_per_eval=max(1, captum_size // rows), **slide),
        }),
        "kernel SHAP, 49 segments, 200 samples": (passes(200, False), {
            "ours": lambda: kernel_shap(model, batch, 0, segments=labels, samples=200),
            "captum": lambda: [KernelShap(network).attribute(row[None], **shown) for row in batch],
            "captum, tuned": lambda: [
                KernelShap(network).attribute(row[None], perturbations_per_eval=captum_size, **shown) for row in batch],
        }),
        "DeepLIFT (limit: one forward and backward pass)": (passes(1, True), {
            "ours": lambda: deeplift(model, batch, 0),
            "captum": lambda: DeepLift(network).attribute(batch, zero, target=0),
        }),
        "LRP (limit: one forward and backward pass)": (passes(1, True), {"ours": lambda: lrp(model, batch, 0)}),
    }  # fmt: skip
    for title, (limit, contenders) in table.items():
        limits = {f"limit at {size}": (lambda size=size, limit=limit: limit(size)) for size in sizes}
        working = {}
        for name, run in contenders.items():
            try:
                quiet(run)()
                working[name] = quiet(run)
            except Exception as error:  # captum fails on some networks, which is a result too
                sys.stdout.write(f"\n{title}: {name} raises {type(error).__name__}\n")
        times = least_seconds({**limits, **working}, rounds)
        best = min(times[name] for name in limits)
        sys.stdout.write(f"\n{title}, {rows} images: the limit is {1000 * best:.0f} ms\n")
        for name in working:
            sys.stdout.write(f"  {name:<26} {times[name] / best:5.2f} x the limit\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
