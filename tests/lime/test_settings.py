"""Settings that LIME's functions share: read in one place, with Python's own words for a name that there is not."""

from __future__ import annotations

import inspect

import pytest
import torch

from xai.base.errors import InputError
from xai.inputs.table import TabularInput
from xai.lime.series import lime_series
from xai.lime.settings import LimeSettings, Run, Settings, SurrogateSettings, check_settings, read_settings
from xai.lime.tabular import lime_tabular
from xai.model.model import Model


def test_every_setting_is_declared_and_documented_once() -> None:
    fields = set(Settings.__annotations__) | set(Run.__annotations__) - {"passes"}
    assert set(LimeSettings.__annotations__) == fields
    assert set(LimeSettings.__annotations__) - set(SurrogateSettings.__annotations__) == {"engine"}
    documented = f"{inspect.getdoc(SurrogateSettings)}{inspect.getdoc(LimeSettings)}"
    assert all(f"\n    {name}: " in documented for name in fields)


def test_what_is_not_given_has_its_default() -> None:
    settings, run = read_settings("lime_tabular", LimeSettings)
    assert settings == check_settings()
    assert run == {"of": "probability", "seed": 0, "passes": 5000, "exact": False, "batch_size": None}
    assert read_settings("lime_tabular", LimeSettings, samples=20, seed=3)[1]["passes"] == 20


def test_what_is_wrong_is_named() -> None:
    model = Model(torch.nn.Linear(2, 2), input=TabularInput(["a", "b"]))
    rows = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    with pytest.raises(InputError, match="lime_tabular: sampels: expected an argument of the call"):
        lime_tabular(model, rows, background=rows, sampels=100)
    with pytest.raises(InputError, match="lime_tabular: penalty: expected a number from 0, got -1"):
        lime_tabular(model, rows, background=rows, penalty=-1)
    with pytest.raises(InputError, match="lime_series: engine: expected an argument of the call"):
        lime_series(model, rows, engine="lime")  # the original library knows no series
