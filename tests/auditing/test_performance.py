"""Performance against counts by hand and scikit-learn."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import confusion_matrix, precision_score, recall_score
from torch import nn

from xai.auditing.performance import measure_performance, wilson
from xai.core.errors import InputError
from xai.core.model import Model


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
