"""From what a check measured to its finding: one rule on a number and its interval, and a sentence from a template."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from xai.auditing.limits import CHANGES, LIMITS, Limit
from xai.auditing.sentences import sentence, templates
from xai.results.finding import Finding

__all__ = [
    "Measured", "Untestable", "finding_by_limit", "finding_of", "say_where_unweighted", "tested", "tested_together",
]  # fmt: skip

ERRORS, LIKELY = 1.96, 0.84  # standard errors: of a 95 % interval, and of 80 % power
ROUNDS = 4  # iterations: the effect's own standard error depends on it


class Untestable(Exception):
    """A check cannot be made. reason: the name of a sentence under "untestable"; facts: what it names."""

    def __init__(self, reason: str, **facts: object) -> None:
        super().__init__(sentence("untestable", reason, facts))


@dataclass(frozen=True)
class Measured:
    """What a check measured: a number, its interval, and the facts that its sentence names.

    outcome: which sentence of the finding. words: the templates that it stands in, where several findings share them.
    control: what the finding is held against, where the template does not say it. at_most: "warn" where the number is a
    fact to know rather than a fault. beyond: False where a test found no more than noise, whatever the size. effective:
    as how many rows of equal weight those that it was measured on count, where they count by weight.
    """

    score: float
    interval: tuple[float, float]
    facts: Mapping[str, object] = field(default_factory=dict)
    details: Mapping[str, object] = field(default_factory=dict)
    outcome: str = "text"
    words: str = ""
    control: str = ""
    at_most: str = "fail"
    beyond: bool = True
    effective: float | None = None


def tested(name: str, measure: Callable[..., Measured], *arguments: object) -> Finding:
    """Return the finding of a check that measures one number, or that it is untestable."""
    try:
        return finding_of(name, measure(*arguments))
    except Untestable as error:
        return untestable(name, str(error))


def tested_together(
    names: Sequence[str], measure: Callable[..., Mapping[str, Measured | Untestable]], *arguments: object
) -> list[Finding]:
    """Return the findings of a check that measures several numbers at once, each or all of which may be untestable."""
    try:
        found = measure(*arguments)
    except Untestable as error:
        found = dict.fromkeys(names, error)
    return [
        untestable(name, str(made)) if isinstance(made, Untestable) else finding_of(name, made)
        for name, made in ((name, found[name]) for name in names)
    ]


def finding_of(name: str, made: Measured) -> Finding:
    """Return the finding of what was measured, with its sentences."""
    words = made.words or name
    control = made.control or _control(words, made)
    text = sentence(words, made.outcome, made.facts)
    details = dict(made.details)
    if made.effective is not None:
        details["weights"] = sentence("weights", "used", {"effective": made.effective})
    return finding_by_limit(
        name, made.score, made.interval, control, text, details, at_most=made.at_most, beyond=made.beyond
    )


def say_where_unweighted(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings on rows that have weights, with a sentence where these were not used."""
    unused = {"weights": sentence("weights", "unused", {})}
    done = [item.status == "untestable" or "weights" in item.details for item in findings]
    return tuple(
        item if is_done else replace(item, details=item.details | unused)
        for item, is_done in zip(findings, done, strict=True)
    )


def finding_by_limit(
    name: str,
    score: float,
    interval: tuple[float, float],
    control: str,
    text: str,
    details: Mapping[str, object] | None = None,
    *,
    at_most: str = "fail",
    beyond: bool = True,
) -> Finding:
    """Return the finding of a number with its interval, by the limits of that name.

    An interval that contains the limit is not enough to fail: chance alone could explain it.

    >>> finding_by_limit("performance.skill", 0.9, (0.85, 0.93), "guessing", "It has learned the task.").status
    'pass'
    >>> finding_by_limit("performance.skill", 0.02, (-0.1, 0.12), "guessing", "Hardly better than guessing.").status
    'warn'
    """
    limit = _limit(name)
    sign = -1 if limit.least else 1
    nearest = max(interval) if limit.least else min(interval)  # the end that is better for the model
    if not beyond:
        status = "pass"
    elif sign * nearest > sign * limit.fail and at_most == "fail":
        status = "fail"
    else:
        status = "warn" if sign * score > sign * limit.warn else "pass"
    facts = {"interval": [float(end) for end in interval], "warns_beyond": limit.warn, "less_is_worse": limit.least}
    if status == "pass":
        facts |= _could_have_seen(limit, interval, at_most, beyond)
    if name in CHANGES:
        facts["beyond_noise"] = beyond
    return Finding(name, status, float(score), limit.fail, control, text, {**facts, **(details or {})})


def _could_have_seen(limit: Limit, interval: tuple[float, float], at_most: str, beyond: bool) -> dict[str, object]:
    """Return the smallest effect that a test with an interval so wide would have had 80 % power for, also in words.

    A finding fails where the interval's end, 1.96 errors away, is beyond the limit, and warns where the number is; in 4
    of 5 samples a number is no more than 0.84 errors below the truth. A share near 0 or 1 varies less than one near the
    limit: the error there is scaled up. Intervals for many comparisons are wider than 1.96 errors, so that the effect
    is on the safe side. Without an interval, what is known is which numbers on these very rows would have warned.
    """
    half = (max(interval) - min(interval)) / 2
    if not 0 < half < math.inf:  # a count, or rows that are all alike: how a sample varies cannot be told
        facts = {"edge": limit.warn, "side": "below" if limit.least else "above"}
        return {"could_have_seen": sentence("power", "exact", facts)} if beyond else {}
    error, sign = half / ERRORS, -1 if limit.least else 1
    outcome, edge, away = ("fail", limit.fail, ERRORS) if at_most == "fail" else ("warn", limit.warn, 0.0)
    effect = edge
    for _ in range(ROUNDS):
        effect = edge + sign * (away + LIKELY) * error * _wider(sum(interval) / 2, effect)
    facts = {"effect": effect, "side": "less" if limit.least else "more"}
    return {"detectable": effect, "could_have_seen": sentence("power", outcome, facts)}


def _wider(middle: float, share: float) -> float:
    """Return by how much a share varies more than one in the middle of an interval; at least 1, and 1 for no shares."""
    if not (0 < middle < 1 and 0 < share < 1):
        return 1.0
    return max(1.0, math.sqrt(share * (1 - share) / (middle * (1 - middle))))


def untestable(name: str, reason: str) -> Finding:
    """Return the finding that a check could not be made, with its reason."""
    limit = _limit(name)
    return Finding(name, "untestable", None, limit.fail, "none", sentence("untestable", "text", {"reason": reason}))


def _limit(name: str) -> Limit:
    return CHANGES.get(name) or LIMITS.get(name) or LIMITS[name.partition(".")[0]]


def _control(words: str, made: Measured) -> str:
    outcome = f"control_{made.outcome}"
    return sentence(words, outcome if outcome in templates()[words] else "control", made.facts)
