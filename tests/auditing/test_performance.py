"""Performance against counts by hand and scikit-learn."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    precision_score,
    r2_score,
    recall_score,
)
from torch import nn

from xai.auditing.audit_data import AuditData, prepare
from xai.auditing.checks.performance import measure_performance, performance
from xai.base.errors import InputError
from xai.base.statistics import wilson
from xai.model.model import Model
from xai.results.finding import Finding


def test_counts_agree_with_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    scores, labels = torch.randn(200, 4, generator=generator), torch.randint(4, (200,), generator=generator)
    model = Model(nn.Identity(), classes=["a", "b", "c", "d"])
    measured = measure_performance(model, scores, labels)
    called = scores.argmax(1)
    assert measured.accuracy == float((called == labels).double().mean())
    assert measured.confusion.tolist() == confusion_matrix(labels, called).tolist()
    frame = measured.to_frame()
    assert frame["recall"].tolist() == pytest.approx(recall_score(labels, called, average=None).tolist())
    assert frame["precision"].tolist() == pytest.approx(precision_score(labels, called, average=None).tolist())


def test_several_labels_are_right_together_and_counted_one_by_one() -> None:
    generator = torch.Generator().manual_seed(0)
    scores, labels = torch.randn(200, 3, generator=generator), torch.rand(200, 3, generator=generator) > 0.5
    model = Model(nn.Identity(), task="multilabel", classes=["a", "b", "c"])
    measured = measure_performance(model, scores, labels.long())
    called = scores > 0
    assert measured.accuracy == accuracy_score(labels, called)  # of several labels, the share of equal sets
    assert measured.interval == wilson(int((labels == called).all(1).sum()), 200)
    frame = measured.to_frame()
    assert frame["recall"].tolist() == pytest.approx(recall_score(labels, called, average=None).tolist())
    assert frame["precision"].tolist() == pytest.approx(precision_score(labels, called, average=None).tolist())
    assert frame["count"].tolist() == labels.sum(0).tolist()
    sure = torch.maximum(scores.sigmoid(), 1 - scores.sigmoid()).min(1).values
    assert torch.allclose(measured.sure, sure)
    assert measured.answer(3) == tuple(torch.where(called[3])[0].tolist())


def test_mistakes_come_by_count_and_ties_in_the_order_of_the_classes() -> None:
    labels, called = [0, 0, 0, 1, 1, 2, 2], [1, 1, 2, 1, 0, 0, 2]
    measured = measure_performance(Model(nn.Identity()), 9 * torch.eye(3)[called], labels)
    assert measured.mistakes(3) == [(0, 1, 2), (0, 2, 1), (1, 0, 1)]
    assert measured.mistakes(9)[3:] == [(2, 0, 1)]


def test_the_interval_is_wilsons() -> None:
    share, count, z = 0.9, 50, 1.959964
    center = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * (share * (1 - share) / count + z**2 / (4 * count**2)) ** 0.5
    assert wilson(45, 50) == pytest.approx((center - half, center + half), abs=1e-6)


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 5], [0, 1, -1], [0.5, 1.0, 2.0]])
def test_labels_that_cannot_be(labels: list) -> None:
    with pytest.raises(InputError, match="labels: expected"):
        measure_performance(Model(nn.Identity()), torch.randn(3, 4), labels)


def test_only_classifiers() -> None:
    with pytest.raises(InputError, match="a classifier"):
        measure_performance(Model(nn.Identity(), task="regression"), torch.randn(3, 4), [0, 1, 2])


def findings_of(model: Model, data: AuditData) -> dict[str, Finding]:
    return {item.check.partition(".")[2]: item for item in performance(model, prepare(model, data))}


def test_skill_is_the_balanced_accuracy_adjusted_for_guessing() -> None:
    generator = torch.Generator().manual_seed(0)
    scores, labels = torch.randn(300, 3, generator=generator), torch.randint(3, (300,), generator=generator)
    scores[range(300), labels] += 1
    found = findings_of(Model(nn.Identity()), AuditData(scores, labels))
    wanted = balanced_accuracy_score(labels, scores.argmax(1), adjusted=True)
    assert found["skill"].score == pytest.approx(wanted)
    low, high = found["skill"].details["interval"]
    assert low < wanted < high < low + 0.2
    worst = found["skill"].details["worst"]
    losses = -scores.log_softmax(1)[range(300), labels]
    assert worst == losses.argsort(descending=True)[:6].tolist()


def test_a_model_that_guesses_fails_and_one_that_knows_passes() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(2, (400,), generator=generator)
    guess = torch.randn(400, 2, generator=generator)
    known = torch.nn.functional.one_hot(labels, 2).float()
    assert findings_of(Model(nn.Identity()), AuditData(guess, labels))["skill"].status in ("warn", "fail")
    assert findings_of(Model(nn.Identity()), AuditData(torch.tensor([[2.0, 0.0]] * 400), labels))["skill"].score == 0
    assert findings_of(Model(nn.Identity(), output="probabilities"), AuditData(known, labels))["skill"].score == 1


def test_a_gap_to_the_training_rows_is_overfitting() -> None:
    labels = torch.tensor([0, 1] * 100)
    known = torch.nn.functional.one_hot(labels, 2).float()
    partly = known.clone()
    partly[:80] = 1 - partly[:80]
    model = Model(nn.Identity(), output="probabilities")
    gap = findings_of(model, AuditData(partly, labels, train=(known, labels)))["overfitting"]
    assert gap.status == "fail"
    assert gap.score == pytest.approx(0.4)
    assert gap.details["control_reach"] < 0.1
    assert findings_of(model, AuditData(known, labels, train=(known, labels)))["overfitting"].status == "pass"
    assert findings_of(model, AuditData(known, labels))["overfitting"].status == "untestable"


def test_a_class_that_is_never_found() -> None:
    labels = torch.tensor([0] * 60 + [1] * 60 + [2] * 60)
    called = torch.tensor([0] * 60 + [1] * 60 + [0] * 60)
    model = Model(nn.Identity(), output="probabilities", classes=["a", "b", "c"])
    found = findings_of(model, AuditData(torch.nn.functional.one_hot(called, 3).float(), labels))["classes"]
    assert (found.status, found.score, found.details["class"]) == ("fail", 0.0, "c")


def test_other_tasks() -> None:
    generator = torch.Generator().manual_seed(0)
    targets = torch.randn(200, 1, generator=generator)
    said = targets + 0.5 * torch.randn(200, 1, generator=generator)
    found = findings_of(Model(nn.Flatten(), task="regression"), AuditData(said, targets))
    assert found["skill"].score == pytest.approx(r2_score(targets, said))
    assert found["classes"].status == "untestable"
    labels = torch.randint(2, (200, 3), generator=generator)
    several = Model(nn.Flatten(), task="multilabel", output="probabilities")
    found = findings_of(several, AuditData(labels * 0.8 + 0.1, labels))
    assert found["skill"].score == 1.0
