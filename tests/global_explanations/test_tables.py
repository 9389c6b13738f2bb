"""Global methods for tables: closed forms, enumeration, scikit-learn as a second opinion, and what is named."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.trace_state import differences, state_of
from xai.base.errors import InputError, TargetError, XaiError
from xai.global_explanations.accumulated_effects import accumulated_local_effects
from xai.global_explanations.partial_dependence import partial_dependence
from xai.global_explanations.permutation import permutation_importance
from xai.global_explanations.surrogate_tree import surrogate_tree
from xai.inputs.table import TabularInput
from xai.model.model import Model


def rows(count: int, width: int = 3, seed: int = 0) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def of_function(function, names: list[str], categorical: dict | None = None, **settings: object) -> Model:
    def call(batch: np.ndarray) -> np.ndarray:
        return np.asarray(function(batch.astype(np.float64)))[:, None]

    return Model.from_callable(
        call, input=TabularInput(names, categorical=categorical or {}), task="regression", **settings
    )


class TestPartialDependence:
    def test_scikit_learn_gives_the_same_curves(self) -> None:
        from sklearn.ensemble import GradientBoostingRegressor
        from sklearn.inspection import partial_dependence as theirs

        data = rows(150).numpy()
        fitted = GradientBoostingRegressor(n_estimators=20, random_state=0).fit(data, data[:, 0] * data[:, 1])
        expected = theirs(fitted, data, [1], kind="both", method="brute", grid_resolution=7)
        grid = {"b": expected["grid_values"][0]}
        made = partial_dependence(of_function(fitted.predict, ["a", "b", "c"]), data, ["b"], grid=grid)["b"]
        assert np.allclose(made.values, expected["average"][0], atol=1e-5)
        assert np.allclose(made.individual, expected["individual"][0], atol=1e-5)
        assert np.allclose(made.standard_error, expected["individual"][0].std(0, ddof=1) / 150**0.5, atol=1e-5)

    def test_categories_and_classes(self) -> None:
        class Net(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                return torch.stack([0 * x[:, 0], x[:, 0] * x[:, 1]], 1)

        inputs = TabularInput(["kind", "size"], categorical={"kind": ["none", "one", "two"]})
        model = Model(Net(), classes=["no", "yes"], input=inputs)
        data = torch.tensor([[0.0, 1.0], [1, 2.0], [2, -1.0]])
        before = state_of(model.network)
        made = partial_dependence(model, data, of="output")
        assert [curve.name for curve in made] == [curve.name for curve in made.curves]
        assert (len(made), "kind" in made, "nowhere" in made) == (len(made.curves), True, False)
        assert differences(before, state_of(model.network)) == []
        assert made.target_name() == "yes"
        assert made["kind"].words == ("none", "one", "two")
        assert made["kind"].individual.tolist() == [[0, 1, 2], [0, 2, 4], [0, -1, -2]]
        rather = partial_dependence(model, data, ["kind"], (0, 1), of="output")
        assert torch.allclose(rather["kind"].individual, -made["kind"].individual)
        assert set(made.to_frame().columns) == {"name", "at", "value", "standard_error"}

    def test_the_grid_is_made_of_the_data(self) -> None:
        data = torch.tensor([[0.0], [0.0], [0.0], [1.0], [9.0]])
        made = partial_dependence(Model(nn.Linear(1, 1), task="regression"), data, points=5)
        assert made["x0"].grid.tolist() == [0, 1, 9]

    @pytest.mark.parametrize(
        ("columns", "settings", "says"),
        [
            (["z"], {}, "columns"), ("a", {}, "columns: expected a list"), ([], {}, "columns"), ([3], {}, "columns"),
            (["a"], {"points": 1}, "points"), (["a"], {"grid": {"a": ["x"]}}, "grid"),
            (["a"], {"grid": {"a": []}}, "grid"),
            (["a"], {"target": 7}, "target"), (["a"], {"of": "odds"}, "of: expected"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_named(self, columns: object, settings: dict, says: str) -> None:
        model = Model(nn.Linear(3, 2), input=TabularInput(["a", "b", "c"]))
        with pytest.raises(XaiError, match=says):
            partial_dependence(model, rows(6).float(), columns, **settings)

    def test_a_missing_name_is_named(self) -> None:
        made = partial_dependence(Model(nn.Linear(1, 2)), rows(6, 1).float())
        with pytest.raises(InputError, match="name: expected one of x0"):
            made["age"]


class TestAccumulatedLocalEffects:
    def test_in_a_sum_of_functions_it_is_each_function(self) -> None:
        """Even where columns are all but the same, which partial dependence does not survive."""
        data = rows(400, 2)
        data[:, 1] = data[:, 0] + 0.1 * data[:, 1]
        model = of_function(lambda x: np.sin(x[:, 0]) + x[:, 1] ** 2, ["a", "b"])
        made = accumulated_local_effects(model, data, bins=15)
        for curve, function in ((made["a"], torch.sin), (made["b"], torch.square)):
            expected = function(curve.grid)
            difference = curve.values - expected
            assert float(difference.max() - difference.min()) < 1e-5  # the same but for a constant
            assert float(curve.standard_error[-1]) < 0.2

    def test_it_is_centered_on_the_rows(self) -> None:
        data = rows(1000, 1)
        curve = accumulated_local_effects(of_function(lambda x: 3 * x[:, 0], ["a"]), data, bins=40)["a"]
        mean = np.interp(data[:, 0], curve.grid, curve.values).mean()
        assert mean == pytest.approx(0, abs=0.02)
        slopes = curve.values.diff() / curve.grid.diff()
        assert torch.allclose(slopes, torch.full_like(slopes, 3.0), atol=1e-4)

    def test_a_product_shows_the_mean_of_the_other_factor_nearby(self) -> None:
        """By hand, bin after bin, in a loop."""
        data = rows(60, 2, 4)
        curve = accumulated_local_effects(of_function(lambda x: x[:, 0] * x[:, 1], ["a", "b"]), data, ["a"], bins=4)[
            "a"
        ]
        ends = curve.grid.tolist()
        assert len(ends) == 5
        changes, variances, counts = [], [], []
        for low, high in itertools.pairwise(ends):
            inside = [r for r in data.tolist() if low < r[0] <= high or (low == ends[0] and r[0] == low)]
            differences_ = [(high - low) * r[1] for r in inside]
            changes.append(np.mean(differences_))
            variances.append(np.var(differences_, ddof=1) / len(inside))
            counts.append(len(inside))
        sums = np.concatenate([[0], np.cumsum(changes)])
        center = (
            sum(count * (left + right) / 2 for count, left, right in zip(counts, sums[:-1], sums[1:], strict=True)) / 60
        )
        assert np.allclose(curve.values, sums - center, atol=1e-5)
        weight = np.array(counts) / 60
        for point in range(5):
            total = 0.0
            for number in range(4):
                of_center = weight[number + 1 :].sum() + weight[number] / 2
                total += variances[number] * ((number < point) - of_center) ** 2
            assert float(curve.standard_error[point]) == pytest.approx(total**0.5, rel=1e-4)

    def test_words_in_an_order(self) -> None:
        words = ["high", "low", "middle"]
        level = np.array([5.0, 1.0, 2.0])
        model = of_function(lambda x: level[x[:, 0].astype(int)] + x[:, 1], ["height", "b"], {"height": words})
        codes = torch.randint(0, 3, (90, 1), generator=torch.Generator().manual_seed(0))
        data = torch.cat([codes.double(), rows(90, 1)], 1)
        order = {"height": ["low", "middle", "high"]}
        curve = accumulated_local_effects(model, data, ["height"], order=order)["height"]
        assert curve.words == ("low", "middle", "high")
        assert torch.allclose(curve.values.diff(), torch.tensor([1.0, 3.0]).double(), atol=1e-5)
        counts = torch.bincount(codes[:, 0], minlength=3)[[1, 2, 0]].double()
        assert float((counts * curve.values).sum()) == pytest.approx(0, abs=1e-4)
        assert len(accumulated_local_effects(model, data).curves) == 1  # without an order only the numbers

    def test_what_cannot_be_is_named(self) -> None:
        model = of_function(lambda x: x[:, 0], ["kind", "b"], {"kind": ["x", "y"]})
        data = torch.tensor([[0.0, 1.0], [1.0, 1.0]])
        with pytest.raises(InputError, match=r"order: expected the words of 'kind'"):
            accumulated_local_effects(model, data, ["kind"])
        with pytest.raises(InputError, match=r"order\['kind'\]: expected each of"):
            accumulated_local_effects(model, data, ["kind"], order={"kind": ["x"]})
        with pytest.raises(InputError, match="different values in column 'b'"):
            accumulated_local_effects(model, data, ["b"])
        with pytest.raises(InputError, match="different words in column 'kind'"):
            accumulated_local_effects(model, data[:1], ["kind"], order={"kind": ["x", "y"]})


class TestSurrogateTree:
    def test_a_model_that_is_a_tree_is_found_again(self) -> None:
        words = ["Oslo", "Rome"]
        inputs = TabularInput(["city", "size"], categorical={"city": words})

        def answer(x: np.ndarray) -> np.ndarray:
            yes = (x[:, 0] == 1) & (x[:, 1] > 0)
            return np.stack([~yes, yes], 1)

        data = torch.cat([(rows(400, 1, 1) > 0).double(), rows(400, 1, 2)], 1)
        made = surrogate_tree(Model.from_callable(answer, classes=["no", "yes"], input=inputs), data)
        assert made.fidelity > 0.97
        assert made.held_out == 100
        assert made.interval[0] < made.fidelity <= made.interval[1]
        assert "city = Rome is Rome" not in made.rules
        assert "city is Rome" in made.rules.replace("|--- ", "") or "city is Oslo" in made.rules.replace("|--- ", "")
        assert made.evidence[0].status == "pass"
        assert set(made.to_frame()["name"]) == {"city = Oslo", "city = Rome", "size"}

    def test_fidelity_is_measured_on_rows_it_has_not_seen(self) -> None:
        """A model that answers at random by row: a tree grown on it cannot know the answers to other rows."""

        def answer(x: np.ndarray) -> np.ndarray:
            yes = np.sin(1e5 * x.sum(1)) > 0
            return np.stack([~yes, yes], 1)

        made = surrogate_tree(Model.from_callable(answer, classes=["no", "yes"]), rows(400), leaves=200)
        assert abs(made.fidelity - 0.5) < 0.2
        assert made.evidence[0].status == "fail"
        assert "Not supported" in made.evidence[0].text

    def test_a_regression_and_held_out_rows_of_ones_own(self) -> None:
        model = of_function(lambda x: np.where(x[:, 0] > 0, 2.0, -1.0), ["a", "b"])
        made = surrogate_tree(model, rows(200, 2, 1), rows(50, 2, 2), leaves=2)
        predicted = made.tree.predict(rows(50, 2, 2).numpy())
        truth = np.where(rows(50, 2, 2)[:, 0] > 0, 2.0, -1.0)
        mean = np.where(rows(200, 2, 1)[:, 0] > 0, 2.0, -1.0).mean()
        expected = 1 - ((truth - predicted) ** 2).mean() / ((truth - mean) ** 2).mean()
        assert made.fidelity == pytest.approx(expected)
        assert made.held_out == 50

    def test_what_cannot_be_is_named(self) -> None:
        model = Model(nn.Linear(3, 2))
        with pytest.raises(InputError, match="leaves"):
            surrogate_tree(model, rows(20).float(), leaves=1)
        with pytest.raises(InputError, match="at least 8 rows"):
            surrogate_tree(model, rows(4).float())
        with pytest.raises(InputError, match="rows of a table"):
            surrogate_tree(Model(nn.Sequential(nn.Flatten(), nn.Linear(4, 2))), torch.zeros(9, 2, 2))


def test_results_show_themselves() -> None:
    import xai

    data = rows(40).float()
    inputs = TabularInput(["<i>a</i>", "b", "c"], categorical={"c": ["<u>", "v"]})
    data[:, 2] = (data[:, 2] > 0).float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Model(nn.Linear(3, 2), classes=["no", "<s>yes"], input=inputs)
    labels = model.predict(data).argmax(1)
    made = [
        permutation_importance(model, data, labels, repeats=2),
        partial_dependence(model, data, points=4),
        accumulated_local_effects(model, data, bins=3),
        surrogate_tree(model, data),
    ]
    page = xai.Report("Global", made).html()
    for harmful in ("<i>a", "<u>", "<s>"):
        assert harmful not in page.split('<script type="application/json"')[0]
    for result in made:
        assert result.plot().axes
        assert len(result.to_frame())
        assert "xai-result" in result._repr_html_()


def test_the_target_must_be_there() -> None:
    with pytest.raises(TargetError):
        accumulated_local_effects(Model(nn.Linear(3, 2)), rows(9).float(), target=5)
