"""Fitted estimators as models: rows as they are, answers as the estimator gives them, every method for tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

import xai
from tests import optional
from tests.adapters.frames import fitted, people
from xai.base.errors import InputError

FRAME, LABELS = people()
NUMBERS = FRAME[["kids"]].assign(size=np.linspace(0, 1, len(FRAME)))


@pytest.fixture(scope="module")
def pipeline():
    return fitted(FRAME, LABELS)


@pytest.fixture(scope="module")
def model(pipeline) -> xai.Model:
    return xai.from_sklearn(pipeline, FRAME)


def test_a_pipeline_answers_as_it_does_to_frames(pipeline, model: xai.Model) -> None:
    assert (model.name, model.classes, model.task) == ("LogisticRegression", ["no", "yes"], "classification")
    assert model.input.names == list(FRAME.columns)
    assert model.input.categorical == {
        "city": ["Oslo", "Rome", "(missing)"], "grade": ["c", "b", "a"], "member": ["False", "True"],
    }  # fmt: skip
    assert (model.input.missing, model.input.dates) == (["age"], ["since"])
    assert np.allclose(model.predict(FRAME), pipeline.predict_proba(FRAME), atol=1e-12)
    assert np.allclose(model.predict(FRAME.iloc[7]), pipeline.predict_proba(FRAME.iloc[7:8]), atol=1e-12)
    assert np.allclose(model.predict(FRAME.iloc[:, ::-1]), pipeline.predict_proba(FRAME), atol=1e-12)


def test_frames_of_other_libraries_are_the_same_rows(model: xai.Model) -> None:
    polars, arrow = optional.NEEDED["polars"](), pytest.importorskip("pyarrow")
    wanted = model.prepare(FRAME)
    for frame in (polars.from_pandas(FRAME), arrow.Table.from_pandas(FRAME)):
        assert torch.equal(model.prepare(frame).nan_to_num(-1), wanted.nan_to_num(-1))
        again = xai.from_sklearn(model.network.function.estimator, frame)
        assert (again.input.missing, again.input.dates) == (["age"], ["since"])
        assert np.allclose(again.predict(frame), model.predict(FRAME), atol=1e-12)


def test_every_method_for_tables_takes_the_model_and_frames(model: xai.Model) -> None:
    rows = FRAME[FRAME.city.isna()].iloc[:2]
    lime = xai.lime_tabular(model, rows, background=FRAME, samples=300)
    assert "city = (missing)" in {name for names in lime.row_names for name in names}
    assert any(name.endswith("since ≤ 2021-12-10") or "2021" in name or "2020" in name for name in lime.row_names[0])
    shap = xai.kernel_shap(model, rows, "yes", background=FRAME.iloc[:20])
    gap = model.predict(rows)[:, 1] - model.predict(FRAME.iloc[:20])[:, 1].mean()
    assert torch.allclose(torch.stack(shap.values).sum(1), gap, atol=1e-9)
    alone = xai.occlusion(model, rows, "yes", baseline=FRAME.iloc[9])
    swapped = rows.assign(member=FRAME.member.iloc[9])
    assert torch.allclose(alone.values[:, 4], (model.predict(rows) - model.predict(swapped))[:, 1], atol=1e-9)
    importance = xai.permutation_importance(model, FRAME, LABELS, repeats=3)
    assert importance.names[int(importance.values.argmax())] == "member"
    effects = xai.partial_dependence(model, FRAME, ["age", "city", "since"], points=4)
    assert effects["city"].words == ("Oslo", "Rome", "(missing)")
    assert torch.isfinite(effects["age"].values).all()
    assert torch.isfinite(xai.accumulated_local_effects(model, FRAME, ["age"])["age"].values).all()
    assert xai.surrogate_tree(model, FRAME).fidelity > 0.8
    verified = xai.verify(model, shap, ["deletion", "faithfulness", "stability"])
    assert {finding.status for finding in verified.evidence[0]} <= {"pass", "warn", "fail", "untestable"}
    page = xai.Report("People", [verified, lime]).html()
    assert "city = (missing)" in page


def test_a_gap_is_a_bin_of_its_own() -> None:
    """A forest that says yes where the age is not known, and else no: that bin alone has weight."""
    frame = FRAME[["age", "kids"]]
    tree = HistGradientBoostingClassifier(max_iter=20).fit(frame, frame.age.isna())
    model = xai.from_sklearn(tree, frame)
    place = int(frame.age.isna().to_numpy().argmax())
    lime = xai.lime_tabular(model, frame.iloc[place : place + 1], background=frame, samples=400, of="probability")
    assert lime.row_names[0][0] == "age is not known"
    assert float(lime.values[0][0]) > 0.6
    assert abs(float(lime.values[0][1])) < 0.05
    with pytest.raises(InputError, match="bins: expected one of quartile"):
        xai.lime_tabular(model, frame.iloc[:1], background=frame, bins=None)
    with pytest.raises(InputError, match="engine"):
        xai.lime_tabular(model, frame.iloc[:1], background=frame, engine="lime")


def test_an_audit_reads_gaps_and_dates(model: xai.Model) -> None:
    data = xai.AuditData(FRAME[150:], LABELS[150:].tolist(), train=(FRAME[:150], LABELS[:150].tolist()))
    found = xai.audit(model, data, ["performance", "data"]).findings
    assert {finding.check: finding.status for finding in found}["performance.skill"] == "pass"


@pytest.mark.parametrize("package", ["lightgbm", "xgboost"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_boosted_trees_take_gaps_and_categories(package: str) -> None:
    module = optional.NEEDED[package]()
    frame = FRAME[["age", "kids", "grade"]]
    settings = {"n_estimators": 5}
    if package == "lightgbm":
        estimator = module.LGBMClassifier(**settings, verbose=-1, n_jobs=1).fit(frame, LABELS)
    else:
        estimator = module.XGBClassifier(**settings, enable_categorical=True, n_jobs=1).fit(frame, LABELS == "yes")
    model = xai.from_sklearn(estimator, frame, target_names=["no", "yes"])
    assert np.allclose(model.predict(frame), estimator.predict_proba(frame), atol=1e-7)
    assert model.classes == ["no", "yes"]
    e = xai.kernel_shap(model, frame[:2], "yes", background=frame[:10])
    assert float(torch.stack(e.values).abs().max()) > 0


def test_tasks_are_read_off_the_estimator() -> None:
    several = np.stack([FRAME.kids > 1, FRAME.kids == 0, NUMBERS["size"] > 0.5], 1).astype(int)
    for estimator in (RandomForestClassifier(3).fit(NUMBERS, several),
                      OneVsRestClassifier(LogisticRegression()).fit(NUMBERS, several)):  # fmt: skip
        model = xai.from_sklearn(estimator, NUMBERS, target_names=["many", "none", "large"])
        assert (model.task, model.classes) == ("multilabel", ["many", "none", "large"])
        assert model.predict(NUMBERS).shape == (len(NUMBERS), 3)
    line = xai.from_sklearn(LinearRegression().fit(NUMBERS, NUMBERS["size"] * 2), NUMBERS)
    assert (line.task, line.classes) == ("regression", None)
    assert np.allclose(line.predict(NUMBERS)[:, 0], NUMBERS["size"] * 2)
    pair = xai.from_sklearn(RandomForestRegressor(2).fit(NUMBERS, NUMBERS), NUMBERS, target_names=["a", "b"])
    assert (pair.predict(NUMBERS).shape, pair.classes) == ((len(NUMBERS), 2), ["a", "b"])
    margin = LinearSVC(C=100).fit(NUMBERS, np.where(NUMBERS["size"] > 0.5, "yes", "no"))
    answers = xai.from_sklearn(margin, NUMBERS)
    assert (answers.task, answers.classes) == ("binary", ["no", "yes"])
    assert (answers.predict(NUMBERS).argmax(1).numpy() == (margin.predict(NUMBERS) == "yes")).all()
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2).fit(NUMBERS, FRAME.kids)
    assert xai.from_sklearn(search, NUMBERS).classes == ["0", "1", "2", "3"]


def test_arrays_have_numbered_columns() -> None:
    estimator = LogisticRegression().fit(NUMBERS.to_numpy(), LABELS)
    assert xai.from_sklearn(estimator, NUMBERS.to_numpy()).input.names == ["x0", "x1"]
    assert xai.from_sklearn(estimator, NUMBERS).input.names == ["kids", "size"]


def test_a_refitted_estimator_has_another_digest(pipeline) -> None:
    first = xai.from_sklearn(pipeline, FRAME)
    assert first.digest() == first.digest() == xai.from_sklearn(pipeline, FRAME).digest()
    assert first.digest() != xai.from_sklearn(fitted(FRAME[:200], LABELS[:200]), FRAME).digest()


LINE = LinearRegression().fit(NUMBERS, NUMBERS["size"])
WRONG = [
    ((LinearRegression, NUMBERS), "estimator: expected a fitted one with predict"),
    ((LinearRegression(), NUMBERS), "estimator: expected a fitted one that takes the rows"),
    ((LINE, NUMBERS[["kids"]]), "frame: expected the columns that it was fitted to, among them 'size'"),
    ((LINE, NUMBERS[:0]), "frame: expected at least one row"),
    ((LINE, [1.0, 2.0]), r"frame: expected a DataFrame, or rows \(N, columns\)"),
    ((LINE, np.zeros((3, 5))), "frame: expected the 2 columns"),
    ((LINE, NUMBERS.mask(NUMBERS > 0.9)), "takes the rows of the frame, got ValueError: Input X contains NaN"),
    ((LINE, NUMBERS, ["a", "b"]), "target_names: expected 1 names"),
    ((LogisticRegression().fit(NUMBERS, LABELS), NUMBERS, ["yes", "no"]), "expected the estimator's own order"),
    ((LINE, NUMBERS, None, {"both": ["kids", "weight"]}), "groups: expected columns among"),
    ((LINE, NUMBERS, None, {"size": ["kids"]}), "groups: expected names that no other column has"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_does_not_fit_is_named(arguments: tuple, said: str) -> None:
    with pytest.raises(InputError, match=f"from_sklearn: {said}" if ":" in said[:20] else said) as caught:
        xai.from_sklearn(*arguments)
    assert "\n" not in str(caught.value)


def test_an_unknown_word_of_a_new_row_is_named(model: xai.Model) -> None:
    with pytest.raises(InputError, match=r"'city' to be one of Oslo, Rome, .*, got 'Paris' in row 1"):
        model.predict(FRAME.iloc[:2].assign(city=["Oslo", "Paris"]))
    with pytest.raises(InputError, match="row 0, column 'kids'"):
        model.predict(FRAME.iloc[:2].assign(kids=[np.nan, 1]))


def test_types_come_back_as_they_were(model: xai.Model) -> None:
    frame = model.network.function.frames.of(model.prepare(FRAME).numpy())
    pd.testing.assert_frame_equal(frame, FRAME.reset_index(drop=True), check_dtype=True)


def test_repeated_columns_and_a_group_that_is_no_list_are_named() -> None:
    frame = pd.DataFrame(np.arange(8.0).reshape(4, 2), columns=["a", "a"])
    fitted = LinearRegression().fit(frame.to_numpy(), [0.0, 1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"from_sklearn: frame: expected columns of distinct names, got 'a' twice"):
        xai.from_sklearn(fitted, frame)
    other = frame.set_axis(["a", "b"], axis=1)
    with pytest.raises(InputError, match=r"groups: expected a list of columns for 'both', got 'a'"):
        xai.from_sklearn(fitted, other, groups={"both": "a"})
