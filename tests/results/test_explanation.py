"""An explanation as a user handles it: rows of it, its table, its file, and errors that say what was wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from xai.attribution.activation_maps import gradcam
from xai.attribution.gradient_methods import integrated_gradients, saliency
from xai.attribution.occlusion import occlusion
from xai.attribution.shapley import kernel_shap
from xai.base.errors import InputError, LayerError
from xai.evidence.verify import verify
from xai.inputs.image import ImageInput
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput
from xai.model.model import Model
from xai.results.explanation import Explanation
from xai.visualization import objectives
from xai.visualization.ascent import visualize


def small() -> Model:
    torch.manual_seed(0)
    return Model(nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)), input=TabularInput(list("abcd")))


def pictures() -> tuple[Model, torch.Tensor]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 2))
    return Model(network, input=ImageInput((1, 8, 8))), torch.rand(4, 1, 8, 8)


class TestRows:
    @pytest.mark.parametrize("rows", [slice(1, 3), slice(None, None, 2), slice(None, None, -1), slice(-2, None)])
    def test_a_slice_is_its_rows(self, rows: slice) -> None:
        model, batch = pictures()
        whole = verify(model, kernel_shap(model, batch, [0, 1, 1, 0], samples=100), ["completeness"])
        part, numbers = whole[rows], list(range(4))[rows]
        assert len(part) == len(numbers)
        assert part.target == tuple(whole.target[row] for row in numbers)
        for place, row in enumerate(numbers):
            assert torch.equal(part.inputs[place], whole.inputs[row])
            assert torch.equal(part.segments[place], whole.segments[row])
            assert torch.equal(part.values[place], whole[row].values[0])
            assert part.diagnostics[place] == whole.diagnostics[row]
            assert part.evidence[place] == whole.evidence[row]
        assert len(part.to_frame()) == sum(values.numel() for values in part.values)

    def test_numbers_of_any_kind(self) -> None:
        e = saliency(small(), torch.rand(3, 4), 0)
        assert torch.equal(e[np.int64(1)].values, e.values[1:2])
        assert torch.equal(e[-1].values, e.values[2:])

    @pytest.mark.parametrize("index", [3, -4, "a", 1.0, None, slice(2, 2), slice("a", None)])
    def test_what_is_no_row_is_named(self, index: object) -> None:
        with pytest.raises(IndexError, match="Explanation: index: expected"):
            saliency(small(), torch.rand(3, 4), 0)[index]


class TestTable:
    def test_steps_and_channels_of_a_series(self) -> None:
        model = Model(nn.Sequential(nn.Flatten(), nn.Linear(6, 2)), input=SequenceInput(["speed", "heat"], 3))
        e = saliency(model, torch.rand(2, 3, 2) + 1, 0)
        frame = e.to_frame()
        assert frame.columns.tolist() == ["row", "target", "name", "value", "step", "channel"]
        assert frame["name"].tolist()[:4] == ["speed", "heat", "speed", "heat"]
        for _, line in frame.iterrows():
            assert line["value"] == pytest.approx(float(e.values[line["row"], line["step"], line["channel"]]))

    def test_volumes_have_all_their_axes(self) -> None:
        model = Model(nn.Sequential(nn.Flatten(), nn.Linear(24, 2)))
        e = saliency(model, torch.rand(1, 1, 2, 3, 4), 0)
        frame = e.to_frame()
        assert not frame.duplicated(["channel", "z", "y", "x"]).any()
        for _, line in frame.iterrows():
            place = tuple(int(line[axis]) for axis in ("row", "channel", "z", "y", "x"))
            assert line["value"] == pytest.approx(float(e.values[place]))

    def test_pixels_and_maps(self) -> None:
        model, batch = pictures()
        assert saliency(model, batch).to_frame().columns.tolist()[4:] == ["channel", "y", "x"]
        assert gradcam(model, batch).to_frame().columns.tolist()[4:] == ["y", "x"]

    def test_units_of_a_layer_are_not_called_like_columns(self) -> None:
        """A layer with as many units as there are columns."""
        network = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))
        model = Model(network, input=TabularInput(list("abcd")))
        assert kernel_shap(model, torch.rand(1, 4), layer="0").to_frame()["name"].tolist() == [0, 1, 2, 3]
        assert saliency(model, torch.rand(1, 4), layer="0").value_names() == ["0", "1", "2", "3"]


def test_options_are_the_same_after_loading(tmp_path: Path) -> None:
    model, batch = pictures()
    rows = torch.rand(2, 4)
    for made in (
        occlusion(model, batch, window=(3, 2), stride=2),
        kernel_shap(small(), rows, background=("zero", 0.5), samples=100),
        integrated_gradients(small(), rows, baseline=np.float64(0.5)),
    ):
        loaded = Explanation.load(made.save(tmp_path / "e.safetensors"))
        assert loaded.options == made.options


@pytest.mark.parametrize("layer", [3, ["0"], {}, 2.5])
def test_a_layer_that_is_no_name(layer: object) -> None:
    model, batch = pictures()
    for call in (
        lambda: saliency(model, batch, layer=layer),
        lambda: occlusion(model, batch, layer=layer),
        lambda: model.unit(layer, 0),
    ):
        with pytest.raises(LayerError, match=r"layer: expected (one like|the name of a layer)"):
            call()
    if layer == 3:
        with pytest.raises(LayerError, match="layer: expected the name of one layer"):
            visualize(model, objectives.channel(layer, 0), steps=1)


@pytest.mark.parametrize("settings", [{"foo": 3}, 3, {"seed": 3}, [("controls", 19)], {3: 4}])
def test_settings_that_a_check_does_not_take(settings: object) -> None:
    model = small()
    with pytest.raises(InputError, match=r"verify: deletion: expected keyword arguments among .*controls.* got"):
        verify(model, saliency(model, torch.rand(1, 4)), ["deletion"], deletion=settings)


@pytest.mark.parametrize("size", [10**9, 100_000_000, (8, 10**7)])
def test_images_that_no_memory_holds(size: object) -> None:
    model, _ = pictures()
    with pytest.raises(InputError, match="visualize: size: expected sides of at most 8,192 pixels"):
        visualize(model, objectives.channel("0", 0), steps=1, size=size)


def test_series_that_no_memory_holds() -> None:
    model = Model(nn.Sequential(nn.Flatten(), nn.Linear(6, 2)))
    with pytest.raises(InputError, match="visualize: size: expected a number of steps from 1 to 1000000"):
        visualize(model, objectives.logit(0), steps=1, size=10**9, start=torch.rand(1, 3, 2))


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_where_a_number_is_missing(number: float) -> None:
    rows = torch.rand(3, 4)
    rows[1, 2] = rows[2, 0] = number
    with pytest.raises(InputError, match="inputs: expected finite numbers, got NaN or infinity in row 1, column 'c'"):
        saliency(small(), rows)
    series = SequenceInput(["speed", "heat"], 3)
    steps = torch.ones(2, 3, 2)
    steps[1, 2, 0] = number
    with pytest.raises(InputError, match="in row 1, step 2, column 'speed'"):
        series.prepare(steps)
