"""Labels and words: names before numbers where a table's column holds names that are numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from xai.base.errors import InputError
from xai.inputs.table import TabularInput
from xai.lime.training_summary import TrainingSummary
from xai.model.labels import as_labels, check_outputs
from xai.model.model import Model


def model(classes: list[str] | None = None, task: str = "classification", outputs: int = 2) -> Model:
    return Model(nn.Linear(3, outputs), task=task, classes=classes)


@pytest.mark.parametrize(
    ("classes", "labels", "codes"),
    [
        (["1", "2"], pd.Series([1, 1, 2]), [0, 0, 1]),
        (["1", "2"], pd.Series([1.0, 2.0, 2.0]), [0, 1, 1]),
        (["1", "2"], pd.Series([0, 1, 1]), [0, 1, 1]),  # 0 is no name: these are class numbers
        (["1", "2"], np.array([1, 0, 1]), [1, 0, 1]),
        (["0", "1"], pd.Series([0, 1, 1]), [0, 1, 1]),
        (["no", "yes"], ["yes", "no", "no"], [1, 0, 0]),
        (["no", "yes"], pd.Series([True, False, True]), [1, 0, 1]),
        (None, torch.tensor([0, 1, 0]), [0, 1, 0]),
        (None, [0.0, 1.0, 1.0], [0, 1, 1]),
    ],
)
def test_classes_by_name_or_number(classes: list[str] | None, labels: object, codes: list[int]) -> None:
    assert as_labels(model(classes), labels, 3).tolist() == codes


@pytest.mark.parametrize(
    ("task", "labels", "message"),
    [
        ("classification", [0, 1], "one per row .3."),
        ("classification", None, "labels"),
        ("classification", [0, 0.5, 1], "whole numbers from 0"),
        ("classification", pd.Series([0, np.nan, 1]), "whole numbers from 0"),
        ("classification", ["a", "b", "c"], "classes of the model"),
        ("classification", [[0], [1, 2], [3]], "labels"),
        ("regression", [0, np.inf, 1], "finite"),
        ("regression", "abc", "numbers"),
        ("multilabel", [[0, 1], [1, 2], [0, 0]], "0 and 1"),
    ],
)
def test_labels_that_cannot_be_are_named(task: str, labels: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_labels(model(task=task), labels, 3)


def test_labels_of_more_classes_than_outputs() -> None:
    with pytest.raises(InputError, match="classes from 0 to 1, got 2"):
        check_outputs(torch.tensor([0, 2]), 2)
    with pytest.raises(InputError, match="2 per row, got 3"):
        check_outputs(torch.zeros(4, 3), 2)


def test_a_frame_holds_words_also_where_they_are_numbers() -> None:
    words = {"rate": ["1", "2", "3", "4"]}
    kind = TabularInput(["rate"], categorical=words)
    for column in (["1", "2"], [1, 2], [1.0, 2.0]):
        assert kind.prepare(pd.DataFrame({"rate": column})).flatten().tolist() == [0, 1]
    assert kind.prepare(pd.DataFrame({"rate": [0, 3]})).flatten().tolist() == [0, 3]  # 0 is no word: codes
    frame = pd.DataFrame({"rate": [1, 2, 4, 4]})
    summary = TrainingSummary.of(frame, names=["rate"], categorical=words)
    assert list(summary.columns[0].share) == [0.25, 0.25, 0, 0.5]


def test_one_row_of_a_frame_is_read_by_name() -> None:
    kind = TabularInput(["a", "b"], categorical={"b": ["x", "y"]})
    frame = pd.DataFrame({"b": ["y", "x"], "a": [1.5, 2.5]})
    assert kind.prepare(frame.iloc[0]).tolist() == [[1.5, 1.0]]
