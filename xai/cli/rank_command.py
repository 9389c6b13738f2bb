"""`xai rank`: which method to trust on a model."""

from __future__ import annotations

import click

from xai.cli.options import load_model, seed_option, trust_option
from xai.cli.output import say_table, tell, wants_json


@click.command("rank")
@click.argument("model")
@click.argument("inputs", metavar="INPUTS...", nargs=-1)
@click.option("-m", "--method", "methods", multiple=True, help="A method of `xai list methods`.  [default: all]")
@click.option("--data", default=None, help="Inputs to explain: a folder of images by class, or a table.")
@click.option("--rows", default=10, show_default=True, type=click.IntRange(min=2), help="Rows of the data.")
@seed_option
@trust_option
def command(
    model: str,
    inputs: tuple[str, ...],
    methods: tuple[str, ...],
    data: str | None,
    rows: int,
    seed: int,
    trust_code: bool,
) -> None:
    """Put every method to the same checks on the model folder MODEL, and print which one to trust first.

    Rows are INPUTS, else those of --data, else those held out from the recipe that trained it, evenly spaced.
    """
    import torch

    from xai.base.errors import InputError
    from xai.cli.real_inputs import real_inputs
    from xai.evidence.rank import rank_methods

    loaded = load_model(model, trust_code)
    if inputs:
        batch = loaded.input.read(inputs)[0]
    else:
        found = real_inputs(loaded, model, data)
        if found is None:
            wanted = "files to explain, or --data"
            raise InputError("inputs", expected=wanted, got="none, and a folder that no recipe made", operation="rank")
        batch = found[0][torch.linspace(0, len(found[0]) - 1, min(rows, len(found[0]))).long()]
    ranking = rank_methods(loaded, batch, methods or None, seed=seed)
    frame = ranking.to_frame()
    cells = [[f"{value:.3g}" if isinstance(value, float) else str(value) for value in row] for row in frame.to_numpy()]
    say_table(frame.columns.tolist(), cells)
    if not wants_json():
        tell(ranking.reason)
