"""A table with a column of every kind, gaps among them, and pipelines that were fitted to it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

ROWS = 300


def people() -> tuple[pd.DataFrame, pd.Series]:
    """Return people, some of whom have no age or city, and "yes" or "no" by age, city and membership."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": draw.normal(40, 10, ROWS),
            "kids": draw.integers(0, 4, ROWS),
            "city": draw.choice(np.array(["Oslo", "Rome", None], dtype=object), ROWS),
            "grade": pd.Categorical(draw.choice(["a", "b", "c"], ROWS), categories=["c", "b", "a"]),
            "member": draw.random(ROWS) > 0.5,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 900, ROWS), "D"),
        }
    )
    frame.loc[draw.random(ROWS) < 0.2, "age"] = np.nan
    yes = ((frame.age.fillna(50) > 42) & (frame.city != "Rome")) | frame.member
    return frame, yes.map({True: "yes", False: "no"})


def days(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.apply(lambda column: (column - pd.Timestamp("2020-01-01")).dt.days / 900)


def fitted(frame: pd.DataFrame, labels: pd.Series) -> Pipeline:
    """Return a logistic regression behind scales, one-hot blocks, and filled gaps."""
    prepared = make_column_transformer(
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["age", "kids"]),
        (OneHotEncoder(), ["city", "grade", "member"]),
        (FunctionTransformer(days), ["since"]),
    )
    return make_pipeline(prepared, LogisticRegression(max_iter=500)).fit(frame, labels)
