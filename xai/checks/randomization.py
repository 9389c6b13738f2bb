"""Randomization: a map that stays the same when the weights are random is not about what the network learned."""

from __future__ import annotations

import copy

import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from xai.checks.recompute import recompute
from xai.core.arguments import whole_number
from xai.core.errors import InputError, XaiError, expected
from xai.core.explanation import Explanation
from xai.core.finding import Finding
from xai.core.guard import same_random_state, untouched
from xai.core.model import Model

__all__ = ["FAILS_ABOVE", "PASSES_BELOW", "randomization", "randomized"]

PASSES_BELOW, FAILS_ABOVE = 0.5, 0.75
DEPTHS = (0.34, 0.67)


def randomization(model: Model, explanation: Explanation, *, draws: int = 5, seed: int = 0) -> list[Finding]:
    """Return one finding per row: is the map another one when the weights are shuffled?

    The score is the mean rank correlation (Spearman) between the map and those of `draws` networks whose weights are
    shuffled within each tensor, so that they keep their size and lose what was learned: of the values or of their
    magnitudes, whichever is larger, since a map that keeps its picture and only flips signs has learned nothing either.
    Places that are 0 in both maps do not count. The details hold the cascade: the score when only the last third, two
    thirds, and all of the layers are shuffled. Untestable where there are no weights to shuffle.
    Source: Adebayo et al. 2018, arXiv:1810.03292.
    """
    draws = whole_number("randomization", "draws", draws, 1)
    shares = [*((share, 1) for share in DEPTHS), (1.0, draws)]
    try:
        cascade = [
            torch.stack([_similarity(model, explanation, share, seed * 1009 + draw) for draw in range(times)]).mean(0)
            for share, times in shares
        ]
    except XaiError as error:
        text = f"Untestable: {error}"
        return [Finding("randomization", "untestable", None, PASSES_BELOW, "none", text) for _ in explanation.target]
    return [
        _finding(explanation.values[row], [part[row].tolist() for part in cascade], draws)
        for row in range(len(explanation))
    ]


def _finding(values: Tensor, cascade: list[list[float]], draws: int) -> Finding:
    control = f"{draws} networks with shuffled weights"
    if bool((values == values.flatten()[0]).all()):
        text = "The map is the same everywhere: it marks nothing that weights could change."
        return Finding("randomization", "fail", 1.0, PASSES_BELOW, control, text)
    signed, magnitude = cascade[-1]
    score = max(signed, magnitude)
    details = {
        "cascade": [max(pair) for pair in cascade], "depths": [*DEPTHS, 1.0], "draws": draws,
        "signed": signed, "magnitude": magnitude,
    }  # fmt: skip
    kind = "map" if signed >= magnitude else "size of its values"
    says = f"the {kind} correlates {score:.2f} with those of networks with random weights"
    if score < PASSES_BELOW:
        text = f"Depends on the weights: {says}."
        return Finding("randomization", "pass", score, PASSES_BELOW, control, text, details)
    if score <= FAILS_ABOVE:
        text = f"Depends on the weights only in part: {says}."
        return Finding("randomization", "warn", score, PASSES_BELOW, control, text, details)
    text = f"Hardly depends on what was learned: {says}."
    return Finding("randomization", "fail", score, PASSES_BELOW, control, text, details)


def _similarity(model: Model, explanation: Explanation, share: float, seed: int) -> Tensor:
    """Return for each row the rank correlations with the explanation of one shuffled network, (N, 2)."""
    other = recompute(randomized(model, explanation.inputs, share, seed), explanation)
    return torch.tensor([_rank_correlations(a, b) for a, b in zip(explanation.values, other.values)])


def _rank_correlations(first: Tensor, second: Tensor) -> tuple[float, float]:
    """Return Spearman's correlation of the values and of their magnitudes, where either map is not 0."""
    first, second = (part.detach().double().flatten().cpu().numpy() for part in (first, second))
    there = (first != 0) | (second != 0)
    first, second = first[there], second[there]
    pairs = ((first, second), (abs(first), abs(second)))
    # A constant map shares nothing with the other.
    return tuple(
        float(spearmanr(a, b).statistic) if len(a) > 2 and a.min() < a.max() and b.min() < b.max() else 0.0
        for a, b in pairs
    )


def randomized(model: Model, inputs: Tensor, share: float, seed: int) -> Model:
    """Return the model with the weights of the last `share` of its layers shuffled, batch-norm statistics refitted."""
    with untouched(model.network):
        found = model.trace_of(inputs[:1], "randomization")
    try:
        with torch.inference_mode(False):
            network = copy.deepcopy(model.network).eval()
    except Exception as error:
        got = type(error).__name__
        raise InputError(expected("randomization", "network", "one that can be copied", got)) from error
    # Modules with weights of their own, in the order of the forward pass; what no hook saw run counts as early.
    order = {layer.name: place for place, layer in enumerate(found.layers)}
    owners = [name for name, module in network.named_modules() if any(True for _ in module.parameters(recurse=False))]
    owners.sort(key=lambda name: order.get(name, -1))
    chosen = owners[len(owners) - max(1, round(share * len(owners))) :]
    generator = torch.Generator().manual_seed(seed)
    norms = []
    with torch.inference_mode(False), torch.no_grad(), same_random_state(network):
        for name in chosen:
            layer = network.get_submodule(name)
            for parameter in layer.parameters(recurse=False):
                shuffle = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
                parameter.copy_(parameter.flatten()[shuffle].view_as(parameter))
            if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.running_mean is not None:
                norms.append(layer)
        copied = model.with_network(network)
        _refit(copied, norms, inputs)
    if copied.digest() == model.digest():
        raise InputError(expected("randomization", "network", "weights that can be shuffled", "none"))
    return copied


def _refit(model: Model, norms: list[nn.Module], inputs: Tensor) -> None:
    """Give each batch norm the statistics of what now reaches it, as training would; else random layers saturate."""
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    try:
        model.forward_on(model.network, inputs, "randomization")
    finally:
        for norm in norms:
            norm.eval()
