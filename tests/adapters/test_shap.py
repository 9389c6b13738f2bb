"""Shapley values of trees by shap are those that all coalitions give, and shap's own numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import xai
from tests import optional
from xai.base.errors import InputError

shap = pytest.importorskip("shap")
DRAW = np.random.default_rng(0)
ROWS = pd.DataFrame(DRAW.normal(size=(120, 4)).astype(np.float32).astype(np.float64), columns=list("abcd"))
YES = (ROWS.a + ROWS.b * ROWS.c > 0).astype(int)
THREE = (ROWS.a > 0.5).astype(int) + (ROWS.b > 0)
BEHIND = ROWS[:15]


@pytest.mark.parametrize(
    ("estimator", "labels"),
    [
        (DecisionTreeClassifier(max_depth=3, random_state=0), YES),
        (DecisionTreeRegressor(max_depth=4, random_state=0), ROWS.a * ROWS.b),
        (RandomForestClassifier(5, max_depth=4, random_state=0), THREE),
        (RandomForestRegressor(5, max_depth=4, random_state=0), ROWS.a * ROWS.b),
    ],
    ids=lambda value: type(value).__name__,
)
def test_answers_themselves_are_divided(estimator, labels) -> None:
    model = xai.from_sklearn(estimator.fit(ROWS, labels), ROWS)
    e = xai.tree_shap(model, ROWS[20:24], 0 if model.task == "regression" else 1, background=BEHIND)
    wanted = xai.kernel_shap(model, ROWS[20:24], e.target[0], background=BEHIND)
    assert torch.allclose(e.values, torch.stack(wanted.values), atol=1e-5)
    theirs = np.asarray(shap.TreeExplainer(estimator, BEHIND).shap_values(ROWS[20:24], check_additivity=False))
    theirs = theirs[..., 1] if theirs.ndim == 3 else theirs
    assert np.allclose(e.values, theirs, atol=1e-7)
    assert e.value_names() == list("abcd")
    verified = xai.verify(model, e, ["completeness", "deletion"])
    assert len(verified.evidence[0]) == 2


def boosted(package: str):
    if package == "sklearn":
        return GradientBoostingClassifier(n_estimators=5, random_state=0)
    module = optional.NEEDED[package]()
    if package == "lightgbm":
        return module.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1)
    return module.XGBClassifier(n_estimators=5, n_jobs=1)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("package", ["sklearn", "lightgbm", "xgboost"])
def test_boosted_trees_divide_log_odds(package: str) -> None:
    model = xai.from_sklearn(boosted(package).fit(ROWS, YES), ROWS)
    for pair in ((1, 0), (0, 1)):
        e = xai.tree_shap(model, ROWS[20:24], pair, background=BEHIND)
        wanted = xai.kernel_shap(model, ROWS[20:24], pair, background=BEHIND, of="log_probability")
        assert torch.allclose(e.values, torch.stack(wanted.values), atol=2e-5)
    chosen = xai.tree_shap(model, ROWS[20:24], background=BEHIND)
    assert chosen.target[0] == (int(model.predict(ROWS[20:21]).argmax()), int(model.predict(ROWS[20:21]).argmin()))
    with pytest.raises(InputError, match="boosted trees add up log-odds"):
        xai.tree_shap(model, ROWS[20:24], 1, background=BEHIND)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_of_several_classes_one_rather_than_another() -> None:
    model = xai.from_sklearn(boosted("lightgbm").fit(ROWS, THREE), ROWS)
    e = xai.tree_shap(model, ROWS[20:23], (2, 0), background=BEHIND)
    wanted = xai.kernel_shap(model, ROWS[20:23], (2, 0), background=BEHIND, of="log_probability")
    assert torch.allclose(e.values, torch.stack(wanted.values), atol=2e-5)


def test_what_is_no_tree_is_named() -> None:
    line = LogisticRegression().fit(ROWS, YES)
    tree = DecisionTreeClassifier(max_depth=2).fit(ROWS, YES)
    for model, said in (
        (xai.from_sklearn(line, ROWS), "trees that shap knows"),
        (xai.from_sklearn(make_pipeline(StandardScaler(), tree).fit(ROWS, YES), ROWS), "got a pipeline"),
        (xai.from_sklearn(tree, ROWS, groups={"ab": ["a", "b"]}), "got the column 'ab'"),
        (xai.Model(torch.nn.Linear(4, 2)), "a tree from xai.from_sklearn"),
    ):
        with pytest.raises(InputError, match=said):
            xai.tree_shap(model, ROWS[:1], background=BEHIND)
