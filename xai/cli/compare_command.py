"""`xai compare`: where a model moved between two versions, and a gate for continuous integration."""

from __future__ import annotations

from pathlib import Path

import click

from xai.cli.audit_sources import read_audit_data
from xai.cli.gate import check_targets, finish, gate_options, label_options, read_levels
from xai.cli.options import language_option, load_model, say_checks_cost, seed_option, trust_option
from xai.cli.replicas import train_replicas


@click.command("compare")
@click.argument("a")
@click.argument("b")
@click.option(
    "--data",
    default=None,
    help="Held-out rows: a CSV or Parquet file, images by class, or a recipe.  [default: the data of A]",
)
@label_options
@click.option(
    "--replica", "replicas", multiple=True, help="A model folder made as A was, with another seed; repeat for several."
)
@click.option(
    "--retrain",
    default=0,
    type=click.IntRange(min=0),
    help="Train the recipe of A with so many other seeds, into A-seed-N; what is there is taken.",
)
@click.option(
    "-c", "--check", "checks", multiple=True, help="predictions, errors, ...; repeat for several.  [default: all]"
)
@click.option("-o", "--output", default=None, help="Where to write the report.  [default: reports/A-B-compare.html]")
@gate_options
@click.option("--rows", default=10_000, show_default=True, type=click.IntRange(min=20), help="Rows, drawn at random.")
@seed_option
@language_option
@trust_option
def command(
    a: str,
    b: str,
    data: str | None,
    label: str,
    protected: tuple[str, ...],
    replicas: tuple[str, ...],
    retrain: int,
    checks: tuple[str, ...],
    output: str | None,
    json_path: str | None,
    fail_on: tuple[str, ...],
    rows: int,
    no_raw_data: bool,
    seed: int,
    trust_code: bool,
) -> None:  # fmt: skip
    """Compare the model folders A and B on labelled data; print the path of the report.

    Replicas of A tell a difference from noise: B must stand apart further than a mere retraining does. With fewer than
    18 of them a p-value cannot reach 0.05, and without any only rows are drawn anew; the report says so.
    """
    from xai.auditing.audit_run import chosen_checks
    from xai.auditing.compare.comparison_run import compare
    from xai.auditing.limits import CHANGES
    from xai.methods import COMPARISONS
    from xai.reports.presets.audit import comparison_report

    names = [Path(folder).resolve().name for folder in (a, b)]
    target = output or f"reports/{names[0]}-{names[1]}-compare.html"
    check_targets(target, json_path)
    chosen = chosen_checks(COMPARISONS, checks or None, {})
    gate = read_levels(fail_on, {*COMPARISONS, *CHANGES}, chosen)
    first, second = (load_model(folder, trust_code) for folder in (a, b))
    audit_data = read_audit_data(first, a, data, None, label, protected)
    folders = [*replicas, *train_replicas(a, b, retrain)]
    others = [load_model(folder, trust_code) for folder in folders]
    say_checks_cost((first, second, *others), audit_data, chosen, COMPARISONS, rows)
    result = compare(first, second, audit_data, chosen, replicas=others, rows=rows, seed=seed)
    report = comparison_report(result, first, second, audit_data, raw_data=not no_raw_data)
    finish(result, report, target, json_path, gate, no_raw_data=no_raw_data)
