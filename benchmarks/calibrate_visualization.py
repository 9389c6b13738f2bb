"""How often the evidence on visualizations passes where it should, and where it must not.

`python -m benchmarks.calibrate_visualization [tune score layers photographs]`. Units are those of the norm layers of
the MNIST network. Images are made for them as usual; for units with shuffled weights; and adversarial ones, by small
changes of real images and by pixels that move without constraints. The limits were set on `tune` alone: another
training seed, another network to see with, other shuffles and other real images than `score` and `layers`.
`photographs`, which is not run unless it is named, is EfficientNet-Lite0's last block (the folder that `make imagenet`
writes), seen with edge filters.
"""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

import xai
from benchmarks.output import say
from benchmarks.photographs import crops
from models.datasets.mnist import mnist
from models.recipes import train_recipe
from xai.auditing.checks.performance import wilson
from xai.model.model import Model
from xai.model.shuffling import layers_with_weights, shuffled
from xai.results.visualization import Visualization
from xai.visualization import constraints, objectives

FOLDER = Path(__file__).parents[1] / "runs" / "calibrate-visualization"
STEPS = 128
REAL = 500
SMALL, SMALL_STEPS = 0.1, 32  # how far a pixel of a real image may move, of a range of 1
CHECKS = ("predictive", "path", "held_out_changes", "stronger_stimuli", "real_images", "small_changes", "noise")


class Part(NamedTuple):
    """One study: seeds of the networks, the recipe and seed of the other network, layers, and seeds of the rest."""

    networks: tuple[int, ...]
    features: tuple[str, int]
    layers: tuple[str, ...]
    shuffles: tuple[int, ...]
    sample: int


PARTS = {
    "tune": Part((0,), ("mnist-cnn", 7), ("norm3",), (0, 1), 99),
    "score": Part((1, 2), ("mnist-cnn-augmented", 11), ("norm3",), (100, 101), 12),
    "layers": Part((1,), ("mnist-cnn-augmented", 11), ("norm1", "norm2"), (100,), 12),
}
PHOTOGRAPHS, PHOTOGRAPH_LAYER, PHOTOGRAPH_UNITS = "reports/imagenet", "_blocks.15._bn0", 16


def network(recipe: str, seed: int) -> Model:
    """Return a trained network, trained now where it is not there."""
    folder = FOLDER / f"{recipe}-{seed}"
    if not folder.exists():
        train_recipe(recipe, folder, seed=seed)
    return xai.load(folder)


def real_images(sample: int) -> Tensor:
    """Return digits drawn from all there are."""
    data = mnist()
    images = torch.cat([data.train_inputs, data.test_inputs])
    return images[torch.randperm(len(images), generator=torch.Generator().manual_seed(sample))[:REAL]]


def recipes(real: Tensor, units: int) -> dict[str, dict[str, object]]:
    """Return the settings of each way to make images."""
    still = {"parameters": "pixels", "transforms": []}
    small = [constraints.bounded_step(), constraints.clipped()]
    # Adam, bounded by its learning rate, cannot move a pixel further than SMALL.
    near = {"start": real[:units], "steps": SMALL_STEPS, "learning_rate": SMALL / SMALL_STEPS, "constraints": small}
    return {
        "as usual": {"steps": STEPS},
        "small changes of real images": {**still, **near},
        "no constraints": {**still, "steps": STEPS, "constraints": [constraints.clipped()]},
    }


def tell(what: str, made: list[Visualization]) -> None:
    """Print how many images pass all, and each finding."""
    rows = [row for item in made for row in item.evidence]
    found = {name: sum(item.status == "pass" for row in rows for item in row if item.check == name) for name in CHECKS}
    passed = sum(row[0].status == "pass" for row in rows)
    low, high = wilson(passed, len(rows))
    say(f"{what}: {passed} of {len(rows)} pass ({passed / len(rows):.0%}, {low:.0%} to {high:.0%})")
    say("    " + ", ".join(f"{name} {count}" for name, count in found.items()))


def study(part: Part) -> None:
    """Print the figures of one part."""
    real, eyes = real_images(part.sample), network(*part.features)
    for layer in part.layers:
        made: dict[str, list[Visualization]] = {}
        for seed in part.networks:
            model = network("mnist-cnn", seed)
            count = next(item.shape[0] for item in model.trace().units() if item.name == layer)
            units = [objectives.channel(layer, number) for number in range(count)]
            settings = {"reference": real, "features": eyes, "source": f"{REAL} digits"}
            for name, recipe in recipes(real, count).items():
                made.setdefault(name, []).append(xai.visualize(model, units, **recipe, **settings))
            weights = layers_with_weights(model, real[:1])
            for number in part.shuffles:
                other = shuffled(model, real[:64], weights, number)
                made.setdefault("shuffled weights", []).append(xai.visualize(other, units, steps=STEPS, **settings))
        for name, items in made.items():
            tell(f"{layer}, {name}", items)


def study_photographs() -> None:
    """Print the figures of the first units of EfficientNet-Lite0's last block, trained and with shuffled weights."""
    model = xai.load(PHOTOGRAPHS, trust_code=True)
    real, source = crops(224, 12)
    units = [objectives.channel(PHOTOGRAPH_LAYER, number) for number in range(PHOTOGRAPH_UNITS)]
    settings = {"reference": real, "features": "edges", "source": source, "steps": STEPS // 2}
    other = shuffled(model, real[:64], layers_with_weights(model, real[:1]), 100)
    small = recipes(real, PHOTOGRAPH_UNITS)["small changes of real images"]
    tell(f"{PHOTOGRAPH_LAYER}, as usual", [xai.visualize(model, units, **settings)])
    tell(f"{PHOTOGRAPH_LAYER}, shuffled weights", [xai.visualize(other, units, **settings)])
    tell(f"{PHOTOGRAPH_LAYER}, small changes of real images", [xai.visualize(model, units, **{**settings, **small})])


def main() -> int:
    """Run the parts that are named, all of MNIST by default."""
    torch.set_num_threads(1)
    for name in sys.argv[1:] or PARTS:
        say(f"## {name}")
        with contextlib.redirect_stderr(io.StringIO()):
            study_photographs() if name == "photographs" else study(PARTS[name])
    return 0


if __name__ == "__main__":
    sys.exit(main())
