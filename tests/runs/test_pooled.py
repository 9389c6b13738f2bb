"""What all rows say together: pooled evidence, groups of explanations, and what moved between two runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import binom
from torch import nn

import xai
from tests.runs.folders import image_model, images
from xai.base.errors import InputError
from xai.base.statistics import wilson
from xai.runs.clusters import clusters, least_supported, ranked_by_distance
from xai.runs.drift import compare_samples
from xai.runs.pooled import largest_features, pooled_checks, pooled_verdicts
from xai.runs.sampling import Sample, draw_sample
from xai.runs.store import Run


def lines() -> pd.DataFrame:
    verdicts = ["supported"] * 6 + ["not shown"] * 2 + ["contradicted"] + ["untestable"]
    return pd.DataFrame(
        {
            "method": "saliency",
            "verdict": verdicts,
            "correct": [True] * 5 + [False] * 5,
            "predicted": ["cat", "dog"] * 5,
            "deletion_status": ["pass"] * 6 + ["fail"] * 4,
            "deletion_p": [0.01] * 6 + [0.5] * 3 + [np.nan],
        }
    )


def test_verdicts_are_counted_by_group() -> None:
    found = {entry["group"]: entry for entry in pooled_verdicts(lines())}
    assert list(found) == ["all rows", "right", "wrong", "predicted cat", "predicted dog"]
    whole = found["all rows"]
    assert [whole[name] for name in ("rows", "supported", "not shown", "contradicted", "untestable")] == [
        10,
        6,
        2,
        1,
        1,
    ]
    assert whole["share"] == 6 / 9
    assert (whole["low"], whole["high"]) == wilson(6, 9)
    assert (found["right"]["supported"], found["wrong"]["supported"]) == (5, 1)


def test_checks_are_held_against_chance() -> None:
    (entry,) = pooled_checks(lines(), ["deletion"])
    assert (entry["pass"], entry["fail"], entry["tested"], entry["small"]) == (6, 4, 9, 6 / 9)
    tail = sum(
        84 * 0.05**6 * 0.95**3 if k == 6 else [36, 9, 1][k - 7] * 0.05**k * 0.95 ** (9 - k) for k in range(6, 10)
    )
    assert entry["p_value"] == pytest.approx(tail)


def test_features_that_are_largest_most_often(tmp_path: Path, network: nn.Module) -> None:
    rows = torch.randn(40, 4)
    found = largest_features(explained(rows, tmp_path / "run", network), "input_x_gradient")
    wanted = (rows * network.weight[1].detach()).mean(0)  # of four columns, all are among the five largest
    assert [(entry["feature"], entry["share of rows"]) for entry in found] == [(name, 1.0) for name in "abcd"]
    assert [entry["mean value"] for entry in found] == pytest.approx(wanted.tolist(), abs=1e-6)


def planted(per_group: int = 40) -> Sample:
    """Return explanations of three kinds, of which the last is a small one that is always right."""
    drawn = np.random.default_rng(0)
    middles = np.eye(6)[:3]
    values = np.concatenate([middle + 0.05 * drawn.normal(size=(per_group, 6)) for middle in middles])[:-25]
    kinds = np.repeat([0, 1, 2], per_group)[:-25]
    frame = pd.DataFrame(
        {
            "predicted": np.where(kinds == 2, "horse", np.where(kinds == 1, "dog", "cat")),
            "correct": np.where(kinds == 2, True, drawn.random(len(kinds)) < 0.5).astype(object),
            "verdict": ["supported"] * (len(kinds) - 2) + ["contradicted", "not shown"],
            "deletion_p": np.linspace(0, 1, len(kinds)),
            "probability": 0.5,
        }
    )
    return Sample("saliency", frame, len(frame), values * drawn.uniform(1, 9, (len(kinds), 1)), [], None, None)


def test_planted_kinds_are_found_whatever_their_size() -> None:
    found = clusters(planted())
    assert [len(item.indices) for item in found] == [40, 40, 15]
    assert found[2].predicted == {"horse": 15}
    assert found[2].right == 1.0


def test_an_explanation_unlike_its_class_is_the_most_unusual() -> None:
    sample = planted()
    sample.values[7] = [0, 0, 0, 1, 1, 1]
    ranked = ranked_by_distance(sample)
    assert ranked["cat"][-1] == 7
    assert least_supported(sample, 3) == [len(sample) - 2, len(sample) - 1, len(sample) - 3]


def explained(rows: torch.Tensor, folder: Path, network: nn.Module, labels: list | None = None) -> Run:
    model = xai.Model(network, input=xai.TabularInput(["a", "b", "c", "d"]), classes=["no", "yes"])
    given = {"methods": ["input_x_gradient"], "checks": "none", "target": 1, "workers": 0, "labels": labels}
    return xai.run(model, rows, out=folder, **given)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(4, 2)


def test_what_moved_is_found_and_what_did_not_is_not(tmp_path: Path, network: nn.Module) -> None:
    rows = torch.randn(600, 4, generator=torch.Generator().manual_seed(0))
    before, after = rows[:300], rows[300:].clone()
    explained(before, tmp_path / "a", network)
    after[:, 1] += 1.0
    after[:, 2] *= 3.0  # no move of the mean
    found = xai.drift(xai.open_run(tmp_path / "a"), explained(after, tmp_path / "c", network))
    assert set(found["feature"][found["changed"]]) == {"b", "c"}


def test_rows_drawn_anew_are_said_to_move_no_more_often_than_promised() -> None:
    alarms = 0
    for seed in range(100):
        values = np.random.default_rng(seed).normal(size=(2, 100, 4))
        frame = pd.DataFrame({"row": range(100)})
        samples = [Sample("m", frame, 100, part, list("abcd"), None, None) for part in values]
        alarms += bool(compare_samples(*samples)["changed"].any())
    assert alarms <= binom.ppf(0.999, 100, 0.05)


def test_drift_by_group(tmp_path: Path, network: nn.Module) -> None:
    rows = torch.randn(400, 4, generator=torch.Generator().manual_seed(0))
    labels = [number % 2 for number in range(200)]
    after = rows[200:].clone()
    after[::2, 3] += 2.0
    runs = [explained(part, tmp_path / str(place), network, labels) for place, part in enumerate((rows[:200], after))]
    found = xai.drift(*runs, by="label")
    assert [tuple(pair) for pair in found.loc[found["changed"], ["group", "feature"]].to_numpy()] == [("no", "d")]
    with pytest.raises(InputError, match=r"^drift: by: expected a column among"):
        xai.drift(*runs, by="age")


def test_drift_of_maps_and_of_runs_with_nothing_in_common(tmp_path: Path, network: nn.Module) -> None:
    given = {"methods": ["saliency"], "checks": "none", "workers": 0}
    one = xai.run(image_model(), images(40), out=tmp_path / "one", **given)
    other = xai.run(image_model(seed=3), images(40), out=tmp_path / "other", **given)
    found = xai.drift(one, other)
    assert len(found) == 49
    assert found["changed"].any()
    table = explained(torch.randn(20, 4), tmp_path / "table", network)
    with pytest.raises(InputError, match=r"^drift: method: expected one that both runs have"):
        xai.drift(one, table)


def test_a_sample_is_spread_over_the_run(tmp_path: Path, network: nn.Module) -> None:
    rows = torch.randn(300, 4)
    model = xai.Model(network, input=xai.TabularInput(["a", "b", "c", "d"]))
    run = xai.run(model, rows, ["saliency"], "none", tmp_path / "run", shard_rows=20, workers=0)
    sample = draw_sample(run, "saliency", 60)
    assert sample.lines["row"].tolist() == [20 * shard + place for shard in range(15) for place in (0, 5, 10, 15)]
    assert sample.drawn == 300
    assert torch.equal(sample.inputs, rows[sample.lines["row"].tolist()])
    assert np.allclose(sample.columns, sample.inputs)
    assert np.allclose(sample.values, xai.saliency(model, sample.inputs).values)
