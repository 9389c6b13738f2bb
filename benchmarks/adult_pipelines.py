"""Pipelines on Adult with its missing values, explained as they are: accuracy, seconds, and what decides.

`python -m benchmarks.adult_pipelines` prints the table of docs/howto/tables.md. It needs lightgbm and xgboost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from torch import Tensor
from xgboost import XGBClassifier

import xai
from benchmarks.output import say
from models.datasets.adult import adult

EXPLAINED, BACKGROUND, ASKED = 5, 50, 2000  # rows


def main() -> None:
    data = adult()
    words = data.input.categorical
    train, test = (_frame(rows, data.input.names, words) for rows in (data.train_inputs, data.test_inputs))
    labels, right = (
        np.array(data.classes, dtype=object)[part.numpy()] for part in (data.train_labels, data.test_labels)
    )
    classes = list(data.classes)
    kinds = {name: pd.CategoricalDtype(sorted(train[name].dropna().unique())) for name in words}
    numbers = [name for name in data.input.names if name not in words]
    encoded = make_column_transformer(
        (StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore"), list(words))
    )
    as_words, as_categories = (train, test), (train.astype(kinds), test.astype(kinds))
    settings: dict[str, Any] = {"n_jobs": 1, "random_state": 0}
    made = [
        (make_pipeline(encoded, LogisticRegression(max_iter=1000)), as_words, labels, None),
        (LGBMClassifier(**settings, verbose=-1), as_categories, labels, None),
        (XGBClassifier(**settings, enable_categorical=True), as_categories, labels == classes[1], classes),
    ]
    say(f"rows with a gap: {train.isna().any(axis=1).mean():.1%} of {len(train):,}")
    say("| Model | Accuracy | LIME, 5 rows | Kernel SHAP, 5 rows | Permutation, 2,000 rows | Goes by |")
    say("|---|---|---|---|---|---|")
    for estimator, (learned, held_out), answers, names in made:
        model = xai.from_sklearn(estimator.fit(learned, answers), learned, target_names=names)
        if np.abs(model.predict(held_out).numpy() - estimator.predict_proba(held_out)).max() > 1e-9:
            raise SystemExit(f"{model.name} answers otherwise than its estimator")
        say(_line(model, learned, held_out, right))


def _line(model: xai.Model, train: pd.DataFrame, test: pd.DataFrame, right: np.ndarray) -> str:
    called = np.array(model.classes, dtype=object)[model.predict(test).argmax(1).numpy()]
    rows, target = test[:EXPLAINED], "above 50K"
    lime, _ = _timed(lambda: xai.lime_tabular(model, rows, target, background=train, of="probability"))
    shap, _ = _timed(lambda: xai.kernel_shap(model, rows, target, background=train[:BACKGROUND]))
    took, importance = _timed(
        lambda: xai.permutation_importance(model, test[:ASKED], right[:ASKED].tolist(), repeats=5)
    )
    first = [
        f"{importance.names[index]} {importance.values[index]:.3f}"
        for index in importance.values.argsort(descending=True)[:3].tolist()
    ]
    times = " | ".join(f"{seconds:.1f} s" for seconds in (lime, shap, took))
    return f"| {model.name} | {(called == right).mean():.2%} | {times} | {', '.join(first)} |"


def _frame(rows: Tensor, names: list[str], words: dict[str, list[str]]) -> pd.DataFrame:
    """Return people as a frame of numbers and words, in which what is not known is None."""
    columns = {}
    for name, codes in zip(names, rows.numpy().astype(int).T, strict=True):
        columns[name] = np.array(words[name], dtype=object)[codes] if name in words else codes
    return pd.DataFrame(columns).replace("?", None)


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    made = call()
    return time.perf_counter() - started, made


if __name__ == "__main__":
    main()
