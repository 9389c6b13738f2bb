"""Maps whose verdict is known beforehand: the truth, the truth with noise or turned around, and maps that are wrong."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

import xai
from benchmarks.worlds.case import Case
from benchmarks.worlds.moving import center, edges, half_moved, moved
from benchmarks.worlds.presented import explained, units_of

__all__ = ["AGREES", "WANTED", "Candidate", "agreement", "candidate_maps", "with_shuffled_weights"]

# Of maps that are right, checks may say that nothing can be tested, but hardly ever the contrary.
WANTED = ("supported", "not supported", "contradicted")
AGREES = 0.7  # a wrong map that agrees this much with the truth is right by accident


class Candidate(NamedTuple):
    """values: per row a map over its units. wanted: one of WANTED. claim: see `presented.CLAIMS`.

    accident: rows in which a map that should be wrong agrees with the truth; they count neither way.
    """

    values: list[Tensor]
    wanted: str
    claim: str
    accident: list[bool]


def candidate_maps(case: Case, seed: int) -> dict[str, Candidate]:
    """Return the maps for a case by name; a seed gives the same maps again."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + case.seed)
    claim = "parts" if case.additive else "regions"
    largest = [part.abs().max() for part in case.truth]
    made: dict[str, Candidate] = {}

    def add(name: str, values: list[Tensor | None] | None, wanted: str = "not supported", claim: str = claim) -> None:
        if values is None or any(part is None for part in values):
            return
        wrong = wanted == "not supported"
        accident = [wrong and agreement(part, truth) >= AGREES for part, truth in zip(values, case.truth, strict=True)]
        made[name] = Candidate(values, wanted, claim, accident)

    add("truth", case.truth, "supported")
    for share in (0.001, 0.05):
        noisy = [
            part + share * most * torch.randn(part.shape, generator=generator)
            for part, most in zip(case.truth, largest, strict=True)
        ]
        add(f"truth + {share:.1%} noise", noisy, "supported")
    add("flipped truth", [-part for part in case.truth], "contradicted")
    add("truth of the other class", case.other_truth)
    add("decoys", case.decoys, claim="regions")
    add("moved truth", [moved(part, generator) for part in case.truth])
    add("half moved truth", [half_moved(part, generator) for part in case.truth])
    if isinstance(case.inputs, Tensor):
        away = (case.inputs - case.baseline).abs()
        add("|x - baseline|", list(away if away.ndim == 2 else away.sum(2 if away.ndim == 3 else 1)))
    if isinstance(case.inputs, Tensor) and case.inputs.ndim > 2:
        add("edges", [edges(row) for row in case.inputs], claim="regions")
        add("center", [center(part) for part in case.truth], claim="regions")
    if isinstance(case.inputs, Tensor) and case.inputs.ndim == 4:
        if case.additive:  # elsewhere half an object has no half of its effect, and no sum over segments is the truth
            add("truth by segments", case.truth, "supported", claim="segments")
        add("flipped truth by segments", [-part for part in case.truth], "contradicted", claim="segments")
        add("truth of the other class by segments", case.other_truth, claim="segments")
        add("moved truth by segments", [moved(part, generator) for part in case.truth], claim="segments")
    _add_methods(case, seed, add)
    return made


def agreement(values: Tensor, truth: Tensor) -> float:
    """Return how much a map agrees with the truth, up to 1.

    The correlation of the two; for a truth without signs also the share of the deciding units among as many that the
    map ranks highest, if that is more.
    """
    first, second = (part.double().flatten() - part.double().mean() for part in (values, truth))
    size = float(first.norm() * second.norm())
    if size == 0:
        return 0.0
    found = float(first @ second) / size
    if bool((truth < 0).any()):
        return found
    marked = truth.flatten() > 0
    highest = values.flatten().topk(int(marked.sum())).indices
    return max(found, float(marked[highest].double().mean()))


def with_shuffled_weights(case: Case, seed: int) -> xai.Model | None:
    """Return the case's model with all weights shuffled within each tensor, None where it has none.

    Batch normalization gets the statistics of what now reaches it, as after training.
    """
    network = copy.deepcopy(case.model.network)
    generator = torch.Generator().manual_seed(seed)
    parameters = list(network.parameters())
    if not parameters:
        return None
    with torch.no_grad():
        for parameter in parameters:
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
        norms = [part for part in network.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
            norm.train()
        if norms:
            network(case.model.input.feed(case.inputs))
    old = case.model
    return xai.Model(network.eval(), task=old.task, output=old.output, classes=old.classes, input=old.input)


def _add_methods(case: Case, seed: int, add) -> None:
    """Add maps of methods that explain something else: the other class, or a network with shuffled weights."""
    shuffled = with_shuffled_weights(case, seed * 7919 + case.seed + 1)
    if shuffled is None:
        return
    parts = {"baseline": case.baseline}
    other = explained(case.model, case, "integrated_gradients", case.other_target, **parts)
    add("integrated gradients of the other class", units_of(other), claim="parts")
    methods = [("saliency", "sensitivity", {}), ("integrated_gradients", "parts", parts)]
    if isinstance(case.inputs, Tensor):
        methods.append(("occlusion", "parts", parts))
    if isinstance(case.inputs, Tensor) and case.inputs.ndim == 4:
        segments = {"samples": 300, "fill": case.baseline}
        methods += [("gradcam", "regions", {}), ("lime_image", "segments", segments)]
        lime = explained(case.model, case, "lime_image", case.other_target, **segments)
        add("lime image of the other class", units_of(lime), claim="segments")
    for method, claim, options in methods:
        found = units_of(explained(shuffled, case, method, **options))
        add(f"{method.replace('_', ' ')} of shuffled weights", found, claim=claim)
