"""Reference networks by name: data, network and training in one line each."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

import msgspec
import torch
from torch import nn

from models.datasets import Dataset
from models.datasets.tables import categories_of
from models.heads import find_head
from models.recipe_table import RECIPES, Recipe
from models.scoring import accuracy
from models.training import Extras, seeded, train
from xai.base.arguments import whole_number
from xai.base.errors import InputError, names_errors
from xai.base.files import check_writable, write_atomically
from xai.inputs.text import TextInput
from xai.model.folder import save_model
from xai.model.model import Model

__all__ = ["RECIPES", "Recipe", "is_current", "load_data", "subset", "train_recipe"]

CHECKPOINT, CURVES, KEPT = "checkpoint.safetensors", "training.json", "epochs"

# Arguments of a factory that follow from the data.
FROM_DATA: dict[str, Callable[[Dataset], object]] = {
    "inputs": lambda data: data.train_inputs.shape[-1],
    "categories": lambda data: categories_of(data.input),
    "words": lambda data: len(TextInput.of(data.input).vocabulary) + 2,
    "symbols": lambda data: len(TextInput.of(data.input).vocabulary) + 2,
    "classes": lambda data: len(data.classes),
}


def load_data(name: str) -> Dataset:
    """Return the data of a recipe."""
    return _function(_recipe(name).data)()


@names_errors("train_recipe")
def train_recipe(
    name: str,
    folder: str | Path,
    *,
    seed: int = 0,
    epochs: int | None = None,
    rows: int | None = None,
    keep_weights: bool = False,
) -> Path:
    """Train a recipe and write its model folder; returns the folder.

    The folder gets the model, the curves (training.json) and, with keep_weights, the weights after each epoch. A run
    that was killed left a checkpoint there: the same call goes on from its last whole epoch, to the same weights as
    without the break. rows: use only so many rows of the training and of the test part, to try a recipe out.
    Raises InputError with the known names for an unknown recipe, and for a checkpoint of other settings.
    """
    recipe, folder = _recipe(name), Path(folder)
    seed, epochs = whole_number("seed", seed), recipe.epochs if epochs is None else epochs
    check_writable(folder / "model.toml")
    data = load_data(name)
    rows = None if rows is None else whole_number("rows", rows, 1)
    data = data if rows is None else subset(data, rows)
    arguments = {**recipe.arguments, **{argument: FROM_DATA[argument](data) for argument in recipe.from_data}}
    with seeded(seed):
        network = _function(recipe.factory)(**arguments)
    settings = {
        "optimizer": recipe.optimizer,
        "learning_rate": recipe.learning_rate,
        "schedule": recipe.schedule,
        "epochs": whole_number("epochs", epochs, 1),
        "batch_size": recipe.batch_size,
        "validation": recipe.validation,
        "clip": recipe.clip,
        "seed": seed,
    }
    curves = train(
        network,
        data,
        task=recipe.task,
        extras=_extras(recipe, network),
        checkpoint=folder / CHECKPOINT,
        recipe=recipe.digest(),
        keep=folder / KEPT if keep_weights else None,
        **settings,
    )
    reached = {f"test_{find_head(recipe.task).metric}": round(accuracy(network, data, recipe.task), 4)}
    # Each step of a written sequence is one of many.
    task = "classification" if recipe.task == "sequence" else recipe.task
    model = Model(network, task=task, output="logits", classes=data.classes, input=data.input, name=name)
    extras = {"rows": rows, **{name: path for name, (path, _) in recipe.extras.items()}}
    origin = {"recipe": name, "digest": recipe.digest(), "data": data.name, **reached, **settings, **extras}
    write_atomically(folder / CURVES, msgspec.json.format(msgspec.json.encode(asdict(curves))))
    save_model(
        model,
        folder,
        factory=recipe.factory,
        arguments=arguments,
        origin={key: value for key, value in origin.items() if value is not None},
    )
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return folder


def is_current(origin: Mapping[str, object]) -> bool:
    """Say whether a model folder's origin names a recipe with the settings that this recipe has today.

    >>> is_current({"recipe": "mnist-cnn", "digest": RECIPES["mnist-cnn"].digest()})
    True
    >>> is_current({"recipe": "mnist-cnn", "digest": "of other settings"})
    False
    """
    recipe = RECIPES.get(str(origin.get("recipe")))
    return recipe is not None and origin.get("digest") == recipe.digest()


@names_errors("subset")
def subset(data: Dataset, rows: int, seed: int = 0) -> Dataset:
    """Return so many rows, drawn at random, of the training and of the test part of a data set, or all there are."""
    rows = whole_number("rows", rows, 1)
    generator = torch.Generator().manual_seed(seed)
    chosen = {}
    for part in ("train", "test"):
        indices = torch.randperm(len(getattr(data, f"{part}_inputs")), generator=generator)[:rows]
        for field in ("inputs", "labels", "groups", "lengths"):
            values = getattr(data, f"{part}_{field}", None)
            if values is not None:
                chosen[f"{part}_{field}"] = values[indices]
    return replace(data, **chosen)


def _recipe(name: str) -> Recipe:
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=3, cutoff=0.6)
        known = f"one of {', '.join(RECIPES)}"
        wanted = f"{known} (perhaps {near[0]})" if near else known
        raise InputError("recipe", expected=wanted, got=repr(name), operation="train")
    return RECIPES[name]


def _extras(recipe: Recipe, network: nn.Module) -> Extras:
    """Return what a recipe names beside descending; a stopping rule is given the network, to keep its best weights."""
    made = {}
    for name, (path, arguments) in recipe.extras.items():
        settings = {"network": network, **arguments} if name == "stopping" else arguments
        made[name] = _function(path)(**settings)
    return Extras(**made)


def _function(path: str) -> Callable:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
