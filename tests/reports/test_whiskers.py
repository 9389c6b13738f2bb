"""Whiskers are the intervals that the explanation states."""

from __future__ import annotations

import pytest
import torch
from matplotlib.text import Text
from scipy.stats import t
from torch import nn

from xai.attribution.smooth_gradients import smoothgrad
from xai.inputs.table import TabularInput
from xai.model.model import Model
from xai.plots.bars import bars_figure, half_widths


def test_few_samples_have_students_intervals() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    made = smoothgrad(Model(network, input=TabularInput(["a", "b", "c"])), torch.ones(1, 3), samples=4, noise=0.5)
    low, high = made.interval()[0]
    expected = float(t.ppf(0.975, 3)) * made.standard_error[0]
    torch.testing.assert_close((high - low) / 2, expected, check_dtype=False)
    assert half_widths(made) == pytest.approx(expected.tolist(), rel=1e-5)


def test_what_stands_under_bars_is_not_cut_off() -> None:
    """Names take most of the width; the label under the bars stays inside the figure all the same."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    names = ["other installment plans = none", "worst concave points > 0.1628"]
    for title in ("weight, probability (malignant)", "weight, log-probability (a class with a very long name indeed)"):
        figure = bars_figure(names, [0.2, -0.1], [0.01, 0.01], title)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        (label,) = [text for text in figure.findobj(Text) if text.get_text().replace("\n", " ") == title]
        box = label.get_window_extent(canvas.get_renderer())
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y0 >= 0
