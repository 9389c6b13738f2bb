"""Feature visualization: against lucent, against the limit, in memory, and against every real image there is.

`python -m benchmarks.visualization [lucent limit memory mnist imagenet logit]`; XAI_THREADS sets torch's threads (1).
lucent wants `pip install --no-deps --target DIR torch-lucent decorator kornia kornia_rs tqdm` and PYTHONPATH=DIR, and
gets stubs in place of torchvision, of which it uses one class, and IPython.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
import types
import warnings
from pathlib import Path

import torch
from torch import Tensor

import xai
from benchmarks.output import say
from benchmarks.photographs import crops
from xai.base.allocator import keep_memory
from xai.model.model import Model
from xai.network.guard import untouched
from xai.visualization import objectives, transforms
from xai.visualization.layer_reader import Reader

ROOT = Path(__file__).parents[1]
UNITS = Path(__file__).with_name("imagenet_units.txt")
SPEED_LAYER, SPEED_CHANNELS, SPEED_STEPS = "_blocks.8._bn0", (17, 79, 103, 192, 226, 356, 417, 420), 64


def efficientnet() -> Model:
    import logging

    logging.disable(logging.INFO)
    return xai.load(ROOT / "reports" / "imagenet", trust_code=True)


def reached(model: Model, units: list[objectives.Objective], images: Tensor) -> tuple[Tensor, Tensor]:
    """Return each unit on its image: as it is, and the mean over 16 of our small changes."""
    reader = Reader(model, model.network)
    moves = transforms.default(images.shape[2:])
    draws = [torch.Generator().manual_seed(row) for row in range(len(images))]
    with untouched(model.network), torch.no_grad():
        still = reader.measure(units, images, 1)
        transformed = [reader.measure(units, transforms.resample(images, moves, draws), 1) for _ in range(16)]
    return still, torch.stack(transformed).mean(0)


def lucent_images(model: Model, channels: tuple[int, ...], steps: int, side: int) -> Tensor:
    """Return lucent's images of channels of SPEED_LAYER, one at a time as it makes them."""
    for name in ("torchvision", "torchvision.transforms", "torchvision.models", "IPython", "IPython.display"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["torchvision.transforms"].Normalize = object
    sys.modules["IPython"].display = sys.modules["IPython.display"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import kornia
        from lucent.optvis import param, render, transform

        for name in ("get_rotation_matrix2d", "warp_affine"):  # lucent expects the kornia of 2021
            setattr(kornia, name, getattr(kornia.geometry.transform, name))
        layer = SPEED_LAYER.replace(".", "_")
        moves = [*transform.standard_transforms, lambda image: (image - 0.5) / 0.5]
        images = []
        for channel in channels:
            torch.manual_seed(channel)
            image = render.render_vis(
                model.network, f"{layer}:{channel}", lambda: param.image(side), transforms=moves, thresholds=(steps,),
                preprocess=False, progress=False, show_image=False,
            )  # fmt: skip
            images.append(torch.from_numpy(image[-1]).permute(0, 3, 1, 2))
            for module in model.network.modules():  # lucent leaves its hooks behind
                module._forward_hooks.clear()
    return torch.cat(images).float()


def lucent(steps: int = SPEED_STEPS) -> None:
    """Ours and lucent's in turn: 8 channels at 224 pixels, the same number of steps."""
    model = efficientnet()
    units = [objectives.channel(SPEED_LAYER, channel) for channel in SPEED_CHANNELS]
    began = time.process_time()
    ours = xai.visualize(model, units, steps=steps).image
    ours_seconds, began = time.process_time() - began, time.process_time()
    theirs = lucent_images(model, SPEED_CHANNELS, steps, 224)
    theirs_seconds = time.process_time() - began
    for name, images, seconds in (("ours", ours, ours_seconds), ("lucent", theirs, theirs_seconds)):
        still, transformed = reached(model, units, images)
        say(f"{name}: {seconds:.1f} s of CPU time, {steps} steps, 8 channels of {SPEED_LAYER} at 224 px")
        say(f"  reached {[round(v, 3) for v in still.tolist()]}, mean {float(still.mean()):.3f}")
        say(f"  moved   {[round(v, 3) for v in transformed.tolist()]}, mean {float(transformed.mean()):.3f}")
    say(f"lucent / ours: {theirs_seconds / ours_seconds:.2f}")


def limit(steps: int = SPEED_STEPS) -> None:
    """Our 8 channels, and as many forward passes to the layer and backward passes at the best batch size."""
    from xai.network.hooks import StopForward

    model = efficientnet()
    units = [objectives.channel(SPEED_LAYER, channel) for channel in SPEED_CHANNELS]

    def passes(size: int, count: int) -> float:
        def stop(module: torch.nn.Module, inputs: tuple, output: Tensor) -> None:
            kept.append(output)
            raise StopForward

        kept: list[Tensor] = []
        began = time.process_time()
        for _ in range(count):
            for start in range(0, 8, size):
                batch = torch.rand(size, 3, 224, 224, requires_grad=True)
                handle = model.network.get_submodule(SPEED_LAYER).register_forward_hook(stop)
                with contextlib.suppress(StopForward):
                    model.network((batch - 0.5) / 0.5)
                handle.remove()
                output = kept.pop()
                loss = sum(output[row, SPEED_CHANNELS[start + row]].mean() for row in range(size))
                torch.autograd.grad(loss, batch)
        return time.process_time() - began

    model.network.requires_grad_(False)
    passes(4, 1)
    best = min((1, 2, 4, 8), key=lambda size: passes(size, 2))
    ours, limits = [], []
    for _ in range(2):
        began = time.process_time()
        xai.visualize(model, units, steps=steps)
        ours.append(time.process_time() - began)
        limits.append(passes(best, steps))
    ratio = min(ours) / min(limits)
    say(f"ours {min(ours):.1f} s, limit {min(limits):.1f} s (batch {best}, network as it is): {ratio:.2f}")


def memory() -> None:
    """Peak memory of a process that makes 4 images in 8 and in 128 steps."""
    for steps in (8, 128):
        code = (
            "import resource, xai; from benchmarks.visualization import efficientnet; m = efficientnet(); "
            f"xai.visualize(m, [xai.objectives.channel('_blocks.8._bn0', k) for k in range(4)], steps={steps}, "
            "size=96); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        say(f"{steps} steps: peak {float(done.stdout.split()[-1]):.0f} MiB")


def mnist(steps: int = 256) -> None:
    """Every channel and unit of the reference CNN, up and down, against all 5,000 digits."""
    from models.recipes import load_data

    model = xai.load(ROOT / "runs" / "mnist-cnn")
    data = load_data("mnist-cnn")
    real = torch.cat([data.train_inputs, data.test_inputs])
    for sign, word, beyond in ((1, "maximized", "above"), (-1, "minimized", "below")):
        total, beat, both_ways, noisy = 0, 0, 0, 0
        began = time.process_time()
        for layer in model.trace().units():
            units = [sign * objectives.channel(layer.name, number) for number in range(layer.shape[0])]
            made = xai.visualize(model, units, steps=steps, reference=real)
            found = [made.finding("real_images", row) for row in range(len(made))]
            good = sum(item.details.get("below", 0) == len(real) for item in found)
            both = sum(item.status == "pass" for item in found)
            fragile = sum(made.finding("small_changes", row).status == "fail" for row in range(len(made)))
            say(
                f"{word} {layer.name}: {good} of {len(units)} {beyond} every one of {len(real)} digits, {both} also "
                f"moved; {fragile} adversarial"
            )
            total, beat, both_ways, noisy = total + len(units), beat + good, both_ways + both, noisy + fragile
        share = f"{beat} of {total} ({beat / total:.1%}), {both_ways} also moved ({both_ways / total:.1%})"
        say(f"{word}, all: {share}, {noisy} adversarial; {time.process_time() - began:.0f} s")


def imagenet_units() -> dict[str, list[int]]:
    """Return the list that was written down before the run."""
    lines = [line.split() for line in UNITS.read_text().splitlines() if not line.startswith("#")]
    return {name: list(map(int, numbers)) for name, *numbers in lines}


def imagenet(steps: int = 256, side: int = 128) -> None:
    """The 48 channels of the list, against crops of every photograph; each depth is saved when it is done."""
    from safetensors.torch import save_file

    folder = ROOT / "runs" / "visualization"
    folder.mkdir(parents=True, exist_ok=True)
    model = efficientnet()
    real, source = crops(side)
    rows = []
    for layer, numbers in imagenet_units().items():
        path = folder / f"{layer}.json"
        if not path.exists():
            began = time.process_time()
            units = [objectives.channel(layer, number) for number in numbers]
            made = xai.visualize(model, units, steps=steps, size=side, reference=real, source=source)
            save_file({"image": made.image.contiguous()}, folder / f"{layer}.safetensors")
            record = [[finding.to_dict() for finding in row] for row in made.evidence]
            path.write_text(json.dumps({"seconds": time.process_time() - began, "evidence": record}))
        saved = json.loads(path.read_text())
        for number, findings in zip(numbers, saved["evidence"], strict=True):
            by_name = {item["check"]: item for item in findings}
            details = by_name["real_images"]["details"]
            rows.append((details["below"] == details["real_count"], by_name["real_images"]["status"]))
            statuses = ", ".join(f"{name} {item['status']}" for name, item in by_name.items())
            say(
                f"{layer} {number}: reached {details['reached']:.2f}, moved {details['transformed']:.2f}, real up to "
                f"{details['real_high']:.2f}; {statuses}"
            )
        say(f"{layer}: {saved['seconds']:.0f} s of CPU time")
    alone, both = sum(good for good, _ in rows), sum(status == "pass" for _, status in rows)
    say(f"above the maximum of {len(real)} {source}: {alone} of {len(rows)} as they are, {both} also moved")


def logit(steps: int = 256) -> None:
    """Images of class logits: are they seen as that class under changes that they were not made with?"""
    model = efficientnet()
    chosen = [model.classes.index(name) for name in LOGITS]
    made = xai.visualize(model, [objectives.logit(number) for number in chosen], steps=steps)
    generators = [torch.Generator().manual_seed(10_000 + row) for row in range(len(chosen))]
    moves = transforms.default((224, 224))
    hits = torch.zeros(len(chosen))
    sure = torch.zeros(len(chosen))
    for _ in range(32):
        seen = model.predict(transforms.resample(made.image, moves, generators))
        hits += seen.argmax(1) == torch.tensor(chosen)
        sure += seen[torch.arange(len(chosen)), chosen]
    for row, name in enumerate(LOGITS):
        say(f"{name}: seen as such in {int(hits[row])} of 32 fresh draws, mean probability {float(sure[row]) / 32:.3f}")


LOGITS = ("flamingo", "banana", "volcano", "strawberry")


def main() -> int:
    torch.set_num_threads(int(os.environ.get("XAI_THREADS", "1")))
    keep_memory()
    known = {run.__name__: run for run in (lucent, limit, memory, mnist, imagenet, logit)}
    for name in sys.argv[1:] or known:
        say(f"## {name}")
        with contextlib.redirect_stderr(io.StringIO()):
            known[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
