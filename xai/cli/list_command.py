"""`xai list`: what there is."""

from __future__ import annotations

import click

from xai.cli.options import load_model, recipes, trust_option
from xai.cli.output import say_table


@click.group("list")
def command() -> None:
    """List methods, checks, recipes, or a model's layers."""


@command.command("methods")
def methods() -> None:
    """The methods, with their labels and about how many passes of the network each takes."""
    from xai.methods import MODEL_METHODS, all_methods

    rows = [
        (
            name,
            spec.scope,
            spec.access,
            spec.stage,
            "yes" if spec.needs_gradient else "no",
            str(spec.passes),
            spec.summary,
        )
        for name, spec in (all_methods() | MODEL_METHODS).items()
    ]
    say_table(("method", "scope", "access", "stage", "gradient", "passes", "says"), rows)


@command.command("checks")
def checks() -> None:
    """The checks on an explanation, those on a model (`xai audit`), and the question each answers."""
    from xai.methods import CHECKS, COMPARISONS, MODEL_CHECKS

    rows: list[tuple[str, ...]] = [
        (name, spec.scope, spec.access, spec.stage, spec.question) for name, spec in CHECKS.items()
    ]
    rows += [(name, spec.scope, "", spec.stage, spec.question) for name, spec in MODEL_CHECKS.items()]
    rows += [(name, "compare", "", spec.stage, spec.question) for name, spec in COMPARISONS.items()]
    say_table(("check", "scope", "access", "stage", "question"), rows)


@command.command("recipes")
def list_recipes() -> None:
    """The reference networks that `xai train` makes."""
    rows = [(name, recipe.description) for name, recipe in recipes().RECIPES.items()]
    say_table(("recipe", "what it is"), rows)


@command.command("layers")
@click.argument("model")
@trust_option
def layers(model: str, trust_code: bool) -> None:
    """The layers of the model folder MODEL, in the order of the forward pass.

    "sees" is how many pixels, down x across, one position of the output depends on; "all" where it may be all of them,
    "-" where that is not known.
    """
    from xai.model.receptive_fields import receptive_fields

    loaded = load_model(model, trust_code)
    sees = receptive_fields(loaded)
    rows = [
        (
            layer.name,
            layer.kind,
            " x ".join(map(str, layer.shape)),
            _sees(sees.get(layer.name)),
            f"{layer.parameters:,}",
            str(layer.calls),
        )
        for layer in loaded.trace().layers
        if layer.leaf
    ]
    say_table(("layer", "kind", "output", "sees", "parameters", "calls"), rows)


def _sees(field: tuple[int | None, int | None] | None) -> str:
    if field is None:
        return "-"
    return "all" if None in field else " x ".join(map(str, field))
