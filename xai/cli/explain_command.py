"""`xai explain`: what a model says about images, texts or series, and why."""

from __future__ import annotations

import click

from xai.cli.any_model import load_any
from xai.cli.options import (
    checks_asked,
    checks_option,
    language_option,
    output_option,
    say_cost,
    seed_option,
    trust_option,
)
from xai.cli.output import say
from xai.cli.report_rows import report_on_table
from xai.cli.sequence_data import report_on_sequences

EXAMPLES = 5  # rows of a table, where none are named


@click.command("explain")
@click.argument("model")
@click.argument("images", metavar="[INPUTS...]", nargs=-1)
@click.option("--data", default=None, help="Of a model of a table: rows like those it learned, CSV or Parquet.")
@click.option("--label", default="label", show_default=True, help="The column of --data that holds the right answer.")
@click.option("-m", "--method", "methods", multiple=True, help="A method of `xai list methods`; repeat for several.")
@click.option(
    "-t",
    "--target",
    default=None,
    help="A class by name or number, or another output: pixel:40,60 (see xai.targets).  [default: the predicted class]",
)
@checks_option
@output_option("explanation.html")
@seed_option
@language_option
@trust_option
def command(
    model: str,
    images: tuple[str, ...],
    data: str | None,
    label: str,
    methods: tuple[str, ...],
    target: str | None,
    checks: str | None,
    output: str,
    seed: int,
    trust_code: bool,
) -> None:
    """Explain what MODEL says about INPUTS and print the path of the report.

    MODEL is a model folder; for tables also a model file or, with --trust-code, MODULE:FUNCTION, as for `xai audit`.
    INPUTS are image files; of a model of texts, texts as they stand or .txt files; of series, CSV files, a line a step;
    of tables, CSV or Parquet files, whose rows are explained, or else a few rows of --data or of the model's recipe.
    """
    from xai.base.files import check_writable
    from xai.inputs.image_files import read_images
    from xai.reports.example_images import METHODS, check_request
    from xai.reports.presets.images import model_report, require_image_classifier

    check_writable(output)
    loaded = load_any(model, data, None, [label], trust_code, "explain")
    if loaded.input.tabular:
        report = report_on_table(
            loaded, model, images, data=data, label=label, examples=EXAMPLES, methods=methods, target=target, seed=seed
        )
        say(report.save(output))
        return
    if not images:
        raise click.UsageError("Missing argument 'INPUTS...'.")
    if loaded.input.ordered:
        title = f"{loaded.name} on {len(images)} {'example' if len(images) == 1 else 'examples'}"
        report = report_on_sequences(loaded, model, images, None, 0, methods, target, seed, title)
        say(report.save(output))
        return
    require_image_classifier(loaded)
    batch = read_images(list(images), loaded.input)
    chosen = methods or METHODS
    check_request(loaded, batch, chosen, target)
    made = checks_asked(loaded, chosen, checks)
    say_cost(loaded, chosen, len(batch), 0, 0, checks=made)
    title = f"{loaded.name} on {batch.names[0]}" + (f" and {len(batch) - 1} more" if len(batch) > 1 else "")
    report = model_report(
        loaded, images=batch, methods=chosen, checks=made, target=target, units=0, seed=seed, title=title
    )
    say(report.save(output))
