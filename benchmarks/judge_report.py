"""Do the default report's verdicts agree with independent judges? `python -m benchmarks.judge_report`.

The maps of the default report (its five methods at its settings) on held-out digits, each judged by pixel flipping and
by ROAD (`benchmarks.judges`, which shares nothing with `xai.evidence`) and by `xai.verify`. The limits of the verdicts
are set on synthetic worlds, not here. Asked: of maps that pass both judges at least 80 % supported, of those that pass
neither at most 5 %.
"""

from __future__ import annotations

import argparse
from collections import Counter

import torch

import xai
from benchmarks.calibrate_evidence import share
from benchmarks.judges import judge
from benchmarks.output import say
from models.recipes import load_data, train_recipe
from xai.evidence.verdict import verdict
from xai.reports.example_images import METHODS, OPTIONS

__all__ = ["judged"]

SAYS = {2: "both", 1: "one", 0: "neither"}


def judged(model: xai.Model, images: torch.Tensor, method: str) -> list[tuple[int, str]]:
    """Return for each image how many judges pass the method's map, and the verdict of its checks."""
    target = model.predict(images).argmax(1).tolist()
    made = getattr(xai, method)(model, images, target, **OPTIONS.get(method, {}))
    verified = xai.verify(model, made, ["faithfulness", "randomization"])
    passed = [
        sum(judge(model, images[row : row + 1], heatmap, target[row]).passed)
        for row, heatmap in enumerate(made.heatmap())
    ]
    return list(zip(passed, map(verdict, verified.evidence), strict=True))


def main() -> None:
    """Judge the maps of the report's methods and print how often verdicts and judges agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=None, help="a model folder; by default the recipe is trained anew")
    parser.add_argument("--images", type=int, default=12)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    model = xai.load(chosen.model or train_recipe("mnist-cnn", "runs/mnist-cnn"))
    held_out = load_data("mnist-cnn").test_inputs
    images = held_out[torch.linspace(7, len(held_out) - 1, chosen.images).long()]
    every: Counter[tuple[int, str]] = Counter()
    say("| method | judges: both | one | neither | supported of those that pass both |\n|---|---|---|---|---|")
    for method in METHODS:
        found = Counter(judged(model, images, method))
        every += found
        counts = [sum(count for (passed, _), count in found.items() if passed == number) for number in (2, 1, 0)]
        say(f"| {method} | {' | '.join(map(str, counts))} | {found[2, 'supported']} |")
    for passed, name in SAYS.items():
        whole = sum(count for (number, _), count in every.items() if number == passed)
        say(f"- {name}: supported {share(every[passed, 'supported'], whole)}")


if __name__ == "__main__":
    main()
