"""Which method to trust on a model: what the checks found of each, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xai.results.display import ShownAsHtml
from xai.results.finding import Finding

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MethodRanking", "RankedMethod"]


@dataclass(frozen=True)
class RankedMethod:
    """What was found of one method over all rows.

    Args:
        method: Its name.
        pooled: The finding over all rows; None of fewer than two that could be measured.
        verdicts: How many rows have which verdict.
        remarks: How many rows have which remark.
        passes: About how many evaluations of the network an explanation of one row takes.
        failed: Why it could not be made, "" where it could.
    """

    method: str
    pooled: Finding | None
    verdicts: dict[str, int]
    remarks: dict[str, int]
    passes: int
    failed: str = ""

    @property
    def supported(self) -> bool:
        """Say whether the method is supported on this model, over all rows."""
        return self.pooled is not None and self.pooled.status == "pass"


@dataclass(frozen=True, eq=False)
class MethodRanking(ShownAsHtml):
    """Methods of one model, the one to trust first at the top.

    Args:
        methods: In that order.
        reason: A sentence that says which is recommended, and why.
        rows: How many rows were explained by each.
        model_digest: The SHA-256 of the weights.
        seed: Of what the checks drew.
    """

    methods: tuple[RankedMethod, ...]
    reason: str
    rows: int
    model_digest: str
    seed: int

    @property
    def recommended(self) -> str | None:
        """Return the method to trust first, None where none is supported."""
        return self.methods[0].method if self.methods and self.methods[0].supported else None

    def to_frame(self) -> pd.DataFrame:
        """Return a row per method: correlation with its 95 % interval, p-value, verdicts of rows, cost, remarks."""
        import pandas as pd

        return pd.DataFrame([_line(item) for item in self.methods])

    def __repr__(self) -> str:
        return f"MethodRanking({', '.join(item.method for item in self.methods)}; {self.reason})"


def _line(item: RankedMethod) -> dict[str, object]:
    details = {} if item.pooled is None else item.pooled.details
    words = {"pass": "supported", "warn": "not shown", "fail": "contradicted"}
    return {
        "method": item.method,
        "over all rows": "untestable" if item.pooled is None else words[item.pooled.status],
        "correlation": float("nan") if item.pooled is None else item.pooled.score,
        "low": details.get("low", float("nan")),
        "high": details.get("high", float("nan")),
        "p_value": details.get("p_value", float("nan")),
        **item.verdicts,
        "passes a row": item.passes,
        "remarks": item.failed or ", ".join(f"{name} ({count})" for name, count in item.remarks.items()),
    }
