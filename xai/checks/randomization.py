"""Randomization: a map that stays the same when the weights are random is not about what the network learned."""

from __future__ import annotations

import copy

import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from xai.checks.recompute import recompute
from xai.core.errors import InputError, XaiError, expected
from xai.core.explanation import Explanation
from xai.core.finding import Finding
from xai.core.guard import untouched
from xai.core.model import Model

__all__ = ["FAILS_ABOVE", "PASSES_BELOW", "randomization", "randomized"]

PASSES_BELOW, FAILS_ABOVE = 0.5, 0.75
DEPTHS = (0.34, 0.67)


def randomization(model: Model, explanation: Explanation, *, draws: int = 5, seed: int = 0) -> list[Finding]:
    """Return one finding per row: is the map another one when the weights are shuffled?

    The score is the mean rank correlation (Spearman) between the map and those of `draws` networks whose weights are
    shuffled within each tensor, so that they keep their size and lose what was learned. The details hold the cascade:
    the correlation when only the last third, two thirds, and all of the layers are shuffled.
    Source: Adebayo et al. 2018, arXiv:1810.03292.
    """
    if draws < 1:
        raise InputError(expected("randomization", "draws", "at least 1", draws))
    try:
        shares = [*((share, 1) for share in DEPTHS), (1.0, draws)]
        cascade = [
            torch.stack([_similarity(model, explanation, share, seed * 1009 + draw) for draw in range(times)]).mean(0)
            for share, times in shares
        ]
    except XaiError as error:
        text = f"Untestable: {error}"
        return [Finding("randomization", "untestable", None, PASSES_BELOW, "none", text) for _ in explanation.target]
    return [_finding([float(part[row]) for part in cascade], draws) for row in range(len(explanation))]


def _finding(cascade: list[float], draws: int) -> Finding:
    score = cascade[-1]
    control = f"{draws} networks with shuffled weights"
    details = {"cascade": cascade, "depths": [*DEPTHS, 1.0], "draws": draws}
    says = f"the map correlates {score:.2f} with those of networks with random weights"
    if score < PASSES_BELOW:
        return Finding(
            "randomization", "pass", score, PASSES_BELOW, control, f"Depends on the weights: {says}.", details
        )
    if score <= FAILS_ABOVE:
        text = f"Depends on the weights only in part: {says}."
        return Finding("randomization", "warn", score, PASSES_BELOW, control, text, details)
    text = f"Hardly depends on what was learned: {says}."
    return Finding("randomization", "fail", score, PASSES_BELOW, control, text, details)


def _similarity(model: Model, explanation: Explanation, share: float, seed: int) -> Tensor:
    """Return the rank correlation of each row with the explanation of one shuffled network, (N,)."""
    other = recompute(randomized(model, explanation.inputs, share, seed), explanation)
    return torch.tensor([_rank_correlation(a, b) for a, b in zip(explanation.values, other.values)])


def _rank_correlation(first: Tensor, second: Tensor) -> float:
    first, second = (part.detach().float().flatten().cpu().numpy() for part in (first, second))
    if first.min() == first.max() or second.min() == second.max():
        return 0.0  # an empty map shares nothing with the other
    return float(spearmanr(first, second).statistic)


def randomized(model: Model, inputs: Tensor, share: float, seed: int) -> Model:
    """Return the model with the weights of the last `share` of its layers shuffled, batch-norm statistics refitted."""
    with untouched(model.network):
        found = model.trace_of(inputs[:1], "randomization")
    try:
        network = copy.deepcopy(model.network).eval()
    except Exception as error:
        raise InputError(
            expected("randomization", "network", "one that can be copied", type(error).__name__)
        ) from error
    # Modules with weights of their own, in the order of the forward pass; what no hook saw run counts as early.
    order = {layer.name: place for place, layer in enumerate(found.layers)}
    owners = [name for name, module in network.named_modules() if any(True for _ in module.parameters(recurse=False))]
    owners.sort(key=lambda name: order.get(name, -1))
    chosen = owners[len(owners) - max(1, round(share * len(owners))) :]
    generator = torch.Generator().manual_seed(seed)
    norms = []
    with torch.no_grad():
        for name in chosen:
            layer = network.get_submodule(name)
            for parameter in layer.parameters(recurse=False):
                shuffle = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
                parameter.copy_(parameter.flatten()[shuffle].view_as(parameter))
            if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.running_mean is not None:
                norms.append(layer)
        copied = model.with_network(network)
        _refit(copied, norms, inputs)
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
