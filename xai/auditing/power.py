"""How often an audit finds a planted fault and accuses a clean model, as `make calibrate` measured it."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

import msgspec

__all__ = ["power", "power_of_kinds", "power_rows"]


@cache
def _text() -> str:
    return (files("xai.auditing") / "power.json").read_text("utf-8")


def power() -> dict[str, object]:
    """Return the measured power: counts, shares and 95 % Wilson intervals by fault and over all, and what was planted.

    >>> sorted(power())[:4]
    ['alarms_by_finding', 'all', 'command', 'faults']
    """
    return json.loads(_text())


def power_of_kinds() -> dict[str, object]:
    """Return the same of the further kinds of fault, which were scored apart from the others, with findings of today.

    >>> sorted(power_of_kinds())[:3]
    ['alarms_by_finding', 'all', 'command']
    """
    return json.loads((files("xai.auditing") / "power_kinds.json").read_text("utf-8"))


class Share(msgspec.Struct):
    """In how many models something was found, as a count and as a share with its interval."""

    found: int
    models: int
    share: float
    low: float
    high: float


class Fault(Share):
    """How often a fault was found, planted at a strength, and how often there was a finding without it."""

    false_alarms: Share
    fault: str = "all"
    strength: str = ""


def power_rows(measured: dict[str, object]) -> list[dict[str, str]]:
    """Return one line per fault, and one over all, in words: what was planted, found, and accused without a fault."""
    faults, whole = msgspec.convert(measured["faults"], list[Fault]), msgspec.convert(measured["all"], Fault)
    return [
        {
            "fault": line.fault, "planted": line.strength, "found": _count(line), "recall": _percent(line),
            "alarms": _count(line.false_alarms), "false alarms": _percent(line.false_alarms),
        }
        for line in (*faults, whole)
    ]  # fmt: skip


def _count(share: Share) -> str:
    return f"{share.found} of {share.models}"


def _percent(share: Share) -> str:
    return f"{100 * share.share:.0f} % ({100 * share.low:.0f} to {100 * share.high:.0f})"
