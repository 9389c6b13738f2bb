"""How far a method is to be believed on a model, from the verdicts on its explanations of several inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from xai.evidence.rank import in_order, ranked
from xai.evidence.verdict import VERDICTS, verdict
from xai.methods import METHODS
from xai.reports.escape import MARKS
from xai.reports.sentences import sentences_of
from xai.results.explanation import Explanation
from xai.results.finding import STATUSES, Finding

__all__ = ["COLORS", "MethodTrust", "method_trust", "rank", "verdict_word"]

COLORS = dict(zip(VERDICTS, STATUSES, strict=True))  # a verdict has the color of the status that leads to it
RANKS = ("pass", "untestable", "warn", "fail")  # from the best to the worst


@dataclass(frozen=True)
class MethodTrust:
    """The verdicts on one method: how often each, in the order of `VERDICTS`, and what all inputs together show."""

    method: str
    title: str
    counts: tuple[tuple[str, str, int], ...]  # verdict, its color, how often
    pooled: Finding | None = None

    @property
    def total(self) -> int:
        return sum(count for _, _, count in self.counts)

    def of(self, status: str) -> int:
        """Return how many verdicts have the color of a status."""
        return sum(count for _, color, count in self.counts if color == status)


def method_trust(explanations: Sequence[Sequence[Explanation]]) -> list[MethodTrust]:
    """Return each method's verdicts, the most trusted first.

    explanations: for each input, one explanation (of a batch of one) per method, in the same order.
    """
    made: dict[str, MethodTrust] = {}
    found = []
    for several in zip(*explanations, strict=True):
        counts = Counter(verdict(item.evidence[0]) for item in several if item.evidence and item.evidence[0])
        method = several[0].method
        shown = tuple((word, COLORS[word], counts[word]) for word in VERDICTS)
        over_all = ranked(several, METHODS[method].passes if method in METHODS else 1)
        found.append(over_all)
        made[method] = MethodTrust(method, sentences_of(method).title, shown, over_all.pooled)
    if all(item.pooled is None for item in found):  # one input alone
        return sorted(made.values(), key=lambda trust: (-trust.of("pass"), trust.of("fail")))
    return [made[item.method] for item in in_order(found)]


def verdict_word(findings: Sequence[Finding]) -> dict[str, str] | None:
    """Return the verdict on one explanation with its color and mark, None without evidence."""
    if not findings:
        return None
    word = verdict(findings)
    return {"word": word, "status": COLORS[word], "mark": MARKS[COLORS[word]]}


def rank(findings: Sequence[Finding]) -> tuple[int, int, float]:
    """Order explanations: by verdict, then by passed checks, then by what deletion or insertion changes."""
    passed = sum(finding.status == "pass" for finding in findings)
    fall = max((float(item.details["effect"]) for item in findings if "fractions" in item.details), default=0.0)
    return RANKS.index(COLORS[verdict(findings)]), -passed, -fall
