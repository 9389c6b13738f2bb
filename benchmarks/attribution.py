"""Attribution: ours, captum at its defaults and tuned, and the limit; on the reference CNN or on EfficientNet-Lite0.

The limit is the same passes of the plain network, on the inputs that our method made, at the best of several batch
sizes. A pass over copies of one image would be faster, since max pooling branches on what it reads; that limit stands
beside it. `python -m benchmarks.attribution [FOLDER]`: FOLDER is that of
EfficientNet-Lite0 (`make imagenet`), else the small CNN. `peak FOLDER ours|batch|captum` is what the first calls to
measure memory, in a process of its own.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from benchmarks.output import say
from benchmarks.passes import evaluated, passes
from benchmarks.photographs import photographs
from benchmarks.timing import least_seconds, peak_bytes
from models.networks.convolutional import convolutional
from xai.attribution.deeplift import deeplift
from xai.attribution.gradient_methods import integrated_gradients
from xai.attribution.lrp import lrp
from xai.attribution.occlusion import occlusion
from xai.attribution.sampled_gradients import gradient_shap
from xai.attribution.shapley import kernel_shap
from xai.attribution.smooth_gradients import smoothgrad
from xai.base.allocator import keep_memory
from xai.model.folder import load
from xai.model.model import Model

STEPS = 50


def main() -> None:
    """Print the ratios to the limit."""
    keep_memory()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    if sys.argv[1:2] == ["peak"]:
        peak(*sys.argv[2:])
    elif len(sys.argv) > 1:
        model, picture = efficientnet(sys.argv[1])
        report(model, picture, window=56, stride=28, sizes=(2, 4), captum_size=4, rounds=1)
        for side in ("batch", "ours", "captum"):
            command = [sys.executable, "-m", "benchmarks.attribution", "peak", sys.argv[1], side]
            say(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    else:
        model = Model(convolutional((1, 28, 28), 10).eval())
        report(model, torch.rand(16, 1, 28, 28), window=4, stride=2, sizes=(32, 64, 128, 256), captum_size=64, rounds=5)


def efficientnet(folder: str) -> tuple[Model, Tensor]:
    """Return the network, as captum gets it, and the middle of the photograph of a cat, normalized."""
    loaded = load(folder, trust_code=True)
    pixels = photographs()["chelsea"]
    left = (pixels.shape[2] - pixels.shape[1]) // 2
    square = pixels[None, :, :, left : left + pixels.shape[1]]
    square = interpolate(square, tuple(loaded.input.shape[1:]), mode="bicubic", antialias=True).clamp(0, 1)
    network = nn.Sequential(loaded.network.eval()).requires_grad_(False)
    return Model(network), loaded.input.feed(square)


def peak(folder: str, side: str) -> None:
    """Print how much memory one explanation of one image, or one batch of 4, takes above the network itself."""
    model, picture = efficientnet(folder)
    before = peak_bytes()
    if side == "ours":
        integrated_gradients(model, picture, 0)
    elif side == "captum":
        from captum.attr import IntegratedGradients

        IntegratedGradients(model.network).attribute(picture, target=0)
    else:
        passes(model.network, picture.repeat_interleave(4, 0), True, 4)
    say(f"integrated gradients, {side}: {(peak_bytes() - before) / 2**20:.0f} MiB above the network")


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
    positions = (batch.shape[2] - window) // stride + 1
    windows, zero = positions * positions, torch.zeros_like(batch[:1])
    labels = torch.arange(49).view(7, 7)
    side = batch.shape[2] // 7
    labels = labels.repeat_interleave(side, 0).repeat_interleave(side, 1)
    mask = labels.expand_as(batch[:1])
    slide = {"sliding_window_shapes": (batch.shape[1], window, window), "strides": (batch.shape[1], stride, stride)}

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
        "integrated gradients, 50 steps": (STEPS, True, lambda m: integrated_gradients(m, batch, 0, steps=STEPS), {
            "exact": lambda: integrated_gradients(model, batch, 0, steps=STEPS, exact=True),
            "captum": lambda: IntegratedGradients(network).attribute(batch, target=0, n_steps=STEPS),
            "captum, tuned": lambda: IntegratedGradients(network).attribute(batch, target=0, n_steps=STEPS, **tuned),
        }),
        "SmoothGrad, 32 samples": (32, True, lambda m: smoothgrad(m, batch, 0, samples=32), {
            "captum": lambda: NoiseTunnel(Saliency(network)).attribute(batch, target=0, nt_samples=32),
            "captum, tuned": lambda: NoiseTunnel(Saliency(network)).attribute(
                batch, target=0, nt_samples=32, nt_samples_batch_size=max(1, captum_size // rows)),
        }),
        "gradient SHAP, 32 samples": (32, True, lambda m: gradient_shap(m, batch, 0, samples=32), {
            "captum": lambda: GradientShap(network).attribute(batch, zero, target=0, n_samples=32),
        }),
        f"occlusion, {windows} windows": (
            windows, False, lambda m: occlusion(m, batch, 0, window=window, stride=stride), {
                "captum": lambda: Occlusion(network).attribute(batch, target=0, baselines=0, **slide),
                "captum, tuned": lambda: Occlusion(network).attribute(
                    batch, target=0, baselines=0, perturbations_per_eval=max(1, captum_size // rows), **slide),
            }),
        "kernel SHAP, 49 segments, 200 samples": (
            200, False, lambda m: kernel_shap(m, batch, 0, segments=labels, samples=200), {
                "captum": lambda: [KernelShap(network).attribute(row[None], **shown) for row in batch],
                "captum, tuned": lambda: [
                    KernelShap(network).attribute(row[None], perturbations_per_eval=captum_size, **shown)
                    for row in batch],
            }),
        "DeepLIFT (limit: one forward and backward pass)": (1, True, lambda m: deeplift(m, batch, 0), {
            "captum": lambda: DeepLift(network).attribute(batch, zero, target=0),
        }),
        "LRP (limit: one forward and backward pass)": (1, True, lambda m: lrp(m, batch, 0), {}),
    }  # fmt: skip
    for title, (times, backward, ours, peers) in table.items():
        copies = batch.repeat_interleave(times, 0)
        made = copies if times == 1 else evaluated(model, ours, len(copies))
        limits = {f"limit at {size}": partial(passes, network, made, backward, size) for size in sizes}
        if rows > 1:  # of one image of a large network, a pass on copies costs what any pass costs
            limits |= {f"copies at {size}": partial(passes, network, copies, backward, size) for size in sizes}
        working = {}
        for name, run in {"ours": partial(ours, model), **peers}.items():
            try:
                if name != "ours":
                    quiet(run)()
                working[name] = quiet(run)
            except Exception as error:  # captum fails on some networks, which is a result too
                say(f"\n{title}: {name} raises {type(error).__name__}")
        # One pass takes a few milliseconds: the least of many, where that costs nothing.
        seconds = least_seconds({**limits, **working}, rounds if times > 1 else 5 * rounds)
        say(f"\n{title}, {rows} images")
        for kind in ("limit", "copies") if rows > 1 else ("limit",):
            best = min(seconds[f"{kind} at {size}"] for size in sizes)
            ratios = (f"{name} {seconds[name] / best:.2f}" for name in working)
            say(f"  {kind} {1000 * best:.0f} ms; times that: {', '.join(ratios)}")


if __name__ == "__main__":
    main()
