"""Recipes: every one trains for an epoch on a few rows, and its folder loads as a model."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import models.recipes
from models.datasets import Dataset
from models.recipes import RECIPES, is_current, load_data, subset, train_recipe
from models.scoring import accuracy
from xai.base.errors import InputError, NetworkError
from xai.model.folder import load, read_description

cached = cache(load_data)


@pytest.fixture(autouse=True)
def _read_data_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.recipes, "load_data", cached)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_and_its_folder_loads(name: str, tmp_path: Path) -> None:
    folder = train_recipe(name, tmp_path / name, epochs=1, rows=40)
    assert sorted(path.name for path in folder.iterdir()) == ["model.toml", "training.json", "weights.safetensors"]
    curves = json.loads((folder / "training.json").read_text())
    assert len(curves["train_loss"]) == 1
    model = load(folder)
    data, recipe = cached(name), RECIPES[name]
    assert model.input == data.input
    assert model.classes == list(data.classes)
    origin = read_description(folder).origin
    assert origin["recipe"] == name
    assert ("test_r2" if recipe.task == "regression" else "test_accuracy") in origin
    if recipe.task == "sequence":
        with pytest.raises(NetworkError, match="scores of shape"):  # one answer per step, not one
            model.predict(data.test_inputs[:2])
        assert model.network(data.test_inputs[:2]).shape[2] == len(data.classes)
        return
    prediction = model.predict(data.test_inputs[:3])
    assert prediction.shape == (3, len(data.classes))
    assert torch.isfinite(prediction).all()


@pytest.mark.parametrize("name", RECIPES)
def test_a_description_says_what_was_reached_and_how_long_it_took(name: str) -> None:
    description = RECIPES[name].description
    assert re.search(r"\d %|R2 0\.\d\d", description), description
    assert re.search(r"\d s\b|\d min\b", description), description


def test_the_accuracy_of_a_folder_can_be_measured_again(tmp_path: Path) -> None:
    folder = train_recipe("breast-cancer-dense", tmp_path / "model")
    data = cached("breast-cancer-dense")
    right = load(folder).predict(data.test_inputs).argmax(1) == data.test_labels
    assert right.double().mean().item() == pytest.approx(read_description(folder).origin["test_accuracy"], abs=1e-4)
    assert right.double().mean() > 0.93


def test_a_regression_answers_in_its_labels_units(tmp_path: Path) -> None:
    folder = train_recipe("diabetes-dense", tmp_path / "model", epochs=10)
    values = load(folder).predict(cached("diabetes-dense").test_inputs)
    assert 100 < float(values.mean()) < 200


def test_epochs_can_be_kept(tmp_path: Path) -> None:
    folder = train_recipe("german-credit-dense", tmp_path / "model", epochs=2, keep_weights=True)
    kept = sorted((folder / "epochs").iterdir())
    assert len(kept) == 2
    last, final = load_file(kept[1]), load_file(folder / "weights.safetensors")
    assert all(torch.equal(last[name], final[name]) for name in final)


def test_any_kind_of_whole_number_is_one(tmp_path: Path) -> None:
    """NumPy's integers too; both the checkpoint's JSON and the folder's TOML hold plain ones."""
    numbers = {"seed": np.int64(1), "epochs": np.int32(1), "rows": np.uint8(40)}
    origin = read_description(train_recipe("german-credit-dense", tmp_path / "a", **numbers)).origin
    plain = read_description(train_recipe("german-credit-dense", tmp_path / "b", seed=1, epochs=1, rows=40)).origin
    assert origin == plain
    assert (origin["seed"], origin["epochs"], origin["rows"]) == (1, 1, 40)


def test_a_recipe_with_other_settings_is_another_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finished folder says so, and a checkpoint is not gone on from; the description alone changes nothing."""
    recipe = RECIPES["german-credit-dense"]
    folder = train_recipe("german-credit-dense", tmp_path / "model", epochs=1, rows=40)
    assert is_current(read_description(folder).origin)
    assert replace(recipe, description="in other words").digest() == recipe.digest()
    changed = replace(recipe, arguments={**recipe.arguments, "dropout": 0.4})  # weights of the same shapes

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(models.recipes, "accuracy", killed)
        with pytest.raises(KeyboardInterrupt):
            train_recipe("german-credit-dense", folder, epochs=1, rows=40)
    assert (folder / "checkpoint.safetensors").exists()
    monkeypatch.setitem(RECIPES, "german-credit-dense", changed)
    assert not is_current(read_description(folder).origin)
    with pytest.raises(InputError, match=f"expected recipe = '{recipe.digest()}' as in .*; delete that file"):
        train_recipe("german-credit-dense", folder, epochs=1, rows=40)
    assert not is_current({"recipe": "no-longer-there", "digest": recipe.digest()})


CHILD = """
import sys, torch
torch.set_num_threads(1)
from models.recipes import train_recipe
train_recipe("german-credit-dense", sys.argv[1], epochs=60)
"""


def test_a_killed_recipe_goes_on(tmp_path: Path) -> None:
    """The same call after kill -9 ends with the weights of a run that nobody killed, and leaves no checkpoint."""
    root, folder = Path(__file__).parents[2], tmp_path / "model"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], cwd=root, env={**os.environ})
    try:
        while not (folder / "checkpoint.safetensors").exists() and child.poll() is None:
            time.sleep(0.01)
        time.sleep(0.1)
    finally:
        child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not (folder / "model.toml").exists()
    train_recipe("german-credit-dense", folder, epochs=60)
    whole = train_recipe("german-credit-dense", tmp_path / "whole", epochs=60)
    assert load(folder).digest() == load(whole).digest()
    assert (folder / "training.json").read_text() == (whole / "training.json").read_text()
    assert not (folder / "checkpoint.safetensors").exists()


def test_whole_words_under_teacher_forcing_are_the_words_that_it_writes() -> None:
    """Every symbol right given the right ones before is the same as the word right when it writes alone."""
    from models.heads import HEADS
    from models.networks.seq2seq import encoder_decoder
    from models.training import train

    data = subset(cached("spelling-attention"), 60)
    network = encoder_decoder(29, 41, hidden=32, embedding=16)
    train(network, data, task="sequence", epochs=60, batch_size=20, learning_rate=0.02, validation=0.0)
    own = Dataset(**{**vars(data), "test_inputs": data.train_inputs, "test_labels": data.train_labels[:, None]})
    written = accuracy(network, own, "sequence")
    with torch.no_grad():
        forced = HEADS["sequence"].score(network(data.train_inputs, data.train_labels), data.train_labels)
    assert written == pytest.approx(float(forced.double().mean()))
    assert written > 0.5


def test_a_subset_is_drawn_from_both_parts() -> None:
    data = subset(cached("reviews-gru"), 50)
    assert len(data.train_inputs) == len(data.test_inputs) == len(data.train_lengths) == 50
    assert torch.equal(data.train_lengths, (data.train_inputs != 0).sum(1))
    for rows in (0, -1, True, 1.5):
        with pytest.raises(InputError, match="rows: expected a whole number from 1"):
            subset(data, rows)


def test_an_unknown_recipe_lists_what_exists(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"recipe: expected one of mnist-cnn, .*perhaps mnist-cnn\), got 'mnist_cnn'"):
        train_recipe("mnist_cnn", tmp_path)
    with pytest.raises(InputError, match="spelling-attention, got 'nothing'"):
        load_data("nothing")


def test_a_recipe_names_its_extras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by "module:function" and arguments; a stopping rule is given the network."""
    extras = {
        "augment": ("models.regularizers.augmentation:augmentation", {"shift": 1.0}),
        "stopping": ("tests.models.small:Patient", {"at": 1}),
    }
    recipe = replace(RECIPES["digits-cnn"], extras=extras)
    monkeypatch.setitem(RECIPES, "digits-jittered", recipe)
    folder = train_recipe("digits-jittered", tmp_path / "model", epochs=5, rows=40)
    assert len(json.loads((folder / "training.json").read_text())["train_loss"]) == 2
    origin = read_description(folder).origin
    assert origin["augment"] == "models.regularizers.augmentation:augmentation"
    assert origin["stopping"] == "tests.models.small:Patient"
