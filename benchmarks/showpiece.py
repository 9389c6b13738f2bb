"""Which methods stand on EfficientNet-Lite0, over the 23 photographs that scikit-image and scikit-learn ship.

`python -m benchmarks.showpiece`: every photograph's predicted class is explained by each method and put to the check of
faithfulness; the finding over all photographs is printed for each, with the mean correlation in every way of hiding and
of every rival. Needs `pip install 'xai-toolkit[imagenet]'` and the model folder that `make imagenet` writes.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import torch
from torch import Tensor
from torch.nn.functional import interpolate

import xai
from benchmarks.output import say
from benchmarks.photographs import photographs
from xai.evidence.verdict import verdict

__all__ = ["squares"]

METHODS = ("saliency", "integrated_gradients", "gradcam", "occlusion")
FOLDER, SIDE = "reports/imagenet", 224


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


def main() -> None:
    """Print the findings over all photographs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=FOLDER)
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    model = xai.load(chosen.model, trust_code=True)
    images, names = squares()
    target = model.predict(images).argmax(1).tolist()
    say("; ".join(f"{name}: {model.classes[number]}" for name, number in zip(names, target, strict=True)))
    for method in chosen.methods:
        started = time.process_time()
        made = getattr(xai, method)(model, images, target)
        found = xai.verify(model, made, ["faithfulness"])
        (pooled,) = found.pooled
        words = Counter(verdict(row) for row in found.evidence)
        say(f"\n{method} ({time.process_time() - started:.0f} s of one core)\n- {pooled.text}")
        say(f"- photographs: {', '.join(f'{count} {word}' for word, count in words.most_common())}")
        for title in ("ways", "rivals"):
            say(f"- {title}: {', '.join(f'{name} {value:.2f}' for name, value in pooled.details[title].items())}")


if __name__ == "__main__":
    main()
