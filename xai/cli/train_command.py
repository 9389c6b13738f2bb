"""`xai train`: train a reference network and write its model folder."""

from __future__ import annotations

import click

from xai.cli.options import recipes, seed_option


@click.command("train")
@click.argument("recipe")
@click.option("-o", "--output", default=None, help="The model folder.  [default: runs/RECIPE]")
@click.option(
    "--epochs", default=None, type=click.IntRange(min=1), help="Passes over the data, as the recipe says by default."
)
@seed_option
def command(recipe: str, output: str | None, epochs: int | None, seed: int) -> None:
    """Train RECIPE (see `xai list recipes`) and print the path of its model folder."""
    click.echo(recipes().train_recipe(recipe, output or f"runs/{recipe}", seed=seed, epochs=epochs))
