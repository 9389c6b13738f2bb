"""Do answers change as attention says, when what it looks at is taken away? The same question for every method."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from xai.base.statistics import ALPHA, rank_p_value
from xai.results.finding import Finding

__all__ = ["CHECK", "attention_verdict", "too_few"]

LEAST_CHANGE = 0.01  # in probability: less than this is no use of attention
CLEAR_CHANGE = 0.1
CHECK = "attention"


def too_few(values: Tensor, noun: str = "symbol", ties: bool = False) -> Finding | None:
    """Return the finding where values (T, S) have too few arrangements to tell chance from order.

    ties: swapping equal values of a step is no other arrangement.
    """
    steps, size = values.shape
    possible = steps * math.lgamma(size + 1)
    if ties:
        alike = [row.unique(return_counts=True)[1].tolist() for row in values]
        possible -= sum(math.lgamma(count + 1) for counts in alike for count in counts)
    if possible >= math.log(1 / ALPHA):
        return None
    order = "too few arrangements to tell chance from order"
    least = f"{steps} steps over {size} {noun}s have" if steps > 1 else f"{size} {noun}s have"
    text = f"Untestable: {least} {order}{', since most of them change the answer alike' if ties else ''}."
    return Finding(CHECK, "untestable", None, ALPHA, "none", text)


def attention_verdict(
    weights: Tensor,
    change: Tensor,
    flipped: Tensor,
    *,
    permutations: int,
    seed: int,
    ranked: Tensor | None = None,
    noun: str = "symbol",
    measure: str = "the answer's probabilities",
) -> Finding:
    """Return whether answers change as weights (T, S) say, from what was measured with each one taken away.

    The score is the p-value of the mean rank correlation (Spearman, within a step) between weight and change, among
    `permutations` that shuffle the changes within each step. pass: p at most 0.05, and without its largest weight a
    step changes by 0.1 on average; warn: by less. fail: p above 0.05, or no weight taken away changes any probability
    by 0.01: the network does not use its attention. Compare Jain, Wallace 2019, arXiv:1902.10186; Serrano, Smith 2019,
    arXiv:1906.03731.

    change: in probability, (T, S). flipped: whether the likeliest answer became another one. ranked: the changes of the
    scores below the probabilities, where those are given: a probability near 1 hardly moves, and what is significant
    among the scores is never called no use. noun, measure: what is taken away, and what `change` is of, in words.
    """
    steps, size = weights.shape
    generator = torch.Generator().manual_seed(seed)
    correlation, p_value = _rank_test(weights, change if ranked is None else ranked, permutations, generator)
    top = weights.argmax(1, keepdim=True)
    others = torch.ones_like(change).scatter_(1, top, 0.0)
    of_top = change.gather(1, top).mean()
    details = {
        "p_value": p_value, "rank_correlation": correlation, "change_top": float(of_top),
        "change_others": float((change * others).sum() / others.sum()), "change_most": float(change.max()),
        "flipped_top": int(flipped.gather(1, top).sum()),
        "flipped_others": float((flipped * others).sum() / (size - 1)),
        "steps": steps, "change": change.tolist(), "permutations": permutations,
    }  # fmt: skip
    few = None if ranked is None else too_few(ranked, noun, ties=True)
    if few is not None:
        text = f"{few.text} Without the most attended one it changes by {100 * details['change_top']:.2g} %, "
        text += f"without one of the others by {100 * details['change_others']:.2g} % on average."
        return replace(few, text=text, details=details)
    control = f"{permutations} shuffles of the changes within each step"
    ranks = f"rank correlation of weight and change {correlation:.2f}, p = {p_value:.3f}"
    flips = (
        f"without the most attended {noun} {details['flipped_top']} of {steps} answers change, "
        f"without one of the others {details['flipped_others']:.1f} on average"
    )
    if details["change_most"] < LEAST_CHANGE and (ranked is None or p_value > ALPHA):
        most = f"no more than {100 * details['change_most']:.2g} %"
        text = f"Attention is not used: taking any weight away changes {measure} by {most}."
        return Finding(CHECK, "fail", p_value, ALPHA, control, text, details)
    if p_value > ALPHA:
        text = f"Attention does not say what matters: the answer does not change in the order of the weights ({ranks})."
        return Finding(CHECK, "fail", p_value, ALPHA, control, text, details)
    if details["change_top"] < CLEAR_CHANGE:
        text = f"The answer follows the weights, but hardly needs them ({ranks}): {flips}."
        return Finding(CHECK, "warn", p_value, ALPHA, control, text, details)
    text = f"Attention decides: the answer changes as the weights say ({ranks}); {flips}."
    return Finding(CHECK, "pass", p_value, ALPHA, control, text, details)


def _rank_test(weights: Tensor, change: Tensor, permutations: int, generator: torch.Generator) -> tuple[float, float]:
    """Return the mean over steps of Spearman's correlation, and the share of shuffles that reach it."""
    first, second = (_standard_ranks(part) for part in (weights, change))  # (T, S)
    observed = float((first * second).sum(1).mean())
    shuffled = []
    for _ in range(permutations):
        order = torch.rand(second.shape, generator=generator, dtype=torch.float64).argsort(1)
        shuffled.append(float((first * second.gather(1, order)).sum(1).mean()))
    return observed, rank_p_value(np.array(shuffled), observed, among=False)


def _standard_ranks(values: Tensor) -> Tensor:
    """Return ranks of each row, centered and of length 1, so that a product of two is their correlation; ties share."""
    ranks = torch.from_numpy(rankdata(np.round(values.cpu().numpy(), 12), axis=1))
    ranks = ranks - ranks.mean(1, keepdim=True)
    return ranks / ranks.norm(dim=1, keepdim=True).clamp_min(1e-12)
