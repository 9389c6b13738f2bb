"""What all checks of one map say together: supported, unstable or contradicted."""

from __future__ import annotations

from collections.abc import Sequence

from xai.core.finding import Finding
from xai.methods import CHECKS

__all__ = ["VERDICTS", "verdict"]

VERDICTS = ("supported", "unstable", "contradicted", "untestable")


def verdict(findings: Sequence[Finding]) -> str:
    """Return one word for the findings on a map.

    "contradicted": a check that speaks against the map itself failed (see `contradicts` in `xai.methods.CHECKS`).
    "unstable": it changes under noise, stands alone, or a check found only weak support. "supported": every check that
    could be made passed, and at least one could.

    >>> verdict([Finding("deletion", "pass", 0.01, 0.05, "", ""), Finding("stability", "fail", 0.1, 0.8, "", "")])
    'unstable'
    """
    tested = [finding for finding in findings if finding.status != "untestable"]
    against = [finding for finding in tested if finding.check not in CHECKS or CHECKS[finding.check].contradicts]
    if any(finding.status == "fail" for finding in against):
        return "contradicted"
    if any(finding.status != "pass" for finding in tested):
        return "unstable"
    return "supported" if tested else "untestable"
