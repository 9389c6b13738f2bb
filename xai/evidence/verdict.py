"""What all checks of one map say together: supported, unstable or contradicted."""

from __future__ import annotations

from collections.abc import Sequence

from xai.methods import CHECKS
from xai.results.finding import Finding

__all__ = ["VERDICTS", "verdict"]

VERDICTS = ("supported", "unstable", "contradicted", "untestable")


def verdict(findings: Sequence[Finding]) -> str:
    """Return one word for the findings on a map.

    "contradicted": a check that speaks against the map itself failed (see `contradicts` in `xai.methods.CHECKS`).
    "unstable": it changes under noise or stands alone, or one of the former checks found only weak support.
    "supported": else, where at least one check could be made. Weak agreement does not count: an edge filter that agrees
    with the other methods as well takes nothing from a map that does.

    >>> verdict([Finding("deletion", "pass", 0.01, 0.05, "", ""), Finding("stability", "fail", 0.1, 0.8, "", "")])
    'unstable'
    >>> verdict([Finding("stability", "pass", 0.9, 0.8, "", ""), Finding("agreement", "warn", 0.01, 0.05, "", "")])
    'supported'
    >>> verdict([Finding("deletion", "fail", 0.6, 0.05, "", "")])
    'contradicted'
    """
    tested = [finding for finding in findings if finding.status != "untestable"]
    against = [finding for finding in tested if finding.check not in CHECKS or CHECKS[finding.check].contradicts]
    if any(finding.status == "fail" for finding in against):
        return "contradicted"
    if any(finding.status == "fail" for finding in tested) or any(finding.status == "warn" for finding in against):
        return "unstable"
    return "supported" if tested else "untestable"
