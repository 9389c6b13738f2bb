"""Does hiding the parts of a prompt that a method ranks highest lower the continuation's probability most?"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import comb

import torch
from torch import Tensor

from xai.base.statistics import ALPHA
from xai.results.finding import Finding

__all__ = ["hiding_findings"]

SHARE = 4  # one part of so many is hidden


def hiding_findings(
    summed: dict[str, Tensor], hideable: Tensor, ask: Callable[[Tensor], Tensor], controls: int, seed: int
) -> tuple[Finding, ...]:
    """Return a finding for each method: the fall without its highest parts beside that without others, as many.

    Args:
        summed: The values of the parts (S,) by method.
        hideable: Which parts can be hidden, (S,) of bool.
        ask: From masks (n, S) of what is shown to the log-probabilities of the continuation (n,).
        controls: How many other sets of parts are drawn; of few, all there are.
        seed: Of the draw.
    """
    positions = torch.where(hideable)[0]
    size = max(1, len(positions) // SHARE)
    count = comb(len(positions), size)
    if not count or 1 / count > ALPHA:
        text = f"Untestable: of {len(positions)} parts there are only {count} sets to hide; chance would find the best."
        return tuple(Finding("hiding", "untestable", None, ALPHA, "none", text, {"method": name}) for name in summed)
    sets = _sets(len(hideable), positions, size, controls, torch.Generator().manual_seed(seed))
    of_methods = torch.stack([_hidden(values, positions, size) for values in summed.values()])
    whole = torch.ones(1, len(hideable), dtype=torch.bool, device=of_methods.device)
    log_probability = ask(torch.cat([whole, of_methods, sets.to(of_methods.device)])).double()
    falls = log_probability[0] - log_probability[1:]
    others = falls[len(of_methods) :]
    return tuple(
        _finding(name, float(fall), others, size, len(positions))
        for name, fall in zip(summed, falls[: len(of_methods)], strict=True)
    )


def _hidden(values: Tensor, positions: Tensor, size: int) -> Tensor:
    shown = torch.ones(len(values), dtype=torch.bool, device=values.device)
    shown[positions[values[positions].topk(size).indices]] = False
    return shown


def _sets(parts: int, positions: Tensor, size: int, controls: int, generator: torch.Generator) -> Tensor:
    """Return masks (n, parts) of what is shown: all sets of so many hidden ones, or drawn ones where there are many."""
    if comb(len(positions), size) <= controls:
        chosen = [list(part) for part in combinations(positions.tolist(), size)]
    else:
        drawn = [torch.randperm(len(positions), generator=generator)[:size] for _ in range(controls)]
        chosen = [positions.cpu()[part].tolist() for part in drawn]
    shown = torch.ones(len(chosen), parts, dtype=torch.bool)
    for row, part in zip(shown, chosen, strict=True):
        row[part] = False
    return shown


def _finding(name: str, fall: float, others: Tensor, size: int, count: int) -> Finding:
    p_value = float((1 + (others >= fall - 1e-9).sum()) / (1 + len(others)))
    p_worse = float((1 + (others <= fall + 1e-9).sum()) / (1 + len(others)))
    parts = f"the {size} of {count} parts that {name.replace('_', ' ')} ranks highest"
    median = float(others.median())
    measured = f"without {parts} the log-probability falls by {fall:.3g}; without others, as many, by {median:.3g}"
    details = {"method": name, "fall": fall, "median": median, "p_value": p_value, "p_worse": p_worse, "hidden": size}
    control = f"{len(others)} sets of as many parts"
    chance = f"(p = {p_value:.2g})"
    if p_value <= ALPHA:
        return Finding("hiding", "pass", p_value, ALPHA, control, f"Supported: {measured} {chance}.", details)
    if p_worse <= ALPHA:
        text = f"Contradicted: {measured}: less than chance."
        return Finding("hiding", "fail", p_value, ALPHA, control, text, details)
    return Finding("hiding", "warn", p_value, ALPHA, control, f"Not shown: {measured} {chance}.", details)
