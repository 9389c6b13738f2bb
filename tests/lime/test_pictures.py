"""What a reader sees of LIME: everything escaped, every sign right, nothing shaded whose sign is not known."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

from xai.inputs.table import TabularInput
from xai.inputs.text import TextInput
from xai.lime.series import lime_series
from xai.lime.tabular import lime_tabular
from xai.lime.text import lime_text
from xai.model.model import Model
from xai.plots.shaded_text import shaded_spans
from xai.reports.page import Report

ATTACK = '</script><img src=x onerror="alert(1)">'


def score(texts: list[str]) -> np.ndarray:
    return np.array([[0.5 + 0.3 * ("good" in text) - 0.2 * ("onerror" in text)] for text in texts])


def explained(text: str):
    model = Model.from_callable(score, input=TextInput(), task="regression", classes=[ATTACK])
    return lime_text(model, text, of="output", samples=300, penalty=0.0)


def test_text_is_shaded_by_sign_and_escaped() -> None:
    e = explained(f"good {ATTACK} film\0 & שלום")
    spans = shaded_spans(e)
    shades = {span.text: span.shade for span in spans if span.note}
    assert shades["good"] == "f5"
    assert shades["onerror"] == "a3"
    assert shades["film"] == ""
    assert "".join(span.text for span in spans) == f"good {ATTACK} film\N{REPLACEMENT CHARACTER} & שלום"
    page = Report("LIME", [e]).html()
    body = page[page.index("<main") :]
    assert "<img src=x" not in body
    assert not re.search(r"<script(?![^>]*application/json)[^>]*>alert", page)
    assert 'style="' not in body


def test_tables_and_series_have_bars_with_whiskers() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Linear(3, 2)
    data = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    names = ["a<b>", "$x$", ATTACK]
    e = lime_tabular(Model(network, input=TabularInput(names)), data[:2], background=data, samples=200)
    series = lime_series(Model(nn.Sequential(nn.Flatten(), nn.Linear(6, 2))), torch.rand(1, 3, 2), samples=100)
    for explanation in (e, series):
        page = Report("LIME", [explanation]).html()
        assert "<svg" in page
        assert "<img src=x" not in page[page.index("<main") :]
        assert "<b>" not in re.sub(r"<figcaption>.*?</figcaption>", "", page[page.index("<main") :], flags=re.S)
        assert "95 % low" in page
        assert explanation._repr_html_().startswith('<div class="xai-result">')


def test_weights_are_drawn_over_kernel_widths(tmp_path) -> None:
    from xai.lime.widths import kernel_widths
    from xai.plots.bars import kernel_width_figure

    model = Model(nn.Sequential(nn.Flatten(), nn.Linear(6, 2)))
    frame = kernel_widths(lime_series, model, torch.rand(2, 3, 2), samples=100)
    assert sorted(frame["kernel_width"].unique() / frame["kernel_width"].min()) == pytest.approx([1, 2, 4, 8, 16])
    figure = kernel_width_figure(frame)
    figure.savefig(tmp_path / "widths.png")
    assert len(figure.axes[0].lines) == 4, "three steps, and the line at 0"


@pytest.mark.parametrize("text", ["good film\nand\tmore " * 8, "a\0b good", "👩‍👩‍👧 good"])
def test_axes_are_drawn(text: str, tmp_path) -> None:
    import warnings

    figure = explained(text).plot()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the font of the machine may have no emoji
        figure.savefig(tmp_path / "text.png")
    assert len(figure.axes) == 2
