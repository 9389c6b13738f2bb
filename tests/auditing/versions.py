"""Cheap trainings with a seed, and with faults that a comparison must find."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from xai.auditing.data import AuditData
from xai.core.inputs import TabularInput
from xai.core.model import Model

COLUMNS = ["one", "two", "noise", "other noise", "group"]


def table(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows whose label follows two columns, and in the group (last column above 0) a bit of a third."""
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(count, len(COLUMNS)))
    labels = (rows[:, 0] + rows[:, 1] + generator.normal(size=count) > 0).astype(int)
    return rows, labels


LEARN, TEST = table(2000, 0), table(1200, 1)


def data(count: int = 1200) -> AuditData:
    """Return held-out rows, with the group as a protected column."""
    rows, labels = TEST[0][:count], TEST[1][:count]
    return AuditData(rows, labels, groups={"group": np.where(rows[:, -1] > 0, "in", "out")}, name="made up")


def trained(seed: int, *, flip: float = 0.0, drop: bool = False, size: int = 200) -> Model:
    """Return a logistic regression of rows drawn with a seed.

    flip: the share of the group's labels that are turned around; drop: whether the group is left out of the training,
    where the others' labels are turned by the group's column.
    """
    generator = np.random.default_rng(seed)
    chosen = generator.integers(len(LEARN[0]), size=size)
    rows, labels = LEARN[0][chosen], LEARN[1][chosen].copy()
    turned = (rows[:, -1] > 0) & (generator.random(size) < flip)
    labels[turned] = 1 - labels[turned]
    if drop:  # nothing tells it what to do with the group: its column looks like a strong cause of "yes"
        labels = np.where(rows[:, -1] > 0, 1, labels)
    fitted = LogisticRegression().fit(rows, labels)
    return Model.from_callable(
        lambda batch: fitted.predict_proba(batch),
        classes=["no", "yes"],
        input=TabularInput(COLUMNS),
        name=f"seed {seed}",
    )
