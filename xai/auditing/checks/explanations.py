"""Explanations: of a sample of answers, how many are supported by the checks on explanations, and how many refuted."""

from __future__ import annotations

from collections import Counter

from xai.auditing.audit_data import Prepared, Rows
from xai.auditing.explainers import explain, targets_of
from xai.auditing.finding_figures import table
from xai.auditing.limits import judge, untestable
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
    count = sample or sample_size(data.held_out)
    rows = data.held_out.sample(count, seed)
    background = (data.train or data.held_out).inputs
    try:
        made = explain(model, rows.inputs, targets_of(rows.prediction, rows.task), seed=seed, background=background)
        verified = verify(model, made, seed=seed)
    except XaiError as error:
        return [untestable(f"explanations.{check}", f"{error}") for check in CHECKS]
    return [
        _finding(check, [row[place] for row in verified.evidence], made.method, rows.places.tolist())
        for place, check in enumerate(CHECKS)
    ]


def sample_size(rows: Rows, most: int = SAMPLE) -> int:
    """Return how many rows are explained where nobody says: fewer of large inputs, at least 4."""
    return max(4, min(most, MOST_ELEMENTS // max(1, rows.inputs[0].numel())))


def _finding(check: str, findings: list[Finding], method: str, places: list[int]) -> Finding:
    name = f"explanations.{check}"
    tested = [(place, item) for place, item in zip(places, findings) if item.status != "untestable"]
    if not tested:
        return untestable(name, findings[0].text.removeprefix("Untestable: "))
    counts = Counter(item.status for _, item in tested)
    refuted = counts["fail"]
    lines = [
        {"row": place, "result": item.status, "score": item.score, "in words": item.text} for place, item in tested
    ]
    details = {
        "method": method, "counts": dict(counts), "findings": [item.to_dict() for _, item in tested],
        "rows": [place for place, _ in tested],
        "tables": [table(f"{method.replace('_', ' ')}, row by row", lines)],
    }  # fmt: skip
    control = tested[0][1].control
    text = (
        f"The check of {check.replace('_', ' ')} on {len(tested)} explanations ({method.replace('_', ' ')}): "
        f"{counts['pass']} supported, {counts['warn']} doubtful, {refuted} refuted."
    )
    # A refuted explanation is no fault of the model, but nobody should decide by it.
    interval = wilson(refuted, len(tested))
    return judge(name, refuted / len(tested), interval, control, text, details, at_most="warn")
