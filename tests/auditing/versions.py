"""Cheap trainings with a seed, and with faults that a comparison must find."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from xai.auditing.audit_data import AuditData
from xai.inputs.table import TabularInput
from xai.model.model import Model

COLUMNS = ["one", "two", "noise", "other noise", "group"]


def table(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows whose label follows two columns, in the group (last column above 0) the second the other way."""
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(count, len(COLUMNS)))
    way = np.where(rows[:, -1] > 0, -1, 1)
    return rows, (rows[:, 0] + way * rows[:, 1] + 0.7 * generator.normal(size=count) > 0).astype(int)


LEARN, TEST = table(4000, 0), table(1200, 1)


def data(count: int = 1200) -> AuditData:
    """Return held-out rows, with the group as a protected column."""
    rows, labels = TEST[0][:count], TEST[1][:count]
    return AuditData(rows, labels, groups={"group": np.where(rows[:, -1] > 0, "in", "out")}, name="made up")


def trained(seed: int, *, flip: float = 0.0, drop: bool = False, keep: int | None = None, size: int = 300) -> Model:
    """Return a logistic regression, with a rule of its own for the group, of rows drawn with a seed.

    flip: the share of the group's labels that are turned around. drop: the group is left out of the training. keep: so
    many of the ten weights stay, the smallest; a pruning that takes the wrong end.
    """
    generator = np.random.default_rng(seed)
    chosen = generator.integers(len(LEARN[0]), size=size)
    rows, labels = LEARN[0][chosen], LEARN[1][chosen].copy()
    inside = rows[:, -1] > 0
    turned = inside & (generator.random(size) < flip)
    labels[turned] = 1 - labels[turned]
    used = ~inside if drop else np.ones(size, dtype=bool)
    fitted = LogisticRegression().fit(_with_group(rows[used]), labels[used])
    if keep is not None:
        fitted.coef_[0, np.abs(fitted.coef_[0]).argsort()[keep:]] = 0
    return Model.from_callable(
        lambda batch: fitted.predict_proba(_with_group(batch)),
        classes=["no", "yes"],
        input=TabularInput(COLUMNS),
        name=f"seed {seed}",
    )


def _with_group(rows: np.ndarray) -> np.ndarray:
    return np.concatenate([rows, rows * (rows[:, -1:] > 0)], 1)
