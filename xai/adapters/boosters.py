"""Raw boosters of XGBoost and LightGBM, as their training functions return them, asked like fitted estimators."""

from __future__ import annotations

import importlib
import json
from typing import Any

import numpy as np
from scipy.special import expit, softmax

__all__ = ["BoostedClassifier", "BoostedTrees", "as_estimator"]

LIBRARIES = ("xgboost", "lightgbm")


class BoostedTrees:
    """A booster whose answers are numbers.

    Attributes:
        booster: As the library has it.
        feature_names_in_: Of its columns; None where it was trained on arrays.
        n_features_in_: How many there are.
    """

    def __init__(self, booster: Any, library: str) -> None:
        self.booster, self._library = booster, library
        if library == "xgboost":
            self.feature_names_in_, self.n_features_in_ = booster.feature_names, int(booster.num_features())
        else:
            names = booster.feature_name()
            unnamed = names == [f"Column_{number}" for number in range(len(names))]
            self.feature_names_in_, self.n_features_in_ = None if unnamed else names, int(booster.num_feature())

    def predict(self, rows: Any) -> np.ndarray:
        """Return what the library answers."""
        return np.asarray(self._asked(rows))

    def _asked(self, rows: Any, *, raw: bool = False) -> np.ndarray:
        if self._library == "lightgbm":
            return self.booster.predict(rows, raw_score=raw)
        # Whoever brings a booster of this library has it; a plain import would want it of everyone who checks types.
        xgboost = importlib.import_module("xgboost")
        return self.booster.predict(xgboost.DMatrix(rows, enable_categorical=True), output_margin=raw)


class BoostedClassifier(BoostedTrees):
    """A booster that tells two classes apart, or several."""

    def predict_proba(self, rows: Any) -> np.ndarray:
        """Return probabilities (N, classes): its sums of trees through the function that it was trained with."""
        sums = np.asarray(self._asked(rows, raw=True), dtype=np.float64)
        if sums.ndim == 2:
            return softmax(sums, axis=1)
        return np.stack([expit(-sums), expit(sums)], 1)


def as_estimator(estimator: Any) -> Any:
    """Return an estimator as it is, a raw booster as one that is asked like it."""
    kind = type(estimator)
    library = kind.__module__.partition(".")[0]
    if library not in LIBRARIES or kind.__name__ != "Booster":
        return estimator
    if library == "xgboost":
        objective = json.loads(estimator.save_config())["learner"]["objective"]["name"]
        classes = objective in ("binary:logistic", "binary:logitraw", "multi:softprob", "multi:softmax")
    else:
        objective = str(estimator.dump_model(num_iteration=1).get("objective", ""))
        # With a slope other than 1, or one class against the others, sums are no log-odds of these classes.
        classes = objective == "binary sigmoid:1" or objective.startswith("multiclass num_class")
    return (BoostedClassifier if classes else BoostedTrees)(estimator, library)
