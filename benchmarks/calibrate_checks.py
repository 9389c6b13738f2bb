"""How often the checks are right, on networks with a planted truth: `python -m benchmarks.calibrate_checks`.

The limits of randomization, cascade and stability are set on the networks of one half, by the rule of `limits`, and
written into the checks; everything that is reported is counted on the other half, whose seeds had not been run before.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from benchmarks import planted_maps
from benchmarks.output import say
from benchmarks.planted import SIDE, Planted, planted
from xai.attribution.gradient_methods import saliency
from xai.base.statistics import wilson
from xai.evidence import cascade, randomization, stability
from xai.evidence.agreement import AGAINST
from xai.evidence.controls import center_blob, edge_filter
from xai.evidence.verify import verify
from xai.methods import METHODS
from xai.model.shuffling import layers_with_weights, shuffled
from xai.results.explanation import Explanation

SEEDS = {"limits": 10_000, "scores": 20_000}  # fixed before scoring; networks were tried out with seeds below 1,000
NETWORKS = {"limits": 50, "scores": 100}
COSTLY, FEW = 500, 25  # methods of more passes than this are run on so many networks only
RANKING = ("faithfulness", "deletion", "insertion")
SENSITIVITY = ("randomization", "cascade", "stability")
MASKS = ("planted mask", "decoy mask", "moved mask", "edge filter", "center blob")


def networks(half: str, count: int) -> Iterator[Planted]:
    """Yield accepted networks, and say in the end how many were not."""
    refused, seed, found = 0, SEEDS[half], 0
    while found < count:
        plant = planted(seed)
        seed += 1
        if plant.accepted:
            found += 1
            yield plant
        else:
            refused += 1
    say(f"\n{refused} of {refused + found} networks were left out: the intervention, or the accuracy, did not confirm.")


def limits(count: int) -> None:
    """Print the limits that the calibration half asks for.

    Rule: between the value that 95 % of the right maps stay within and the one that 95 % of the half wrong maps go
    beyond, a map passes in the first third and fails in the last; where the two overlap, both limits are the middle.
    Right is the intervention itself; half wrong the mean of its ranks with those of the image's edges (or, for
    stability, of noise drawn anew for each input).
    """
    scores: dict[tuple[str, str], list[float]] = {}
    for plant in networks("limits", count):
        for name in ("intervention", "half_image", "half_noise"):
            made = METHODS[name].load()(plant.model, plant.image, plant.label)
            for finding in verify(plant.model, made, SENSITIVITY).evidence[0]:
                scores.setdefault((finding.check, name), []).append(float(finding.score or 0.0))
    say("\n| check | right: 5 %, median, 95 % | half wrong: 5 %, median, 95 % | pass | fail |\n|---|---|---|---|---|")
    for check, wrong in zip(SENSITIVITY, ("half_image", "half_image", "half_noise"), strict=True):
        right, half = (torch.tensor(scores[check, name]).quantile(QUANTILES) for name in ("intervention", wrong))
        near, far = (right[0], half[2]) if check == "stability" else (right[2], half[0])
        overlap = (near < far) == (check == "stability")
        passes, fails = (near + share * (far - near) for share in ((0.5, 0.5) if overlap else (1 / 3, 2 / 3)))
        shown = [", ".join(f"{value:.2f}" for value in part) for part in (right, half)]
        say(f"| {check} | {' | '.join(shown)} | {passes:.2f} | {fails:.2f} |")


QUANTILES = torch.tensor([0.05, 0.5, 0.95])


def masks(plant: Planted) -> dict[str, Tensor]:
    """Return the planted mask and the maps that must fail, (H, W)."""
    generator = torch.Generator().manual_seed(plant.seed)
    while True:  # moved to where nothing stands
        shift = tuple(torch.randint(0, SIDE, (2,), generator=generator).tolist())
        shifted = plant.truth.roll(shift, (0, 1))
        if not bool((shifted * plant.everything).any()):
            break
    maps = plant.truth, plant.decoy, shifted, edge_filter(plant.image[0]), center_blob(plant.truth)
    return dict(zip(MASKS, maps, strict=True))


def scores(count: int, methods: list[str]) -> None:
    """Print how many maps of each kind pass each check."""
    counts: dict[str, list[dict[str, str]]] = {}

    def note(kind: str, made: Explanation, plant: Planted, checks: tuple[str, ...], **settings: dict) -> None:
        verified = verify(plant.model, made, checks, **settings)
        counts.setdefault(kind, []).append({item.check: item.status for item in verified.evidence[0]})

    for number, plant in enumerate(networks("scores", count)):
        claim = saliency(plant.model, plant.image, plant.label)
        for kind, heatmap in masks(plant).items():
            note(kind, replace(claim, values=heatmap[None, None]), plant, RANKING)
        layers = layers_with_weights(plant.model, plant.image)
        other = shuffled(plant.model, plant.image, layers, plant.seed)
        few = [name for name in methods if METHODS[name].passes <= COSTLY or number < FEW]
        maps = {name: METHODS[name].load()(plant.model, plant.image, plant.label) for name in few}
        against = [made for name, made in maps.items() if name in AGAINST]
        for name, made in maps.items():
            note(name, made, plant, (*RANKING, *SENSITIVITY, "agreement"), agreement={"others": against})
            forged = METHODS[name].load()(other, plant.image, plant.label)
            forged = replace(forged, model_digest=plant.model.digest(), prediction=made.prediction)
            note(
                f"{name} of a randomized network",
                forged,
                plant,
                (*RANKING, "randomization"),
                randomization={"draws": 1},
            )
        for name in planted_maps.KNOWN:
            note(name, METHODS[name].load()(plant.model, plant.image, plant.label), plant, SENSITIVITY)
    say("\nMaps that must pass, and maps that must not\n")
    table({kind: counts[kind] for kind in MASKS}, RANKING)
    say("\nExplanations of randomized networks, presented as ones of the trained network: must fail\n")
    pooled = [row for name in methods for row in counts[f"{name} of a randomized network"]]
    forged = {name: counts[f"{name} of a randomized network"] for name in methods}
    table({"all methods": pooled, **forged}, (*RANKING, "randomization"))
    say("\nMaps whose dependence on the weights and steadiness are known\n")
    table({kind: counts[kind] for kind in planted_maps.KNOWN}, SENSITIVITY)
    say("\nEach method, on the trained network\n")
    table({kind: counts[kind] for kind in methods}, (*RANKING, *SENSITIVITY, "agreement"))


def table(kinds: dict[str, list[dict[str, str]]], checks: tuple[str, ...]) -> None:
    """Print the share of each kind that passes each check, and all of them, with 95 % Wilson intervals."""
    say(f"| map | {' | '.join(checks)} | all |\n|---|{'---|' * (len(checks) + 1)}")
    for kind, rows in kinds.items():
        cells = [_share([row[check] for row in rows]) for check in checks]
        whole = _share(
            ["pass" if all(row[check] in ("pass", "untestable") for check in checks) else "no" for row in rows]
        )
        say(f"| {kind.replace('_', ' ')} | {' | '.join(cells)} | {whole} |")


def _share(statuses: list[str]) -> str:
    found = Counter(statuses)
    tested = len(statuses) - found["untestable"]
    if not tested:
        return "untestable"
    low, high = wilson(found["pass"], tested)
    weak = f", {found['warn']} weak" if found["warn"] else ""
    skipped = f", {found['untestable']} untestable" if found["untestable"] else ""
    share = 100 * found["pass"] / tested
    return f"{share:.0f} % ({100 * low:.0f} - {100 * high:.0f}){weak}{skipped}"


def main() -> None:
    """Run one half, or both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("half", nargs="?", choices=sorted(SEEDS), help="default: both")
    parser.add_argument("--networks", type=int, default=None)
    explaining = [name for name, spec in METHODS.items() if spec.kind != "visualization" and "image" in spec.inputs]
    parser.add_argument("--methods", nargs="+", default=explaining, choices=explaining)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    planted_maps.join()
    started = time.perf_counter()
    if chosen.half != "scores":
        say("## Limits, from the calibration half")
        limits(chosen.networks or NETWORKS["limits"])
        used = {module.__name__.rpartition(".")[2]: module for module in (randomization, cascade, stability)}
        for name, module in used.items():
            both = [f"{key.lower()} {getattr(module, key)}" for key in module.__all__ if key.isupper()]
            say(f"{name} uses {', '.join(both)}")
    if chosen.half != "limits":
        say("\n## Scores, on networks that were not used for the limits")
        scores(chosen.networks or NETWORKS["scores"], chosen.methods)
    say(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
