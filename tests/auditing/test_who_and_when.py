"""Who the rows are of, when they were and how many each stands for: planted faults are found, matched controls pass."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesClassifier

import xai
from tests.auditing.planted import findings
from xai.auditing.audit_data import AuditData, prepare
from xai.base.errors import InputError
from xai.inputs.table import TabularInput
from xai.model.model import Model

COLUMNS = [f"number {place}" for place in range(6)]


def patients(count: int, first: int = 0, each: int = 6) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return rows of patients with marks of their own, labels that follow the patient alone, and whose they are."""
    draw = np.random.default_rng(first)
    people = np.repeat(np.arange(count), each)
    rows = draw.normal(size=(count, 6))[people] + 0.05 * draw.normal(size=(count * each, 6))
    labels = draw.integers(0, 2, count)[people]
    return rows, labels, [f"patient {first + person}" for person in people]


def model_of(rows: np.ndarray, labels: np.ndarray) -> Model:
    """Return trees that have learned the rows by heart."""
    trees = ExtraTreesClassifier(40, random_state=0).fit(rows, labels)
    return Model.from_callable(trees.predict_proba, classes=["0", "1"], input=TabularInput(COLUMNS))


def test_patients_in_both_parts_are_found_and_new_ones_are_scored_apart() -> None:
    rows, labels, who = patients(80)
    held = np.arange(len(rows)) % 3 == 0
    fresh = patients(20, first=500)
    model = model_of(rows[~held], labels[~held])
    known = {"train": (rows[~held], labels[~held]), "train_entity": np.array(who)[~held]}
    tested = (np.concatenate([rows[held], fresh[0]]), np.concatenate([labels[held], fresh[1]]))
    data = AuditData(*tested, entity=[*np.array(who)[held], *fresh[2]], **known)
    shared, new = findings("data", model, data)["entities"], findings("performance", model, data)["new_entities"]
    assert shared.status == new.status == "fail"
    assert shared.score == pytest.approx(160 / 280)
    assert shared.details["simple_model"]["seen"] > 0.95
    assert shared.details["simple_model"]["new"] < 0.65
    assert new.score > 0.3
    clean = AuditData(*fresh[:2], entity=fresh[2], **known)
    shared, new = findings("data", model, clean)["entities"], findings("performance", model, clean)["new_entities"]
    assert (shared.status, shared.score) == ("pass", 0.0)
    assert new.status == "untestable"
    assert "all scores are of new ones" in new.text


@pytest.mark.parametrize("drifts", [True, False])
def test_the_latest_rows_and_the_order_of_the_parts(drifts: bool) -> None:
    draw = np.random.default_rng(1)
    rows = draw.normal(size=(800, 6))
    labels = (rows[:, 0] > 0).astype(int)
    if drifts:
        labels[700:] = 1 - labels[700:]
    model = model_of(rows[:400], labels[:400])
    days = pd.date_range("2024-01-01", periods=800).astype(str).tolist()
    data = AuditData(rows[400:], labels[400:], train=(rows[:400], labels[:400]), time=days[400:], train_time=days[:400])
    found = findings("performance", model, data)["latest"]
    assert found.status == ("fail" if drifts else "pass")
    assert found.score == pytest.approx(1.0, abs=0.15) if drifts else abs(found.score) < 0.05
    assert findings("data", model, data)["order"].status == "pass"
    mixed = AuditData(
        rows[400:], labels[400:], train=(rows[:400], labels[:400]), time=days[:400], train_time=days[400:]
    )
    assert findings("data", model, mixed)["order"].score == 1.0


def test_weights_say_what_the_population_would_see() -> None:
    draw = np.random.default_rng(2)
    rows = draw.normal(size=(400, 6))
    labels = (rows[:, 0] > 0).astype(int)
    rare = np.arange(400) % 5 == 0
    held_labels = np.where(rare, 1 - labels, labels)
    model = model_of(rows, labels)
    found = findings("performance", model, AuditData(rows, held_labels, weights=np.where(rare, 8.0, 1.0)))["weighted"]
    right, weights = 1 - rare, np.where(rare, 8.0, 1.0)
    assert found.score == pytest.approx(right.mean() - np.average(right, weights=weights))
    assert found.status == "fail"
    assert findings("performance", model, AuditData(rows, held_labels, weights=draw.random(400)))[
        "weighted"
    ].status == "pass"  # fmt: skip


def test_marks_are_columns_or_one_entry_per_row() -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(60, 6)), columns=COLUMNS).assign(who=["a", "b", None] * 20, when=range(60))
    labels = (frame["number 0"] > 0).astype(int)
    model = model_of(frame[COLUMNS].to_numpy(), labels.to_numpy())
    by_name = AuditData(frame, labels, train=(frame, labels), entity="who", time="when")
    made = prepare(model, by_name, rows=30, seed=1)
    assert set(made.train.metadata_of("entity")) == {"a", "b", None}
    chosen = made.held_out.index.tolist()
    assert made.held_out.metadata_of("time").tolist() == chosen
    assert [entity is None for entity in made.held_out.metadata_of("entity")] == [row % 3 == 2 for row in chosen]
    given = AuditData(frame, labels, train=(frame, labels), entity=frame["who"], time=frame["when"])
    assert prepare(model, given).digest != prepare(model, by_name).digest  # its training rows have no marks
    for bad in ({"entity": "whose"}, {"time": ["soon"] * 60}, {"weights": [-1.0] * 60}, {"entity": ["a"]}):
        with pytest.raises(InputError, match=next(iter(bad))):
            prepare(model, AuditData(frame, labels, **bad))


def test_a_threshold_is_what_all_checks_go_by() -> None:
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(300, 6))
    labels = (rows[:, 0] > 0).astype(int)

    def answer(values: np.ndarray) -> np.ndarray:
        yes = 1 / (1 + np.exp(-(values[:, 0] - 1.5)))
        return np.stack([1 - yes, yes], 1)

    model = Model.from_callable(answer, classes=["no", "yes"], input=TabularInput(COLUMNS))
    data = AuditData(rows, labels)
    usual, moved = (xai.audit(model, data, ["performance"], threshold=limit) for limit in (None, 1 / (1 + np.e**1.5)))
    assert usual.findings[0].score < 0.3
    assert moved.findings[0].score == pytest.approx(1.0)
    assert moved.options["threshold"] == pytest.approx(1 / (1 + np.e**1.5))
    with pytest.raises(InputError, match="threshold"):
        xai.audit(model, data, ["performance"], threshold=1.5)
