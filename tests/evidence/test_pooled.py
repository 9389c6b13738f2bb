"""One finding over rows that are too small alone: by hand, from the numbers of each row."""

from __future__ import annotations

import pytest

from xai.evidence.pooled import KEPT, pooled_finding, slimmed
from xai.results.finding import Finding


def rows(*scores: float, controls: float = -0.2, rivals: dict[str, float] | None = None) -> list[Finding]:
    """Return findings of rows with seven controls that all have the same correlation."""
    details = {
        "claim": "additive", "control_scores": [controls] * 7, "rivals": rivals or {}, "reliability": 1.0,
        "control_mean": controls,
    }  # fmt: skip
    return [Finding("faithfulness", "untestable", score, 0.75, "", "", details) for score in scores]


@pytest.mark.parametrize(
    ("found", "status", "says"),
    [
        (rows(0.9, 0.8, 0.9), "pass", "Supported"),
        (rows(0.5, 0.5, 0.5), "warn", "0.75 would have been enough"),
        (rows(0.9, 0.9, 0.9, controls=0.9), "warn", "p = 1"),
        (rows(0.8, 0.8, 0.8, rivals={"an edge filter": 0.9}), "warn", "no better than an edge filter"),
        (rows(0.8, 0.8, 0.8, rivals={"an edge filter": 0.5}), "pass", "Supported"),
        (rows(-0.6, -0.6, -0.7), "fail", "worse than chance"),
        # Below every control, and still no contradiction: the map goes with what was measured.
        (rows(0.2, 0.2, 0.2, controls=0.5), "warn", "Not shown"),
        # Its interval reaches 0.
        (rows(-0.9, -0.3, -0.25), "warn", "Not shown"),
    ],
)
def test_a_verdict_over_rows(found: list[Finding], status: str, says: str) -> None:
    pooled = pooled_finding(found)
    assert pooled is not None
    assert pooled.status == status
    assert says in pooled.text


def test_the_p_value_counts_every_combination() -> None:
    pooled = pooled_finding(rows(0.9, 0.9))
    assert pooled is not None
    assert pooled.details["p_value"] == pytest.approx(1 / 8**2)
    many = pooled_finding(rows(*[0.9] * 6))  # 8^6 combinations: 9,999 are drawn, and the map's own is one more
    assert many is not None
    assert many.details["p_value"] == pytest.approx(1 / 10_000, abs=2e-4)


def test_a_picture_needs_99_of_the_controls() -> None:
    (finding,) = rows(0.5)
    long = [Finding("faithfulness", "pass", 0.5, 0.75, "", "", {"control_scores": [n / 1000 for n in range(1000)]})]
    (slim,) = slimmed(long)
    assert len(slim.details["control_scores"]) == KEPT
    assert slim.details["control_scores"][KEPT // 2] == pytest.approx(0.5, abs=0.01)
    assert slimmed([finding])[0].details == finding.details
