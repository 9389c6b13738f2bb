"""The lecture's experiments: each in a tiny size for its structure, and every closed form in them exactly."""

from __future__ import annotations

import dataclasses
import importlib
import math
from pathlib import Path

import pytest
import torch

import models.lecture as lecture
from models.lecture import (
    common,
)
from xai.base.errors import InputError
from xai.base.experiment import Outcome, Series

TINY: dict[str, dict[str, object]] = {
    "linear_stacks": {"steps": 20, "width": 3, "depths": (1, 2)},
    "optimizers": {"most": 15, "rates": 2, "steps": 10, "network_rates": 3},
    "correlation": {"steps": 50},
    "max_pooling": {"train": 60, "epochs": 1, "seeds": 1, "test": 50},
    "recurrent_gradients": {"length": 6, "size": 4, "seeds": 1, "lag": 4},
    "recall": {"lags": (2, 3), "steps": 3, "size": 4, "seeds": 1},
    "bottleneck": {"rows": 200, "test": 200, "epochs": 1, "size": 8, "wider": 8},
    "weight_penalties": {"train": 60, "epochs": 2, "strengths": (1e-3,)},
    "noise": {"train": 60, "epochs": 1, "seeds": 2, "scales": (0.0, 0.3)},
    "dropout": {"train": 60, "epochs": 2, "seeds": 2, "chances": (0.0, 0.5)},
    "early_stopping": {"train": 60, "epochs": 3, "patience": 1, "seeds": 2},
    "complexity": {"widths": (1, 2, 4), "sets": 3, "points": 8, "steps": 10, "degrees": 3},
    "pruning": {"train": 100, "epochs": 1, "tuning": 1, "sizes": (16, 8), "test": 50, "seeds": 2},
    "quantization": {"train": 100, "epochs": 1, "tuning": 1, "width": 8, "test": 50},
    "augmentation": {"train": 50, "epochs": 1, "seeds": 1, "test": 200},
    "mini_batches": {"sizes": (1, 4), "draws": 20, "epochs": 1},
    "layer_probes": {"train": 100, "epochs": 1, "test": 50},
    "divergence": {"steps": 20, "side": 5},
}


@pytest.mark.parametrize("name", TINY)
def test_an_experiment_says_all_it_should(name: str) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    outcome = lecture.run(name, **TINY[name])
    assert torch.equal(state, torch.get_rng_state())
    assert torch.get_num_threads() == threads
    assert outcome.name == name
    assert outcome.number == list(lecture.EXPERIMENTS).index(name) + 1
    assert isinstance(outcome.held, bool)
    for text in (outcome.sentence, outcome.done, outcome.criterion, outcome.measured):
        assert text
        assert "nan" not in text.split()
    assert outcome.numbers
    assert outcome.panels
    for panel in outcome.panels:
        assert panel.series
        for series in panel.series:
            assert len(series.x) == len(series.y) > 0
            assert all(isinstance(value, float) and math.isfinite(value) for value in [*series.x, *series.y])
            assert not panel.log_y or min(series.y) >= 0
    if name in ("divergence", "dropout", "recall"):
        again = dataclasses.replace(lecture.run(name, **TINY[name]), seconds=outcome.seconds)
        assert again == outcome


def test_there_are_eighteen_each_in_a_file() -> None:
    assert list(TINY) == list(lecture.EXPERIMENTS)
    assert len(TINY) == 18
    folder = Path(lecture.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "common"}
    assert files == set(TINY)
    for name in TINY:
        assert callable(importlib.import_module(f"models.lecture.{name}").experiment)


def test_claims_are_chosen_by_name_or_number() -> None:
    assert lecture.choose([]) == list(lecture.EXPERIMENTS)
    assert lecture.choose(["18", "max-pooling", "4"]) == ["max_pooling", "divergence"]
    for bad in ("0", "19", "nothing", ""):
        with pytest.raises(InputError, match="lecture: claim: expected a number from 1 to 18 or one of linear_stacks"):
            lecture.choose([bad])


def test_an_outcome_holds_finite_numbers() -> None:
    with pytest.raises(InputError, match="finite ones, got a = nan"):
        Outcome("x", "s", "d", "c", "m", True, {"a": math.nan}, [])
    with pytest.raises(InputError, match="as many x as y"):
        Series("x", [1.0], [1.0, 2.0])
    with pytest.raises(InputError, match="style"):
        Series("x", [1.0], [1.0], style="pie")


def test_the_same_seed_trains_the_same_network() -> None:
    data = common.digits(60)
    results = []
    for _ in range(2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = common.fit(common.dense(data.inputs.shape[1], 8, 10), data.inputs, data.labels, epochs=2)
        results.append(network[0].weight.detach())
    assert torch.equal(*results)
    stopped = []
    common.fit(
        network, data.inputs, data.labels, epochs=5, after_epoch=lambda epoch: stopped.append(epoch) or epoch == 1
    )
    assert stopped == [0, 1]
