"""`xai report`: the full report on a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xai.cli.options import language_option, load_model, recipe_data, recipes, say_cost, seed_option, trust_option
from xai.cli.output import say, tell
from xai.cli.sequence_data import report_on_sequences

if TYPE_CHECKING:
    from xai.model.model import Model

DEFAULT = "mnist-cnn"


@click.command("report")
@click.argument("model", required=False)
@click.argument("images", nargs=-1)
@click.option("--data", default=None, help="Labelled images to measure on: a folder with one subfolder per class.")
@click.option("-o", "--output", default=None, help="Where to write.  [default: reports/NAME.html]")
@click.option(
    "--examples", default=5, show_default=True, type=click.IntRange(min=0), help="Images explained out of the data."
)
@click.option(
    "-l", "--layer", "layers", multiple=True, help="A layer to visualize; repeat for several.  [default: all]"
)
@click.option("--units", default=32, show_default=True, type=click.IntRange(min=0), help="Units visualized per layer.")
@click.option("--steps", default=64, show_default=True, type=click.IntRange(min=1), help="Steps per visualization.")
@click.option(
    "--size", default=None, type=click.IntRange(min=4), help="Side of a visualization.  [default: the model's]"
)
@seed_option
@language_option
@trust_option
def command(
    model: str | None,
    images: tuple[str, ...],
    data: str | None,
    output: str | None,
    examples: int,
    layers: tuple[str, ...],
    units: int,
    steps: int,
    size: int | None,
    seed: int,
    language: str,
    trust_code: bool,
) -> None:
    """Report on the model folder MODEL, explaining IMAGES and examples out of the data, and print the path.

    MODEL may be the folder of an `xai run` as well: the report then tells what all its rows say.
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
    target = output or f"reports/{Path(folder).resolve().name}.html"
    check_writable(target)
    if is_run(folder):
        from xai.reports.presets.run import run_report
        from xai.runs.store import open_run

        tell(run_report(open_run(folder)).save(target))
        return
    if model is None:
        _train_default(folder, seed)
    loaded = load_model(folder, trust_code)
    if loaded.input.ordered and not data:
        report = report_on_sequences(loaded, folder, images, recipes(), examples, (), None, seed, None)
        say(report.save(target))
        return
    require_image_classifier(loaded)
    given = read_images(list(images), loaded.input) if images else None
    labelled = read_folder(data, loaded.input, class_names(loaded)) if data else recipe_data(folder)
    rows = (len(given) if given else 0) + (examples if labelled else 0)
    say_cost(loaded, METHODS, rows, _inputs_to_make(loaded, layers, units, tested=labelled is not None), steps)
    report = model_report(
        loaded,
        labelled,
        given,
        examples=examples,
        layers=layers or None,
        units=units,
        steps=steps,
        size=size,
        seed=seed,
        language=language,
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
