"""Kinds of fault left out in turn: the limits that all others would have set, put to the one that was left out.

A limit that several kinds share is set anew without one of them, on pairs of the calibrating seeds: halfway between the
highest lower end that a finding had on a matched control, and the lower quartile of those that it had on models with a
fault and that lie above. A check that serves one kind alone has no others to set its limit: it stays, and that is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from xai.auditing.limits import LIMITS

__all__ = ["limits_without", "outcome", "shared_checks"]

Kinds = Mapping[str, Sequence[str]]


def shared_checks(kinds: Kinds, name: str) -> list[str]:
    """Return the checks of a kind of fault that serve another kind, too.

    >>> shared_checks({"a": ("x", "y"), "b": ("y",)}, "a")
    ['y']
    """
    others = {check for kind, checks in kinds.items() if kind != name for check in checks}
    return [check for check in kinds[name] if check in others]


def limits_without(lines: Sequence[dict], kinds: Kinds, name: str) -> dict[str, float]:
    """Return the limit of each shared check that the records of all kinds but one would set; none where they cannot."""
    found = {}
    for check in shared_checks(kinds, name):
        least = LIMITS[check].least
        others = [line for line in lines if line["fault"] != name and line["confirmed"]]
        controls = [_end(line["clean"], check, least) for line in others]
        faulty = [_end(line["faulty"], check, least) for line in others if check in kinds[line["fault"]]]
        highest = max((end for end in controls if end is not None), default=None)
        above = [end for end in faulty if end is not None and highest is not None and end > highest]
        if highest is not None and above:
            limit = (highest + float(np.quantile(above, 0.25))) / 2
            found[check] = -limit if least else limit
    return found


def outcome(line: dict, checks: Sequence[str], limits: Mapping[str, float]) -> tuple[bool, bool]:
    """Return whether a scored pair's fault is found, and its matched control accused, where some limits are others."""
    found = any(_fails(line["faulty"], check, limits) for check in checks)
    return found, any(_fails(line["clean"], check, limits) for check in line["clean"])


def _fails(findings: dict, check: str, limits: Mapping[str, float]) -> bool:
    if check not in findings:
        return False
    if check not in limits:
        return findings[check][0] == "fail"
    end = _end(findings, check, LIMITS[check].least)
    return end is not None and end > (-limits[check] if LIMITS[check].least else limits[check])


def _end(findings: dict, check: str, least: bool) -> float | None:
    """Return the end of an interval that speaks for the model, larger where it is worse; None where there is none."""
    ends = findings.get(check, [])[2:]
    if not ends:
        return None
    return -max(ends) if least else min(ends)
