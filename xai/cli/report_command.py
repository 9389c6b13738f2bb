"""`xai report`: the full report on a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xai.cli.any_model import is_code, is_folder, load_any
from xai.cli.options import (
    checks_asked,
    checks_option,
    language_option,
    recipe_data,
    recipes,
    say_cost,
    seed_option,
    trust_option,
)
from xai.cli.output import say, tell
from xai.cli.report_rows import report_on_table
from xai.cli.sequence_data import report_on_sequences

if TYPE_CHECKING:
    from xai.model.model import Model

DEFAULT = "mnist-cnn"


@click.command("report")
@click.argument("model", required=False)
@click.argument("images", nargs=-1)
@click.option(
    "--data",
    default=None,
    help="What to measure on: a folder of images with one subfolder per class, or a CSV or Parquet file of rows.",
)
@click.option("--label", default="label", show_default=True, help="The column of rows that holds the right answer.")
@click.option("-o", "--output", default=None, help="Where to write.  [default: reports/NAME.html]")
@click.option(
    "--examples",
    default=5,
    show_default=True,
    type=click.IntRange(min=0),
    help="Images or rows of the data to explain.",
)
@click.option(
    "-l", "--layer", "layers", multiple=True, help="A layer to visualize; repeat for several.  [default: all]"
)
@click.option("--units", default=32, show_default=True, type=click.IntRange(min=0), help="Units visualized per layer.")
@click.option("--steps", default=64, show_default=True, type=click.IntRange(min=1), help="Steps per visualization.")
@click.option(
    "--size", default=None, type=click.IntRange(min=4), help="Side of a visualization.  [default: the model's]"
)
@checks_option
@seed_option
@language_option
@trust_option
def command(
    model: str | None,
    images: tuple[str, ...],
    data: str | None,
    label: str,
    output: str | None,
    examples: int,
    layers: tuple[str, ...],
    units: int,
    steps: int,
    size: int | None,
    checks: str | None,
    seed: int,
    trust_code: bool,
) -> None:
    """Report on the model folder MODEL, explaining IMAGES and examples out of the data, and print the path.

    MODEL may be the folder of an `xai run` as well: the report then tells what all its rows say. For tables it may be a
    model file or, with --trust-code, MODULE:FUNCTION, as for `xai audit`; IMAGES are then files of rows to explain.
    Without MODEL, the reference CNN is trained on MNIST first (into runs/mnist-cnn, unless it is there, trained as the
    recipe says today).
    """
    from xai.base.files import check_writable
    from xai.inputs.image_files import read_folder, read_images
    from xai.model.folder import read_description
    from xai.reports.example_images import METHODS, class_names
    from xai.reports.presets.images import model_report, require_image_classifier
    from xai.runs.manifest import is_run

    folder = model or f"runs/{DEFAULT}"
    called = folder.rpartition(":")[2] if is_code(folder) else Path(folder).resolve().name
    target = output or f"reports/{called}.html"
    check_writable(target)
    if is_folder(folder) and is_run(folder):
        from xai.reports.presets.run import run_report
        from xai.runs.store import open_run

        say(run_report(open_run(folder)).save(target))
        return
    if model is None:
        _train_default(folder, seed)
    loaded = load_any(folder, data, None, [label], trust_code, "report")
    if loaded.input.tabular:
        report = report_on_table(loaded, folder, images, data=data, label=label, examples=max(1, examples), seed=seed)
        say(report.save(target))
        return
    if loaded.input.ordered and not data:
        report = report_on_sequences(loaded, folder, images, recipes(), examples, (), None, seed, None)
        say(report.save(target))
        return
    require_image_classifier(loaded)
    labelled_images = read_images(list(images), loaded.input) if images else None
    labelled = read_folder(data, loaded.input, class_names(loaded)) if data else recipe_data(folder)
    rows = (len(labelled_images) if labelled_images else 0) + (examples if labelled else 0)
    made = checks_asked(loaded, METHODS, checks)
    inputs = _inputs_to_make(loaded, layers, units, tested=labelled is not None)
    say_cost(loaded, METHODS, rows, inputs, steps, checks=made)
    report = model_report(
        loaded,
        labelled,
        labelled_images,
        examples=examples,
        checks=made,
        layers=layers or None,
        units=units,
        steps=steps,
        size=size,
        seed=seed,
        origin=read_description(folder).origin,
    )
    say(report.save(target))


def _inputs_to_make(model: Model, layers: tuple[str, ...], units: int, tested: bool) -> int:
    """Return how many images are optimized: one for each unit, and where they are tested those of the control."""
    from xai.reports.unit_choice import choose_units
    from xai.visualization.image_evidence import control_count

    everything = [item for group in choose_units(model, layers, most=units).values() for item in group] if units else []
    return len(everything) + (control_count(everything) if tested else 0)


def _train_default(folder: str, seed: int) -> None:
    from xai.model.folder import read_description

    present = Path(folder, "model.toml").is_file()
    if present and recipes().is_current(read_description(folder).origin):
        return
    why = ": the recipe has changed since it was trained" if present else ""
    tell(f"training {DEFAULT} into {folder}{why}", err=True)
    recipes().train_recipe(DEFAULT, folder, seed=seed)
