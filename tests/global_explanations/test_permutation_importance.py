"""Permutation importance: what shuffling a column costs, and which columns stand for each other."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from tests.global_explanations.test_tables import of_function, rows
from xai.base.errors import XaiError
from xai.global_explanations.correlated import association, correlated_columns
from xai.global_explanations.permutation import permutation_importance
from xai.inputs.table import TabularInput
from xai.model.model import Model


class TestPermutationImportance:
    def test_of_a_linear_model_it_is_what_all_permutations_give(self) -> None:
        """With 5 rows all 120 shuffles can be counted; the mean of many random ones must come to the same."""
        data, weights = rows(5), torch.tensor([2.0, -1.0, 0.0]).double()
        goals = data @ weights + 0.3 * rows(5, 1, 1)[:, 0]
        model = of_function(lambda x: x @ weights.numpy(), ["a", "b", "c"])
        made = permutation_importance(model, data, goals, repeats=4000, seed=3)
        variance = float(goals.var(correction=0))
        for column in range(3):
            falls = []
            for order in itertools.permutations(range(5)):
                moved = data.clone()
                moved[:, column] = data[list(order), column]
                error, before = (moved @ weights - goals) ** 2, (data @ weights - goals) ** 2
                falls.append(float((error - before).mean()) / variance)
            spread = np.std(falls) / 4000**0.5
            assert made.values[column] == pytest.approx(np.mean(falls), abs=4 * spread + 1e-12)
        assert made.values[2] == 0
        residual = goals - data @ weights
        assert made.score == pytest.approx(1 - float((residual**2).mean()) / variance, abs=1e-6)

    def test_scikit_learn_agrees_within_the_standard_error(self) -> None:
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.inspection import permutation_importance as theirs

        data = rows(600, 4, 2).numpy()
        goals = (data[:, 0] + 0.5 * data[:, 1] * data[:, 2] > 0).astype(int)
        forest = RandomForestClassifier(30, random_state=0).fit(data[:300], goals[:300])
        model = Model.from_callable(forest.predict_proba, classes=["no", "yes"])
        made = permutation_importance(model, data[300:], goals[300:], repeats=30)
        expected = theirs(forest, data[300:], goals[300:], n_repeats=30, random_state=1)
        assert made.score == pytest.approx(forest.score(data[300:], goals[300:]))
        shuffles = (expected.importances_std / 30**0.5) * 2**0.5
        assert np.all(np.abs(made.values.numpy() - expected.importances_mean) < 4 * shuffles + 1e-9)
        frame = made.to_frame()
        assert frame["name"][0] == "x0"

    def test_its_standard_error_covers_which_rows_were_drawn(self) -> None:
        """Over 60 draws of rows, the spread of the importance is what its standard error says."""
        model = of_function(lambda x: 2 * x[:, 0], ["a"])
        values, errors = [], []
        for seed in range(60):
            data = rows(80, 1, seed)
            made = permutation_importance(model, data, 2 * data[:, 0] + rows(80, 1, seed + 500)[:, 0], repeats=20)
            values.append(float(made.values[0]))
            errors.append(float(made.standard_error[0]))
        assert 0.75 < np.mean(errors) / np.std(values) < 1.3

    def test_its_standard_error_covers_which_values_rows_lend(self) -> None:
        """Of a rare class, what a row lends to others moves the score more than what it is answered itself."""
        steep = nn.Sequential(nn.Linear(1, 2))
        with torch.no_grad():
            steep[0].weight.copy_(torch.tensor([[-50.0], [50.0]]))
            steep[0].bias.copy_(torch.tensor([42.0, -42.0]))
        model = Model(steep, input=TabularInput(["a"]))
        values, errors = [], []
        for seed in range(80):
            data = rows(100, 1, seed)
            made = permutation_importance(model, data, (data[:, 0] > 0.84).long(), repeats=10, seed=seed)
            values.append(float(made.values[0]))
            errors.append(float(made.standard_error[0]))
        assert 0.75 < np.mean(errors) / np.std(values) < 1.3  # rows alone: 0.53

    def test_columns_that_stand_in_for_each_other_are_named_and_can_be_shuffled_together(self) -> None:
        data = rows(400, 3)
        data[:, 1] = data[:, 0] + 0.05 * data[:, 1]
        model = of_function(lambda x: x[:, 0] + x[:, 1], ["a", "b", "c"])
        goals = data[:, 0] + data[:, 1]
        alone = permutation_importance(model, data, goals)
        assert alone.correlated[0][:2] == ("a", "b")
        together = permutation_importance(model, data, goals, groups=[["a", "b"]])
        assert together.names == ("a + b", "c")
        # The variance of the sum is four times that of either part: shuffled alone, each seems half as important.
        assert float(together.values[0]) == pytest.approx(2, abs=0.3)
        assert float(alone.values[0]) == pytest.approx(0.5, abs=0.15)

    def test_frames_words_and_names(self) -> None:
        frame = pd.DataFrame({"city": ["Oslo", "Rome", "Oslo", "Rome"] * 30, "size": np.arange(120.0)})
        words = {"city": ["Oslo", "Rome"]}
        model = Model.from_callable(
            lambda x: np.stack([1 - x[:, 0], x[:, 0]], 1), classes=["cold", "warm"],
            input=TabularInput(["city", "size"], categorical=words),
        )  # fmt: skip
        labels = pd.Series(["cold", "warm"] * 60)
        made = permutation_importance(model, frame, labels)
        assert made.score == 1
        assert float(made.values[0]) == pytest.approx(0.5, abs=0.1)
        assert float(made.values[1]) == 0
        likely = permutation_importance(model, frame, labels, metric="log_likelihood")
        assert float(likely.values[0]) > 10  # certain and wrong costs much

    @pytest.mark.parametrize(
        ("labels", "settings", "says"),
        [
            ([0, 1], {}, "labels: expected one per row .6."),
            ([0, 1, 2, 0, 1, 0], {}, "from 0 to 1"),
            (["no", "maybe"] * 3, {}, "classes of the model .no, yes., got 'maybe'"),
            ([0.5] * 6, {}, "labels"),
            (object(), {}, "labels"),
            ([0, 1] * 3, {"metric": "r2"}, "metric: expected one of accuracy"),
            ([0, 1] * 3, {"groups": [["a"], ["a"]]}, "groups"),
            ([0, 1] * 3, {"groups": ["a"]}, "groups: expected lists"),
            ([0, 1] * 3, {"groups": [["z"]]}, "columns: expected names"),
            ([0, 1] * 3, {"repeats": 0}, "repeats"),
        ],
    )
    def test_what_cannot_be_is_named(self, labels: object, settings: dict, says: str) -> None:
        model = Model(nn.Linear(3, 2), classes=["no", "yes"], input=TabularInput(["a", "b", "c"]))
        with pytest.raises(XaiError, match=says):
            permutation_importance(model, rows(6).float(), labels, **settings)


def test_association_of_words_and_numbers() -> None:
    codes = np.array([0, 0, 1, 1, 2, 2] * 20)
    assert association(codes, (codes + 1) % 3, True, True) == pytest.approx(1, abs=0.02)
    noise = np.random.default_rng(0).permutation(codes)
    assert association(codes, noise, True, True) < 0.25
    assert association(codes, codes * 5.0, True, False) == pytest.approx(1)
    assert association(codes, np.tile([1.0, 2.0], 60), True, False) == pytest.approx(0, abs=1e-9)
    from scipy.stats import spearmanr

    a, b = rows(50, 2, 5).numpy().T
    assert association(a, b, False, False) == pytest.approx(abs(spearmanr(a, b).statistic))
    assert association(a, np.ones(50), False, False) == 0
    assert correlated_columns(np.stack([a, a**3, b], 1), ["a", "cube", "b"], set())[0][:2] == ("a", "cube")
