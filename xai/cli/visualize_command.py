"""`xai visualize`: images that excite a model's units."""

from __future__ import annotations

import click

from xai.cli.options import load_model, output_option, recipe_data, say_cost, seed_option, trust_option

VIEWS = ("units", "atlas", "depth", "constraints", "emergence", "maps")


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
    "--size", default=None, type=click.IntRange(min=4, max=8192), help="Side of the images.  [default: the model's]"
)
@click.option(
    "--view",
    "views",
    multiple=True,
    type=click.Choice(VIEWS),
    help="What to show; repeat for several.  [default: units]",
)
@click.option("--image", default=None, help="A picture, for --view maps.")
@output_option("visualization.html")
@seed_option
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
    output: str,
    seed: int,
    trust_code: bool,
) -> None:
    """Make images that excite units of the model folder MODEL, and print the path of the page (or picture, if .png).

    Views: units; an atlas of every channel of a layer, to be searched; units by depth; a unit with no constraint, each
    and all; units over the epochs that `xai train --keep-weights` kept; kernels and feature maps of one image.
    """
    from xai.core.files import check_writable
    from xai.render.units_report import choose_units, units_report

    if channels and len(layers) != 1:
        raise click.UsageError("--channel needs exactly one --layer")
    if class_name is not None and layers:
        raise click.UsageError("--class and --layer exclude each other")
    if "atlas" in views and len(layers) != 1:
        raise click.UsageError("--view atlas needs exactly one --layer")
    if ("maps" in views) != (image is not None):
        raise click.UsageError("--view maps needs --image, and --image needs --view maps")
    check_writable(output, "visualize")
    loaded = load_model(model, trust_code)
    if set(views) - {"units"}:
        from xai.render.views_report import views_report

        data = recipe_data(model) if size is None else None
        settings = {"steps": steps, "size": size, "seed": seed}
        page = views_report(loaded, model, views, layers, channels, image, output, real=data, **settings)
        click.echo(page)
        return
    groups = choose_units(loaded, layers, channels, class_name, minimize)
    say_cost(loaded, (), 0, sum(map(len, groups.values())), steps)
    data = recipe_data(model)
    real = None if data is None or size not in (None, data.images.shape[2]) else data
    click.echo(units_report(loaded, groups, output, real=real, steps=steps, size=size, seed=seed))
