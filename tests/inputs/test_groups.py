"""Groups of columns: hidden, drawn and shuffled together, one value each, named; and columns in their own units."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import xai
from xai.base.errors import InputError
from xai.lime.training_summary import TrainingSummary

NAMES = ["age", "city=Oslo", "city=Rome", "city=Bonn", "size"]
GROUPS = {"city": NAMES[1:4]}
DRAW = np.random.default_rng(0)
ROWS = np.concatenate([DRAW.normal(size=(300, 1)), np.eye(3)[DRAW.integers(0, 3, 300)], DRAW.random((300, 1))], 1)
WEIGHTS = torch.tensor([[0.5, 3.0, -1.0, 0.0, 2.0]], dtype=torch.float64)


class Line(nn.Module):
    """0.5 age + 3 for Oslo - 1 for Rome + 2 size; and it never sees two cities, or none."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(WEIGHTS.clone())
        self.odd = 0

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        self.odd += int((rows[:, 1:4].detach().sum(1) != 1).sum())
        return rows @ self.weights.T


def made(**settings: object) -> xai.Model:
    return xai.Model(Line(), task="regression", input=xai.TabularInput(NAMES, **settings))


def told(e: xai.Explanation, row: int = 0) -> dict[str, float]:
    return dict(zip(e.value_names(row), e.values[row].tolist(), strict=True))


def test_shapley_values_of_a_group_are_those_of_its_columns_together() -> None:
    behind, rows = torch.tensor(ROWS[50:60]), torch.tensor(ROWS[:3])
    alone = xai.kernel_shap(xai.Model(Line(), task="regression"), rows, background=behind)
    frame = pd.DataFrame(behind, columns=NAMES)
    declared = xai.kernel_shap(made(groups=GROUPS), rows, background=behind)
    asked = xai.kernel_shap(made(), rows, background=frame, segments=GROUPS)
    for e in (declared, asked):
        assert e.over == "features"
        for row in range(3):
            own = alone.values[row]
            wanted = {"age": own[0], "city": own[1:4].sum(), "size": own[4]}
            assert told(e, row) == pytest.approx({name: float(value) for name, value in wanted.items()}, abs=1e-9)


def test_coalitions_show_and_hide_a_group_as_a_whole() -> None:
    model = made(groups=GROUPS)
    before = model.network.odd
    e = xai.kernel_shap(model, ROWS[:1], background=ROWS[50:60])
    assert e.diagnostics[0]["samples"] == 2**3 - 2
    probes = model.network.odd - before  # of the rehearsal alone: half a row, zeros
    model.network.odd = 0
    xai.kernel_shap(model, ROWS[:1], background=ROWS[50:60])
    assert model.network.odd <= probes


def test_occlusion_replaces_a_group_at_once() -> None:
    e = xai.occlusion(made(groups=GROUPS), ROWS[:4], baseline=ROWS[7])
    for row in range(4):
        gone = WEIGHTS[0] * torch.tensor(ROWS[row] - ROWS[7])
        wanted = {"age": gone[0], "city": gone[1:4].sum(), "size": gone[4]}
        assert told(e, row) == pytest.approx({name: float(value) for name, value in wanted.items()}, abs=1e-9)


def test_lime_draws_cities_as_they_occur() -> None:
    model = made(groups=GROUPS)
    model.network.odd = 0
    e = xai.lime_tabular(model, ROWS[:2], background=ROWS, samples=2000, kernel_width=100.0, most_samples=2000)
    assert model.network.odd <= 4  # rows of the model's own rehearsal; none of 4,000 samples
    city = ["Oslo", "Rome", "Bonn"][int(ROWS[0, 1:4].argmax())]
    share = ROWS[:, 1:4].mean(0)
    gains = np.array([3.0, -1.0, 0.0])
    place = int(ROWS[0, 1:4].argmax())
    others = (gains * share)[np.arange(3) != place].sum() / (1 - share[place])
    assert told(e)[f"city = {city}"] == pytest.approx(gains[place] - others, abs=0.15)
    assert e.value_names()[0].endswith("age") or "age" in e.value_names()[0]
    assert len(e.values[0]) == 3
    verified = xai.verify(model, e, ["deletion", "stability", "faithfulness"])
    assert len(verified.evidence[0]) == 3
    saved = TrainingSummary.of(ROWS, like=model.input)
    assert TrainingSummary.load(saved.to_dict()) == saved
    again = xai.lime_tabular(model, ROWS[:2], background=saved, samples=2000, kernel_width=100.0, most_samples=2000)
    assert torch.equal(again.values[0], e.values[0])


def test_permutation_shuffles_a_group_together() -> None:
    target = ROWS @ WEIGHTS[0].numpy()
    by_model = xai.permutation_importance(made(groups=GROUPS), ROWS, target, repeats=2)
    named = xai.permutation_importance(made(), ROWS, target, repeats=2, groups=GROUPS)
    listed = xai.permutation_importance(made(), ROWS, target, repeats=2, groups=[NAMES[1:4]])
    assert by_model.names == named.names == ("age", "city", "size")
    assert torch.equal(by_model.values, named.values)
    assert listed.names[0] == " + ".join(NAMES[1:4])
    assert float(named.values[1]) > 0.5
    assert xai.permutation_importance(made(groups=GROUPS), ROWS, target, repeats=2, groups=()).names == tuple(NAMES)


def test_explanations_of_groups_are_verified_saved_and_drawn(tmp_path) -> None:
    model = made(groups=GROUPS)
    e = xai.verify(model, xai.kernel_shap(model, ROWS[:2], background=ROWS[:20]), ["deletion", "completeness"])
    again = xai.Explanation.load(e.save(tmp_path / "groups.safetensors"))
    assert again.value_names() == ["age", "city", "size"]
    assert [row["name"] for row in again.to_frame().to_dict("records")][:3] == ["age", "city", "size"]
    assert "city" in xai.Report("Groups", [e]).html()
    assert {text.get_text() for text in xai.plots.bar(e).get_yticklabels()} == {"age", "city", "size"}


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ([["age"]], "groups: expected lists of column names by the name"),
        ({"a": ["age", "weight"]}, "groups: expected columns among"),
        ({"a": ["age"], "b": ["age"]}, "each column in one group at most, got 'age' in two"),
        ({"size": ["age"]}, "names that no other column has, got 'size'"),
        ({"a": []}, "groups: expected distinct names, at least one"),
    ],
)
def test_groups_that_are_none_are_named(groups: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        xai.TabularInput(NAMES, groups=groups)


def test_a_group_of_too_many_combinations_is_named() -> None:
    rows = DRAW.normal(size=(1200, 5))
    with pytest.raises(InputError, match=r"groups\['where'\]: expected at most 1,000 combinations"):
        xai.lime_tabular(made(groups={"where": ["age", "size"]}), rows[:1], background=rows)


class TestOwnUnits:
    """A network that was trained on standardized columns is handed rows in their own units."""

    MEAN, STD = [40.0, 1.7], [10.0, 0.1]

    @pytest.fixture
    def pair(self) -> tuple[xai.Model, xai.Model]:
        network = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2)).double()
        own = xai.TabularInput(["age", "height"], mean=self.MEAN, std=self.STD)
        return xai.Model(network, input=own), xai.Model(network, input=xai.TabularInput(["age", "height"]))

    def test_answers_and_gradients_are_those_per_unit(self, pair: tuple) -> None:
        own, scaled = pair
        rows = torch.tensor([[52.0, 1.62], [31.0, 1.85]], dtype=torch.float64)
        seen = (rows - torch.tensor(self.MEAN)) / torch.tensor(self.STD)
        assert torch.allclose(own.predict(rows), scaled.predict(seen), atol=1e-12)
        slopes = xai.saliency(own, rows, 1).values * torch.tensor(self.STD)
        assert torch.allclose(slopes, xai.saliency(scaled, seen, 1).values, atol=1e-9)
        parts = xai.integrated_gradients(own, rows, 1, baseline=self.MEAN).values
        assert torch.allclose(parts, xai.integrated_gradients(scaled, seen, 1).values, atol=1e-9)

    def test_bins_and_curves_are_in_those_units(self, pair: tuple) -> None:
        rows = np.random.default_rng(0).normal(self.MEAN, self.STD, (100, 2))
        border = xai.lime_tabular(pair[0], rows[:1], background=rows, samples=200).value_names()[0]
        assert any(30 < float(part) < 55 for part in border.replace("≤", "<").split(" ") if part[0].isdigit())
        grid = xai.partial_dependence(pair[0], rows, ["height"], points=3)["height"].grid
        assert 1.3 < float(grid.min()) < float(grid.max()) < 2.1

    def test_a_model_folder_keeps_them(self, tmp_path, pair: tuple) -> None:
        network = nn.Linear(2, 2)
        model = xai.Model(network, input=pair[0].input)
        folder = xai.save_model(model, tmp_path, factory="torch.nn:Linear",
                                arguments={"in_features": 2, "out_features": 2})  # fmt: skip
        assert xai.load(folder).input == pair[0].input

    def test_a_scaler_fits_as_it_is(self) -> None:
        from sklearn.preprocessing import StandardScaler

        rows = np.random.default_rng(0).normal(self.MEAN, self.STD, (50, 2))
        scaler = StandardScaler().fit(rows)
        table = xai.TabularInput(["age", "height"], mean=scaler.mean_, std=scaler.scale_)
        assert np.allclose(table.feed(torch.tensor(rows)), scaler.transform(rows))
        named = xai.TabularInput(["age", "height"], mean={"height": 1.7}, std={"height": 0.1})
        assert (named.mean, named.std) == ([0.0, 1.7], [1.0, 0.1])

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"mean": [1.0]}, "mean: expected 2 numbers, one for each column"),
            ({"mean": {"weight": 1.0}}, "mean: expected columns among"),
            ({"std": [1.0, 0.0]}, "std: expected 2 numbers above 0"),
            ({"mean": ["a", "b"]}, "mean: expected 2 numbers"),
            ({"std": [1.0, float("nan")]}, "std: expected 2 numbers above 0"),
            ({"missing": ["weight"]}, "missing: expected columns among"),
            ({"dates": ["age"], "categorical": {"age": ["x"]}}, "columns of numbers, got the category 'age'"),
        ],
    )
    def test_what_does_not_fit_is_named(self, settings: dict, said: str) -> None:
        with pytest.raises(InputError, match=said):
            xai.TabularInput(["age", "height"], **settings)
