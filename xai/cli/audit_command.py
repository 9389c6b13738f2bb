"""`xai audit`: what holds of a trained model, what does not, and a gate for continuous integration."""

from __future__ import annotations

from pathlib import Path

import click

from xai.cli.audit_data import read_audit_data
from xai.cli.options import load_model, say_checks_cost, seed_option, trust_option


@click.command("audit")
@click.argument("model")
@click.option(
    "--data",
    default=None,
    help="Held-out rows: a CSV or Parquet file, images by class, or a recipe.  [default: the model's]",
)
@click.option("--train", default=None, help="The rows that the model learned from, in the same form.")
@click.option("--label", default="label", show_default=True, help="The column that holds the right answer.")
@click.option("--protected", multiple=True, help="A column that says who a row is (sex, age, ...); repeat for several.")
@click.option(
    "-c", "--check", "checks", multiple=True, help="A check of `xai list checks`; repeat for several.  [default: all]"
)
@click.option("-o", "--output", default=None, help="Where to write the report.  [default: reports/NAME-audit.html]")
@click.option("--json", "json_path", default=None, help="Where to write the findings as JSON.")
@click.option(
    "--fail-on",
    multiple=True,
    metavar="CHECK=LEVEL",
    help="Exit with 1 where a check (or all) reaches warn, fail or untestable.",
)
@click.option(
    "--rows", default=10_000, show_default=True, type=click.IntRange(min=20), help="Rows of each part, drawn at random."
)
@click.option("--no-raw-data", is_flag=True, help="Keep inputs, and protected columns by row, out of the report.")
@seed_option
@trust_option
def command(
    model: str,
    data: str | None,
    train: str | None,
    label: str,
    protected: tuple[str, ...],
    checks: tuple[str, ...],
    output: str | None,
    json_path: str | None,
    fail_on: tuple[str, ...],
    rows: int,
    no_raw_data: bool,
    seed: int,
    trust_code: bool,
) -> None:  # fmt: skip
    """Audit the model folder MODEL on labelled data; print the path of the report."""
    from xai.auditing.limits import LIMITS
    from xai.auditing.run import audit, chosen_checks
    from xai.methods import CHECKS, MODEL_CHECKS
    from xai.render.audit_report import audit_report

    target = output or f"reports/{Path(model).resolve().name}-audit.html"
    check_targets("audit", target, json_path)
    known = {*MODEL_CHECKS, *LIMITS, *(f"explanations.{name}" for name in CHECKS), "all"}
    gate = read_levels("audit", fail_on, known)
    loaded = load_model(model, trust_code)
    given = read_audit_data(loaded, model, data, train, label, protected)
    chosen = chosen_checks("audit", MODEL_CHECKS, checks or None, {})
    say_checks_cost([loaded], given, chosen, MODEL_CHECKS, rows)
    result = audit(loaded, given, chosen, rows=rows, seed=seed)
    broken = result.gate(gate)
    report = audit_report(result, loaded, given, raw_data=not no_raw_data)
    if json_path is not None:
        (result.without_raw_data() if no_raw_data else result).save(json_path)
    click.echo(report.save(target))
    for finding in broken:
        click.echo(f"xai: {finding.check}: {finding.status}: {finding.text}", err=True)
    if broken:
        raise click.exceptions.Exit(1)


def check_targets(operation: str, target: str, json_path: str | None) -> None:
    """Raise before any work where the report and its JSON cannot be written, or would be one file."""
    from xai.core.files import check_writable

    for path in (target, json_path):
        if path is not None:
            check_writable(path, operation)
    if json_path is not None and Path(json_path).resolve() == Path(target).resolve():
        raise click.UsageError(f"-o and --json name one file, {json_path}: the second would overwrite the first")


def read_levels(operation: str, entries: tuple[str, ...], known: set[str]) -> dict[str, str]:
    """Return the levels by check; raises a usage error for what cannot be one, before any of the work."""
    from xai.auditing.result import LEVELS

    levels = {}
    for entry in entries:
        name, _, level = entry.partition("=")
        if name not in known or level not in LEVELS:
            wanted = f"CHECK=LEVEL with a check (or all) and a level of {', '.join(LEVELS)}"
            raise click.ClickException(f"{operation}: --fail-on: expected {wanted}, got {entry}")
        levels[name] = level
    return levels
