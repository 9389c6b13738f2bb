"""The model card in model.toml: fields that are checked, folders of before there were cards, and a file of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from xai.base.errors import FolderError, InputError
from xai.model.card import UNWRITTEN, ModelCard, read_card, read_card_file
from xai.model.folder import load, save_model
from xai.model.model import Model

CARD = {"intended_use": 'To sort "mail".', "data": "10,000 letters.\nOf 1998.", "limits": ["Not of children.", "ü"]}


def saved(folder: Path, card: object = None) -> str:
    """Return the model.toml of a small model with a card."""
    model = Model(nn.Linear(2, 2), card=card)
    save_model(model, folder, factory="torch.nn:Linear", arguments={"in_features": 2, "out_features": 2})
    return (folder / "model.toml").read_text()


def test_a_card_comes_back_as_it_was_given(tmp_path: Path) -> None:
    text = saved(tmp_path, CARD)
    assert "[card]" in text
    assert UNWRITTEN not in text
    assert load(tmp_path).card == ModelCard(**CARD)
    assert load(tmp_path).card.out_of_scope == ""
    assert saved(tmp_path, load(tmp_path).card).partition("[card]")[2] == text.partition("[card]")[2]


def test_a_folder_without_a_card_loads_and_says_what_could_stand_there(tmp_path: Path) -> None:
    text = saved(tmp_path, {"intended_use": "", "limits": []})  # as `xai init` writes it
    assert "\n[card]" not in text
    assert load(tmp_path).card == ModelCard()
    (tmp_path / "model.toml").write_text(text.removesuffix(UNWRITTEN))  # of before there were cards
    assert load(tmp_path).card == ModelCard()
    lines = UNWRITTEN.splitlines()[2:]
    (tmp_path / "model.toml").write_text(text + "\n".join(line.removeprefix("# ") for line in lines))
    assert all(getattr(load(tmp_path).card, name) for name in ModelCard.__struct_fields__)


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ('[card]\nuse = "mail"\n', "unknown field `use`"),
        ('[card]\nlimits = "none"\n', "Expected `array`, got `str`"),
        ("[card]\nintended_use = 3\n", "Expected `str`, got `int`"),
    ],
)
def test_a_wrong_card_is_refused_by_name(tmp_path: Path, card: str, says: str) -> None:
    (tmp_path / "model.toml").write_text(saved(tmp_path) + card)
    with pytest.raises(FolderError, match=says):
        load(tmp_path)
    (tmp_path / "card.toml").write_text(card.removeprefix("[card]\n"))
    with pytest.raises(FolderError, match=says):
        read_card_file(tmp_path / "card.toml")


def test_a_card_of_a_script_is_checked_too() -> None:
    with pytest.raises(InputError, match="unknown field `use`"):
        Model(nn.Linear(2, 2), card={"use": "mail"})
    with pytest.raises(InputError, match="a dict of intended_use, out_of_scope, data, limits"):
        read_card("To sort mail.")  # ty: ignore[invalid-argument-type]
    with pytest.raises(FolderError, match="no file at"):
        read_card_file("nowhere.toml")
