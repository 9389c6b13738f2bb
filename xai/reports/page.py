"""The report: a title and a list of sections, in one HTML file that fetches nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

import xai
from xai.base.digest import text_digest
from xai.base.errors import InputError, describe, names_errors
from xai.base.files import write_atomically
from xai.reports.bodies import findings_body
from xai.reports.by_type import SECTIONS
from xai.reports.escape import asset, content_hash, render, script_json
from xai.reports.language import in_language, language, words_of_the_page
from xai.reports.svg import with_unique_ids
from xai.results.display import ShownAsHtml, entry_for
from xai.results.finding import Finding

__all__ = ["Lead", "Report", "Section", "seal", "sealed", "section_of"]

SEAL = re.compile(r'"sha256":"([0-9a-f]{64})"\}</script>')  # the last entry of the data
OPEN = f'"sha256":"{"0" * 64}"}}</script>'


@dataclass(frozen=True)
class Section:
    """One chapter: `id` is its link, `body` its HTML, `data` the numbers that ride along."""

    id: str
    title: str
    body: Markup
    data: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Lead:
    """What stands below the title, before the first chapter; the contents do not list it."""

    body: Markup


class Report(ShownAsHtml):
    """A title and sections; explanations, visualizations, findings and other results become sections by themselves.

    A preset (`xai.reports.presets`) is a function that returns the sections of one kind of report.

    >>> report = Report("One finding", [Finding("deletion", "pass", 0.01, 0.05, "99 maps", "Supported.")])
    >>> "Supported." in report.html()
    True
    """

    @names_errors("Report")
    def __init__(self, title: str, sections: Sequence[object], *, request: Mapping[str, object] | None = None) -> None:
        """Make a report.

        Args:
            title: Its title.
            sections: Its chapters in their order: `Section`, results of the library, lists of findings, or a `Lead`.
            request: What makes the report again, for `xai.recheck`.

        Raises:
            InputError: A section is something else, or two have the same id.
        """
        self.title = str(title)
        self.language = language()
        self.request = dict(request or {})
        chapters = [item for item in sections if not isinstance(item, Lead)]
        self.lead = Markup("").join(item.body for item in sections if isinstance(item, Lead))
        self.sections = [section_of(item, number) for number, item in enumerate(chapters, start=1)]
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
        with in_language(self.language):
            page = render(
                "report.html",
                **values,
                language=self.language,
                style=style,
                script=script,
                words=script_json(words_of_the_page()) if words_of_the_page() else "",
                data=script_json(self.data()),
            )
        # A plain string: whoever puts the file into another page must escape it.
        return seal(with_unique_ids(str(page)))

    @names_errors("Report.save")
    def save(self, path: str | Path) -> Path:
        """Write the file whole or not at all; returns its path.

        Args:
            path: Of the file.

        Raises:
            OutputError: It cannot be written.
        """
        return write_atomically(path, self.html())


def seal(page: str) -> str:
    """Return a page with the SHA-256 of all its other characters at the end of its data."""
    return page.replace(OPEN, OPEN.replace("0" * 64, text_digest(page)))


def sealed(page: str) -> bool:
    """Say whether a page still has the characters that it was sealed with: against accidents, not against forgery."""
    found = SEAL.search(page)
    return found is not None and found[1] == text_digest(page[: found.start(1)] + "0" * 64 + page[found.end(1) :])


def section_of(item: object, number: int) -> Section:
    """Return the chapter of that number that an item becomes; raises InputError for what cannot be one."""
    if isinstance(item, Section):
        return item
    shown = entry_for(SECTIONS, item)
    if shown is not None:
        return Section(f"{shown.id}-{number}", shown.title(item) if shown.title else shown.heading, shown.body(item))
    if isinstance(item, list | tuple) and item and all(isinstance(part, Finding) for part in item):
        return Section(f"findings-{number}", "Findings", findings_body(item))
    raise InputError(
        "sections",
        expected="explanations, visualizations, findings, results of the library, or Section",
        got=describe(item),
        operation="Report",
    )
