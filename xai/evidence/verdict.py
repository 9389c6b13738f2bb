"""The verdict on one map: one word from what its checks found, and the remarks that stand beside it."""

from __future__ import annotations

from collections.abc import Sequence

from xai.results.finding import Finding

__all__ = ["VERDICTS", "remarks", "verdict"]

VERDICTS = ("supported", "not shown", "contradicted", "untestable")  # in the order of STATUSES
LEADS = ("faithfulness", "deletion", "insertion")  # what the map claims is tested by the first of these that was made
WEIGHTS = "randomization"
REMARKS = {
    "stability": ("unstable", "stable only in part"),
    "completeness": ("incomplete", "adds up only roughly"),
    "agreement": ("stands alone", "agrees no more than a rival"),
    "cascade": ("hardly depends on the later layers", "depends on the later layers only in part"),
    "randomization": ("does not depend on the weights", "depends on the weights only in part"),
    "deletion": ("deletion: worse than chance", "deletion: not shown"),
    "insertion": ("insertion: worse than chance", "insertion: not shown"),
}


def verdict(findings: Sequence[Finding]) -> str:
    """Return one word for the findings on a map.

    "supported": what the map claims predicts what was measured (faithfulness; where it was not made, deletion or
    insertion). "contradicted": it does worse than chance in every way of hiding; or it is another map when it is made
    again; or it does not depend on the weights and was not shown to be right. (Of a network that sums its inputs, the
    right map hardly depends on the weights.) "untestable": no map with these values could have been shown right.
    "not shown": else. That a map changes under noise, does not add up or stands alone is a remark, and no verdict.

    >>> verdict([Finding("faithfulness", "pass", 0.9, 0.75, "", ""), Finding("stability", "fail", 0.1, 0.8, "", "")])
    'supported'
    >>> verdict([Finding("faithfulness", "warn", 0.5, 0.75, "", ""), Finding("agreement", "pass", 0.01, 0.05, "", "")])
    'not shown'
    >>> verdict([Finding("faithfulness", "warn", 0.5, 0.75, "", ""), Finding("randomization", "fail", 1, 0.75, "", "")])
    'contradicted'
    """
    by_check = {finding.check: finding.status for finding in findings}
    lead = next((by_check[name] for name in LEADS if name in by_check), None)
    another = any(finding.check == WEIGHTS and finding.details.get("made_again") is False for finding in findings)
    if another or (by_check.get(WEIGHTS) == "fail" and lead != "pass"):
        return "contradicted"
    if lead is None:  # only weaker checks were made: a pass of them shows nothing
        return "not shown" if any(status != "untestable" for status in by_check.values()) else "untestable"
    return {"pass": "supported", "fail": "contradicted", "warn": "not shown"}.get(lead, "untestable")


def remarks(findings: Sequence[Finding]) -> list[str]:
    """Return what else was found of a map, in a few words each: what is no verdict, and has to be known.

    >>> remarks([Finding("faithfulness", "pass", 0.9, 0.75, "", ""), Finding("stability", "fail", 0.1, 0.8, "", "")])
    ['unstable']
    """
    words = {"fail": 0, "warn": 1}
    return [
        REMARKS[finding.check][words[finding.status]]
        for finding in findings
        if finding.check in REMARKS and finding.status in words
    ]
