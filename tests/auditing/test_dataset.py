"""What is wrong with the rows themselves: each fault planted alone, and a clean twin."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.auditing.planted import findings
from xai.auditing.audit_data import AuditData
from xai.auditing.checks.label_errors import confident_errors
from xai.inputs.table import TabularInput
from xai.model.model import Model

TABLE = TabularInput(["a", "b", "c"])


def rows_of(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rows = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))
    return rows, (rows[:, 0] + rows[:, 1] > 0).long()


def found_in(**changes: object) -> dict:
    (train, known), (rows, labels) = rows_of(400, 0), rows_of(300, 1)
    parts = {"train": train, "known": known, "rows": rows, "labels": labels, **changes}
    data = AuditData(parts["rows"], parts["labels"], train=(parts["train"], parts["known"]))
    return findings("data", Model(nn.Linear(3, 2), input=TABLE), data)


def test_clean_rows_pass() -> None:
    found = found_in()
    assert {name: item.status for name, item in found.items() if item.status != "pass"} == {}


def test_rows_in_both_parts() -> None:
    train, rows = rows_of(400, 0)[0], rows_of(300, 1)[0]
    mixed = torch.cat([train[:30], rows[30:]])
    found = found_in(rows=mixed, labels=(mixed[:, 0] + mixed[:, 1] > 0).long())["duplicates"]
    assert found.status == "fail"
    assert found.details["rows"] == list(range(20))
    assert found.details["in_both"] == pytest.approx(0.1)
    # Rows of few different values have duplicates everywhere, which is no leak.
    coarse = found_in(rows=rows.round(), train=train.round())["duplicates"]
    assert coarse.details["in_both"] > 0.5
    assert coarse.score < 0.1


def test_labels_that_were_flipped() -> None:
    known = rows_of(400, 0)[1]
    wrong = torch.arange(400) % 8 == 0
    found = found_in(known=torch.where(wrong, 1 - known, known))
    assert found["mislabeled"].status == "fail"
    assert found["contradictions"].status == "warn"
    listed = found["contradictions"].details["rows"]
    assert np.mean([bool(wrong[row]) for row in listed]) > 0.9


def test_confident_errors_by_hand() -> None:
    probability = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.3, 0.7], [0.85, 0.15], [0.5, 0.5]])
    labels = np.array([0, 0, 1, 1, 1, 1])
    # On average, rows of class 0 get 0.8 and those of class 1 0.5375.
    assert confident_errors(probability, labels).tolist() == [False, False, False, False, True, False]


def test_strangers_constant_columns_shares_and_drift() -> None:
    train, rows = rows_of(400, 0)[0], rows_of(300, 1)[0]
    far = rows.clone()
    far[:60] += 9
    strange = found_in(rows=far)["out_of_distribution"]
    assert strange.status == "fail"
    assert strange.score == pytest.approx(0.2, abs=0.03)
    flat = train.clone()
    flat[:, 2] = 1.0
    dead = found_in(train=flat)["constant"]
    assert (dead.status, dead.details["constant"]) == ("warn", ["c"])
    few = (train[:, 0] > 2).long()
    assert found_in(known=few)["balance"].status == "warn"
    assert found_in(labels=(torch.arange(300) % 10 > 0).long())["drift"].status == "fail"
