"""Explanations: of a sample of answers, how many are supported by the checks on explanations, and how many refuted."""

from __future__ import annotations

from collections import Counter

from xai.auditing.explainers import explain, targets_of
from xai.auditing.finding_figures import table
from xai.auditing.split import Prepared, Split
from xai.auditing.verdicts import Measured, Untestable, tested_together
from xai.base.errors import XaiError
from xai.base.statistics import wilson
from xai.evidence.verify import verify
from xai.methods import CHECKS
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["explanations", "sample_size"]

SAMPLE = 12
MOST_ELEMENTS = 12 * 3 * 64 * 64  # large images are costly to verify


def explanations(model: Model, data: Prepared, *, seed: int = 0, sample: int | None = None) -> list[Finding]:
    """Return for each check of `xai.verify` the share of a sample of explanations that it refutes.

    The rows are drawn at random, and what is explained is the answer that the model gave. sample: how many rows, by
    default 12, fewer of large images.
    """
    names = [f"explanations.{check}" for check in CHECKS]
    return tested_together(names, _verified, model, data, seed, sample or sample_size(data.held_out))


def sample_size(split: Split, most: int = SAMPLE) -> int:
    """Return how many rows are explained where nobody says: fewer of large inputs, at least 4."""
    return max(4, min(most, MOST_ELEMENTS // max(1, split.inputs[0].numel())))


def _verified(model: Model, data: Prepared, seed: int, count: int) -> dict[str, Measured | Untestable]:
    split = data.held_out.sample(count, seed)
    background = (data.train or data.held_out).inputs
    try:
        made = explain(model, split.inputs, targets_of(split.prediction, split.task), seed=seed, background=background)
        verified = verify(model, made, seed=seed)
    except XaiError as error:
        raise Untestable("error", error=error) from error
    found: dict[str, Measured | Untestable] = {}
    for number, check in enumerate(CHECKS):
        findings = list(zip(split.index.tolist(), (row[number] for row in verified.evidence), strict=True))
        found[f"explanations.{check}"] = _refuted(check, findings, made.method)
    return found


def _refuted(check: str, findings: list[tuple[int, Finding]], method: str) -> Measured | Untestable:
    """Return the share of explanations, by the number of their row, that a check refutes."""
    tested = [(row, item) for row, item in findings if item.status != "untestable"]
    if not tested:
        return Untestable("error", error=findings[0][1].text.removeprefix("Untestable: "))
    counts = Counter(item.status for _, item in tested)
    refuted = counts["fail"]
    lines = [{"row": row, "result": item.status, "score": item.score, "in words": item.text} for row, item in tested]
    details = {
        "method": method, "counts": dict(counts), "findings": [item.to_dict() for _, item in tested],
        "rows": [row for row, _ in tested],
        "tables": [table(f"{method.replace('_', ' ')}, row by row", lines)],
    }  # fmt: skip
    facts = {
        "check": check, "rows": len(tested), "method": method, "supported": counts["pass"],
        "doubtful": counts["warn"], "refuted": refuted,
    }  # fmt: skip
    # A refuted explanation is no fault of the model, but nobody should decide by it.
    return Measured(
        refuted / len(tested), wilson(refuted, len(tested)), facts, details, words="explanations",
        control=tested[0][1].control, at_most="warn",
    )  # fmt: skip
