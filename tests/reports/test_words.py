"""What reports say: in the words of the kind of input, counts whole, every script without a warning."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import xai
from xai.base.errors import InputError, LayerError
from xai.reports.escape import _environment
from xai.reports.sentences import METHOD_SENTENCES, sentences_of


def text_of(page: str) -> str:
    plain = re.sub("<svg.*?</svg>|<style.*?</style>|<script.*?</script>|<[^>]+>", " ", page, flags=re.S)
    return re.sub(r"\s+", " ", plain)


def test_kernel_shap_of_a_table_speaks_of_columns_and_draws_no_whiskers() -> None:
    model = xai.Model.from_callable(
        lambda v: np.stack([v[:, 0], 1 - v[:, 0]], 1), classes=["for", "not"], input=xai.TabularInput(list("abc"))
    )
    rows = np.random.default_rng(0).random((6, 3))
    said = text_of(xai.Report("r", [xai.kernel_shap(model, rows[:1], "for", background=rows)]).html())
    assert "Orange columns raise the score" in said
    assert "every coalition" in said
    for wrong in ("image", "segment", "Whiskers", "R²", "never vary"):
        assert wrong not in said


@pytest.mark.parametrize("part", ["column", "word", "step", "value"])
@pytest.mark.parametrize("method", METHOD_SENTENCES)
def test_only_images_have_pixels(method: str, part: str) -> None:
    said = " ".join(sentences_of(method, part))
    if method not in ("lime_image", "visualize"):  # of images alone
        assert not re.search(r"pixel|segment|brighter|black", said), said
    assert sentences_of(method, "pixel") == METHOD_SENTENCES[method]


def test_counts_are_whole() -> None:
    number = _environment().filters["number"]
    assert [number(value) for value in (7632, 7632.4, 0.00123, 12, -4096.0, None)] == [
        "7,632", "7,632", "0.00123", "12", "-4,096", "–",
    ]  # fmt: skip


def test_a_chinese_sentence_warns_of_nothing_and_stays_text() -> None:
    def positive(texts: list[str]) -> np.ndarray:
        score = np.array([0.5 + 0.3 * ("好" in text) for text in texts])
        return np.stack([1 - score, score], 1)

    model = xai.Model.from_callable(positive, classes=["负", "正"], input=xai.TextInput())
    explanation = xai.lime_text(model, "电影很好", "正", units="characters", samples=100)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        page = xai.Report("r", [explanation]).html()
    assert [str(item.message) for item in caught] == []
    drawn = "".join(re.findall("<svg.*?</svg>", page, flags=re.S))
    assert all(letter in drawn for letter in "电影很好正")
    assert not re.search("[\u2801-\u28ff]", page)


def test_an_unseen_category_is_named_with_its_row() -> None:
    import pandas as pd

    table = xai.TabularInput(["city", "x"], categorical={"city": ["A", "B"]})
    frame = pd.DataFrame({"city": ["A"] * 7000 + ["Q"] + ["B"] * 10, "x": 1.0})
    with pytest.raises(InputError, match=r"'city' to be one of A, B, got 'Q' in row 7000"):
        table.prepare(frame)
    with pytest.raises(InputError, match=r"codes from 0 to 1 in column 'city', got 5 in row 1"):
        table.prepare([[0.0, 1.0], [5.0, 1.0]])


@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "deeplift"])
def test_a_layer_that_the_scores_do_not_depend_on_is_named(method: str) -> None:
    class Aside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.aside, self.linear = nn.Linear(4, 2), nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.aside(x)
            return self.linear(x)

    with pytest.raises(LayerError, match=rf"{method}: layer: expected one that the scores depend on, got 'aside'"):
        getattr(xai, method)(xai.Model(Aside()), torch.rand(2, 4), 0, layer="aside")
