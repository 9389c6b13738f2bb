"""The model folder: round trips, users' own networks, and every way in which it can be wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from models.networks.convolutional import convolutional
from xai.base.errors import FolderError, XaiError
from xai.inputs.image import ImageInput
from xai.model.folder import load, save_model
from xai.model.model import Model

FACTORY = "models.networks.convolutional:convolutional"
ARGUMENTS = {"shape": [1, 8, 8], "classes": 3, "channels": [2, 3], "hidden": 4}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = Model(convolutional(**ARGUMENTS), classes=["a", "b", "c"], input=ImageInput((1, 8, 8)), name="small")
    return save_model(
        model, tmp_path / "small", factory=FACTORY, arguments=ARGUMENTS, origin={"note": "made by a test"}
    )


def test_round_trip(folder: Path) -> None:
    first, second = load(folder), load(folder)
    assert first.digest() == second.digest()
    assert first.classes == ["a", "b", "c"]
    assert first.name == "small"
    assert not first.network.training
    assert sorted(path.name for path in folder.iterdir()) == ["model.toml", "weights.safetensors"]


def test_loading_leaves_the_random_state(folder: Path) -> None:
    before = torch.get_rng_state()
    load(folder)
    assert torch.equal(before, torch.get_rng_state())


NETWORK = """
from torch import nn

class Own(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Linear(4, width)
        self.second = nn.Linear(width, 4)
        self.tied = self.first

    def forward(self, x):
        return self.second(self.tied(x).relu())

def build(width):
    return Own(width)
"""


def test_a_users_own_network_file(tmp_path: Path) -> None:
    """A file named like a package, tied weights, code that is only run when it is trusted, nothing on sys.path."""
    (tmp_path / "models.py").write_text(NETWORK)
    namespace: dict = {}
    exec(NETWORK, namespace)
    save_model(Model(namespace["build"](5)), tmp_path, factory="models.py:build", arguments={"width": 5})
    path = list(sys.path)
    with pytest.raises(FolderError, match="--trust-code"):
        load(tmp_path)
    model = load(tmp_path, trust_code=True)
    assert sys.path == path
    assert model.network.tied is model.network.first
    assert model.predict(torch.zeros(1, 4)).shape == (1, 4)
    assert sys.modules["models"].__file__ != str(tmp_path / "models.py")


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("nowhere", "package.module:callable"),
        ("no_such_package:build", "module that is not installed"),
        ("models.recipes:nothing", "which would run nothing of models.recipes"),
        ("../outside.py:build", "a file inside"),
        ("missing.py:build", "a file inside"),
        ("network.py:other", "a callable named 'other'"),
    ],
)
def test_what_a_factory_may_not_be(folder: Path, factory: str, message: str) -> None:
    text = (folder / "model.toml").read_text().replace(FACTORY, factory)
    (folder / "model.toml").write_text(text)
    (folder / "network.py").write_text(NETWORK)
    with pytest.raises(FolderError, match=message):
        load(folder, trust_code=".py:" in factory)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("task = ", "tusk = "), "unknown field `tusk`|missing required field `task`"),
        (('task = "classification"', "task = 3"), "Expected `str`, got `int`"),
        (('task = "classification"', 'task = "guess"'), "one of classification"),
        (('kind = "image"', 'kind = "picture"'), "picture"),
        (("hidden = 4", "hidden = 5"), "hidden.bias: expected"),
        (("hidden = 4", 'hidden = "four"'), "to build a network"),
        (("hidden = 4", "no_such = 4"), "to build a network"),
        (('"a",', ""), "one output for each|classes"),
        (("factory", "factory factory"), "model.toml"),
        (("shape = [\n    1,\n    8,\n    8,\n]\n\n[origin]", "shape = [1, 8]\n[origin]"), "model.toml"),
    ],
)
def test_a_wrong_description_is_one_line(folder: Path, change: tuple[str, str], message: str) -> None:
    text = (folder / "model.toml").read_text()
    assert change[0] in text
    (folder / "model.toml").write_text(text.replace(*change))
    with pytest.raises(XaiError, match=message) as caught:
        load(folder).predict(torch.zeros(1, 1, 8, 8))
    assert "\n" not in str(caught.value)


def test_missing_parts(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="no folder at"):
        load(tmp_path / "nowhere")
    with pytest.raises(FolderError, match=r"model\.toml"):
        load(tmp_path)
    (folder / "weights.safetensors").unlink()
    with pytest.raises(FolderError, match="no file"):
        load(folder)


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", (10**9).to_bytes(8, "little") + b"{}"])
def test_damaged_weights(folder: Path, content: bytes) -> None:
    (folder / "weights.safetensors").write_bytes(content)
    with pytest.raises(FolderError, match="a safetensors file"):
        load(folder)


def without_digest(folder: Path) -> Path:
    """Make a folder take any weights, as one that was written by an older version does."""
    lines = (folder / "model.toml").read_text().splitlines(keepends=True)
    (folder / "model.toml").write_text("".join(line for line in lines if not line.startswith("weights_sha256")))
    return folder


def test_weights_that_do_not_fit(folder: Path) -> None:
    without_digest(folder)
    network = convolutional(**ARGUMENTS)
    state = dict(network.state_dict())
    huge = torch.full_like(state["conv1.weight"], 1e300, dtype=torch.float64)
    count = torch.tensor(2**63, dtype=torch.uint64)
    for change, message in (
        ({"more": torch.zeros(1)}, "1 unknown"),
        ({"conv1.weight": torch.zeros(1)}, "conv1.weight: expected"),
        ({"conv1.weight": torch.full_like(state["conv1.weight"], torch.nan)}, "finite weights"),
        ({"conv1.weight": torch.zeros_like(state["conv1.weight"], dtype=torch.int64)}, "float32, got torch.int64"),
        (
            {"conv1.weight": huge},
            "more than torch.float32",
        ),
        (
            {"norm1.num_batches_tracked": count},
            "whole numbers that torch.int64 holds",
        ),
        ({"conv1.bias": torch.zeros(2, dtype=torch.complex64)}, "float32, got torch.complex64"),
    ):
        save_file({**state, **change}, folder / "weights.safetensors")
        with pytest.raises(FolderError, match=message):
            load(folder)
    save_file({name: value for name, value in state.items() if name != "conv1.bias"}, folder / "weights.safetensors")
    with pytest.raises(FolderError, match="1 missing"):
        load(folder)


def test_a_module_class_is_a_factory(tmp_path: Path) -> None:
    arguments = {"in_features": 2, "out_features": 3}
    save_model(Model(nn.Linear(2, 3)), tmp_path, factory="torch.nn:Linear", arguments=arguments)
    assert load(tmp_path).predict(torch.zeros(1, 2)).shape == (1, 3)


def test_a_function_that_a_folder_cannot_hold_is_named(tmp_path: Path) -> None:
    model = Model(nn.Linear(2, 2), forward=lambda network, batch: network(batch).flip(1))
    with pytest.raises(FolderError, match="one with forward="):
        save_model(model, tmp_path / "folder", factory="torch.nn:Linear")
    assert not (tmp_path / "folder").exists()
