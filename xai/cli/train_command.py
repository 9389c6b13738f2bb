"""`xai train`: train a reference network and write its model folder."""

from __future__ import annotations

import click

from xai.cli.options import recipes, seed_option
from xai.cli.output import say, tell


@click.command("train")
@click.argument("recipe")
@click.option("-o", "--output", default=None, help="The model folder.  [default: runs/RECIPE]")
@click.option(
    "--epochs", default=None, type=click.IntRange(min=1), help="Passes over the data, as the recipe says by default."
)
@click.option(
    "--rows",
    default=None,
    type=click.IntRange(min=1),
    help="Learn from and test on so many rows alone, to try it.",
)
@click.option("--keep-weights", is_flag=True, help="Keep the weights after each epoch, in the folder's epochs/.")
@seed_option
def command(
    recipe: str, output: str | None, epochs: int | None, rows: int | None, keep_weights: bool, seed: int
) -> None:
    """Train RECIPE (see `xai list recipes`) and print the path of its model folder.

    A run that was interrupted goes on from its last whole epoch, to the weights that it would have had.
    """
    from xai.base.files import check_writable

    table, folder = recipes(), output or f"runs/{recipe}"
    check_writable(f"{folder}/model.toml")
    if recipe in table.RECIPES:
        tell(table.RECIPES[recipe].description, err=True)
    made = table.train_recipe(recipe, folder, seed=seed, epochs=epochs, rows=rows, keep_weights=keep_weights)
    say(made)
