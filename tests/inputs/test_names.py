"""Names as NumPy, pandas, scikit-learn and tokenizers give them; dates, categories and other numbers in tables."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from torch import Tensor, nn

import xai
from xai.base.errors import InputError
from xai.model.model import Model

FRAME = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})


@pytest.mark.parametrize("names", [FRAME.columns, np.array(["a", "b"]), list(np.array(["a", "b"])), ("a", "b")])
def test_names_of_any_library_are_plain_strings(names: object) -> None:
    for kind in (xai.TabularInput(names), xai.SequenceInput(names, 3)):
        assert kind.names == ["a", "b"]
        assert {type(name) for name in kind.names} == {str}
        json.dumps(kind.names)
    assert xai.TextInput(np.array(["good", "bad"])).vocabulary == ["good", "bad"]
    assert xai.TextInput(np.array(["good", "bad"])).numbers("bad") == [3]


def test_numbers_and_booleans_are_names() -> None:
    numbered = xai.TabularInput(range(2))
    assert numbered.prepare(pd.DataFrame([[1.0, 2.0]])).tolist() == [[1.0, 2.0]]
    assert numbered.prepare(pd.DataFrame([[1.0, 2.0]]).iloc[0]).tolist() == [[1.0, 2.0]]
    table = xai.TabularInput(["a", "b"], categorical={"a": [False, True]})
    assert table.categorical == {"a": ["False", "True"]}
    assert table.prepare(pd.DataFrame({"a": [True, False], "b": [1, 2]})).tolist() == [[1.0, 1.0], [0.0, 2.0]]


@pytest.mark.parametrize("names", ["abc", [], ["a", "a"], np.array([["a"]]), 3, None, [["a"]], {"a": 1}, [None]])
def test_what_are_no_names_is_named(names: object) -> None:
    for make in (lambda: xai.TabularInput(names), lambda: xai.SequenceInput(names, 3)):
        with pytest.raises(InputError, match="names: expected distinct names, at least one"):
            make()


def test_lime_and_reports_take_scikit_learns_names() -> None:
    names = np.array(["mean radius", "texture"])
    model = Model.from_callable(
        lambda v: np.stack([v[:, 0] > 0, v[:, 0] <= 0], 1).astype(float),
        classes=np.array(["no", "yes"]),
        input=xai.TabularInput(list(names)),
    )
    rows = np.random.default_rng(0).normal(size=(60, 2))
    explanation = xai.lime_tabular(model, rows[:1], background=rows, samples=100)
    assert explanation.classes == ("no", "yes")
    assert "mean radius" in xai.Report("r", [explanation]).html()


def test_a_tokenizers_vocabulary_is_refused() -> None:
    """Its numbers are places in it; those of a TextInput begin at 2."""
    for words in (
        ["[PAD]", "[UNK]", "good"],
        ["<pad>", "good"],
        ["good", "##ly"],
        ["\u2581good"],
        ["<|endoftext|>", "x"],
    ):
        with pytest.raises(InputError, match=r"vocabulary: .*call the tokenizer in Model\(forward="):
            xai.TextInput(words)
    with pytest.raises(InputError, match="words by number from 2 on"):
        xai.TextInput({"good": 0, "bad": 1})
    assert xai.TextInput({"bad": 3, "good": 2}).vocabulary == ["good", "bad"]


@pytest.mark.parametrize(
    "dates",
    [
        [pd.Timestamp("2024-01-01"), pd.NaT],
        pd.to_datetime(["2024-01-01", "2024-01-02"]),
        pd.to_datetime(["2024-01-01", "2024-01-02"]).tz_localize("UTC"),
        pd.to_timedelta(["1D", "2D"]),
        pd.period_range("2024", periods=2, freq="D"),
    ],
)
def test_dates_are_refused_whatever_their_unit(dates: object) -> None:
    """As numbers they would be of pandas' unit of the day, and NaT -9.2e18."""
    with pytest.raises(InputError, match="numbers in column 'since'"):
        xai.TabularInput(["since"]).prepare(pd.DataFrame({"since": dates}))


def test_a_sparse_matrix_is_named_as_one() -> None:
    with pytest.raises(InputError, match=r"a dense array \(x.toarray\(\) makes one\), got a sparse one of shape"):
        xai.TabularInput(["a", "b"]).prepare(scipy.sparse.csr_matrix([[1.0, 0.0]]))


@pytest.mark.parametrize(
    ("own", "expected"),
    [(torch.float32, torch.float32), (torch.float64, torch.float64), (torch.float16, torch.float32)],
)
def test_prepared_rows_are_of_the_networks_precision(own: torch.dtype, expected: torch.dtype) -> None:
    assert Model(nn.Linear(2, 2).to(own)).prepare(np.zeros((1, 2))).dtype == expected
    assert Model.from_callable(lambda v: v).prepare(np.zeros((1, 2))).dtype == torch.float64


class Looked(nn.Module):
    """Only the category decides, by a table that its code is looked up in; `unread` leaves it out."""

    def __init__(self, unread: bool = False) -> None:
        super().__init__()
        self.unread, self.table, self.linear = unread, nn.Embedding(3, 2), nn.Linear(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        looked = self.table(x[:, 0].long()) * (0 if self.unread else 1)
        return looked + self.linear(x[:, 1:])


@pytest.mark.parametrize(
    "method", ["saliency", "input_x_gradient", "integrated_gradients", "deeplift", "gradient_shap"]
)
def test_a_category_that_is_looked_up_gets_no_zero_from_gradients(method: str) -> None:
    table = xai.TabularInput(["city", "age"], categorical={"city": ["X", "Y", "Z"]})
    rows = torch.tensor([[1.0, 0.5], [2.0, 0.1]])
    with pytest.raises(InputError, match=rf"{method}: inputs: .*kernel_shap.*got the category 'city'"):
        getattr(xai, method)(Model(Looked(), input=table), rows, 0)
    unread = getattr(xai, method)(Model(Looked(unread=True), input=table), rows, 0)  # there 0 is the truth
    assert not unread.values[:, 0].any()
    read_as_number = getattr(xai, method)(Model(nn.Linear(2, 2), input=table), rows, 0)
    assert read_as_number.values[:, 0].any()
    assert xai.occlusion(Model(Looked(), input=table), rows, 0).values[:, 0].any()


@pytest.mark.parametrize(
    ("column", "got"),
    [
        ([1 + 2j, 3j], "complex128"),
        (pd.PeriodIndex(["2020-01", "2020-02"], freq="M"), r"Period\('2020-01', 'M'\) in row 0"),
        ([1.0, [2]], "list of 1 items in row 1"),
    ],
)
def test_a_column_that_holds_no_numbers_says_what_it_holds(column: object, got: str) -> None:
    model = Model(nn.Linear(2, 2), input=xai.TabularInput(["a", "b"]))
    with pytest.raises(InputError, match=f"numbers in column 'a', got {got}"):
        model.predict(pd.DataFrame({"a": column, "b": [1.0, 2.0]}))


@pytest.mark.parametrize(("items", "got"), [([3], "3 in row 0"), (["a", None], "None in row 1"), (7, "7")])
def test_what_is_no_text_is_shown(items: object, got: str) -> None:
    with pytest.raises(InputError, match=f"a list of strings, got {got}$"):
        xai.TextInput(["a"]).prepare(items)


def test_pixels_may_come_as_nested_lists() -> None:
    pixels = torch.rand(2, 3, 4, 4)
    kind = xai.ImageInput((3, 4, 4))
    for value in (pixels, pixels[0], pixels.permute(0, 2, 3, 1)):
        assert torch.equal(kind.prepare(value.tolist()), kind.prepare(value))
    assert xai.ImageInput(np.array([3, 4, 4])).shape == (3, 4, 4)
    assert {type(size) for size in xai.ImageInput(np.array([3, 4, 4])).shape} == {int}


@pytest.mark.parametrize("ids", [[[2, 3]], [[0, 713, 2]], [[101, 7592, 102, -1]], [[15043, 1]]])
def test_ids_in_another_type_are_not_taken_for_letters(ids: list) -> None:
    texts = xai.TextInput(["good", "bad"])
    with pytest.raises(InputError, match=r"inputs: expected numbers of words or tokens as int64, got int32 tensor"):
        texts.prepare(torch.tensor(ids, dtype=torch.int32))
    for text in ("elf", "good\n", "e f", "a\0b", "\x01 b"):
        codes = texts.prepare(text)
        assert torch.equal(texts.prepare(codes), codes)


@pytest.mark.parametrize("kind", ["int64", "int32", "uint8"])
def test_numbers_of_words_may_be_an_array(kind: str) -> None:
    texts, numbers = xai.TextInput(["good", "bad"]), np.array([[2, 3], [3, 0]])
    assert torch.equal(texts.prepare(numbers.astype(kind)), torch.from_numpy(numbers))
    with pytest.raises(InputError, match="rows of whole numbers from 0 to 3"):
        texts.prepare(numbers.astype(kind) + 9)


def test_the_logarithm_of_a_regression_is_refused() -> None:
    model = Model(nn.Linear(2, 1), task="regression")
    with pytest.raises(InputError, match="occlusion: of: expected 'output' of a regression, got 'log_probability'"):
        xai.occlusion(model, [[1.0, 2.0]], of="log_probability")
