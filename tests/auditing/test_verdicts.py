"""From a number and its interval to a status: chance does not fail, and a fact to know is no fault."""

from __future__ import annotations

import pytest

from xai.auditing.verdicts import finding_by_limit


@pytest.mark.parametrize(
    ("score", "interval", "settings", "status"),
    [
        (0.9, (0.85, 0.93), {}, "pass"),
        (-0.5, (-0.6, -0.4), {}, "fail"),
        (-0.5, (-0.6, 0.9), {}, "warn"),  # the interval reaches back over the limit
        (-0.5, (-0.6, -0.4), {"at_most": "warn"}, "warn"),
        (-0.5, (-0.6, -0.4), {"beyond": False}, "pass"),  # a test found no more than noise
    ],
)
def test_the_status_of_a_number(score: float, interval: tuple[float, float], settings: dict, status: str) -> None:
    found = finding_by_limit("performance.skill", score, interval, "guessing", "It has learned.", **settings)
    assert found.status == status
