"""`xai visualize`: images that excite a model's units."""

from __future__ import annotations

import click

from xai.cli.options import load_model, output_option, recipe_data, say_cost, seed_option, trust_option


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
@click.option("--size", default=None, type=click.IntRange(min=4), help="Side of the images.  [default: the model's]")
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
    output: str,
    seed: int,
    trust_code: bool,
) -> None:
    """Make images that excite units of the model folder MODEL, and print the path of the page (or picture, if .png)."""
    from xai.core.files import check_writable
    from xai.render.units_report import choose_units, units_report

    if channels and len(layers) != 1:
        raise click.UsageError("--channel needs exactly one --layer")
    if class_name is not None and layers:
        raise click.UsageError("--class and --layer exclude each other")
    check_writable(output, "visualize")
    loaded = load_model(model, trust_code)
    groups = choose_units(loaded, layers, channels, class_name, minimize)
    say_cost(loaded, (), 0, sum(map(len, groups.values())), steps)
    data = recipe_data(model)
    real = None if data is None or size not in (None, data.images.shape[2]) else data
    click.echo(units_report(loaded, groups, output, real=real, steps=steps, size=size, seed=seed))
