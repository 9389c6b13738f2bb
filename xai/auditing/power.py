"""How often an audit finds a planted fault and accuses a clean model, as `make calibrate` measured it."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

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


def power_rows(measured: dict[str, object]) -> list[dict[str, str]]:
    """Return one line per fault, and one over all, in words: what was planted, found, and accused without a fault."""
    lines = [*measured["faults"], {"fault": "all", "strength": "", **measured["all"]}]
    return [
        {
            "fault": line["fault"], "planted": line["strength"], "found": _count(line), "recall": _percent(line),
            "alarms": _count(line["false_alarms"]), "false alarms": _percent(line["false_alarms"]),
        }
        for line in lines
    ]  # fmt: skip


def _count(share: dict[str, float]) -> str:
    return f"{share['found']} of {share['models']}"


def _percent(share: dict[str, float]) -> str:
    return f"{100 * share['share']:.0f} % ({100 * share['low']:.0f} to {100 * share['high']:.0f})"
