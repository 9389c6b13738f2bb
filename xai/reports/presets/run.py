"""The report on a run: what the explanations of all rows say together, of the same size whatever their number."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from xai.base.errors import InputError, describe, names_errors
from xai.reports.escape import render
from xai.reports.page import Lead, Report, Section
from xai.reports.sections.audit import audit_summary, check_section
from xai.reports.sections.run_examples import clusters_body, examples_body
from xai.reports.sections.run_importance import importance_body
from xai.reports.sections.run_maps import maps_body
from xai.reports.sections.run_overview import evidence_body, failures_body, overview_lead, rows_body
from xai.reports.sentences import sentences_of
from xai.runs.manifest import Manifest
from xai.runs.sampling import Sample, draw_sample
from xai.runs.store import Run

__all__ = ["run_report"]

ROWS = 1000  # of each method, whose values are read
# What is read of every line; diagnostics and largest values of a million would fill the memory.
COLUMNS = ["row", "id", "method", "label", "predicted", "probability", "correct", "verdict", "error"]


@names_errors("run_report")
def run_report(run: Run, *, title: str | None = None, rows: int = ROWS) -> Report:
    """Return the report on a run: predictions and errors, evidence, and what all explanations have in common.

    Lines (predictions, verdicts, errors) are those of all rows; values are read of at most `rows` of them, evenly
    spread, and the page says so: it stays under 5 MB whatever the size of the run.

    Args:
        run: What `xai.open_run` opened; one that is not finished is told as far as it is.
        title: Of the report.
        rows: Whose values are read, of each method.

    Returns:
        The report.

    Raises:
        InputError: `run` is no run, or holds no rows yet.
    """
    if not isinstance(run, Run):
        raise InputError("run", expected="a run of xai.open_run", got=describe(run))
    checks = run.manifest.settings.checks
    figures = [f"{check}_{what}" for check in checks for what in ("status", "p")]
    lines = run.to_frame(columns=[*COLUMNS, *figures])
    if not len(lines):
        raise InputError("run", expected="at least one shard", got="none yet")
    manifest = run.manifest
    sections: list[Lead | Section] = [Lead(overview_lead(run, lines))]
    if lines["verdict"].notna().any():
        sections.append(Section("evidence", "The evidence of all rows", evidence_body(lines, checks)))
    for method in run.methods:
        sample = draw_sample(run, method, rows)
        if len(sample):
            sections.append(Section(f"method-{method}", sentences_of(method).title, _method(run, sample)))
    sections.append(Section("rows", "Rows to look at", rows_body(run, lines)))
    if lines["error"].notna().any():
        sections.append(Section("failures", "Rows that failed", failures_body(lines)))
    audited = run.audit
    if audited is not None:
        sections.append(Section("audit", "The audit of the model on these rows", audit_summary(audited)))
        sections += [check_section(name, audited) for name in audited.checks]
    sections.append(
        Section(
            "provenance",
            "What was run",
            _facts(manifest),
            {"model": manifest.model.digest, "data": manifest.data.digest, "versions": manifest.versions},
        )
    )
    return Report(title or f"{manifest.model.name} on {manifest.data.name}", sections)


def _method(run: Run, sample: Sample) -> Markup:
    """Return the chapter of one method."""
    drawn = render("run_sampled.html", shown=len(sample), total=sample.drawn)
    parts = [drawn, maps_body(sample), importance_body(run, sample), examples_body(sample), clusters_body(sample)]
    return Markup("").join(parts)


def _facts(manifest: Manifest) -> Markup:
    settings = manifest.settings
    options = {f"options of {name}": str(chosen) for name, chosen in settings.options.items()}
    plain = {name: getattr(settings, name) for name in settings.__struct_fields__}
    facts: Mapping[str, object] = {
        "model": manifest.model.name,
        "weights (SHA-256)": manifest.model.digest,
        "data": f"{manifest.data.name} ({manifest.data.kind})",
        "data (SHA-256)": manifest.data.digest or "of each shard",
        **{name: value for name, value in plain.items() if name not in ("options", "check_options")},
        **options,
        **manifest.versions,
    }
    rows = [{"what": name, "is": str(value)[:300]} for name, value in facts.items()]
    return render("rows.html", columns=["what", "is"], rows=rows, total=len(rows))
