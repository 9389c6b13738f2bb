"""What every check returns: a status, the number behind it, and one plain sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from xai.base.deprecated import RenamedKeys
from xai.base.errors import InputError, names_arguments, names_errors

__all__ = ["STATUSES", "Finding", "Status"]

Status = Literal["pass", "warn", "fail", "untestable"]
STATUSES: tuple[Status, ...] = ("pass", "warn", "fail", "untestable")

# Old keys of details, by finding or chapter of the audit; they work for one more version.
RENAMED_DETAILS = {
    "faithfulness": {"steady": "reliability", "place": "replacement"},
    "real_images": {"below_moved": "below_changed"},
    "seeds": {"pairs_apart": "pairs_between"},
    "data.contradictions": {"looks_like": "predicted"},
    "bias": {"rest": "other_rate"},
    "shortcuts.other_reason": {"group_places": "group_points", "rest_places": "rest_points"},
    "predictions": {"moved_most": "most_changed"},
}


@names_arguments
@dataclass(frozen=True)
class Finding:
    """One result of one check.

    Args:
        check: The check's name.
        status: "pass", "warn", "fail" or "untestable".
        score: The number that is compared with the threshold, None where none is.
        threshold: See `score`.
        control: What should fail the same test, and how it did.
        text: The finding in one sentence, for readers who do not know the check.
        details: Further numbers for tables and plots.

    >>> Finding("deletion", "pass", 0.01, 0.05, "99 moved maps", "Removing what it marks changes the output.").status
    'pass'
    """

    check: str
    status: Status
    score: float | None
    threshold: float | None
    control: str
    text: str
    details: dict[str, Any] = field(default_factory=dict)

    @names_errors("Finding")
    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise InputError("status", expected=f"one of {', '.join(STATUSES)}", got=repr(self.status))
        renamed = RENAMED_DETAILS.get(self.check) or RENAMED_DETAILS.get(self.check.partition(".")[0])
        if renamed is not None:
            object.__setattr__(self, "details", RenamedKeys(self.details, renamed))

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return asdict(self)
