"""`xai audit`: what holds of a trained model, what does not, and a gate for continuous integration."""

from __future__ import annotations

from pathlib import Path

import click

from xai.cli.audit_data import read_audit_data
from xai.cli.gate import check_targets, finish, gate_options, label_options, mark_options, read_levels
from xai.cli.options import load_model, say_checks_cost, seed_option, trust_option


@click.command("audit")
@click.argument("model")
@click.option(
    "--data",
    default=None,
    help="Held-out rows: a CSV or Parquet file, images by class, or a recipe.  [default: the model's]",
)
@click.option("--train", default=None, help="The rows that the model learned from, in the same form.")
@label_options
@mark_options
@click.option(
    "--threshold",
    default=None,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Of two classes, the probability from which the second is called.  [default: the larger one]",
)
@click.option(
    "-c",
    "--check",
    "checks",
    multiple=True,
    help="A check of `xai list checks`; repeat for several.  [default: the quick ones]",
)
@click.option("-o", "--output", default=None, help="Where to write the report.  [default: reports/NAME-audit.html]")
@gate_options
@click.option(
    "--rows", default=10_000, show_default=True, type=click.IntRange(min=20), help="Rows of each part, drawn at random."
)
@seed_option
@trust_option
def command(
    model: str,
    data: str | None,
    train: str | None,
    label: str,
    protected: tuple[str, ...],
    entity: str | None,
    time: str | None,
    weights: str | None,
    threshold: float | None,
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
    from xai.reports.presets.audit import audit_report

    target = output or f"reports/{Path(model).resolve().name}-audit.html"
    check_targets(target, json_path)
    chosen = chosen_checks(MODEL_CHECKS, checks or None, {})
    gate = read_levels(fail_on, {*MODEL_CHECKS, *LIMITS, *(f"explanations.{name}" for name in CHECKS)}, chosen)
    loaded = load_model(model, trust_code)
    marks = {"entity": entity, "time": time, "weights": weights}
    given = read_audit_data(loaded, model, data, train, label, protected, marks)
    say_checks_cost([loaded], given, chosen, MODEL_CHECKS, rows)
    result = audit(loaded, given, chosen, rows=rows, seed=seed, threshold=threshold)
    report = audit_report(result, loaded, given, raw_data=not no_raw_data)
    finish(result, report, target, json_path, gate, no_raw_data=no_raw_data)
