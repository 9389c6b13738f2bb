"""Windows of series: planted change points, channels of their own, and methods that hide them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from xai.attribution.occlusion import occlusion
from xai.attribution.shapley import kernel_shap
from xai.base.errors import InputError
from xai.evidence.recompute import recompute
from xai.evidence.verify import verify
from xai.inputs.series import SequenceInput
from xai.inputs.series_windows import change_points
from xai.inputs.tensor import TensorInput
from xai.lime.series import lime_series
from xai.model.model import Model

STEPS, CUTS = 40, [7, 15, 29]


def steps_of(levels: list[float], cuts: list[int]) -> np.ndarray:
    return np.repeat(levels, np.diff([0, *cuts, STEPS]))


@pytest.mark.parametrize("seed", range(5))
def test_planted_changes_are_found(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.3, STEPS)
    found = change_points((steps_of([0, 4, -3, 2], CUTS) + noise)[:, None])
    assert found.tolist() == CUTS


def test_long_and_odd_series() -> None:
    long = np.repeat([0.0, 3.0, 1.0, 5.0, 2.0], 1000)[:, None]
    found = change_points(long)  # cut at 400 places
    assert all(np.abs(found - place).min() < 13 for place in (1000, 2000, 3000, 4000))
    assert len(change_points(np.zeros((30, 2)))) == 3  # nothing happens: four windows
    assert len(change_points(np.random.default_rng(0).normal(size=(200, 1)))) == 3  # noise alone is no change
    assert change_points(np.array([[1.0], [2.0]])).tolist() == [1]
    assert change_points(np.array([[1.0]])).tolist() == []


class Planted(nn.Module):
    """Twice the mean of one window of the second channel; nothing else matters."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(STEPS, 2, dtype=torch.float64))
        with torch.no_grad():
            self.weight[10:22, 1] = 2 / 12

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.weight).sum((1, 2))[:, None]


def planted() -> tuple[Model, Tensor]:
    series = torch.from_numpy(np.stack([steps_of([1, 5, 2, 6], CUTS), steps_of([2, 9, 3, 7], [10, 22, 31])], 1))[None]
    return Model(Planted(), task="regression", input=SequenceInput(["a", "b"], STEPS)), series


@pytest.mark.parametrize("method", [occlusion, kernel_shap, lime_series])
def test_the_channel_and_window_that_decide_get_all(method: object) -> None:
    model, series = planted()
    settings = {"penalty": 0.0, "fill": "zero"} if method is lime_series else {}
    e = method(model, series, segments="signal", channels="apart", **settings)
    names = list(e.row_names[0])
    assert names == ["a: 0 to 6", "a: 7 to 14", "a: 15 to 28", "a: 29 to 39",
                     "b: 0 to 9", "b: 10 to 21", "b: 22 to 30", "b: 31 to 39"]  # fmt: skip
    expected = torch.zeros(8, dtype=torch.float64)
    expected[5] = 18.0
    assert torch.allclose(e.values[0].double(), expected, atol=1e-3)
    assert e.segments.shape == (1, STEPS, 2)
    again = recompute(model, e)
    assert torch.equal(again.values[0], e.values[0])
    assert e.plot() is not None
    assert verify(model, e, ["faithfulness"]).evidence[0][0].score > 0.9


def test_windows_of_one_length_and_all_channels_together() -> None:
    model, series = planted()
    e = occlusion(model, series, segments=4)
    assert e.row_names[0] == ("0 to 9", "10 to 19", "20 to 29", "30 to 39")
    assert e.values[0].tolist() == pytest.approx([0, 15, 3, 0])
    together = kernel_shap(model, series, segments="signal")
    assert float(together.values[0].sum()) == pytest.approx(18)
    assert lime_series(model, series, window=10, channels="apart", samples=60).row_names[0][4] == "b: 0 to 9"
    labels = torch.arange(STEPS) // 20
    assert lime_series(model, series, segments=labels, samples=40).row_names[0] == ("0 to 19", "20 to 39")
    tensors = Model(Planted(), task="regression", input=TensorInput())
    assert occlusion(tensors, series, segments=2, channels="apart").row_names[0][3] == "channel 1: 20 to 39"


def test_padding_is_no_window() -> None:
    model, series = planted()
    padded = series.clone()
    padded[:, 30:] = 0
    e = occlusion(model, padded, segments="signal", channels="apart")
    assert e.row_names[0][-1].endswith("to 29")
    decide = [value for name, value in zip(e.row_names[0], e.values[0].tolist(), strict=True) if name[0] == "b"]
    assert sum(decide) == pytest.approx(18, abs=1e-6)


def test_what_cannot_be_is_named() -> None:
    model, series = planted()
    with pytest.raises(InputError, match="channels: expected 'together' or 'apart'"):
        occlusion(model, series, channels="each")
    with pytest.raises(InputError, match="segments: expected 'signal', a number of windows or labels"):
        kernel_shap(model, series, segments="peaks")
    with pytest.raises(InputError, match="segments: expected a whole number from 1"):
        lime_series(model, series, segments=0)
    with pytest.raises(InputError, match="segments: expected 'signal', a number of windows, or whole numbers"):
        lime_series(model, series, segments=torch.zeros(3))
