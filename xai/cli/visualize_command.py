"""`xai visualize`: inputs that excite a model's units, and what a network sees in an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xai.cli.options import language_option, load_model, output_option, say_cost, seed_option, trust_option
from xai.cli.output import say

if TYPE_CHECKING:
    from torch import Tensor

    from xai.model.model import Model
    from xai.visualization.settings import VisualizeSettings

VIEWS = ("units", "atlas", "depth", "constraints", "emergence", "maps", "grid")
OF_AN_IMAGE = {"maps", "grid"}


@click.command("visualize")
@click.argument("model")
@click.option(
    "-l", "--layer", "layers", multiple=True, help="A layer of `xai list layers`; repeat for several.  [default: all]"
)
@click.option(
    "-c", "--channel", "channels", multiple=True, type=int, help="A channel of that layer.  [default: an even spread]"
)
@click.option("--class", "class_name", default=None, help="A class, by name or number, instead of a layer.")
@click.option("--minimize", is_flag=True, help="What excites the units least.")
@click.option("--steps", default=256, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--size",
    default=None,
    type=click.IntRange(min=1, max=8192),
    help="Side of the images, steps of a series, words of a text.  [default: the model's]",
)
@click.option(
    "--view",
    "views",
    multiple=True,
    type=click.Choice(VIEWS),
    help="What to show; repeat for several.  [default: units]",
)
@click.option("--input", "--image", "image", default=None, help="A picture, for --view maps and --view grid.")
@click.option(
    "--data",
    default=None,
    help="Real inputs to compare with: images by class, rows, or texts in a column text.  [default: the recipe's]",
)
@click.option("--bounds", nargs=2, type=float, default=None, help="Least and most of every number of a row or series.")
@click.option(
    "--features",
    default="edges",
    show_default=True,
    help="What sees how alike images are: the folder of another model of such images, edges (fixed filters), or none, "
    "which leaves out the control on shuffled weights.",
)
@output_option("visualization.html")
@seed_option
@language_option
@trust_option
def command(
    model: str,
    layers: tuple[str, ...],
    channels: tuple[int, ...],
    class_name: str | None,
    minimize: bool,
    steps: int,
    size: int | None,
    views: tuple[str, ...],
    image: str | None,
    data: str | None,
    bounds: tuple[float, float] | None,
    features: str,
    output: str,
    seed: int,
    trust_code: bool,
) -> None:
    """Make inputs that excite units of the model folder MODEL, and print the path of the page (or picture, if .png).

    Images, rows of a table, series or texts, each with its evidence. Rows stay within the range of real ones.

    Views: units; an atlas of every channel of a layer, to be searched; units by depth; a unit with no constraint, each
    and all; units over the epochs that `xai train --keep-weights` kept; kernels and feature maps of one image; a grid
    of what a layer sees in one image, place by place.
    """
    from xai.base.files import check_writable
    from xai.reports.page import Report
    from xai.reports.views import plan_views

    views = tuple(dict.fromkeys(views or ("units",)))
    _check(views, layers, channels, class_name, minimize, image, output)
    check_writable(output)
    loaded = load_model(model, trust_code)
    if _is_picture(output) and loaded.input.drawing != "map":
        raise click.UsageError(f"a picture (.png) holds images, and {loaded.name} takes {loaded.input.kind} inputs")
    real = _real(loaded, model, data, size)
    settings: VisualizeSettings = {"steps": steps, "size": size, "seed": seed}
    planned = plan_views(
        loaded, model, views, layers=layers, channels=channels, class_name=class_name, minimize=minimize, image=image,
        real=real, bounds=bounds, features=_features(loaded, features, trust_code), **settings,
    )  # fmt: skip
    say_cost(loaded, (), 0, sum(view.inputs for view in planned), steps, size)
    if _is_picture(output):
        from xai.plots.pictures import units_picture
        from xai.reports.unit_choice import choose_units, visualize_groups

        units = choose_units(loaded, layers, channels, class_name, minimize)
        groups = visualize_groups(loaded, units, real=real and real[0], **settings)
        say(units_picture(loaded.input, groups.values(), output))
        return
    title = "what its units look for" if views == ("units",) else "views of its units"
    say(Report(f"{loaded.name}: {title}", [view.section() for view in planned]).save(output))


def _check(
    views: tuple[str, ...],
    layers: tuple[str, ...],
    channels: tuple[int, ...],
    class_name: str | None,
    minimize: bool,
    image: str | None,
    output: str,
) -> None:
    """Raise UsageError for options that do not go together."""
    if channels and len(layers) != 1:
        raise click.UsageError("--channel needs exactly one --layer")
    if class_name is not None and layers:
        raise click.UsageError("--class and --layer exclude each other")
    if "atlas" in views and len(layers) != 1:
        raise click.UsageError("--view atlas needs exactly one --layer")
    if bool(OF_AN_IMAGE & set(views)) != (image is not None):
        raise click.UsageError("--view maps and --view grid need --input, and --input needs one of them")
    if "grid" in views and len(layers) > 1:
        raise click.UsageError("--view grid takes one --layer")
    if class_name is not None and "depth" in views:
        raise click.UsageError("--view depth shows layers, not a --class")
    if (class_name is not None or minimize or channels) and set(views) <= OF_AN_IMAGE:
        raise click.UsageError("--class, --channel and --minimize choose units, which maps and grid do not show")
    if _is_picture(output) and views != ("units",):
        raise click.UsageError("a picture (.png) holds units alone: write other views as a page")


def _features(model: Model, features: str, trust_code: bool) -> Model | str | None:
    """Return what sees how alike images are; other inputs have no such test."""
    if model.input.drawing != "map" or features == "none":
        return None
    return features if features == "edges" else load_model(features, trust_code)


def _is_picture(output: str) -> bool:
    return Path(output).suffix.lower() == ".png"


def _real(model: Model, folder: str, data: str | None, size: int | None) -> tuple[Tensor, str] | None:
    """Return what to compare with: images only where they are as large as those that are made."""
    from xai.cli.real_inputs import real_inputs

    other = model.input.drawing == "map" and model.input.shape is not None and size not in (None, model.input.shape[1])
    return None if other and data is None else real_inputs(model, folder, data, size)
