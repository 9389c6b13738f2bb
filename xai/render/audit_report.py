"""From an audit to its report: the summary, a chapter per check, and everything that makes the numbers again."""

from __future__ import annotations

from xai.auditing.data import AuditData
from xai.auditing.result import AuditResult
from xai.core.model import Model
from xai.render.report import Report
from xai.render.sections.audit import audit_summary, check_section, provenance

__all__ = ["audit_report"]


def audit_report(
    result: AuditResult,
    model: Model | None = None,
    data: AuditData | None = None,
    *,
    raw_data: bool = True,
    title: str | None = None,
) -> Report:
    """Return the report on an audit.

    With the model and the data at hand it also shows and explains the worst errors. raw_data=False keeps inputs, and
    protected columns by row, out of the file; numbers by group stay.
    """
    result = result if raw_data else result.without_raw_data()
    sections = [check_section(name, result.of(name)) for name in result.checks]
    sections.append(provenance(result))
    title = title or f"Audit of {result.model['name']}"
    request = {"call": "audit_report", "raw_data": raw_data}
    return Report(title, sections, audit_summary(result), request)
