"""What an audit found: the findings, and everything that is needed to make them again."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from xai.base.deprecated import RenamedKeys
from xai.base.errors import FolderError, InputError, describe, names_errors, one_line
from xai.base.files import write_atomically
from xai.base.reading import MEBIBYTE, as_kind, parse_json, read_plain
from xai.results.display import ShownAsHtml
from xai.results.finding import STATUSES, Finding

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LEVELS", "RENAMED", "AuditResult", "current_name"]

SCHEMA_VERSION = 1
LEVELS = ("warn", "fail", "untestable")
LARGEST = 256 * MEBIBYTE


class SavedAudit(msgspec.Struct, forbid_unknown_fields=True):
    """What the plain data of a result are held against."""

    findings: list[Finding]
    model: dict[str, object]
    data: dict[str, object]
    options: dict[str, object]
    versions: dict[str, object]
    seconds: dict[str, float | None]
    schema_version: int
    power: dict[str, object] = {}
    card: dict[str, object] = {}


# Old names of findings, which work for one more version.
RENAMED = {
    "shortcuts.one_part": "shortcuts.one_region", "shortcuts.one_stretch": "shortcuts.one_window",
    "shortcuts.planted_mark": "shortcuts.planted_trigger", "shortcuts.borrowed_piece": "shortcuts.borrowed_patch",
    "shortcuts.shared_mark": "shortcuts.shared_patch", "shortcuts.typical_piece": "shortcuts.typical_patch",
    "shortcuts.global_look": "shortcuts.global_filter", "explanations.moved": "explanations.changed",
}  # fmt: skip

RENAMED_DATA = {"given": "total"}  # old keys of `AuditResult.data`, for as long


def current_name(check: str) -> str:
    """Return what a check or finding is called now, with a DeprecationWarning for an old name.

    >>> current_name("shortcuts.leakage")
    'shortcuts.leakage'
    """
    if check not in RENAMED:
        return check
    message = f"the finding {check} is now {RENAMED[check]}; the old name goes with the next version"
    warnings.warn(message, DeprecationWarning, stacklevel=3)
    return RENAMED[check]


@dataclass(frozen=True)
class AuditResult(ShownAsHtml):
    """The findings of one audit, or of a comparison of two versions, in the order of the checks.

    A finding is called CHECK.WHAT, such as "bias.equal_opportunity".

    Args:
        findings: One or several for each check.
        model: Name, digest and sizes; of a comparison by version, "A", "B" and "replicas".
        data: Name, digest and sizes.
        options: The keyword arguments that make the audit again.
        versions: What it was made with.
        seconds: By check.
        power: How often these checks find a planted fault (`xai.auditing.power`).
        schema_version: Of its saved form.
        card: Of an audit, the model card: what the makers of the model say of it, and what was found
            (`xai.auditing.model_card`).
    """

    findings: tuple[Finding, ...]
    model: dict[str, Any]
    data: dict[str, Any]
    options: dict[str, Any]
    versions: dict[str, str]
    seconds: dict[str, float]
    power: dict[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION
    card: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not {*RENAMED_DATA, *RENAMED_DATA.values()}.isdisjoint(self.data):
            object.__setattr__(self, "data", RenamedKeys(self.data, RENAMED_DATA))

    @property
    def passed(self) -> bool:
        """Say whether no finding failed, and no named group of three or more rows was answered wrongly throughout.

        Warnings and what could not be tested do not count.
        """
        return not any(item.status == "fail" or item.details.get("wholly_wrong") for item in self.findings)

    @property
    def compared(self) -> bool:
        """Say whether it is a comparison: `model` then has "A", "B" and "replicas"."""
        return "B" in self.model

    @property
    def counts(self) -> dict[str, int]:
        """Return how many findings have each status."""
        found = Counter(finding.status for finding in self.findings)
        return {status: found[status] for status in STATUSES}

    @property
    def checks(self) -> list[str]:
        """Return the checks that were made, in their order."""
        return list(dict.fromkeys(finding.check.partition(".")[0] for finding in self.findings))

    @names_errors("AuditResult.of")
    def of(self, check: str) -> list[Finding]:
        """Return the findings of one check, or the one of that full name; an old name warns.

        Args:
            check: The name of a check or a finding.
        """
        check = current_name(check)
        return [item for item in self.findings if item.check == check or item.check.startswith(f"{check}.")]

    @names_errors("audit")
    def gate(self, levels: Mapping[str, str]) -> list[Finding]:
        """Return the findings that break a gate.

        Args:
            levels: By check or finding name (or "all"), the mildest status that breaks it: "warn" stops warnings and
                failures, "fail" failures alone, "untestable" all three.

        Raises:
            InputError: A name was not checked, or a level is unknown.
        """
        broken = []
        for name, level in levels.items():
            found = list(self.findings) if name == "all" else self.of(name)
            if not found:
                wanted = f"all, or one of {', '.join(self.checks)}"
                raise InputError("fail_on", expected=wanted, got=repr(name))
            if level not in LEVELS:
                raise InputError("fail_on", expected=f"a level among {', '.join(LEVELS)}", got=repr(level))
            stops = {"fail": {"fail"}, "warn": {"fail", "warn"}, "untestable": {"fail", "warn", "untestable"}}[level]
            broken += [finding for finding in found if finding.status in stops and finding not in broken]
        return broken

    def without_raw_data(self) -> AuditResult:
        """Return a copy that quotes no input: `details["raw"]` of each finding is gone."""
        kept = tuple(
            replace(item, details={name: value for name, value in item.details.items() if name != "raw"})
            for item in self.findings
        )
        return replace(self, findings=kept)

    def to_frame(self) -> pd.DataFrame:
        """Return one line per finding: check, status, score, its interval, threshold, text."""
        import pandas as pd

        lines = []
        for finding in self.findings:
            low, high = finding.details.get("interval", (None, None))
            lines.append(
                {
                    "check": finding.check, "status": finding.status, "score": finding.score, "low": low, "high": high,
                    "threshold": finding.threshold, "control": finding.control, "text": finding.text,
                }
            )  # fmt: skip
        return pd.DataFrame(lines)

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain data."""
        return asdict(self)

    @names_errors("AuditResult.save")
    def save(self, path: str | Path) -> Path:
        """Write everything as JSON, whole or not at all.

        Args:
            path: Of the file.

        Raises:
            OutputError: It cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=True)
        return write_atomically(path, text + "\n")

    @classmethod
    def from_dict(cls, plain: Any) -> AuditResult:
        """Return the result behind plain data.

        Args:
            plain: What `to_dict` returned.

        Raises:
            FolderError: It is anything else.
        """
        if not isinstance(plain, dict) or not all(isinstance(name, str) for name in plain):
            raise FolderError("data", expected="a saved audit", got=describe(plain), operation="AuditResult")
        if plain.get("schema_version") != SCHEMA_VERSION:
            got = describe(plain.get("schema_version"))
            raise FolderError("schema_version", expected=str(SCHEMA_VERSION), got=got, operation="AuditResult")
        # A check: the data stay as they are, so that a whole number is not made a broken one.
        as_kind(plain, SavedAudit, "data", wanted="a saved audit")
        try:
            fields: dict[str, Any] = {**plain, "findings": tuple(map(_read_finding, plain["findings"]))}
            return cls(**fields)
        except (InputError, TypeError) as error:
            raise FolderError("data", expected="a saved audit", got=one_line(error), operation="AuditResult") from error

    @classmethod
    @names_errors("AuditResult.load")
    def load(cls, path: str | Path) -> AuditResult:
        """Read what `save` wrote.

        Args:
            path: Of the file.

        Raises:
            FolderError: It is any other file.
        """
        try:
            content = read_plain(path, "a saved audit", limit=LARGEST)
        except FileNotFoundError as error:
            raise FolderError("path", expected="a saved audit", got=f"no file at {path}") from error
        return cls.from_dict(parse_json(content, str(path)))


def _read_finding(plain: dict) -> Finding:
    """Return a saved finding under its name of today."""
    return Finding(**{**plain, "check": RENAMED.get(plain["check"], plain["check"])})
