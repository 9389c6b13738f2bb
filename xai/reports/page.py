"""The report: a title and a list of sections, in one HTML file that fetches nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

import xai
from xai.base.digest import text_digest
from xai.base.errors import InputError, describe, names_errors
from xai.base.files import write_atomically
from xai.reports.escape import asset, content_hash, render, script_json
from xai.results.explanation import Explanation, Visualization
from xai.results.finding import Finding

__all__ = ["Report", "Section", "seal", "sealed"]

SEAL = re.compile(r'"sha256":"([0-9a-f]{64})"\}</script>')  # the last entry of the data
OPEN = f'"sha256":"{"0" * 64}"}}</script>'


@dataclass(frozen=True)
class Section:
    """One chapter: `id` is its link, `body` its HTML, `data` the numbers that ride along."""

    id: str
    title: str
    body: Markup
    data: dict[str, object] = field(default_factory=dict)


class Report:
    """A title, an optional lead, and sections; explanations, visualizations and findings become sections by themselves.

    >>> report = Report("One finding", [Finding("deletion", "pass", 0.01, 0.05, "99 maps", "Supported.")])
    >>> "Supported." in report.html()
    True
    """

    @names_errors("Report")
    def __init__(
        self,
        title: str,
        sections: Sequence[object],
        lead: Markup | None = None,
        request: dict[str, object] | None = None,
    ) -> None:
        self.title = str(title)
        self.request = request or {}  # what makes the report again, for xai.recheck
        self.lead = lead or Markup("")
        self.sections = [_section(item, number) for number, item in enumerate(sections, start=1)]
        names = [section.id for section in self.sections]
        if len(set(names)) != len(names):
            raise InputError("sections", expected="each with an id of its own", got=names)

    def data(self) -> dict[str, object]:
        """Return the numbers that ride along in the file, with room for its checksum at their end."""
        numbers = {section.id: section.data for section in self.sections}
        about = {"toolkit": xai.__version__, "title": self.title, "request": self.request}
        return {**about, "sections": numbers, "sha256": "0" * 64}

    def html(self) -> str:
        """Return the whole file."""
        style, script = asset("report.css"), asset("report.js")
        policy = (
            f"default-src 'none'; style-src '{content_hash(style)}'; script-src '{content_hash(script)}'; "
            "img-src data: blob:; base-uri 'none'; form-action 'none'"
        )
        values = {"title": self.title, "lead": self.lead, "sections": self.sections, "policy": policy}
        # A plain string: whoever puts the file into another page must escape it.
        return seal(str(render("report.html", **values, style=style, script=script, data=script_json(self.data()))))

    def save(self, path: str | Path) -> Path:
        """Write the file whole or not at all; returns its path. Raises OutputError."""
        return write_atomically(path, self.html())


def seal(page: str) -> str:
    """Return a page with the SHA-256 of all its other characters at the end of its data."""
    return page.replace(OPEN, OPEN.replace("0" * 64, text_digest(page)))


def sealed(page: str) -> bool:
    """Say whether a page still has the characters that it was sealed with: against accidents, not against forgery."""
    found = SEAL.search(page)
    return found is not None and found[1] == text_digest(page[: found.start(1)] + "0" * 64 + page[found.end(1) :])


def _section(item: object, number: int) -> Section:
    from xai.reports.notebook import explanation_body, findings_body, visualization_body
    from xai.reports.result_bodies import BODIES

    if isinstance(item, Section):
        return item
    if isinstance(item, Explanation):
        return Section(f"explanation-{number}", f"{item.method}: {item.target_name()}", explanation_body(item))
    if isinstance(item, Visualization):
        return Section(f"visualization-{number}", "Visualization", visualization_body(item))
    if type(item) in BODIES:
        title, body = BODIES[type(item)]
        return Section(f"result-{number}", title, body(item))
    findings = [item] if isinstance(item, Finding) else item
    if isinstance(findings, list | tuple) and findings and all(isinstance(part, Finding) for part in findings):
        return Section(f"findings-{number}", "Findings", findings_body(findings))
    raise InputError(
        "sections",
        expected="explanations, visualizations, findings, results of the library, or Section",
        got=describe(item),
        operation="Report",
    )
