"""Which methods stand on EfficientNet-Lite0, over the 23 photographs that scikit-image and scikit-learn ship.

`python -m benchmarks.showpiece`: every photograph's predicted class is explained by each method and put to the check of
faithfulness; the finding over all photographs is printed for each, with the mean correlation in every way of hiding and
of every rival. Beside it stand two independent judges (`benchmarks.judges`): how many maps pass pixel flipping, and how
many ROAD, by coarser curves than small images get. Needs `pip install 'xai-toolkit[imagenet]'` and the folder that
`make imagenet` writes.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

import xai
from benchmarks.judges import judge
from benchmarks.output import say
from benchmarks.photographs import photographs
from xai.evidence.verdict import verdict
from xai.reports.example_images import OPTIONS

__all__ = ["squares"]

METHODS = ("occlusion", "lime_image", "gradcam", "saliency", "integrated_gradients")
FOLDER, SIDE = "reports/imagenet", 224
# 10 moved and 10 scattered copies are the fewest with which a rank can be below 0.05.
JUDGES: dict[str, Any] = {
    "rivals_each": 10,
    "fills": ("low", "mean"),
    "flipped": torch.linspace(0.06, 0.48, 8),
    "hidden": torch.tensor([0.25, 0.5, 0.75]),
}


def squares() -> tuple[Tensor, list[str]]:
    """Return the middle square of each photograph, (23, 3, 224, 224), and their names."""
    found = photographs()
    made = []
    for pixels in found.values():
        side = min(pixels.shape[1:])
        top, left = ((length - side) // 2 for length in pixels.shape[1:])
        part = pixels[None, :, top : top + side, left : left + side]
        made.append(interpolate(part, (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1))
    return torch.cat(made), list(found)


def judged(model: xai.Model, images: Tensor, maps: Tensor, target: list[int], found: xai.Explanation) -> str:
    """Return how many maps each judge passes, and how many of those that both pass are supported."""
    rows = zip(images, maps, target, strict=True)
    passed = [judge(model, image[None], one, label, **JUDGES).passed for image, one, label in rows]
    both = [verdict(row) for judges, row in zip(passed, found.evidence, strict=True) if all(judges)]
    flipping, road = (sum(part) for part in zip(*passed, strict=True))
    return f"pixel flipping passes {flipping}, ROAD {road} of {len(passed)}; both {len(both)}: {dict(Counter(both))}"


def main() -> None:
    """Print the findings over all photographs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=FOLDER)
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--judges", action=argparse.BooleanOptionalAction, default=True, help="half of the cost")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    model = xai.load(chosen.model, trust_code=True)
    images, names = squares()
    target = model.predict(images).argmax(1).tolist()
    say("; ".join(f"{name}: {model.classes[number]}" for name, number in zip(names, target, strict=True)))
    for method in chosen.methods:
        started = time.process_time()
        made = getattr(xai, method)(model, images, target, **OPTIONS.get(method, {}))
        found = xai.verify(model, made, ["faithfulness"])
        (pooled,) = found.pooled
        words = Counter(verdict(row) for row in found.evidence)
        say(f"\n{method} ({time.process_time() - started:.0f} s of one core)\n- {pooled.text}")
        say(f"- photographs: {', '.join(f'{count} {word}' for word, count in words.most_common())}")
        if chosen.judges:
            say(f"- judges: {judged(model, images, made.heatmap(), target, found)}")
        for title in ("ways", "rivals"):
            say(f"- {title}: {', '.join(f'{name} {value:.2f}' for name, value in pooled.details[title].items())}")


if __name__ == "__main__":
    main()
