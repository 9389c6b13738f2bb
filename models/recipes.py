"""Reference networks by name: data, network and training in one line each."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.datasets import Dataset
from models.training import accuracy, seeded, train
from xai.core.errors import InputError, expected
from xai.core.folder import save_model
from xai.core.model import Model

__all__ = ["RECIPES", "Recipe", "load_data", "train_recipe"]


@dataclass(frozen=True)
class Recipe:
    """What `xai train NAME` does. data and factory are "module:function"; the description says what it reaches."""

    description: str
    data: str
    factory: str
    arguments: dict[str, object]
    task: str = "classification"
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "constant"
    epochs: int = 10
    batch_size: int = 64


RECIPES: dict[str, Recipe] = {
    "mnist-cnn": Recipe(
        description="CNN on 4,000 MNIST digits, 98 % of 1,000 held-out digits right, 10 s on 2 cores",
        data="models.datasets.mnist:mnist",
        factory="models.networks.convolutional:convolutional",
        arguments={"shape": [1, 28, 28], "classes": 10, "channels": [16, 32, 32]},
        learning_rate=5e-3,
        schedule="one-cycle",
        epochs=12,
    ),
}


def load_data(name: str) -> Dataset:
    """Return the data of a recipe."""
    return _function(_recipe(name).data)()


def train_recipe(name: str, folder: str | Path, *, seed: int = 0, epochs: int | None = None) -> Path:
    """Train a recipe and write its model folder; returns the folder.

    Raises InputError with the known names for an unknown recipe.
    """
    recipe = _recipe(name)
    data = load_data(name)
    with seeded(seed):
        network = _function(recipe.factory)(**recipe.arguments)
    settings = {
        "optimizer": recipe.optimizer,
        "learning_rate": recipe.learning_rate,
        "schedule": recipe.schedule,
        "epochs": recipe.epochs if epochs is None else epochs,
        "batch_size": recipe.batch_size,
        "seed": seed,
    }
    train(network, data, task=recipe.task, **settings)
    reached = round(accuracy(network, data, recipe.task), 4)
    model = Model(network, task=recipe.task, output="logits", classes=data.classes, input=data.input, name=name)
    origin = {"recipe": name, "data": data.name, "test_accuracy": reached, **settings}
    return save_model(model, folder, factory=recipe.factory, arguments=recipe.arguments, origin=origin)


def _recipe(name: str) -> Recipe:
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=3, cutoff=0.3) or list(RECIPES)
        raise InputError(expected("train", "recipe", f"one of {', '.join(near)}", repr(name)))
    return RECIPES[name]


def _function(path: str) -> Callable:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
