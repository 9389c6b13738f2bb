"""Files of explanations and summaries with entries of another kind are named, never a bare error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import nn

import xai
from tests.zoo import ZOO, images
from xai.base.errors import FolderError, InputError
from xai.base.tensor_file import open_tensors
from xai.lime.training_summary import TrainingSummary
from xai.results.explanation import Explanation

ODD: list[object] = [None, True, -1, 2.5, "x", "\ud800", [], {}, [[]], {"a": 1}, [None], [[1, 2]], 10**30]


def spoiled(plain: dict[str, object]) -> list[tuple[str, object]]:
    """Return the data with one entry gone or of another kind, at the top and one level below."""
    made = []
    for name, value in plain.items():
        made.append((f"no {name}", {key: item for key, item in plain.items() if key != name}))
        made += [(f"{name} = {odd!r}", {**plain, name: odd}) for odd in ODD]
        if isinstance(value, dict):
            made += [(f"{name}.{key} = {odd!r}", {**plain, name: {**value, key: odd}}) for key in value for odd in ODD]
        if isinstance(value, list) and value:
            made += [(f"{name}[0] = {odd!r}", {**plain, name: [odd, *value[1:]]}) for odd in ODD]
    return [*made, ("one more", {**plain, "more": 1})]


def test_an_explanation_with_one_entry_of_another_kind(tmp_path: Path) -> None:
    """It loads as an explanation that can be used, or is refused by name."""
    model = ZOO["plain"]()
    made = xai.verify(model, xai.saliency(model, images(2)), ["deletion"])
    tensors = {"inputs": made.inputs, "prediction": made.prediction, "values": made.values}
    made.save(tmp_path / "good")
    with open_tensors(tmp_path / "good") as file:
        plain = json.loads(file.metadata["explanation"])
    refused = 0
    within = plain["evidence"][0][0]
    inner = [("", {**plain, "evidence": [[item], plain["evidence"][1]]}) for _, item in spoiled(within)]
    for _, changed in [*spoiled(plain), *inner]:
        (tmp_path / "bad").write_bytes(save(tensors, {"explanation": json.dumps(changed)}))
        try:
            loaded = Explanation.load(tmp_path / "bad")
        except FolderError:
            refused += 1
        else:
            assert len(loaded) == 2
            assert len(loaded[1].target) == 1
            repr(loaded)
    assert refused > 150


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": None}, {"values": None}, {"prediction": None}, {"values": torch.zeros(3, 2)},
        {"prediction": torch.zeros(1, 2)}, {"inputs": torch.tensor(1.0)}, {"segments": torch.zeros(5, 2)},
        {"more": torch.zeros(1)}, {"values.0": torch.zeros(2)}, {"standard_error.1": torch.zeros(2)},
        {"values": torch.zeros(2, 2, dtype=torch.complex64)}, {"background": torch.zeros(3)},
    ],
    ids=str,
)  # fmt: skip
def test_an_explanation_whose_tensors_do_not_fit(tmp_path: Path, change: dict[str, torch.Tensor | None]) -> None:
    made = xai.saliency(xai.Model(nn.Linear(2, 2)), torch.rand(2, 2))
    made.save(tmp_path / "good")
    with open_tensors(tmp_path / "good") as file:
        tensors, metadata = file.read_all(), file.metadata
    tensors = {name: value for name, value in {**tensors, **change}.items() if value is not None}
    (tmp_path / "bad").write_bytes(save(tensors, metadata))
    with pytest.raises(FolderError, match="a saved explanation"):
        Explanation.load(tmp_path / "bad")


def test_a_summary_with_one_entry_of_another_kind(tmp_path: Path) -> None:
    plain = TrainingSummary.of([[float(row), float(row % 3)] for row in range(40)], names=["a", "b"]).to_dict()
    refused = 0
    for _, changed in [*spoiled(plain), *[("", {**plain, "columns": [c]}) for _, c in spoiled(plain["columns"][0])]]:
        (tmp_path / "bad").write_text(json.dumps(changed))
        try:
            loaded = TrainingSummary.load(tmp_path / "bad")
        except InputError:
            refused += 1
        else:
            assert [column.describe(1.0) for column in loaded.columns]
    assert refused > 100
    for number in ("NaN", "Infinity", "1e999"):
        text = json.dumps(plain).replace('"mean": 19.5', f'"mean": {number}')
        (tmp_path / "bad").write_text(text)
        assert number in text
        with pytest.raises(InputError, match="finite statistics"):
            TrainingSummary.load(tmp_path / "bad")


@pytest.mark.parametrize("source", [3, None, b"x", ["a"]])
def test_a_source_that_is_neither_path_nor_data(source: object) -> None:
    with pytest.raises(InputError, match="a saved summary"):
        TrainingSummary.load(source)
