"""Checks by cost: none, quick ones, or all; what is made where nothing is said follows a rule, not a clock."""

from __future__ import annotations

from collections.abc import Sequence

from xai.base.errors import InputError, XaiError
from xai.methods import ASKED_CHECKS, CHECKS, all_methods
from xai.model.model import Model

__all__ = ["KNOWN", "LEVELS", "PER_SECOND", "checks_of", "cost_per_row", "elements_of"]

LEVELS = ("none", "quick", "full")
KNOWN = CHECKS | ASKED_CHECKS
VERDICT = "faithfulness"
QUICK = 10  # times the passes of the explanation, at least LEAST_QUICK of them
LEAST_QUICK = 64
# Activations that one core computes in a second, about: decides by a fixed rule, not by a clock, what is too long.
PER_SECOND = 100_000_000
MINUTE = 60.0


def cost_per_row(methods: Sequence[str], checks: Sequence[str]) -> int:
    """Return about how many evaluations of the network one row takes."""
    known = all_methods()
    return sum(
        known[name].passes + sum(KNOWN[check].passes + KNOWN[check].repeats * known[name].passes for check in checks)
        for name in methods
    )


def checks_of(asked: Sequence[str] | str | None, methods: Sequence[str], elements: int) -> list[str]:
    """Return the names of the checks of a level, or those that were named.

    Args:
        asked: "none", "quick" (the cheapest checks, at most ten times the cheapest explanation's cost), "full" or
            names; None is full, and quick where all checks of all methods would take over about a minute a row.
        methods: That are checked.
        elements: How many activations one pass computes.

    >>> len(checks_of(None, ["saliency"], 10_000)) == len(CHECKS), checks_of(None, ["saliency"], 10**8)[0]
    (True, 'faithfulness')
    """
    if asked is None:
        seconds = cost_per_row(methods, list(CHECKS)) * elements / PER_SECOND
        asked = "quick" if seconds > MINUTE else "full"
    if isinstance(asked, str):
        if asked not in LEVELS:
            raise InputError("checks", expected=f"{', '.join(LEVELS)}, or a list of checks", got=repr(asked))
        if asked == "quick":
            return _quick([all_methods()[name].passes for name in methods])
        return list(CHECKS) if asked == "full" else []
    unknown = [name for name in asked if name not in KNOWN]
    if unknown:
        raise InputError("checks", expected=f"among {', '.join(KNOWN)}", got=repr(unknown[0]))
    return list(asked)


def _quick(passes: Sequence[int]) -> list[str]:
    """Return the check that decides the verdict, and the cheapest others for ten times the explanation's cost.

    Of several methods that of the cheapest one, while the costliest says what a check takes: all get the same checks.
    """
    left, chosen = max(QUICK * min(passes), LEAST_QUICK), {VERDICT}
    costs = {name: check.passes + check.repeats * max(passes) for name, check in CHECKS.items()}
    for name in sorted(costs, key=costs.__getitem__):
        if costs[name] <= left and name not in chosen:
            chosen.add(name)
            left -= costs[name]
    return [name for name in CHECKS if name in chosen]


def elements_of(model: Model) -> int:
    """Return how many activations one pass computes; a guess where the size of an input is not known."""
    try:
        return max(1, model.trace().elements)
    except XaiError:
        return PER_SECOND // 1000
