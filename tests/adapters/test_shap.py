"""Shapley values of trees by shap are those that all coalitions give, and shap's own numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
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
    mixing = make_pipeline(PCA(2), DecisionTreeClassifier())
    for model, said in (
        (xai.from_sklearn(line, ROWS), "trees that shap knows"),
        (
            xai.from_sklearn(mixing.fit(ROWS, YES), ROWS),
            "got one of several columns",
        ),
        (xai.from_sklearn(tree, ROWS, groups={"ab": ["a", "b"]}), "got the column 'ab'"),
        (xai.Model(torch.nn.Linear(4, 2)), "a tree from xai.from_sklearn"),
    ):
        with pytest.raises(InputError, match=said):
            xai.tree_shap(model, ROWS[:1], background=BEHIND)


def mixed() -> pd.DataFrame:
    """A table with words, dates, gaps and numbers."""
    draw = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "city": draw.choice(["Bonn", "Rome", "Oslo"], 80),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 900, 80), "D"),
            "age": np.where(draw.random(80) < 0.2, np.nan, draw.integers(20, 70, 80)),
            "size": draw.choice(["S", "M", "L"], 80),
        }
    )


def days(frame: pd.DataFrame) -> np.ndarray:
    return (frame - pd.Timestamp("2020-01-01")) / pd.Timedelta(days=1)


@pytest.mark.parametrize(
    "tree",
    [
        RandomForestClassifier(4, max_depth=5, random_state=0),
        GradientBoostingClassifier(n_estimators=4, random_state=0),
        RandomForestRegressor(4, max_depth=5, random_state=0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_behind_a_pipeline_what_is_made_of_one_column_is_one_player(tree) -> None:
    """Categories in one-hot blocks and as numbers, dates, gaps: the values of all coalitions of the table's columns."""
    frame = mixed()
    score = (frame.city == "Rome") * 2.0 + (frame["size"] == "L") * (frame.city != "Oslo") + (frame.age.fillna(99) > 50)
    score = score + (frame.since > "2021-06-01")
    made = make_column_transformer(
        (OneHotEncoder(), ["city"]),
        (FunctionTransformer(days), ["since"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
        (OrdinalEncoder(), ["size"]),
    )
    labels = score if isinstance(tree, RandomForestRegressor) else (score > 2).astype(int)
    model = xai.from_sklearn(make_pipeline(made, tree).fit(frame, labels), frame)
    boosted_ones = isinstance(tree, GradientBoostingClassifier)
    target = 0 if model.task == "regression" else (1, 0) if boosted_ones else 1
    e = xai.tree_shap(model, frame[20:24], target, background=frame[:12])
    of = "log_probability" if boosted_ones else "output" if model.task == "regression" else "probability"
    wanted = xai.kernel_shap(model, frame[20:24], target, background=frame[:12], of=of)
    assert torch.allclose(e.values.double(), torch.stack(wanted.values).double(), atol=2e-5)
    assert float(e.values.abs().max()) > 0.05


def raw(package: str, objective: str):
    module = optional.NEEDED[package]()
    labels = THREE if "multi" in objective else YES if "binary" in objective else ROWS.a * ROWS.b
    asked = {"objective": objective, "num_class": 3} if "multi" in objective else {"objective": objective}
    if package == "lightgbm":
        return module.train({**asked, "verbose": -1, "num_threads": 1}, module.Dataset(ROWS, labels), 5)
    return module.train({**asked, "nthread": 1}, module.DMatrix(ROWS, labels), 5)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("package", "objective"),
    [
        ("lightgbm", "binary"),
        ("lightgbm", "multiclass"),
        ("lightgbm", "regression"),
        ("xgboost", "binary:logistic"),
        ("xgboost", "multi:softmax"),
        ("xgboost", "reg:squarederror"),
    ],
)
def test_raw_boosters_are_asked_and_divided_like_estimators(package: str, objective: str) -> None:
    booster = raw(package, objective)
    model = xai.from_sklearn(booster, ROWS)
    module = optional.NEEDED[package]()
    theirs = booster.predict(ROWS if package == "lightgbm" else module.DMatrix(ROWS))
    own = model.predict(ROWS).numpy()
    if objective == "multi:softmax":  # answers with a class
        assert (own.argmax(1) == theirs).all()
    else:
        assert np.allclose(own[:, 1] if "binary" in objective else own.squeeze(), theirs, atol=1e-6)
    assert (model.task, model.input.names) == ("regression" if "reg" in objective else "classification", list("abcd"))
    target, of = (0, "output") if "reg" in objective else ((1, 0), "log_probability")
    e = xai.tree_shap(model, ROWS[20:23], target, background=BEHIND)
    wanted = xai.kernel_shap(model, ROWS[20:23], target, background=BEHIND, of=of)
    assert torch.allclose(e.values.double(), torch.stack(wanted.values).double(), atol=2e-5)
