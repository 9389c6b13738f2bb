"""Replicas of a model folder: the network of its recipe, trained with other seeds."""

from __future__ import annotations

from pathlib import Path

import click

from xai.cli.options import recipes
from xai.cli.output import tell

__all__ = ["train_replicas"]

SAME = ("recipe", "digest", "epochs", "rows")  # what a replica shares with the folder that it repeats


def train_replicas(folder: str, other: str, count: int) -> list[str]:
    """Return so many folders beside one, FOLDER-seed-N, each trained as it was, with a seed of its own.

    What was trained before is taken. The seeds of the folder itself and of the one that it is compared with are left
    out: a replica with the weights of either would say that there is no noise.
    """
    if not count:
        return []
    from xai.model.folder import read_description

    table, description = recipes(), read_description(folder)
    origin = dict(description.origin)
    name = str(origin.get("recipe", ""))
    if name not in table.RECIPES or description.factory != table.RECIPES[name].factory:
        wanted = "a model folder that `xai train` made; hand over replicas with --replica"
        raise click.ClickException(f"compare: --retrain: expected {wanted}, got {folder}")
    if not table.is_current(origin):
        wanted = f"one trained as {name} is today (`xai train {name}` makes it anew)"
        raise click.ClickException(f"compare: --retrain: expected {wanted}, got {folder}")
    beside = dict(read_description(other).origin)
    taken = {int(facts.get("seed", -1)) for facts in (origin, beside) if facts.get("recipe") == name}
    seeds = [seed for seed in range(count + len(taken) + 1) if seed not in taken][:count]
    settings = {key: origin.get(key) for key in ("epochs", "rows")}
    missing = [seed for seed in seeds if not _there(_replica_folder(folder, seed), {**origin, "seed": seed})]
    if missing:
        message = f"training {len(missing)} of {count} replicas of {folder}; one is {table.RECIPES[name].description}"
        tell(message, err=True)
    for seed in missing:
        tell(table.train_recipe(name, _replica_folder(folder, seed), seed=seed, **settings), err=True)
    return [_replica_folder(folder, seed) for seed in seeds]


def _replica_folder(folder: str, seed: int) -> str:
    path = Path(folder) if Path(folder).name else Path(folder).resolve()  # "." has no name of its own
    return str(path.with_name(f"{path.name}-seed-{seed}"))


def _there(folder: str, origin: dict) -> bool:
    """Say whether a folder holds that replica; raises a usage error where it holds something else."""
    from xai.model.folder import read_description

    if not Path(folder, "model.toml").is_file():
        return False
    found = read_description(folder).origin
    if any(found.get(key) != origin.get(key) for key in (*SAME, "seed")):
        raise click.ClickException(f"compare: --retrain: expected a replica or nothing at {folder}, got another model")
    return True
