"""`xai recheck`: hold a report against the model and the data that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from xai.cli.gate import metadata_options
from xai.cli.options import load_model, recipe_data, trust_option
from xai.cli.output import say, tell, wants_json

if TYPE_CHECKING:
    from xai.auditing.differences import Recheck
    from xai.model.model import Model

SHOWN = 100


@click.command("recheck")
@click.argument("report")
@click.argument("model")
@click.argument("images", nargs=-1)
@click.option("--data", default=None, help="What the report was made on, as it was given then.  [default: the model's]")
@click.option("--train", default=None, help="The rows that the model learned from, as they were given then.")
@click.option("--other", default=None, help="Of a comparison, the model folder B; MODEL is A.")
@click.option("--replica", "replicas", multiple=True, help="Of a comparison, its replicas, in the order that it names.")
@click.option("--label", default="label", show_default=True, help="The column that holds the right answer.")
@metadata_options
@click.option(
    "--sample",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="Share of the checks or methods that is computed again.",
)
@click.option(
    "--tolerance",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="By what share a number may be off, for a report from another machine.",
)
@click.option(
    "--seed", default=None, type=click.IntRange(min=0), help="Seed of the sample.  [default: nobody can predict it]"
)
@trust_option
def command(
    report: str,
    model: str,
    images: tuple[str, ...],
    data: str | None,
    train: str | None,
    other: str | None,
    replicas: tuple[str, ...],
    label: str,
    entity: str | None,
    time: str | None,
    weights: str | None,
    sample: float,
    tolerance: float,
    seed: int | None,
    trust_code: bool,
) -> None:
    """Compute the numbers of REPORT again from the model folder MODEL and its data; exit with 1 where one differs.

    IMAGES are those that an explanation report was given. One line for each difference: where, reported, recomputed;
    with `xai --json recheck`, one line of JSON.
    """
    from xai.reports.recheck import read_report, recheck

    page, numbers = read_report(report)
    loaded = load_model(model, trust_code)
    if page is not None and numbers.get("request", {}).get("call") == "model_report":
        against = _images(loaded, model, data, images, numbers)
    else:
        from xai.cli.audit_sources import read_audit_data

        audit = numbers if page is None else numbers["sections"].get("audit", {}).get("audit", {})
        protected = [str(name) for name in audit.get("data", {}).get("protected", [])]
        metadata = {"entity": entity, "time": time, "weights": weights}
        against: dict[str, Any] = {"data": read_audit_data(loaded, model, data, train, label, protected, metadata)}
        against["other"] = None if other is None else load_model(other, trust_code)
        against["replicas"] = [load_model(folder, trust_code) for folder in replicas]
    found = recheck(report, loaded, **against, sample=sample, seed=seed, tolerance=tolerance)
    for note in found.notes:
        tell(f"xai: recheck: {note}", err=True)
    (_say_json if wants_json() else _say)(report, found)
    if not found.passed:
        raise click.exceptions.Exit(1)


def _say(report: str, found: Recheck) -> None:
    """Print a line for each difference, and one on what was tried."""
    for difference in found.differences[:SHOWN]:
        tell(str(difference))
    if len(found.differences) > SHOWN:
        tell(f"... and {len(found.differences) - SHOWN:,} more")
    caught = f"; the chance to catch one altered number among them all is {100 * found.chance:.0f} %"
    caught = caught if found.recomputed else ""  # other weights or rows: no number was tried
    tell(
        f"{found.recomputed:,} of {found.numbers:,} numbers computed again ({', '.join(found.parts) or 'none'}); "
        f"compared: {', '.join(found.covered)}{caught}"
    )


def _say_json(report: str, found: Recheck) -> None:
    """Print the same as one line of JSON: all differences, each with where, reported and recomputed."""
    from xai.base.json_values import as_plain

    differences = [as_plain(item._asdict()) for item in found.differences]
    say(
        report, passed=found.passed, numbers=found.numbers, recomputed=found.recomputed, parts=list(found.parts),
        covered=list(found.covered), chance=found.chance if found.recomputed else None, differences=differences,
        notes=list(found.notes),
    )  # fmt: skip


def _images(loaded: Model, folder: str, data: str | None, images: tuple[str, ...], numbers: dict) -> dict[str, Any]:
    """Return the images of an explanation report, read as `xai report` reads them."""
    from xai.inputs.image_files import read_folder, read_images
    from xai.reports.example_images import class_names

    labelled = None
    if data:
        labelled = read_folder(data, loaded.input, class_names(loaded))
    elif numbers["request"].get("data") is not None:
        labelled = recipe_data(folder)
    read = read_images(list(images), loaded.input) if images else None
    return {"data": labelled, "images": read}
