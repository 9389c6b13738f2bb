"""What a model folder may name without being trusted, and folders that try to run code: none does."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from models.factories import FACTORIES, WRAPPERS
from models.recipe_table import RECIPES
from tests import optional
from tests.model.hostile_folders import HEAD, HOSTILE, filled, toml
from xai.base.errors import FolderError
from xai.model.factory import build_network
from xai.model.folder import load, save_model
from xai.model.model import Model

ROOT = Path(__file__).parents[2]
with contextlib.suppress(pytest.skip.Exception):  # before the current folder has packages of these names
    optional.timm()


WATCHED: list[str] = []
RUNS = ("os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess.Popen", "socket.connect", "pickle.find_class")


def _watch(event: str, details: tuple) -> None:
    if WATCHED and event in RUNS:
        WATCHED.append(event)
    if WATCHED and event == "exec" and WATCHED[0] in str(details[0].co_filename):
        WATCHED.append(f"exec of {details[0].co_filename}")


sys.addaudithook(_watch)


def describe(here: Path, factory: str, arguments: dict[str, object]) -> Path:
    lines = [f"factory = {toml(factory)}", HEAD, "[arguments]"]
    lines += [f"{key} = {toml(value)}" for key, value in arguments.items()]
    (here / "model/model.toml").write_text("\n".join(lines))
    return here / "model"


@pytest.mark.parametrize(("factory", "arguments"), HOSTILE, ids=lambda value: str(value)[:60])
def test_a_hostile_folder_runs_nothing(here: Path, factory: str, arguments: dict[str, object]) -> None:
    mark = here.parent / "mark"
    folder = describe(here, filled(factory, mark, here), filled(arguments, mark, here))
    known, path = set(sys.modules), list(sys.path)
    WATCHED.append(str(here))
    try:
        with pytest.raises(FolderError) as caught:
            load(folder)
    finally:
        events = list(WATCHED)
        WATCHED.clear()
    assert not mark.exists()
    assert events == [str(here)]
    assert "weights.safetensors" not in str(
        caught.value
    )  # refused for what it names, before its weights are looked for
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1500
    assert not {name for name in set(sys.modules) - known if name.partition(".")[0] in ("evil", "helpers", "model")}
    assert sys.path == path


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 120


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("os:system", r"would run system of os \(.*os\.py\)"),
        ("network.py:build", r"would run build of network\.py \(.*model/network\.py\)"),
        ("evil:build", r"would run build of evil \(.*here/evil\.py\)"),
        ("sys:exit", r"would run exit of sys \(a module of Python itself\)"),
        ("nowhere:Net", r"would run Net of nowhere \(a module that is not installed\)"),
    ],
)
def test_what_would_run_is_said(here: Path, factory: str, said: str) -> None:
    with pytest.raises(FolderError, match=rf"--trust-code \(trust_code=True\), which {said}"):
        load(describe(here, factory, {}))


@pytest.mark.parametrize("factory", ["network.py:build", "evil:build", "evil:Net", "helpers.inner:Net"])
def test_with_trust_the_same_folders_run(here: Path, factory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the table above would hold for folders that cannot run."""
    folder = save_model(Model(nn.Linear(2, 2)), here / "model", factory=factory)
    for name in ("evil", "helpers", "helpers.inner"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert load(folder, trust_code=True).network.in_features == 2
    assert (here.parent / "mark").exists()
    for name in ("evil", "helpers", "helpers.inner"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("factory", "arguments"),
    [
        ("torch.nn:Linear", {"in_features": 2, "out_features": 3}),
        ("torch.nn.modules.linear:Linear", {"in_features": 2, "out_features": 3, "bias": False}),
        ("torch.nn:Conv2d", {"in_channels": 1, "out_channels": 2, "kernel_size": [3, 1], "padding": "same"}),
        ("torch.nn:GRU", {"input_size": 2, "hidden_size": 3, "bidirectional": True, "batch_first": True}),
        ("torch.nn:TransformerEncoderLayer", {"d_model": 4, "nhead": 2, "dropout": 0, "activation": "gelu"}),
        ("models.networks.neuron:Neuron", {}),
    ],
)
def test_module_classes_need_no_trust(tmp_path: Path, factory: str, arguments: dict[str, object]) -> None:
    network = build_network(None, factory, arguments, False)
    folder = save_model(Model(network), tmp_path, factory=factory, arguments=arguments)
    assert load(folder).digest() == Model(network).digest()


@pytest.mark.parametrize(
    ("factory", "arguments"),
    [
        ("torchvision.models:squeezenet1_1", {"num_classes": 3}),
        ("torchvision.models:shufflenet_v2_x0_5", {"num_classes": 3}),
        ("timm.models:test_vit", {"num_classes": 3, "img_size": 32}),
    ],
)
def test_listed_networks_need_no_trust(tmp_path: Path, factory: str, arguments: dict[str, object]) -> None:
    getattr(optional, factory.partition(".")[0])()
    network = build_network(None, factory, arguments, False)
    folder = save_model(Model(network), tmp_path, factory=factory, arguments=arguments)
    assert load(folder).digest() == Model(network).digest()
    text = (tmp_path / "model.toml").read_text()
    (tmp_path / "model.toml").write_text(text.replace("num_classes = 3", "pretrained = true"))
    with pytest.raises(FolderError, match="arguments: pretrained: expected none: weights come from the model folder"):
        load(folder)


def test_a_listed_network_that_another_package_added_needs_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = pytest.importorskip("timm").models._registry
    monkeypatch.setitem(registry._model_entrypoints, "squeeze", lambda **settings: nn.Linear(2, 2))
    with pytest.raises(FolderError, match="--trust-code"):
        build_network(None, "timm.models:squeeze", {}, False)


def test_each_recipe_names_a_factory_that_needs_no_trust() -> None:
    assert {recipe.factory for recipe in RECIPES.values()} <= FACTORIES
    for factory in FACTORIES | WRAPPERS:
        module, _, name = factory.partition(":")
        assert callable(
            getattr(sys.modules[module] if module in sys.modules else __import__(module, fromlist=[name]), name)
        )


USER = """
import sys, xai
first = {first}
if first: import models
model = xai.load("model")
import models
print(type(model.network).__module__, models.__file__, model.predict([[1.0]]).shape)
"""


@pytest.mark.parametrize("first", [False, True])
def test_a_users_models_folder_stays_theirs(tmp_path: Path, first: bool) -> None:
    """In the current folder and on the path, imported before or after: the network is ours, `import models` theirs."""
    (tmp_path / "models/networks").mkdir(parents=True)
    (tmp_path / "models/__init__.py").write_text("MINE = True")
    (tmp_path / "models/networks/__init__.py").write_text("raise RuntimeError('ran')")
    network = build_network(None, "models.networks.neuron:neuron", {}, False)
    save_model(Model(network, task="regression"), tmp_path / "model", factory="models.networks.neuron:neuron")
    done = subprocess.run(
        [sys.executable, "-c", USER.format(first=first)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:2] == ["models.networks.neuron", str(tmp_path / "models/__init__.py")]


def test_building_leaves_the_random_state_and_the_default_device() -> None:
    before = torch.get_rng_state()
    build_network(None, "torch.nn:Linear", {"in_features": 2, "out_features": 2}, False)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.zeros(1).device.type == "cpu"
