"""Evidence: run the checks on an explanation and return a copy that carries what they found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from xai.base.arguments import check_options
from xai.base.errors import InputError, describe, names_errors
from xai.base.name_lists import chosen_names
from xai.evidence.pooled import pooled_finding, slimmed
from xai.evidence.truth import truth_findings
from xai.methods import ASKED_CHECKS, CHECKS, all_methods
from xai.model.model import Model
from xai.model.weights import CHANGED
from xai.results.explanation import Explanation

__all__ = ["passes_per_row", "verify"]

KNOWN = CHECKS | ASKED_CHECKS


@names_errors("verify")
def verify(
    model: Model,
    explanation: Explanation,
    checks: Sequence[str] | None = None,
    *,
    seed: int = 0,
    truth: object = None,
    **settings: dict[str, object],
) -> Explanation:
    """Return a copy of an explanation with `evidence`: one finding per check and row.

    `xai.evidence.verdict.verdict` makes one word of a row's findings. Of several rows, `pooled` has a finding over all
    of them: what one row is too small to show, several may. The cost of all checks is what
    `xai.evidence.verify.passes_per_row` says: about 940 evaluations of the network, and the explanation made 18 times
    more.

    Args:
        model: The model that was explained.
        explanation: What a method, or `Explanation.of`, made of it.
        checks: Names from `xai.methods.CHECKS`, all by default, and of `ASKED_CHECKS`, which are made where they are
            named: infidelity, max_sensitivity, non_sensitivity, sparseness; attention is made of maps of attention.
        seed: Of the controls, of the weights that are drawn anew, and of small changes.
        truth: Where it is known which parts decide, a mask of them for all rows or for each: four findings more say how
            much of the map lies within it (`xai.evidence.truth`).
        **settings: Keyword arguments by check, such as `deletion={"controls": 199}`.

    Returns:
        The copy; the explanation itself stays as it was.

    Raises:
        InputError: An unknown check, or an explanation of other weights or other answers than the model's.

    >>> import torch
    >>> from xai.attribution.gradient_methods import saliency
    >>> model = Model(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2)))
    >>> e = verify(model, saliency(model, torch.rand(1, 1, 8, 8)))
    >>> [finding.check for finding in e.evidence[0]]
    ['faithfulness', 'deletion', 'insertion', 'randomization', 'cascade', 'stability', 'completeness', 'agreement']
    """
    if not isinstance(explanation, Explanation):
        raise InputError("explanation", expected="an Explanation", got=describe(explanation))
    chosen = usual_checks(explanation.method) if checks is None else chosen_names("checks", checks)
    unknown = [name for name in [*chosen, *settings] if name not in KNOWN]
    if unknown:
        raise InputError("checks", expected=f"among {', '.join(KNOWN)}", got=repr(unknown[0]))
    for name, options in settings.items():
        check_options(name, options, KNOWN[name].load())
    if explanation.model_digest != model.digest():
        wanted = f"one of the model's weights ({model.digest()[:12]})"
        made = explanation.model_digest
        raise InputError("explanation", expected=wanted, got=made if made == CHANGED else made[:12])
    _check_answers(model, explanation)
    columns = [KNOWN[name].load()(model, explanation, seed=seed, **settings.get(name, {})) for name in chosen]
    if truth is not None:
        columns += truth_findings(model, explanation, truth, seed=seed)
    pooled = tuple(found for column in columns if (found := pooled_finding(column)) is not None)
    evidence = tuple(zip(*map(slimmed, columns), strict=True)) or ((),) * len(explanation)
    return replace(explanation, evidence=evidence, pooled=pooled)


def usual_checks(method: str) -> list[str]:
    """Return the checks that are made of a method's maps where none are named."""
    spec = all_methods().get(method)
    return [*CHECKS, *(spec.checks if spec else ())]


def _check_answers(model: Model, explanation: Explanation) -> None:
    """Raise InputError for other answers: functions have no weights, and equal ones may be put together in two ways."""
    with model.explaining("verify", explanation.inputs, list(explanation.target), exact=True) as session:
        answers = session.prediction.cpu()
    before = explanation.prediction.cpu()
    wavers = any(diagnosis.get("non_deterministic") for diagnosis in explanation.diagnostics)
    if not wavers and not (answers.shape == before.shape and torch.allclose(answers, before, rtol=1e-3, atol=1e-4)):
        raise InputError(
            "explanation", expected="one of this model's answers", got="one of other answers", operation="verify"
        )


def passes_per_row(method: str, checks: Sequence[str] | None = None) -> int:
    """Return about how many evaluations of the network the checks of one row take, at their defaults.

    >>> passes_per_row("saliency", ["deletion", "randomization"])
    227
    """
    spec = all_methods().get(method)
    chosen = [KNOWN[name] for name in (usual_checks(method) if checks is None else checks)]
    return sum(check.passes + check.repeats * (spec.passes if spec else 1) for check in chosen)
