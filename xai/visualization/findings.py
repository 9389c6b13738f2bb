"""What a visualization is worth: does it excite the unit more than real data, more than noise, and also when moved?

Every finding is about an objective that is maximized; a minimized one comes in negated.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xai.results.finding import Finding, Status

__all__ = ["beats_noise", "compare_with_real", "seeds_agree", "survives_changes"]

NEARLY_ALL = 0.95
LEAST_REAL = 20  # fewer cannot tell 95 % from all
EXAMPLES = 3  # how many of the most and the least exciting real inputs are named
KEPT = 0.5  # the share of its excitement that an input must keep when it is changed a little
TIE = 1e-6
LEAST_OTHERS = 5  # pairs of different units that agreement across seeds is compared with


def compare_with_real(
    name: str, reached: float, transformed: float, real: Tensor, real_transformed: Tensor, source: str = "real images"
) -> Finding:
    """Return a finding from the objective on the input, on moved copies of it (their mean), and on real inputs, as they
    are and moved in the same way, (n,) each.

    pass: the input exceeds every real one, and its moved copies every moved real one. warn: at least 95 % of them.
    fail: less. untestable: the unit does not vary over the real inputs, or there are too few. No finding is more
    precise than a count of them. source: what the real inputs are, in the plural.
    """
    count, (low, high) = len(real), (float(real.min()), float(real.max()))
    order = real.argsort(descending=True)
    details = {
        "reached": reached, "transformed": transformed, "real_low": low, "real_high": high, "real_count": count,
        "best": order[:EXAMPLES].tolist(), "worst": order.flip(0)[:EXAMPLES].tolist(), "source": source,
    }  # fmt: skip
    control = f"{count} {source} reach from {low:.3g} to {high:.3g}"

    def finding(status: Status, score: float | None, text: str) -> Finding:
        return Finding("real_images", status, score, 1.0, control, text, details)

    if count < LEAST_REAL:
        text = f"Untestable: {count} {source} are too few to compare {name} with ({LEAST_REAL} are the least)."
        return finding("untestable", None, text)
    if high - low <= 1e-9 * max(abs(high), abs(low), 1e-9):
        return finding(
            "untestable", None, f"Untestable: {name} is the same on all {count} {source}, as a dead unit is."
        )
    below, below_changed = int(_exceeds(reached, real).sum()), int(_exceeds(transformed, real_transformed).sum())
    details |= {"below": below, "below_changed": below_changed}
    share = min(below, below_changed) / count
    if share == 1:
        text = f"It excites {name} above the maximum of {count} {source}, also when both are changed a little."
        return finding("pass", share, text)
    if below == count:
        status = "warn" if below_changed >= NEARLY_ALL * count else "fail"
        text = (
            f"It excites {name} above the maximum of {count} {source}, but changed a little only more than "
            f"{below_changed} of them changed alike."
        )
        return finding(status, share, text)
    where = f"more than {min(below, below_changed)} of {count} {source} do"
    if share >= NEARLY_ALL:
        return finding("warn", share, f"It excites {name} {where}: like the strongest of them, not beyond.")
    return finding("fail", share, f"It excites {name} only {where}: it does not show what the unit looks for.")


def survives_changes(name: str, base: float, reached: float, transformed: float) -> Finding:
    """Return a finding on how much of its excitement an input keeps under small changes it was not made with.

    base: the unit's usual answer (its median over real inputs, or else over noise).
    """
    gained = reached - base
    kept = (transformed - base) / gained if gained > 0 else 0.0
    details = {"base": base, "reached": reached, "transformed": transformed}
    control = f"at the level of {base:.3g} nothing is left"
    if gained <= 0:
        text = f"Untestable: it does not excite {name} more than an ordinary input does."
        return Finding("small_changes", "untestable", None, KEPT, control, text, details)
    if kept >= KEPT:
        text = f"Changed a little (fresh draws), it keeps {kept:.0%} of its excitement of {name}."
        return Finding("small_changes", "pass", kept, KEPT, control, text, details)
    text = f"Adversarial noise: changed a little, it keeps only {max(kept, 0.0):.0%} of its excitement of {name}."
    return Finding("small_changes", "fail", kept, KEPT, control, text, details)


def beats_noise(name: str, transformed: float, noise: Tensor, *, hidden: bool = False) -> Finding:
    """Return a finding on whether an input, changed a little, excites a unit more than every one of n noises (n,).

    A unit that answers the same to all of them is untestable, as a dead one. hidden: the objective is one unit inside
    the network; where it stays below 0 a ReLU behind it would put out 0, and beating noise says nothing.
    """
    high, count = float(noise.max()), len(noise)
    score = float(_exceeds(transformed, noise).double().mean())
    control = f"{count} draws of noise reach up to {high:.3g}"
    details = {"transformed": transformed, "noise_high": high}
    if max(high, transformed) - min(float(noise.min()), transformed) <= TIE * max(abs(high), 1e-9):
        text = f"Untestable: {name} is {high:.3g} on noise and on the input made for it, as a dead unit is."
        return Finding("noise", "untestable", None, 1.0, control, text, details)
    if hidden and max(high, transformed) < 0:
        text = (
            f"{name} stays below 0 on noise (up to {high:.3g}) and on the input made for it ({transformed:.3g}): "
            "behind a ReLU it puts out 0, as a dead unit does."
        )
        return Finding("noise", "warn", score, 1.0, control, text, details)
    if score == 1:
        text = f"It excites {name} above the maximum of {count} draws of noise."
        return Finding("noise", "pass", score, 1.0, control, text, details)
    text = (
        f"Uninterpretable: noise excites {name} as much as the input made for it does; whatever it shows is not what "
        "the unit looks for."
    )
    return Finding("noise", "fail", score, 1.0, control, text, details)


def seeds_agree(name: str, profiles: Tensor, others: Sequence[Tensor]) -> Finding:
    """Return a finding on whether inputs made from different seeds look the same to the layer.

    profiles: the layer's profiles of the unit's inputs, (copies, channels); others: those of other units in the layer.
    The control is how alike the inputs of different units are: agreement counts where it exceeds 95 % of those.
    """
    between = [_cosine(profiles, other).flatten() for other in others]
    across = torch.cat(between) if between else torch.zeros(0)
    alike = _cosine(profiles, profiles)
    within = float((alike.sum() - alike.diagonal().sum()) / (len(profiles) * (len(profiles) - 1)))
    details = {"copies": len(profiles), "within": within, "pairs_between": len(across)}
    if len(across) < LEAST_OTHERS:
        control = f"{len(across)} pairs of inputs of different units, {LEAST_OTHERS} are the least"
        text = (
            f"Untestable: {len(profiles)} seeds agree to {within:.2f} on {name}, "
            "but there is too little to compare with."
        )
        return Finding("seeds", "untestable", within, None, control, text, details)
    threshold = float(torch.quantile(across.float(), 0.95))
    control = f"inputs of different units agree to {float(across.median()):.2f}, 95 % of them below {threshold:.2f}"
    status = "pass" if within > threshold else "fail"
    text = f"{len(profiles)} seeds agree to {within:.2f} on {name}, " + (
        "more than different units do."
        if status == "pass"
        else "no more than different units do: each shows another thing."
    )
    return Finding("seeds", status, within, threshold, control, text, details)


def _exceeds(value: float, others: Tensor) -> Tensor:
    """Return which of others (n,) a value exceeds by more than rounding."""
    return others + TIE * float(others.abs().max()) < value


def _cosine(first: Tensor, second: Tensor) -> Tensor:
    """Return the correlation of each profile of one set with each of another, (m, n)."""
    first, second = (item - item.mean(1, keepdim=True) for item in (first, second))
    first, second = (item / item.norm(dim=1, keepdim=True).clamp_min(1e-12) for item in (first, second))
    return first @ second.T
