"""`xai audit`: what holds of a trained model, what does not, and a gate for continuous integration."""

from __future__ import annotations

from pathlib import Path

import click

from xai.base.errors import InputError
from xai.cli.any_model import is_code, load_any
from xai.cli.audit_sources import read_audit_data
from xai.cli.gate import check_targets, finish, gate_options, label_options, metadata_options, read_levels
from xai.cli.options import language_option, say_checks_cost, seed_option, trust_option
from xai.cli.pdf import find_browser, print_pdf


@click.command("audit")
@click.argument("model")
@click.option(
    "--data",
    default=None,
    help="Held-out rows: a CSV or Parquet file, images by class, or a recipe.  [default: the model's]",
)
@click.option("--train", default=None, help="The rows that the model learned from, in the same form.")
@label_options
@metadata_options
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
@click.option("--immutable", multiple=True, help="A column that no counterfactual may change; repeat for several.")
@click.option("--increasing", multiple=True, help="A number that a counterfactual may only raise, such as an age.")
@click.option("--decreasing", multiple=True, help="A number that a counterfactual may only lower.")
@click.option(
    "--card",
    default=None,
    help="A TOML file with intended_use, out_of_scope, data and limits.  [default: [card] of the model folder]",
)
@click.option("-o", "--output", default=None, help="Where to write the report.  [default: reports/NAME-audit.html]")
@click.option("--pdf", default=None, help="Where to print the report as a PDF, with an installed Chromium.")
@gate_options
@click.option(
    "--rows", default=10_000, show_default=True, type=click.IntRange(min=20), help="Rows of each part, drawn at random."
)
@seed_option
@language_option
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
    immutable: tuple[str, ...],
    increasing: tuple[str, ...],
    decreasing: tuple[str, ...],
    card: str | None,
    output: str | None,
    pdf: str | None,
    json_path: str | None,
    fail_on: tuple[str, ...],
    rows: int,
    no_raw_data: bool,
    seed: int,
    trust_code: bool,
) -> None:  # fmt: skip
    """Audit MODEL on labelled data; print the path of the report.

    MODEL is a model folder, a pipeline of scikit-learn in a file of skops or, with --trust-code, of joblib, an ONNX
    network of a table, or, with --trust-code, MODULE:FUNCTION or FILE.py:FUNCTION, which returns an xai.Model or a
    fitted estimator; all but a folder need --data. --immutable and its like ask for the check counterfactuals.
    """
    from xai.auditing.audit_run import audit, chosen_checks
    from xai.auditing.limits import LIMITS
    from xai.methods import CHECKS, MODEL_CHECKS
    from xai.model.card import ModelCard, read_card_file
    from xai.reports.presets.audit import audit_report

    called = model.rpartition(":")[2] if is_code(model) else Path(model).resolve().name
    target = output or f"reports/{called}-audit.html"
    browser = find_browser() if pdf else None
    check_targets(target, json_path)
    ways = {"immutable": list(immutable), "increasing": list(increasing), "decreasing": list(decreasing)}
    asked = {name: columns for name, columns in ways.items() if columns}
    settings = {"counterfactuals": asked} if asked else {}
    chosen = chosen_checks(MODEL_CHECKS, checks or None, {})
    chosen += [name for name in settings if name not in chosen]
    gate = read_levels(fail_on, {*MODEL_CHECKS, *LIMITS, *(f"explanations.{name}" for name in CHECKS)}, chosen)
    allowed = None if card is None else read_card_file(card)  # before any of the work
    left_out = [label, entity, time, weights, *protected]
    loaded = load_any(model, data, train, left_out, trust_code, "audit")
    if allowed is not None and loaded.card != ModelCard():
        raise InputError("--card", expected="a model without a card of its own ([card] in model.toml)", got=card)
    loaded.card = allowed or loaded.card
    metadata = {"entity": entity, "time": time, "weights": weights}
    audit_data = read_audit_data(loaded, model, data, train, label, protected, metadata)
    say_checks_cost([loaded], audit_data, chosen, MODEL_CHECKS, rows)
    result = audit(loaded, audit_data, chosen, rows=rows, seed=seed, threshold=threshold, **settings)
    report = audit_report(result, loaded, audit_data, raw_data=not no_raw_data)
    if browser is not None and pdf is not None:
        print_pdf(browser, report.save(target), pdf)
    finish(result, report, target, json_path, gate, no_raw_data=no_raw_data)
