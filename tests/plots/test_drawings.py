"""The drawings that people know: what they show is what the explanation holds, and they draw where they are told."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

import xai
from xai import plots
from xai.base.errors import InputError

NAMES = ["age", "income", "city size"]


def table() -> tuple[xai.Model, torch.Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
        return xai.Model(network, classes=["no", "yes"], input=xai.TabularInput(NAMES)), torch.rand(40, 3)


def image() -> tuple[xai.Model, torch.Tensor]:
    """Return a network that reads the upper left quarter alone."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 2, bias=False))
    weights = torch.zeros(2, 8, 8)
    weights[1, :4, :4] = 1.0
    network[1].weight.data = weights.flatten(1)
    return xai.Model(network, classes=["dark", "bright"], input=xai.ImageInput((1, 8, 8))), torch.ones(1, 1, 8, 8)


def widths(axes) -> list[float]:
    return [patch.get_width() for patch in axes.patches]


def test_a_waterfall_ends_where_the_values_add_up_to() -> None:
    model, rows = table()
    made = xai.integrated_gradients(model, rows[:2], "yes")
    axes = plots.waterfall(made, 1)
    steps = sorted(made.values[1].tolist(), key=abs, reverse=True)
    assert widths(axes) == pytest.approx(steps)
    last = axes.patches[-1]
    assert last.get_x() + last.get_width() == pytest.approx(float(made.values[1].sum()))
    assert axes.get_yticklabels()[0].get_text() == NAMES[int(made.values[1].abs().argmax())]


def test_a_waterfall_of_lime_leads_from_the_intercept_to_the_surrogates_prediction() -> None:
    model, rows = table()
    made = xai.lime_tabular(model, rows[:1], "yes", background=rows, samples=200)
    axes = plots.waterfall(made)
    assert axes.patches[0].get_x() == pytest.approx(made.diagnostics[0]["intercept"])
    last = axes.patches[-1]
    assert last.get_x() + last.get_width() == pytest.approx(made.diagnostics[0]["surrogate_prediction"], abs=1e-6)


def test_what_has_no_step_of_its_own_is_one_step() -> None:
    model = xai.Model(nn.Linear(6, 2))
    made = xai.integrated_gradients(model, torch.rand(1, 6), 1)
    axes = plots.waterfall(made, count=2)
    assert len(axes.patches) == 3
    assert axes.get_yticklabels()[2].get_text() == "4 others"
    assert sum(widths(axes)) == pytest.approx(float(made.values[0].sum()), abs=1e-6)


def test_values_that_do_not_add_up_have_no_waterfall() -> None:
    model, rows = table()
    with pytest.raises(InputError, match=r"waterfall: explanation: expected one by a method whose values add up"):
        plots.waterfall(xai.saliency(model, rows[:1]))
    with pytest.raises(InputError, match="over columns, words, segments or windows"):
        plots.waterfall(xai.integrated_gradients(*image()))
    with pytest.raises(InputError, match="row: expected 0 to 0, got 1"):
        plots.bar(xai.saliency(model, rows[:1]), 1)


def test_a_beeswarm_has_a_point_per_row_and_column_colored_by_the_number() -> None:
    model, rows = table()
    made = xai.integrated_gradients(model, rows, "yes")
    axes = plots.beeswarm(made)
    order = made.values.abs().mean(0).argsort(descending=True)
    for points, column in zip(axes.collections, order.tolist(), strict=True):
        assert np.asarray(points.get_offsets())[:, 0] == pytest.approx(made.values[:, column].numpy())
        shades = points.get_array()
        ranked = np.argsort(rows[:, column].numpy())
        assert np.all(np.diff(np.asarray(shades)[ranked]) >= 0)
        beside = np.asarray(points.get_offsets())[:, 1]
        assert np.all(np.abs(beside - np.round(beside)) <= 0.43)


def test_points_at_one_place_are_stacked() -> None:
    model = xai.Model(nn.Linear(2, 2))
    made = xai.integrated_gradients(model, torch.ones(9, 2), 1)
    offsets = plots.beeswarm(made).collections[0].get_offsets()
    assert len({round(float(y), 6) for y in offsets[:, 1]}) == 9


def test_a_heat_map_has_every_value_once() -> None:
    model, rows = table()
    made = xai.integrated_gradients(model, rows, "yes")
    shown = np.asarray(plots.heatmap(made).images[0].get_array())
    assert np.sort(shown, axis=None) == pytest.approx(np.sort(made.values.numpy(), axis=None))
    with pytest.raises(InputError, match="heatmap: explanation: expected one"):
        plots.heatmap(xai.saliency(*image()))


def test_a_text_is_written_with_its_colors() -> None:
    def positive(texts):
        share = np.array([0.5 + 0.2 * ("good" in text) - 0.3 * ("bad" in text) for text in texts])
        return np.stack([1 - share, share], 1)

    model = xai.Model.from_callable(positive, classes=["against", "for"], input=xai.TextInput())
    axes = plots.text(xai.lime_text(model, "a good film with a bad end", "for", samples=200))
    words = {text.get_text().strip() for text in axes.texts}
    assert {"good", "bad"} <= words
    assert len(axes.patches) == 2  # the other words' intervals hold 0
    first, second = (patch.get_facecolor() for patch in axes.patches)
    assert first[0] > first[2]  # orange: for
    assert second[2] > second[0]  # blue: against
    assert len(plots.bar(xai.lime_text(model, "a good film", "for", samples=100)).patches) == 3
    assert len(plots.waterfall(xai.lime_text(model, "a good film", "for", samples=100)).patches) == 3


def test_views_of_an_image_show_what_matters() -> None:
    made = xai.integrated_gradients(*image(), 1)
    color = np.asarray(plots.overlay(made).images[1].get_array())
    assert np.all(color[:4, :4, 3] > 0.8)
    assert np.all(color[4:, 4:, 3] == 0)
    hidden = np.asarray(plots.mask(made, share=0.25).images[1].get_array())[..., 3]
    assert np.all(hidden[:4, :4] == 0)
    assert hidden.sum() == 48
    with pytest.raises(InputError, match="share: expected above 0, at most 1"):
        plots.mask(made, share=0)


def test_contours_lie_around_the_hill() -> None:
    hill = torch.outer(torch.hann_window(16), torch.hann_window(16))
    network = nn.Sequential(nn.Flatten(), nn.Linear(256, 2, bias=False))
    network[1].weight.data = torch.stack([torch.zeros(256), hill.flatten()])
    model = xai.Model(network, input=xai.ImageInput((1, 16, 16)))
    axes = plots.contour(xai.integrated_gradients(model, torch.ones(1, 1, 16, 16), 1))
    for line in axes.lines:
        assert line.get_xdata().mean() == pytest.approx(8, abs=1)
    # Half of a Hann window's product is reached 2.9 pixels from the middle, four fifths 1.7 pixels.
    reach = sorted({round(float(np.ptp(line.get_xdata())) / 2, 1) for line in axes.lines})
    assert reach == pytest.approx([2.3, 4.0], abs=0.4)
    with pytest.raises(InputError, match="a smooth map without signs"):
        plots.contour(_speckled())


def _speckled() -> xai.Explanation:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(256, 2))
    return xai.saliency(xai.Model(network, input=xai.ImageInput((1, 16, 16))), torch.rand(1, 1, 16, 16))


def test_a_training_run_is_a_curve_per_name() -> None:
    per_epoch = [{"epoch": 1, "loss": 2.0, "note": "x"}, {"epoch": 2, "loss": 1.0, "note": "y"}]
    (line,) = plots.training_curve(per_epoch).lines
    assert (line.get_label(), line.get_ydata().tolist()) == ("loss", [2.0, 1.0])
    with pytest.raises(InputError, match="numbers per epoch"):
        plots.training_curve({"name": "x"})


def test_every_drawing_goes_where_the_caller_wants_it() -> None:
    model, rows = table()
    made = xai.integrated_gradients(model, rows, "yes")
    picture = xai.integrated_gradients(*image(), 1)
    figure = Figure()
    calls = {"waterfall": made, "bar": made, "beeswarm": made, "heatmap": made, "overlay": picture, "mask": picture}
    for (name, item), axes in zip(calls.items(), figure.subplots(2, 3).flatten(), strict=True):
        assert getattr(plots, name)(item, ax=axes) is axes


def test_a_tree_is_drawn_in_words() -> None:
    rows = np.random.default_rng(0).random((300, 2))
    model = xai.Model.from_callable(
        lambda x: np.stack([x[:, 0] < 0.5, x[:, 0] >= 0.5], 1),
        classes=["low", "high"],
        input=xai.TabularInput(["a", "b"]),
    )
    made = xai.surrogate_tree(model, rows)
    said = [text.get_text() for text in made.plot().axes[0].texts]
    assert any(text.startswith("a ≤ 0.") for text in said)
    assert sum("low" in text for text in said) >= 1
    assert sum("high" in text for text in said) >= 1
    colors = {text.get_bbox_patch().get_edgecolor() for text in made.plot().axes[0].texts if text.get_bbox_patch()}
    assert len(colors) >= 2
    assert "<details><summary>The rules as text" in made._repr_html_()
