"""Evidence: run the checks on an explanation and return a copy that carries what they found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from inspect import signature

import torch

from xai.base.errors import InputError, describe, names_errors
from xai.base.statistics import holm
from xai.methods import CHECKS, all_methods
from xai.model.model import Model
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["passes_per_row", "verify"]


@names_errors("verify")
def verify(
    model: Model, explanation: Explanation, checks: Sequence[str] | None = None, *, seed: int = 0, **settings: dict
) -> Explanation:
    """Return a copy of an explanation with `evidence`: one finding per check and row.

    checks: names from `xai.methods.CHECKS`, all by default. settings: keyword arguments by check, such as
    `deletion={"controls": 199}`. p-values are corrected over the checks of a row (Holm), and a finding that does not
    survive the correction is turned from pass to fail. A check whose controls are too few for any map to survive it
    becomes untestable, before what it found is looked at, and leaves the family. The cost of all checks is
    `passes_per_row`: about 1,900 evaluations of the network, and the explanation made 17 times more.
    Raises InputError for an unknown check, or an explanation of other weights or other answers than the model's.

    >>> import torch
    >>> from xai.attribution.gradients import saliency
    >>> model = Model(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2)))
    >>> e = verify(model, saliency(model, torch.rand(1, 1, 8, 8)))
    >>> [finding.check for finding in e.evidence[0]]
    ['deletion', 'insertion', 'randomization', 'cascade', 'stability', 'completeness', 'agreement']
    """
    if not isinstance(explanation, Explanation):
        raise InputError("explanation", expected="an Explanation", got=describe(explanation))
    chosen = list(CHECKS) if checks is None else list(checks)
    unknown = [name for name in [*chosen, *settings] if name not in CHECKS]
    if unknown:
        raise InputError("checks", expected=f"among {', '.join(CHECKS)}", got=repr(unknown[0]))
    for name, given in settings.items():
        known = set(signature(CHECKS[name].load()).parameters) - {"model", "explanation", "seed"}
        wrong = sorted(set(given) - known) if isinstance(given, dict) else [given]
        if wrong:
            wanted = f"keyword arguments among {', '.join(sorted(known)) or '(it takes none)'}, as a dictionary"
            raise InputError(name, expected=wanted, got=repr(wrong[0]))
    if explanation.model_digest != model.digest():
        wanted = f"one of the model's weights ({model.digest()[:12]})"
        raise InputError("explanation", expected=wanted, got=explanation.model_digest[:12])
    _check_answers(model, explanation)
    columns = [CHECKS[name].load()(model, explanation, seed=seed, **settings.get(name, {})) for name in chosen]
    return replace(explanation, evidence=tuple(_corrected(row) for row in zip(*columns)))


def _check_answers(model: Model, explanation: Explanation) -> None:
    """Raise InputError for other answers: functions have no weights, and equal ones may be put together in two ways."""
    answers = model.predict(explanation.inputs).cpu()
    before = explanation.prediction.cpu()
    wavers = any(diagnosis.get("non_deterministic") for diagnosis in explanation.diagnostics)
    if not wavers and not (answers.shape == before.shape and torch.allclose(answers, before, rtol=1e-3, atol=1e-4)):
        raise InputError(
            "explanation", expected="one of this model's answers", got="one of other answers", operation="verify"
        )


def passes_per_row(method: str, checks: Sequence[str] | None = None) -> int:
    """Return about how many evaluations of the network the checks of one row take, at their defaults.

    >>> passes_per_row("saliency", ["deletion", "randomization"])
    823
    """
    spec = all_methods().get(method)
    chosen = [CHECKS[name] for name in (CHECKS if checks is None else checks)]
    return sum(check.passes + check.repeats * (spec.passes if spec else 1) for check in chosen)


def _corrected(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    tested = [finding for finding in findings if "p_value" in finding.details]
    beyond = _out_of_reach(tested)
    findings = tuple(beyond.get(id(finding), finding) for finding in findings)
    tested = [finding for finding in tested if id(finding) not in beyond]
    corrected = dict(zip(map(id, tested), holm([finding.details["p_value"] for finding in tested])))
    return tuple(_with_p(finding, corrected.get(id(finding))) for finding in findings)


def _out_of_reach(tested: list[Finding]) -> dict[int, Finding]:
    """Return, by the identity of findings, those that no map could have passed among so many, as untestable.

    The best of maps is first among its controls in every check; where even then the correction leaves it above the
    threshold, the check with the fewest controls (the last of several) goes, until those that are left can be passed.
    """
    left, beyond = list(tested), {}
    while left:
        worst = max(reversed(left), key=lambda finding: finding.details.get("least_p_value", 0.0))
        least = worst.details.get("least_p_value", 0.0)
        if worst.threshold is None or least * len(left) <= worst.threshold:
            break
        text = (
            f"Untestable beside the other checks: among {round(1 / least)} maps no p-value can be below {least:.2g}, "
            f"and not below {worst.threshold:g} once corrected for {len(left)} checks."
        )
        beyond[id(worst)] = replace(worst, status="untestable", score=None, text=text)
        left = [finding for finding in left if finding is not worst]
    return beyond


def _with_p(finding: Finding, adjusted: float | None) -> Finding:
    if adjusted is None:
        return finding
    details = {**finding.details, "p_corrected": adjusted}
    if finding.status in ("pass", "warn") and finding.threshold is not None and adjusted > finding.threshold:
        text = f"Not supported once corrected for the number of checks (p = {adjusted:.3f})."
        return replace(finding, status="fail", score=adjusted, text=text, details=details)
    return replace(finding, score=adjusted, details=details)
