"""Which tensor of an output is explained: said where several can be, and recorded."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from xai.attribution.gradient_methods import saliency
from xai.base.errors import InputError, NetworkError, TargetError
from xai.model.class_names import class_names
from xai.model.folder import load, save_model
from xai.model.model import Model

ROWS = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
Pair = namedtuple("Pair", ["features", "scores"])


@dataclass
class Both:
    logits: Tensor
    states: Tensor


class Puts(nn.Module):
    """Puts out what `how` makes of three times the inputs (N, 2) and of five times the inputs, turned around."""

    def __init__(self, how: object) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor) -> object:
        return self.how(3 * x, 5 * x.flip(1))


SEVERAL = {
    "dict": (lambda a, b: {"a": a, "b": b}, "b"),
    "tuple": (lambda a, b: (a, b), 1),
    "named tuple": (lambda a, b: Pair(a, b), "scores"),
    "nested": (lambda a, b: {"head": {"x": a}, "all": [a, b]}, "all.1"),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_several_outputs_are_refused_with_the_list_of_them(case: str) -> None:
    how, key = SEVERAL[case]
    with pytest.raises(NetworkError, match=rf"saliency: network: expected .*output_key=.*'{key}' \(float32 tensor"):
        saliency(Model(Puts(how)), ROWS, 0)
    explanation = saliency(Model(Puts(how), output_key=key), ROWS, 0)
    assert torch.equal(explanation.values, torch.tensor([[0.0, 5.0]]).expand(2, 2))  # of the second output
    assert explanation.options["run"]["output"] == str(key)


def test_what_is_called_logits_or_alone_fits_needs_no_key() -> None:
    for how in (
        lambda a, b: Both(logits=a, states=b),
        lambda a, b: {"states": b, "logits": a},
        lambda a, b: (None, b[:, :, None], a),
    ):
        explanation = saliency(Model(Puts(how)), ROWS, 0)
        assert torch.equal(explanation.values, torch.tensor([[3.0, 0.0]]).expand(2, 2))
        assert explanation.options["run"]["output"] in ("logits", "2")
    assert "output" not in saliency(Model(nn.Identity()), ROWS, 0).options["run"]


def test_a_key_that_there_is_none_of_is_named() -> None:
    with pytest.raises(InputError, match=r"output_key: expected one of 'a' .*'b' .*, got 'c'"):
        Model(Puts(SEVERAL["dict"][0]), output_key="c").predict(ROWS)
    with pytest.raises(InputError, match="puts out one tensor"):
        Model(nn.Identity(), output_key="c").predict(ROWS)
    with pytest.raises(NetworkError, match="scores of shape"):
        Model(Puts(lambda a, b: {"a": a, "b": b[:, :, None]}), output_key="b").predict(ROWS)


def test_a_model_folder_keeps_the_key(tmp_path: Path) -> None:
    for key in ("b", 1):
        save_model(Model(nn.Linear(2, 2), output_key=key), tmp_path / "m", factory="torch.nn:Linear",
                   arguments={"in_features": 2, "out_features": 2})  # fmt: skip
        assert load(tmp_path / "m").output_key == key


@pytest.mark.parametrize("target", [float("inf"), float("nan"), -float("inf"), [float("inf"), 0]])
def test_a_target_that_is_no_number_of_a_class_is_named(target: object) -> None:
    with pytest.raises(TargetError, match="target: expected a class from 0 to 1"):
        saliency(Model(nn.Identity()), ROWS, target)


def test_names_of_classes_come_in_many_forms() -> None:
    import pandas as pd

    assert class_names({2: "fox", 0: "cat", 1: "dog"}) == ["cat", "dog", "fox"]  # by number, whatever the order
    assert class_names({"0": "cat", "1": "dog"}) == class_names({"dog": 1, "cat": 0}) == ["cat", "dog"]
    for given in (np.array(["a", "b"]), pd.Index(["a", "b"]), pd.Series(["a", "b"]), ("a", "b")):
        names = class_names(given)
        assert names == ["a", "b"]
        assert {type(name) for name in names} == {str}
    assert class_names(["crane", "maillot", "crane"]) == ["crane (0)", "maillot", "crane (2)"]
    odd = Model(nn.Identity(), classes={1: "dog", 0: "cat"})
    assert saliency(odd, ROWS, "dog").target == (1, 1)
    with pytest.raises(TargetError, match="crane"):
        saliency(Model(nn.Linear(2, 40), classes=["crane", "crane", *map(str, range(100, 138))]), ROWS, "crane")


@pytest.mark.parametrize("given", [{}, [], {0: "a", 2: "b"}, {0.5: "a"}, np.array([["a"]]), "ab", 3, {"x": "y"}])
def test_what_are_no_names_of_classes_is_named(given: object) -> None:
    with pytest.raises(InputError, match="classes: expected"):
        class_names(given)
